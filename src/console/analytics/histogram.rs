//! Counts of times by their size, for percentiles.
//!
//! Exact below 64, above in 32 steps to each power of two. Invariant: a percentile is within 1.6 % of the nearest-rank
//! one, and the size does not depend on how many times were counted.

use std::collections::BTreeMap;

/// Times in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Histogram {
    /// Counts one.
    pub(super) fn add(&mut self, value: u64) {
        let count = self.counts.entry(step_of(value)).or_default();
        *count = count.saturating_add(1);
        self.total = self.total.saturating_add(1);
    }

    /// The value that `percent` of all do not exceed; `None` of none.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = self.total.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0_u64;
        for (step, count) in &self.counts {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                return Some(middle(*step));
            }
        }
        None
    }
}

fn step_of(value: u64) -> u64 {
    let shift = u64::from(value.checked_ilog2().unwrap_or(0).saturating_sub(5));
    shift.saturating_mul(32).saturating_add(value >> shift)
}

/// The middle of a step.
fn middle(step: u64) -> u64 {
    let shift = (step / 32).saturating_sub(1);
    let low = step.saturating_sub(shift.saturating_mul(32));
    let half = (1_u64 << shift.min(58)) / 2;
    (low << shift.min(58)).saturating_add(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_times_are_exact() {
        for value in 0..64 {
            assert_eq!(middle(step_of(value)), value);
        }
    }

    #[test]
    fn every_time_is_within_two_percent() {
        for value in (64..100_000).chain([1 << 30, 1 << 40, (1 << 50) + 12345]) {
            let found = middle(step_of(value));
            assert!(found.abs_diff(value) * 100 <= value * 2, "{value} {found}");
        }
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut times = Histogram::default();
        assert_eq!(times.percentile(50), None);
        (1..=50).for_each(|value| times.add(value));
        let found = [0, 50, 90, 99, 100].map(|percent| times.percentile(percent).unwrap());
        assert_eq!(found, [1, 25, 45, 50, 50]);
    }
}
