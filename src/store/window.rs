//! Rate-limit windows that all workers share: fixed (clock-aligned) and sliding (contract §4.1).
//!
//! A window is the list of the calls admitted in the last interval, oldest first: when, and how many. Up to
//! `EXACT` entries each stands for one call; beyond that the calls of one 120th of the interval share an entry, at
//! the moment of the last of them. Invariant: never more than the limit in a window; sliding: in **any** interval of that
//! length. The price is that beyond `EXACT` calls a sliding call may count up to 1/120 of the interval too long.
//!
//! Nothing of the rule is stored, so a changed limit, interval or technique holds at once for what was already counted.

use std::time::Duration;

use crate::config::{RateLimit, Technique};
use crate::host::{Host, HostError};

use super::{TRIES, nanos, read, take};

/// Parts of the interval in which calls may share an entry.
const PARTS: u64 = 120;
/// Entries up to which every call has its own.
const EXACT: usize = 64;

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
        let mut calls = Calls::of(&value, rule, now);
        let counted = calls.since(rule.technique.begin(nanos(rule.interval), now));
        let Some(remaining) = u64::from(rule.limit.get()).checked_sub(counted.saturating_add(1))
        else {
            return Err(Refused::Limited {
                retry_after: calls.opens(rule, now),
            });
        };
        calls.count_one(rule, now);
        match host.set_shared(&key, &calls.encode(), expect) {
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

impl Technique {
    /// The first moment whose calls count at `now`.
    fn begin(self, interval: u64, now: u64) -> u64 {
        match self {
            Self::Fixed => now.saturating_sub(now.checked_rem(interval).unwrap_or(0)),
            // A call exactly one interval ago has left the window.
            Self::Sliding => now.saturating_sub(interval).saturating_add(1),
        }
    }
}

/// `count` calls, the last of them at `moment` (nanoseconds since the epoch).
#[derive(Clone, Copy, Debug)]
struct Mark {
    moment: u64,
    count: u32,
}

/// The calls of the last interval, oldest first.
#[derive(Debug)]
struct Calls(Vec<Mark>);

impl Calls {
    /// What `value` has counted and may still matter at `now`.
    fn of(value: &[u8], rule: &RateLimit, now: u64) -> Self {
        let interval = nanos(rule.interval);
        let (marks, _) = value.as_chunks::<MARK_BYTES>();
        let marks = marks.iter().filter_map(|bytes| Mark::decode(bytes));
        // A clock that was set back a little counts on; by more than a whole interval, afresh.
        let is_recent = |mark: &Mark| {
            mark.moment.saturating_add(interval) > now
                && mark.moment <= now.saturating_add(interval)
        };
        Self(marks.filter(is_recent).collect())
    }

    fn since(&self, begin: u64) -> u64 {
        let counted = self.0.iter().filter(|mark| mark.moment >= begin);
        counted.map(|mark| u64::from(mark.count)).sum()
    }

    fn count_one(&mut self, rule: &RateLimit, now: u64) {
        // Rounded up: too wide counts too long, too narrow would make the list too long.
        let width = nanos(rule.interval).div_ceil(PARTS).max(1);
        let part = |moment: u64| moment.checked_div(width);
        let is_long = self.0.len() >= EXACT;
        match self.0.last_mut() {
            Some(last) if is_long && part(last.moment) == part(now) => {
                last.moment = last.moment.max(now);
                last.count = last.count.saturating_add(1);
            }
            Some(_) | None => self.0.push(Mark {
                moment: now,
                count: 1,
            }),
        }
    }

    /// The time until one more call would be admitted.
    fn opens(&self, rule: &RateLimit, now: u64) -> Duration {
        let interval = nanos(rule.interval);
        let begin = rule.technique.begin(interval, now);
        if rule.technique == Technique::Fixed {
            return Duration::from_nanos(begin.saturating_add(interval).saturating_sub(now));
        }
        let mut left = self.since(begin);
        for mark in self.0.iter().filter(|mark| mark.moment >= begin) {
            left = left.saturating_sub(u64::from(mark.count));
            if left < u64::from(rule.limit.get()) {
                let leaves = mark.moment.saturating_add(interval);
                return Duration::from_nanos(leaves.saturating_sub(now));
            }
        }
        // Not reached: an empty window is below any limit.
        rule.interval
    }

    fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|mark| mark.encode()).collect()
    }
}

/// Bytes of one encoded mark.
const MARK_BYTES: usize = 12;

impl Mark {
    /// Moment 8, count 4, little-endian.
    fn encode(self) -> [u8; MARK_BYTES] {
        let ([a, b, c, d, e, f, g, h], [i, j, k, l]) =
            (self.moment.to_le_bytes(), self.count.to_le_bytes());
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            moment: u64::from_le_bytes(take(&mut bytes)?),
            count: u32::from_le_bytes(take(&mut bytes)?),
        })
    }
}
