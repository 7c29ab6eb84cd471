//! A way through the stored records, newest first or oldest first, in slices.
//!
//! Invariant: a record that is stored when the way begins and is not deleted meanwhile is visited exactly once, but for
//! those at the end where the ring grows over the old ones.

use std::ops::{ControlFlow, Range};

use crate::console::Stop;
use crate::console::pace::Pace;
use crate::exchange::cx::Cx;
use crate::logbook::{self, Entry, Meta};

/// Where a record stands: its segment, then its number from the segment's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::console) struct Place(pub(in crate::console) u64, pub(in crate::console) usize);

/// What is done with each record.
pub(in crate::console) type Visit<'v> = dyn FnMut(Place, &Entry<'_>) -> ControlFlow<()> + 'v;

/// A way through the records.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::console) struct Way {
    /// From the oldest record to the newest.
    pub(in crate::console) is_ascending: bool,
    /// The segment that it begins with; `None`: the first one of the way.
    pub(in crate::console) from: Option<u64>,
    /// How often a visit may read through its record besides the once that every one does.
    pub(in crate::console) rereads: usize,
}

impl Way {
    /// The segments on it, whichever the direction.
    fn segments(&self, meta: &Meta) -> Range<u64> {
        let (first, next) = (meta.first, meta.next);
        match self.from {
            None => first..next,
            Some(from) if self.is_ascending => from.max(first)..next,
            Some(from) => first..next.min(from.saturating_add(1)),
        }
    }
}

/// Shows every record to `visit`, the newest first, until it has enough.
pub(in crate::console) async fn newest_first(cx: &Cx, visit: &mut Visit<'_>) -> Result<(), Stop> {
    through(cx, Way::default(), visit).await
}

/// Shows every record to `visit` until it has enough.
pub(in crate::console) async fn through(
    cx: &Cx,
    way: Way,
    visit: &mut Visit<'_>,
) -> Result<(), Stop> {
    let meta = logbook::meta(cx.host())?;
    let pace = Pace::new(cx);
    let mut numbers = way.segments(&meta);
    while let Some(number) = if way.is_ascending {
        numbers.next()
    } else {
        numbers.next_back()
    } {
        pace.look().await?;
        let Some(segment) = logbook::segment(cx.host(), number)? else {
            continue;
        };
        let mut entries: Vec<_> = segment.entries().enumerate().collect();
        if !way.is_ascending {
            entries.reverse();
        }
        for (index, entry) in &entries {
            if visit(Place(number, *index), entry).is_break() {
                return Ok(());
            }
            let times = way.rereads.saturating_add(1);
            pace.step(entry.line.len().saturating_mul(times)).await?;
        }
    }
    Ok(())
}
