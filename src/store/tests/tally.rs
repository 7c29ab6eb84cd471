//! Amounts per key: exact for the keys that have a line, never too low for any.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::config::Technique;
use crate::host::HostError;
use crate::host::fake::FakeHost;
use crate::store::tally::{Tally, add};
use crate::store::window::Refused;

const INTERVAL: Duration = Duration::from_secs(60);
const TECHNIQUES: [Technique; 2] = [Technique::Fixed, Technique::Sliding];

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The key that a client calls `name`, moved into one bucket.
fn neighbour(name: u32) -> [u8; 32] {
    let mut key = digest(&name.to_string());
    key[0] = 7;
    key[1] = 0;
    key
}

fn tally(key: Option<&[u8; 32]>, technique: Technique) -> Tally<'_> {
    Tally {
        name: "g/r/e",
        key,
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

/// Whether one more is admitted.
fn takes(host: &FakeHost, tally: &Tally<'_>, limit: u64) -> bool {
    add(host, tally, 1, Some(limit)).is_ok()
}

fn retry_after(host: &FakeHost, tally: &Tally<'_>, limit: u64) -> Option<Duration> {
    match add(host, tally, 0, Some(limit)) {
        Ok(()) => None,
        Err(Refused::Limited { retry_after }) => Some(retry_after),
        Err(Refused::Unavailable(error)) => panic!("{error}"),
    }
}

/// How many of the keys from `names` are admitted, one call each.
fn admitted(host: &FakeHost, names: std::ops::Range<u32>, limit: u64) -> usize {
    let keys = names.map(neighbour);
    keys.filter(|key| takes(host, &tally(Some(key), Technique::Fixed), limit))
        .count()
}

#[test]
fn keys_names_and_the_lack_of_a_key_have_limits_of_their_own() {
    let host = host();
    let (one, other) = (digest("one"), digest("other"));
    for key in [Some(&one), Some(&other), None] {
        let tally = tally(key, Technique::Fixed);
        assert!(takes(&host, &tally, 1) && !takes(&host, &tally, 1));
        let elsewhere = Tally {
            name: "g/r/f",
            ..tally
        };
        assert!(takes(&host, &elsewhere, 1));
    }
}

#[test]
fn amounts_are_added_up_and_leave_with_their_window() {
    let host = host();
    let key = digest("user");
    for (technique, wait) in [(Technique::Fixed, 50), (Technique::Sliding, 60)] {
        let tally = Tally {
            name: if wait == 50 { "fixed" } else { "sliding" },
            ..tally(Some(&key), technique)
        };
        add(&host, &tally, 2_500_000_000_000, None).unwrap();
        add(&host, &tally, 2_500_000_000_000, None).unwrap();
        assert_eq!(retry_after(&host, &tally, 5_000_000_000_001), None);
        let wait = Duration::from_secs(wait);
        assert_eq!(retry_after(&host, &tally, 5_000_000_000_000), Some(wait));
    }
}

#[test]
fn a_sum_stays_at_its_greatest() {
    let host = host();
    let tally = tally(None, Technique::Sliding);
    for _ in 0..3 {
        add(&host, &tally, u64::MAX, None).unwrap();
    }
    assert!(retry_after(&host, &tally, u64::MAX).is_some());
}

#[test]
fn an_added_amount_costs_a_read_and_a_write_and_a_question_a_read() {
    let host = host();
    let tally = tally(None, Technique::Sliding);
    add(&host, &tally, 1, Some(1)).unwrap();
    assert_eq!(host.calls.get(), 2);
    add(&host, &tally, 1, Some(1)).unwrap_err();
    add(&host, &tally, 0, Some(2)).unwrap();
    assert_eq!(host.calls.get(), 4);
}

#[test]
fn a_host_failure_is_told_apart_from_the_limit() {
    for fail_at in 0..2 {
        let (host, tally) = (host(), tally(None, Technique::Fixed));
        host.fail_at.set(Some(fail_at));
        let refused = Err(Refused::Unavailable(HostError::Refused));
        assert_eq!(add(&host, &tally, 1, Some(1)), refused);
        assert!(takes(&host, &tally, 1));
    }
}

#[test]
fn a_call_inside_any_host_call_of_another_is_counted() {
    for skip in 0..2 {
        let host = host();
        host.interleave(skip, |host| {
            let key = neighbour(2);
            assert!(takes(
                host,
                &tally(Some(&neighbour(1)), Technique::Fixed),
                2
            ));
            assert!(takes(host, &tally(Some(&key), Technique::Fixed), 1));
        });
        let key = neighbour(1);
        assert!(takes(&host, &tally(Some(&key), Technique::Fixed), 2));
        assert!(!takes(&host, &tally(Some(&key), Technique::Fixed), 2));
        let key = neighbour(2);
        assert!(!takes(&host, &tally(Some(&key), Technique::Fixed), 1));
    }
}

#[test]
fn invented_keys_win_no_room_for_another_call() {
    let host = host();
    // Sixteen lines, then the common one, in one bucket; each admits one call.
    assert_eq!(admitted(&host, 0..1000, 1), 17);
    assert_eq!(admitted(&host, 0..1000, 1), 0);
    // With more room, those with a line keep what is theirs, and the others share.
    assert_eq!(admitted(&host, 0..16, 3), 16);
    assert_eq!(admitted(&host, 500..1000, 3), 2);
    assert_eq!(admitted(&host, 0..16, 3), 16);
    assert_eq!(admitted(&host, 0..16, 3), 0);
}

#[test]
fn who_gets_a_line_later_brings_the_common_count_along() {
    let host = host();
    let sliding = |name, limit| {
        takes(
            &host,
            &tally(Some(&neighbour(name)), Technique::Sliding),
            limit,
        )
    };
    assert!(sliding(0, 2));
    host.advance(Duration::from_secs(30));
    assert!((1..16).all(|name| sliding(name, 2)));
    assert!(sliding(16, 2));
    // The first key's line is free now.
    host.advance(Duration::from_secs(30));
    assert!(sliding(16, 2));
    assert!(!sliding(16, 2));
    // All that was common has left the window: a new key begins with nothing.
    host.advance(Duration::from_secs(30));
    assert!(sliding(17, 1));
}

#[test]
fn memory_is_bounded_however_many_keys_come_and_how_often() {
    let host = host();
    for round in 0..120 {
        for key in (0..40).map(neighbour) {
            add(&host, &tally(Some(&key), TECHNIQUES[1]), 1, None).unwrap();
        }
        host.advance(Duration::from_millis(500 + round));
    }
    // Seventeen lines of 8 marks of their own and one for each part that the interval touches, 24 bytes each.
    assert_eq!(host.data.borrow().len(), 1);
    let largest = host.stored_bytes();
    assert!(largest <= 17 * (8 + 25) * 24, "{largest}");
    for key in 0..5000_u32 {
        let key = digest(&key.to_string());
        add(&host, &tally(Some(&key), Technique::Fixed), 1, None).unwrap();
    }
    assert!(host.data.borrow().len() <= 512);
}

#[test]
fn foreign_bytes_in_a_value_do_no_harm() {
    let host = host();
    let tally = tally(None, Technique::Sliding);
    add(&host, &tally, 1, None).unwrap();
    let key = host.data.borrow().keys().next().unwrap().clone();
    for value in [vec![0xFF; 100], vec![0; 100], vec![1; 7]] {
        host.data.borrow_mut().get_mut(&key).unwrap().0 = value;
        assert!(takes(&host, &tally, 1));
    }
}

proptest! {
    #[test]
    fn no_key_is_ever_counted_too_low_and_few_keys_are_counted_exactly(
        calls in prop::collection::vec((0_u32..40, 0_u64..2_000_000_000, 1_u64..4), 1..300),
        keys in 1_u32..40,
        limit in 1_u64..12,
        fixed: bool,
    ) {
        let technique = TECHNIQUES[usize::from(!fixed)];
        let host = host();
        let mut admitted: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
        for (name, gap, amount) in calls {
            host.clock.set(host.clock.get() + gap);
            let now = host.clock.get();
            let name = name % keys;
            let key = neighbour(name);
            let begin = if fixed { now / 60_000_000_000 * 60_000_000_000 } else { now - 60_000_000_000 + 1 };
            let own = admitted.entry(name).or_default();
            let counts = |span: u64| own.iter().filter(|(time, _)| *time + span >= begin).map(|(_, amount)| amount).sum::<u64>();
            let is_admitted = add(&host, &tally(Some(&key), technique), amount, Some(limit)).is_ok();
            prop_assert!(!is_admitted || counts(0) < limit);
            // One 24th of the interval is 2.5 seconds.
            let slack = if fixed { 0 } else { 2_500_000_000 };
            prop_assert!(is_admitted || keys > 16 || counts(slack) >= limit);
            own.extend(is_admitted.then_some((now, amount)));
        }
    }
}
