//! When a sink is asked again after a failure: the waits double from half a second to half a minute, each up to a half
//! shorter by chance, and the sink's own word counts.

use std::time::Duration;

use crate::host::Host;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest wait that a sink may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// A sink's failures since it last answered well.
#[derive(Default)]
pub(super) struct Pace {
    failures: u32,
    /// Nanoseconds since the Unix epoch.
    not_before: u64,
}

impl Pace {
    pub(super) const fn allows(&self, now: u64) -> bool {
        now >= self.not_before
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// `asked`: for how long the sink wants to be left alone.
    pub(super) fn failed(&mut self, host: &dyn Host, asked: Option<Duration>) {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let half = doubled.min(LONGEST).checked_div(2).unwrap_or_default();
        let chance = host.random().checked_rem(nanos(half).max(1));
        let own = nanos(half).saturating_add(chance.unwrap_or_default());
        let asked = asked.map_or(0, |wait| nanos(wait.min(LONGEST_ASKED)));
        self.failures = self.failures.saturating_add(1);
        self.not_before = host.now().saturating_add(own.max(asked));
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    fn wait(pace: &mut Pace, host: &FakeHost, asked: Option<Duration>) -> Duration {
        pace.failed(host, asked);
        Duration::from_nanos(pace.not_before - host.now())
    }

    #[test]
    fn waits_double_up_to_half_a_minute_and_shrink_by_chance_to_a_half_at_most() {
        let (host, mut pace) = (FakeHost::default(), Pace::default());
        let mut seen = std::collections::BTreeSet::new();
        for failure in 0..40 {
            let full = Duration::from_millis(500 << failure.min(6)).min(LONGEST);
            let wait = wait(&mut pace, &host, None);
            assert!((full / 2..=full).contains(&wait), "{failure}: {wait:?}");
            seen.insert(wait);
        }
        assert!(seen.len() > 30, "by chance: {seen:?}");
    }

    #[test]
    fn the_sinks_own_word_counts_up_to_five_minutes() {
        let (host, mut pace) = (FakeHost::default(), Pace::default());
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(wait(&mut pace, &host, asked(7)), Duration::from_secs(7));
        assert_eq!(wait(&mut pace, &host, asked(9999)), LONGEST_ASKED);
        assert!(wait(&mut pace, &host, asked(0)) >= FIRST);
    }

    #[test]
    fn a_success_begins_anew() {
        let (host, mut pace) = (FakeHost::default(), Pace::default());
        for _ in 0..9 {
            pace.failed(&host, None);
        }
        pace.succeeded();
        assert!(pace.allows(0) && wait(&mut pace, &host, None) <= FIRST);
    }
}
