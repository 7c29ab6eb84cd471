//! Amounts per key in windows that all workers share, for keys that clients choose.
//!
//! Shared data has no delete, so a name has a fixed number of values (`BUCKETS`), each with lines for `WAYS` keys,
//! told apart by their hashes. A line is free again when nothing on it counts any more. Keys that find no free line
//! share the bucket's common one, and whoever gets a line while that one counts begins with what is on it.
//!
//! Invariants: what is counted for a key is never less than what was added for it, so no number of invented keys makes
//! room for another call (it can only take room from keys that are new in the window); a name holds a bounded number of
//! bytes. Without a key there is one value with the common line alone.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Technique;
use crate::host::{Host, HostError};

use super::marks::{Grain, MARK_BYTES, Mark, Marks, Window};
use super::window::Refused;
use super::{TRIES, read, take};

/// Values of a name. Part of the stored format, as is the encoding: a change needs another prefix.
const BUCKETS: u16 = 512;
/// Keys with a line of their own in each.
const WAYS: usize = 16;
/// The common line's number.
const COMMON: u64 = 0;
/// A line's number, then a mark.
const ENTRY_BYTES: usize = size_of::<u64>() + MARK_BYTES;

/// A line of sliding windows per key is kept small: a call may count up to 1/24 of the interval too long.
const COARSE: Grain = Grain {
    exact: 8,
    parts: 24,
};
/// What is in one fixed window need not be told apart.
const WHOLE: Grain = Grain { exact: 0, parts: 1 };

/// What is counted together.
#[derive(Clone, Copy, Debug)]
pub struct Tally<'a> {
    /// From the configuration, never from a client: names are never deleted.
    pub name: &'a str,
    /// The SHA-256 of what a client chose; `None`: all are counted together.
    pub key: Option<&'a [u8; 32]>,
    /// For how long an amount counts: whole seconds.
    pub interval: Duration,
    /// Which windows are meant.
    pub technique: Technique,
}

/// Adds `amount` if less than `limit` counts already (`None`: always). An amount of 0 only asks. One read, and one
/// write where something is added.
pub fn add(
    host: &dyn Host,
    tally: &Tally<'_>,
    amount: u64,
    limit: Option<u64>,
) -> Result<(), Refused> {
    let (value_key, line) = tally.place();
    let window = tally.window();
    for _ in 0..TRIES {
        let (value, expect) = read(host, &value_key)?;
        let now = host.now();
        let mut lines = Lines::decode(&value, &window, now);
        let marks = lines.line(line);
        if let Some(limit) = limit.filter(|limit| marks.sum(&window, now) >= *limit) {
            return Err(Refused::Limited {
                retry_after: marks.opens(limit, &window, now),
            });
        }
        if amount == 0 {
            return Ok(());
        }
        marks.add(amount, &window, now);
        match host.set_shared(&value_key, &lines.encode(), expect) {
            Err(HostError::Conflict) => {}
            done => return Ok(done?),
        }
    }
    Err(HostError::Conflict.into())
}

impl Tally<'_> {
    /// The value in shared data, and the line in it.
    fn place(&self) -> (String, u64) {
        let Some([a, b, .., s, t, u, v, w, x, y, z]) = self.key else {
            return (format!("sluice/1/t/-/{}", self.name), COMMON);
        };
        let bucket = u16::from_le_bytes([*a, *b]) % BUCKETS;
        let line = u64::from_le_bytes([*s, *t, *u, *v, *w, *x, *y, *z]);
        (format!("sluice/1/t/{bucket}/{}", self.name), line)
    }

    fn window(&self) -> Window {
        let grain = match (self.technique, self.key) {
            (Technique::Fixed, _) => WHOLE,
            (Technique::Sliding, None) => Grain::FINE,
            (Technique::Sliding, Some(_)) => COARSE,
        };
        Window::new(self.interval, self.technique, grain)
    }
}

/// The lines of a bucket that hold something.
struct Lines(BTreeMap<u64, Marks>);

impl Lines {
    fn decode(value: &[u8], window: &Window, now: u64) -> Self {
        let mut lines: BTreeMap<u64, Marks> = BTreeMap::new();
        let (entries, _) = value.as_chunks::<ENTRY_BYTES>();
        for mut entry in entries.iter().map(<[u8; ENTRY_BYTES]>::as_slice) {
            let line = take(&mut entry).map(u64::from_le_bytes);
            if let (Some(line), Some(mark)) = (line, Mark::decode(entry))
                && window.holds(mark.moment, now)
            {
                lines.entry(line).or_default().0.push(mark);
            }
        }
        Self(lines)
    }

    /// The line to count on: the key's own, a free one, else the common one.
    fn line(&mut self, own: u64) -> &mut Marks {
        let is_known = self.0.contains_key(&own);
        let common = self.0.get(&COMMON).cloned();
        let keys = self.0.len().saturating_sub(usize::from(common.is_some()));
        let line = if is_known || keys < WAYS { own } else { COMMON };
        self.0
            .entry(line)
            .or_insert_with(|| common.unwrap_or_default())
    }

    fn encode(&self) -> Vec<u8> {
        let mut value = Vec::new();
        for (line, marks) in &self.0 {
            for mark in &marks.0 {
                value.extend_from_slice(&line.to_le_bytes());
                value.extend_from_slice(mark.encode().as_flattened());
            }
        }
        value
    }
}
