//! Rate-limit windows, one call after the other and inside each other.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use crate::config::{RateLimit, Technique};
use crate::host::HostError;
use crate::host::fake::FakeHost;
use crate::store::window::{Admitted, Refused, admit};

const INTERVAL: Duration = Duration::from_secs(60);

fn rule(limit: u32, technique: Technique) -> RateLimit {
    RateLimit {
        limit: NonZeroU32::new(limit).unwrap(),
        interval: INTERVAL,
        technique,
    }
}

fn host() -> FakeHost {
    let host = FakeHost::new(&[]);
    // Ten seconds into a clock minute.
    host.clock
        .set(1_790_000_000_000_000_000 / 60_000_000_000 * 60_000_000_000 + 10_000_000_000);
    host
}

fn retry_after(host: &FakeHost, rule: &RateLimit) -> Option<Duration> {
    match admit(host, "g", rule) {
        Ok(_) => None,
        Err(Refused::Limited { retry_after }) => Some(retry_after),
        Err(Refused::Unavailable(error)) => panic!("{error}"),
    }
}

#[test]
fn a_fixed_window_begins_on_the_clock_whenever_the_calls_came() {
    let (host, rule) = (host(), rule(2, Technique::Fixed));
    assert_eq!(admit(&host, "g", &rule), Ok(Admitted { remaining: 1 }));
    assert_eq!(admit(&host, "g", &rule), Ok(Admitted { remaining: 0 }));
    assert_eq!(retry_after(&host, &rule), Some(Duration::from_secs(50)));
    host.advance(Duration::from_secs(50));
    assert_eq!(admit(&host, "g", &rule), Ok(Admitted { remaining: 1 }));
}

#[test]
fn a_sliding_window_opens_when_the_oldest_call_has_left_it() {
    let (host, rule) = (host(), rule(2, Technique::Sliding));
    admit(&host, "g", &rule).unwrap();
    host.advance(Duration::from_secs(20));
    admit(&host, "g", &rule).unwrap();
    host.advance(Duration::from_secs(20));
    // 60 s after the first call, to the nanosecond.
    assert_eq!(retry_after(&host, &rule), Some(Duration::from_secs(20)));
}

#[test]
fn names_have_windows_of_their_own() {
    let (host, rule) = (host(), rule(1, Technique::Fixed));
    admit(&host, "a", &rule).unwrap();
    admit(&host, "b", &rule).unwrap();
    assert!(admit(&host, "a", &rule).is_err());
}

#[test]
fn an_admitted_call_costs_a_read_and_a_write_and_a_refused_one_a_read() {
    let (host, rule) = (host(), rule(1, Technique::Sliding));
    admit(&host, "g", &rule).unwrap();
    assert_eq!(host.calls.get(), 2);
    admit(&host, "g", &rule).unwrap_err();
    assert_eq!(host.calls.get(), 3);
}

#[test]
fn a_host_failure_is_told_apart_from_the_limit() {
    for fail_at in 0..2 {
        let (host, rule) = (host(), rule(1, Technique::Fixed));
        host.fail_at.set(Some(fail_at));
        assert_eq!(
            admit(&host, "g", &rule),
            Err(Refused::Unavailable(HostError::Refused))
        );
        admit(&host, "g", &rule).unwrap();
    }
}

#[test]
fn a_changed_limit_holds_at_once_for_what_was_counted() {
    let host = host();
    for _ in 0..5 {
        admit(&host, "g", &rule(5, Technique::Sliding)).unwrap();
    }
    assert!(admit(&host, "g", &rule(3, Technique::Sliding)).is_err());
    assert_eq!(
        admit(&host, "g", &rule(7, Technique::Sliding)),
        Ok(Admitted { remaining: 1 })
    );
}

#[test]
fn a_changed_interval_or_technique_forgets_no_call() {
    let ways = [Technique::Fixed, Technique::Sliding];
    for (before, after) in ways
        .into_iter()
        .flat_map(|before| ways.map(|after| (before, after)))
    {
        let host = host();
        for _ in 0..5 {
            admit(&host, "g", &rule(5, before)).unwrap();
        }
        host.advance(Duration::from_secs(1));
        let longer = RateLimit {
            interval: Duration::from_secs(3600),
            ..rule(5, after)
        };
        assert!(admit(&host, "g", &longer).is_err());
        assert!(admit(&host, "g", &rule(5, after)).is_err());
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_block_calls_for_long() {
    for technique in [Technique::Fixed, Technique::Sliding] {
        let (host, rule) = (host(), rule(1, technique));
        admit(&host, "g", &rule).unwrap();
        host.clock.set(host.clock.get() - 5_000_000_000);
        assert!(retry_after(&host, &rule).unwrap() <= INTERVAL + Duration::from_secs(6));
        host.clock.set(host.clock.get() - 3_600_000_000_000);
        assert_eq!(retry_after(&host, &rule), None);
    }
}

#[test]
fn a_call_inside_any_host_call_of_another_is_counted() {
    for skip in 0..2 {
        let (host, limit) = (host(), rule(2, Technique::Sliding));
        host.interleave(skip, move |host| {
            assert_eq!(retry_after(host, &limit), None);
        });
        admit(&host, "g", &limit).unwrap();
        assert!(retry_after(&host, &limit).is_some());
    }
}

proptest! {
    #[test]
    fn sliding_agrees_with_a_list_of_all_calls(
        gaps in prop::collection::vec((0_u64..8_000_000_000, prop::bool::ANY), 1..150),
        limit in 1_u8..12,
    ) {
        let (host, rule) = (host(), rule(limit.into(), Technique::Sliding));
        let mut admitted: Vec<u64> = Vec::new();
        for (gap, short) in gaps {
            host.clock.set(host.clock.get() + if short { gap / 1000 } else { gap });
            let now = host.clock.get();
            let within = admitted.iter().filter(|time| now - **time < 60_000_000_000).count();
            let is_admitted = admit(&host, "g", &rule).is_ok();
            prop_assert_eq!(is_admitted, within < usize::from(limit));
            admitted.extend(is_admitted.then_some(now));
        }
    }

    #[test]
    fn many_calls_never_exceed_the_limit_and_wait_little_longer(
        gaps in prop::collection::vec(0_u64..300_000_000, 1..1500),
        limit in 65_u32..300,
    ) {
        let (host, rule) = (host(), rule(limit, Technique::Sliding));
        let limit = usize::try_from(limit).unwrap();
        let mut admitted: Vec<u64> = Vec::new();
        for gap in gaps {
            host.clock.set(host.clock.get() + gap);
            let now = host.clock.get();
            let within = |span: u64| admitted.iter().rev().take_while(|time| now - **time < span).count();
            let is_admitted = admit(&host, "g", &rule).is_ok();
            prop_assert!(!is_admitted || within(60_000_000_000) < limit);
            prop_assert!(is_admitted || within(60_500_000_000) >= limit);
            admitted.extend(is_admitted.then_some(now));
            // 64 of their own and one for each part that the interval touches, 16 bytes each.
            prop_assert!(host.data.borrow().values().all(|(value, _)| value.len() <= (64 + 121) * 16));
        }
    }

    #[test]
    fn a_call_is_admitted_after_the_stated_time_and_no_nanosecond_before(
        gaps in prop::collection::vec(0_u64..4_000_000_000, 1..60),
        limit in 1_u8..12,
        fixed: bool,
    ) {
        let rule = rule(limit.into(), if fixed { Technique::Fixed } else { Technique::Sliding });
        let host = host();
        for gap in gaps {
            host.clock.set(host.clock.get() + gap);
            let Some(wait) = retry_after(&host, &rule) else { continue };
            prop_assert!(wait > Duration::ZERO && wait <= INTERVAL);
            host.advance(wait.saturating_sub(Duration::from_nanos(1)));
            prop_assert!(retry_after(&host, &rule).is_some());
            host.advance(Duration::from_nanos(1));
            prop_assert_eq!(retry_after(&host, &rule), None);
        }
    }
}
