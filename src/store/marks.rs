//! What was counted when: the amounts of a window, oldest first.
//!
//! The first few entries each stand for one amount; beyond that the amounts of one part of the interval share an entry,
//! at the moment of the last of them. Invariant: an amount counts from its moment for at least as long as its window
//! says, and for no more than one such part longer.
//!
//! Nothing of the rule is stored, so a changed limit, interval or technique holds at once for what was already counted.

use std::time::Duration;

use crate::config::Technique;

use super::{nanos, take};

/// Which amounts count together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    interval: u64,
    technique: Technique,
    grain: Grain,
}

/// How finely amounts are told apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grain {
    /// Entries up to which every amount has its own.
    pub(super) exact: usize,
    /// Parts of the interval in which amounts may share an entry.
    pub(super) parts: u64,
}

impl Grain {
    /// For what is kept once.
    pub(super) const FINE: Self = Self {
        exact: 64,
        parts: 120,
    };
}

impl Window {
    pub(super) fn new(interval: Duration, technique: Technique, grain: Grain) -> Self {
        Self {
            interval: nanos(interval),
            technique,
            grain,
        }
    }

    /// The first moment whose amounts count at `now`.
    fn begin(&self, now: u64) -> u64 {
        match self.technique {
            Technique::Fixed => now.saturating_sub(now.checked_rem(self.interval).unwrap_or(0)),
            // What is exactly one interval ago has left the window.
            Technique::Sliding => now.saturating_sub(self.interval).saturating_add(1),
        }
    }

    /// Whether what was counted at `moment` may still matter at `now`.
    pub(super) const fn holds(&self, moment: u64, now: u64) -> bool {
        // A clock that was set back a little counts on; by more than a whole interval, afresh.
        moment.saturating_add(self.interval) > now && moment <= now.saturating_add(self.interval)
    }

    /// The part of all time that `moment` is in.
    fn part(&self, moment: u64) -> u64 {
        // Rounded up: too wide counts too long, too narrow would make the list too long.
        let width = self.interval.div_ceil(self.grain.parts.max(1)).max(1);
        moment.checked_div(width).unwrap_or(0)
    }
}

/// An amount, the last of it at `moment` (nanoseconds since the epoch).
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) moment: u64,
    pub(super) amount: u64,
}

/// The amounts of the last interval, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(pub(super) Vec<Mark>);

impl Marks {
    /// What counts at `now`.
    pub(super) fn sum(&self, window: &Window, now: u64) -> u64 {
        let begin = window.begin(now);
        let counted = self.0.iter().filter(|mark| mark.moment >= begin);
        counted.fold(0, |sum, mark| sum.saturating_add(mark.amount))
    }

    pub(super) fn add(&mut self, amount: u64, window: &Window, now: u64) {
        let is_long = self.0.len() >= window.grain.exact;
        match self.0.last_mut() {
            Some(last) if is_long && window.part(last.moment) == window.part(now) => {
                last.moment = last.moment.max(now);
                last.amount = last.amount.saturating_add(amount);
            }
            Some(_) | None => self.0.push(Mark {
                moment: now,
                amount,
            }),
        }
    }

    /// The time until less than `limit` counts, if nothing is added.
    pub(super) fn opens(&self, limit: u64, window: &Window, now: u64) -> Duration {
        let begin = window.begin(now);
        let until = |moment: u64| {
            let end = moment.saturating_add(window.interval);
            Duration::from_nanos(end.saturating_sub(now))
        };
        if window.technique == Technique::Fixed {
            return until(begin);
        }
        let mut left = self.sum(window, now);
        for mark in self.0.iter().filter(|mark| mark.moment >= begin) {
            left = left.saturating_sub(mark.amount);
            if left < limit {
                return until(mark.moment);
            }
        }
        // Not reached: an empty window is below any limit.
        until(now)
    }
}

/// Bytes of one encoded mark.
pub(super) const MARK_BYTES: usize = 16;

impl Mark {
    /// Moment 8, amount 8, little-endian.
    pub(super) const fn encode(self) -> [[u8; 8]; 2] {
        [self.moment.to_le_bytes(), self.amount.to_le_bytes()]
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            moment: u64::from_le_bytes(take(&mut bytes)?),
            amount: u64::from_le_bytes(take(&mut bytes)?),
        })
    }
}
