//! A way through the stored records, newest first or oldest first, in slices.
//!
//! Invariant: a record that is stored when the way begins and is not deleted meanwhile is visited exactly once, but for
//! those at the end where the ring grows over the old ones.

use std::ops::ControlFlow;

use crate::console::Stop;
use crate::console::pace::Pace;
use crate::exchange::cx::Cx;
use crate::logbook::{self, Entry};

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
    /// How often a visit may read through its record besides the once that every one does.
    pub(in crate::console) rereads: usize,
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
    for step in 0..meta.next.saturating_sub(meta.first) {
        pace.look().await?;
        let number = if way.is_ascending {
            meta.first.saturating_add(step)
        } else {
            meta.next.saturating_sub(step).saturating_sub(1)
        };
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
