//! Rate-limit windows that all workers share: fixed (clock-aligned) and sliding (contract §4.1).
//!
//! A window is a row of cells of equal width, each the number of calls admitted in its span of the clock; the calls of
//! the last `n` cells count. Fixed is one cell as wide as the interval. Sliding is 121 cells of 1/120 of it, so that
//! every cell which the trailing interval touches counts. Invariant: never more than the limit in a window; sliding:
//! in **any** interval of that length. The price is that a sliding call counts up to 1/120 of the interval too long.
//!
//! The limit is not stored: a changed limit holds at once for what was already counted. After a change of interval or
//! technique the old cells are counted on in the new ones, each at its latest moment, so a change opens no gap.

use std::time::Duration;

use crate::config::{RateLimit, Technique};
use crate::host::{Host, HostError};

use super::{TRIES, nanos, read, take};

/// Parts of the interval in a sliding window.
const PARTS: u64 = 120;

/// The call was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Calls that would still be admitted now.
    pub remaining: u32,
}

/// The call was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Over the limit.
    Limited {
        /// When one more call would be admitted if nobody else calls; exact to the nanosecond.
        retry_after: Duration,
    },
    /// The shared state could not be read or written: the caller fails open or closed, as its feature states.
    Unavailable(HostError),
}

impl From<HostError> for Refused {
    fn from(error: HostError) -> Self {
        Self::Unavailable(error)
    }
}

/// Counts one call under `name` (from the configuration, never from a client: names are never deleted). One read, and
/// one write if admitted.
pub fn admit(host: &dyn Host, name: &str, rule: &RateLimit) -> Result<Admitted, Refused> {
    let key = format!("sluice/1/w/{name}");
    for _ in 0..TRIES {
        let (value, expect) = read(host, &key)?;
        // After the read: everything counted in it happened before. Only a clock that was set back can say otherwise.
        let now = host.now();
        let mut row = Row::at(&value, rule, now);
        let counted = row.sum();
        let Some(remaining) = u64::from(rule.limit.get()).checked_sub(counted.saturating_add(1))
        else {
            return Err(Refused::Limited {
                retry_after: row.opens(rule, now),
            });
        };
        row.count_one();
        match host.set_shared(&key, &row.encode(), expect) {
            Ok(()) => {
                return Ok(Admitted {
                    remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
                });
            }
            Err(HostError::Conflict) => {}
            Err(HostError::Refused) => return Err(HostError::Refused.into()),
        }
    }
    Err(HostError::Conflict.into())
}

/// Cell `number` spans the nanoseconds from `number * width` to the next cell.
#[derive(Debug)]
struct Row {
    width: u64,
    /// The number of the last cell.
    newest: u64,
    /// Calls per cell, oldest first.
    counts: Vec<u32>,
}

impl Row {
    /// What `value` has counted, as `rule` sees it at `now`.
    fn at(value: &[u8], rule: &RateLimit, now: u64) -> Self {
        let interval = nanos(rule.interval);
        // Rounded up: too wide counts too long, too narrow would admit too many.
        let (width, cells) = match rule.technique {
            Technique::Fixed => (interval.max(1), 1),
            Technique::Sliding => (interval.div_ceil(PARTS).max(1), PARTS.saturating_add(1)),
        };
        let present = now.checked_div(width).unwrap_or(0);
        let cells = usize::try_from(cells).unwrap_or(1);
        let empty = Self {
            width,
            newest: present,
            counts: vec![0; cells],
        };
        let Some(stored) = Self::decode(value) else {
            return empty;
        };
        let mut row = if stored.width == width && stored.counts.len() == cells {
            stored
        } else {
            stored.recut(empty)
        };
        // A clock that was set back a little counts on in the newest cell; by more than the whole row, afresh.
        if row.newest.saturating_sub(present) > u64::try_from(cells).unwrap_or(u64::MAX) {
            return Self {
                width,
                newest: present,
                counts: vec![0; cells],
            };
        }
        row.advance(present);
        row
    }

    /// Drops the cells that are too old at cell `present`.
    fn advance(&mut self, present: u64) {
        let steps = present.saturating_sub(self.newest);
        let cells = self.counts.len();
        let gone = usize::try_from(steps).unwrap_or(usize::MAX).min(cells);
        self.counts.drain(..gone);
        self.counts.resize(cells, 0);
        self.newest = self.newest.max(present);
    }

    /// The same calls in the cells of `empty`, each at the last moment it can have been made.
    fn recut(self, mut empty: Self) -> Self {
        let cells = u64::try_from(self.counts.len()).unwrap_or(u64::MAX);
        // The number of the cell after the one in hand.
        let mut next = self.newest.saturating_add(1).saturating_sub(cells);
        for count in self.counts {
            next = next.saturating_add(1);
            let last = next.saturating_mul(self.width).saturating_sub(1);
            let cell = last.checked_div(empty.width).unwrap_or(0);
            let back = usize::try_from(empty.newest.saturating_sub(cell)).unwrap_or(usize::MAX);
            if let Some(sum) = empty.counts.iter_mut().rev().nth(back) {
                *sum = sum.saturating_add(count);
            }
        }
        empty
    }

    fn sum(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    fn count_one(&mut self) {
        if let Some(newest) = self.counts.last_mut() {
            *newest = newest.saturating_add(1);
        }
    }

    /// The time until enough old cells have left the row for one more call.
    fn opens(&self, rule: &RateLimit, now: u64) -> Duration {
        let mut left = self.sum();
        // The number of the present cell when the cell in hand has just left the row.
        let mut present = self.newest;
        for count in &self.counts {
            present = present.saturating_add(1);
            left = left.saturating_sub(u64::from(*count));
            if left < u64::from(rule.limit.get()) {
                return Duration::from_nanos(
                    present.saturating_mul(self.width).saturating_sub(now),
                );
            }
        }
        // Not reached: an empty row is below any limit.
        rule.interval
    }

    /// Width 8, newest 8, then 4 per cell, little-endian.
    fn encode(&self) -> Vec<u8> {
        let head = [self.width, self.newest];
        let mut value: Vec<u8> = head.iter().flat_map(|field| field.to_le_bytes()).collect();
        value.extend(self.counts.iter().flat_map(|count| count.to_le_bytes()));
        value
    }

    fn decode(mut value: &[u8]) -> Option<Self> {
        let width = u64::from_le_bytes(take(&mut value)?);
        let newest = u64::from_le_bytes(take(&mut value)?);
        let (counts, _) = value.as_chunks::<4>();
        Some(Self {
            width,
            newest,
            counts: counts
                .iter()
                .map(|count| u32::from_le_bytes(*count))
                .collect(),
        })
    }
}
