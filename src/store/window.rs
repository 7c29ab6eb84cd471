//! Rate-limit windows that all workers share: fixed (clock-aligned) and sliding (contract §4.1).
//!
//! A window is the list of the calls admitted in the last interval (`marks`). Invariant: never more than the limit in a
//! window; sliding: in **any** interval of that length. The price is that beyond 64 calls a sliding call may count up
//! to 1/120 of the interval too long.

use std::time::Duration;

use crate::config::RateLimit;
use crate::host::{Host, HostError};

use super::marks::{Grain, MARK_BYTES, Mark, Marks, Window};
use super::{TRIES, read};

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

/// How many calls count under `name` now, and the time until one fewer does if nobody calls: zero when none counts.
///
/// # Errors
/// The host refuses.
pub fn used(host: &dyn Host, name: &str, rule: &RateLimit) -> Result<(u64, Duration), HostError> {
    let window = Window::new(rule.interval, rule.technique, Grain::FINE);
    let (value, _) = read(host, &format!("sluice/1/calls/{name}"))?;
    let now = host.now();
    let calls = marks(&value, &window, now);
    let counted = calls.sum(&window, now);
    let wait = if counted > 0 {
        calls.opens(counted, &window, now)
    } else {
        Duration::ZERO
    };
    Ok((counted, wait))
}

/// What was counted and may still matter.
fn marks(value: &[u8], window: &Window, now: u64) -> Marks {
    let (marks, _) = value.as_chunks::<MARK_BYTES>();
    // One more may be added.
    let mut held = Vec::with_capacity(marks.len().saturating_add(1));
    let marks = marks.iter().filter_map(|bytes| Mark::decode(bytes));
    held.extend(marks.filter(|mark| window.holds(mark.moment, now)));
    Marks(held)
}

/// Counts one call under `name` (from the configuration, never from a client: names are never deleted). One read, and
/// one write if admitted.
pub fn admit(host: &dyn Host, name: &str, rule: &RateLimit) -> Result<Admitted, Refused> {
    let key = format!("sluice/1/calls/{name}");
    let window = Window::new(rule.interval, rule.technique, Grain::FINE);
    let limit = u64::from(rule.limit.get());
    for _ in 0..TRIES {
        let (mut value, expect) = read(host, &key)?;
        // After the read: everything counted in it happened before. Only a clock that was set back can say otherwise.
        let now = host.now();
        let mut calls = marks(&value, &window, now);
        let counted = calls.sum(&window, now);
        let Some(remaining) = limit.checked_sub(counted.saturating_add(1)) else {
            return Err(Refused::Limited {
                retry_after: calls.opens(limit, &window, now),
            });
        };
        calls.add(1, &window, now);
        value.clear();
        for mark in &calls.0 {
            value.extend_from_slice(mark.encode().as_flattened());
        }
        match host.set_shared(&key, &value, expect) {
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
