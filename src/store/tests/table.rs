//! One operation at a time, another worker's inside any of its host calls, and any of its host calls refused.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::{LEASE, TTL, budget, key, waiter};
use crate::host::Host;
use crate::host::fake::FakeHost;
use crate::store::table::{
    Begin, Flight, Join, Key, NotStored, Ticket, abandon, begin, complete, join, lookup, renew,
    store,
};
use crate::store::waiter::{Verdict, Wake, WakeUps};

const MIB: u64 = 1 << 20;

fn host() -> FakeHost {
    FakeHost::new(&[1])
}

fn filler(host: &FakeHost, key: &Key) -> Ticket {
    match begin(host, key, LEASE) {
        Ok(Begin::Filler(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

fn flight(host: &FakeHost, key: &Key) -> Flight {
    match begin(host, key, LEASE) {
        Ok(Begin::InFlight(flight, _)) => flight,
        other => panic!("{other:?}"),
    }
}

fn payload(host: &FakeHost, key: &Key) -> Option<Vec<u8>> {
    lookup(host, key)
        .unwrap()
        .map(|entry| entry.payload().to_vec())
}

fn put(host: &FakeHost, key: &Key, payload: &[u8]) -> Result<(), NotStored> {
    store(host, key, payload, TTL, budget(MIB))
}

/// Bytes of all stored answers, heads included.
fn stored(host: &FakeHost) -> usize {
    let data = host.data.borrow();
    let slots = data
        .iter()
        .filter(|(key, (value, _))| key.starts_with("sluice/1/s/") && value.first() == Some(&2));
    slots.map(|(_, (value, _))| value.len()).sum()
}

fn calls<T>(host: &FakeHost, operation: impl FnOnce() -> T) -> u64 {
    let before = host.calls.get();
    operation();
    host.calls.get() - before
}

#[test]
fn an_answer_is_served_with_its_age_until_its_time_is_over() {
    let host = host();
    put(&host, &key(1, 1), b"answer").unwrap();
    host.advance(Duration::from_secs(59));
    let entry = lookup(&host, &key(1, 1)).unwrap().unwrap();
    assert_eq!(
        (entry.payload(), entry.age(host.now())),
        (&b"answer"[..], 59)
    );
    host.advance(Duration::from_secs(1));
    assert_eq!(payload(&host, &key(1, 1)), None);
}

#[test]
fn a_newer_answer_replaces_the_older_one() {
    let host = host();
    put(&host, &key(1, 1), b"old").unwrap();
    put(&host, &key(1, 1), b"new").unwrap();
    assert_eq!(payload(&host, &key(1, 1)).unwrap(), b"new");
    assert_eq!(stored(&host), 45 + 3);
}

#[test]
fn a_hit_costs_two_reads_and_one_write_a_second_and_a_miss_one_read() {
    let host = host();
    put(&host, &key(1, 1), b"answer").unwrap();
    assert_eq!(calls(&host, || payload(&host, &key(1, 1))), 2);
    host.advance(Duration::from_secs(1));
    assert_eq!(calls(&host, || payload(&host, &key(1, 1))), 3);
    assert_eq!(calls(&host, || begin(&host, &key(1, 1), LEASE)), 2);
    assert_eq!(calls(&host, || payload(&host, &key(1, 2))), 1);
}

#[test]
fn the_first_caller_fills_and_all_others_are_woken_once() {
    let host = host();
    let ticket = filler(&host, &key(1, 1));
    let flight = flight(&host, &key(1, 1));
    for context in 1..=3 {
        assert_eq!(join(&host, &flight, waiter(context)), Ok(Join::Joined));
    }
    let (outcome, wake_ups) = complete(&host, ticket, b"answer", TTL, budget(MIB));
    assert_eq!(outcome, Ok(()));
    assert_eq!(wake_ups.waiters, [waiter(1), waiter(2), waiter(3)]);
    assert_eq!(wake_ups.send(&host, Verdict::LookAgain), 3);
    let message = host.queues.borrow().values().next().unwrap()[0].clone();
    let expected = Wake {
        context: 1,
        generation: flight.generation(),
        verdict: Verdict::LookAgain,
    };
    assert_eq!(Wake::decode(&message), Some(expected));
    assert_eq!(payload(&host, &key(1, 1)).unwrap(), b"answer");
}

#[test]
fn only_whole_wake_up_messages_are_read() {
    let wake = Wake {
        context: 7,
        generation: u64::MAX - 1,
        verdict: Verdict::GoAlone,
    };
    let message = wake.encode();
    assert_eq!(Wake::decode(&message), Some(wake));
    assert_eq!(Wake::decode(&message[1..]), None);
    assert_eq!(Wake::decode(&[message, vec![0]].concat()), None);
}

#[test]
fn whoever_joins_after_the_end_gets_the_answer_or_begins_again() {
    let host = host();
    let ticket = filler(&host, &key(1, 1));
    let late = flight(&host, &key(1, 1));
    complete(&host, ticket, b"answer", TTL, budget(MIB))
        .0
        .unwrap();
    match join(&host, &late, waiter(1)) {
        Ok(Join::AlreadyStored(entry)) => assert_eq!(entry.payload(), b"answer"),
        other => panic!("{other:?}"),
    }
    let ticket = filler(&host, &key(1, 2));
    let late = flight(&host, &key(1, 2));
    assert!(abandon(&host, ticket).waiters.is_empty());
    assert_eq!(join(&host, &late, waiter(1)), Ok(Join::Gone));
    drop(filler(&host, &key(1, 2)));
}

#[test]
fn a_fill_takes_4096_waiters_and_sends_more_away() {
    let host = host();
    let ticket = filler(&host, &key(1, 1));
    let flight = flight(&host, &key(1, 1));
    for context in 0..4096 {
        assert_eq!(join(&host, &flight, waiter(context)), Ok(Join::Joined));
    }
    assert_eq!(join(&host, &flight, waiter(4096)), Ok(Join::Crowded));
    assert_eq!(abandon(&host, ticket).waiters.len(), 4096);
}

#[test]
fn an_expired_fill_is_taken_over_and_its_late_end_changes_nothing() {
    for completes in [true, false] {
        let host = host();
        let late = filler(&host, &key(1, 1));
        let old_flight = flight(&host, &key(1, 1));
        assert_eq!(join(&host, &old_flight, waiter(1)), Ok(Join::Joined));
        host.advance(LEASE + Duration::from_secs(1));
        let ticket = filler(&host, &key(1, 1));
        let before = host.data.borrow().clone();
        if completes {
            let (outcome, wake_ups) = complete(&host, late, b"late", TTL, budget(MIB));
            assert_eq!(
                (outcome, wake_ups.waiters.len()),
                (Err(NotStored::Stale), 0)
            );
        } else {
            assert!(abandon(&host, late).waiters.is_empty());
        }
        assert_eq!(*host.data.borrow(), before);
        assert_eq!(join(&host, &old_flight, waiter(3)), Ok(Join::Gone));
        assert_eq!(
            join(&host, &flight(&host, &key(1, 1)), waiter(2)),
            Ok(Join::Joined)
        );
        let (outcome, wake_ups) = complete(&host, ticket, b"new", TTL, budget(MIB));
        assert_eq!((outcome, wake_ups.waiters), (Ok(()), vec![waiter(2)]));
        assert_eq!(payload(&host, &key(1, 1)).unwrap(), b"new");
    }
}

#[test]
fn a_renewed_fill_is_not_taken_over() {
    let host = host();
    let ticket = filler(&host, &key(1, 1));
    for _ in 0..5 {
        host.advance(LEASE / 2);
        renew(&host, &ticket, LEASE);
    }
    flight(&host, &key(1, 1));
    complete(&host, ticket, b"answer", TTL, budget(MIB))
        .0
        .unwrap();
}

#[test]
fn a_lease_ends_to_the_nanosecond_wherever_in_a_second_it_begins() {
    let (lease, nearly) = (
        Duration::from_millis(500),
        Duration::from_nanos(499_999_999),
    );
    for start in [0, 300, 700] {
        let host = host();
        host.advance(Duration::from_millis(start));
        let Ok(Begin::Filler(ticket)) = begin(&host, &key(1, 1), lease) else {
            panic!("the first caller is not the filler");
        };
        for _ in 0..3 {
            host.advance(nearly);
            match begin(&host, &key(1, 1), lease) {
                Ok(Begin::InFlight(_, end)) => assert_eq!(end, host.now() + 1),
                other => panic!("{other:?}"),
            }
            renew(&host, &ticket, lease);
        }
        host.advance(lease);
        drop(filler(&host, &key(1, 1)));
    }
}

#[test]
fn a_fill_that_nobody_took_over_may_end_late() {
    let host = host();
    let ticket = filler(&host, &key(1, 1));
    host.advance(LEASE * 2);
    assert_eq!(
        complete(&host, ticket, b"answer", TTL, budget(MIB)).0,
        Ok(())
    );
    assert_eq!(payload(&host, &key(1, 1)).unwrap(), b"answer");
}

#[test]
fn a_full_bucket_gives_up_expired_then_least_recently_used_but_never_a_live_fill() {
    let host = host();
    store(
        &host,
        &key(1, 0),
        b"brief",
        Duration::from_secs(10),
        budget(MIB),
    )
    .unwrap();
    for name in 1..8 {
        host.advance(Duration::from_secs(1));
        put(&host, &key(1, name), b"answer").unwrap();
    }
    host.advance(Duration::from_secs(5));
    assert!(payload(&host, &key(1, 1)).is_some());
    put(&host, &key(1, 8), b"answer").unwrap();
    put(&host, &key(1, 9), b"answer").unwrap();
    let kept: Vec<_> = (0..10)
        .filter(|name| payload(&host, &key(1, *name)).is_some())
        .collect();
    assert_eq!(kept, [1, 3, 4, 5, 6, 7, 8, 9]);

    let tickets: Vec<_> = (10..18).map(|name| filler(&host, &key(1, name))).collect();
    assert_eq!(begin(&host, &key(1, 18), LEASE), Ok(Begin::Full));
    assert_eq!(put(&host, &key(1, 18), b"answer"), Err(NotStored::NoRoom));
    assert_eq!(tickets.len(), 8);
}

#[test]
fn the_budget_evicts_expired_then_least_recently_used_over_all_buckets() {
    let host = host();
    let put = |bucket, ttl| {
        store(
            &host,
            &key(bucket, 1),
            &[1; 55],
            Duration::from_secs(ttl),
            budget(400),
        )
        .unwrap();
    };
    put(0, 60);
    host.advance(Duration::from_secs(1));
    put(1, 60);
    put(2, 4);
    put(3, 60);
    host.advance(Duration::from_secs(5));
    // Used later than the ledger knows.
    assert!(payload(&host, &key(0, 1)).is_some());
    put(4, 60);
    host.advance(Duration::from_secs(1));
    put(5, 60);
    put(6, 60);
    let kept: Vec<_> = (0..7)
        .filter(|bucket| payload(&host, &key(*bucket, 1)).is_some())
        .collect();
    assert_eq!(kept, [0, 4, 5, 6]);
    assert_eq!(stored(&host), 400);
}

#[test]
fn a_smaller_budget_holds_from_the_next_store_on() {
    let host = host();
    for bucket in 0..20 {
        store(&host, &key(bucket, 1), &[1; 55], TTL, budget(MIB)).unwrap();
    }
    store(&host, &key(20, 1), &[1; 55], TTL, budget(300)).unwrap();
    assert_eq!(stored(&host), 300);
    assert!(payload(&host, &key(20, 1)).is_some());
}

#[test]
fn no_room_is_made_at_the_cost_of_an_answer_that_is_just_being_stored() {
    let mut refused = 0;
    for skip in 0..14 {
        let host = host();
        let ticket = filler(&host, &key(1, 1));
        let other = Rc::new(Cell::new(Ok(())));
        let outcome = Rc::clone(&other);
        host.interleave(skip, move |host| {
            outcome.set(store(host, &key(2, 2), &[2; 400], TTL, budget(500)));
        });
        let (stored_one, _) = complete(&host, ticket, &[1; 400], TTL, budget(500));
        assert_eq!(stored_one, Ok(()), "skip {skip}");
        assert!(stored(&host) <= 500, "skip {skip}: {}", stored(&host));
        if other.get() == Err(NotStored::NoRoom) {
            refused += 1;
            assert_eq!(payload(&host, &key(1, 1)).unwrap(), [1; 400]);
            // Refused once, not for ever.
            store(&host, &key(2, 2), &[2; 400], TTL, budget(500)).unwrap();
        }
    }
    assert!(
        refused > 0,
        "the answer was never between its reservation and its slot"
    );
}

#[test]
fn what_is_larger_than_allowed_is_refused_and_wakes_its_waiters() {
    let host = host();
    assert_eq!(
        store(&host, &key(1, 1), &[1; 60], TTL, budget(104)),
        Err(NotStored::TooLarge)
    );
    let mut limits = budget(MIB);
    limits.max_object_bytes = 59;
    let ticket = filler(&host, &key(1, 1));
    join(&host, &flight(&host, &key(1, 1)), waiter(1)).unwrap();
    let (outcome, wake_ups) = complete(&host, ticket, &[1; 60], TTL, limits);
    assert_eq!(
        (outcome, wake_ups.waiters),
        (Err(NotStored::TooLarge), vec![waiter(1)])
    );
    limits.max_object_bytes = 60;
    assert_eq!(store(&host, &key(1, 1), &[1; 60], TTL, limits), Ok(()));
    assert_eq!(store(&host, &key(1, 1), &[1; 60], TTL, budget(105)), Ok(()));
}

#[test]
fn a_reader_that_raced_an_eviction_sees_a_miss_or_the_right_bytes() {
    for skip in 0..3 {
        let host = host();
        put(&host, &key(1, 1), b"mine").unwrap();
        host.advance(Duration::from_secs(1));
        host.interleave(skip, |host| {
            for name in 2..12 {
                put(host, &key(1, name), b"other").unwrap();
            }
        });
        let seen = payload(&host, &key(1, 1));
        assert!(seen.is_none_or(|seen| seen == b"mine"));
    }
}

#[test]
fn a_foreign_value_in_a_slot_is_a_miss() {
    let host = host();
    put(&host, &key(1, 1), b"answer").unwrap();
    for junk in [&b""[..], b"\x02", &[2; 44], &[0xFF; 200]] {
        host.data
            .borrow_mut()
            .insert("sluice/1/s/1/0".to_owned(), (junk.to_vec(), u32::MAX));
        assert_eq!(payload(&host, &key(1, 1)), None);
    }
}

/// What the other worker does inside the first one's call.
fn other(host: &FakeHost, kind: u8, woken: &RefCell<Vec<WakeUps>>) {
    match kind {
        0 => match begin(host, &key(1, 1), LEASE).unwrap() {
            Begin::Filler(ticket) => woken
                .borrow_mut()
                .push(complete(host, ticket, b"answer", TTL, budget(500)).1),
            Begin::InFlight(flight, _) => {
                if join(host, &flight, waiter(2)) == Ok(Join::Joined) {
                    woken.borrow_mut().push(WakeUps {
                        generation: 0,
                        waiters: Vec::new(),
                    });
                }
            }
            Begin::Hit(entry) => assert_eq!(entry.payload(), b"answer"),
            Begin::Full => panic!("the bucket has room"),
        },
        1 => store(host, &key(1, 1), b"answer", TTL, budget(500)).unwrap_or_default(),
        2 => store(host, &key(2, 2), &[0; 400], TTL, budget(500)).unwrap(),
        _ => (0..9).for_each(|name| {
            store(host, &key(1, name + 20), &[0; 60], TTL, budget(500)).unwrap_or_default();
        }),
    }
}

#[test]
fn another_worker_inside_any_host_call_of_a_fill_loses_no_waiter_and_no_byte() {
    for (kind, skip) in (0..4).flat_map(|kind| (0..14).map(move |skip| (kind, skip))) {
        let host = host();
        let woken = Rc::new(RefCell::new(Vec::new()));
        let moves = Rc::clone(&woken);
        host.interleave(skip, move |host| other(host, kind, &moves));
        let Begin::Filler(ticket) = begin(&host, &key(1, 1), LEASE).unwrap() else {
            assert!(kind < 2, "only the same key can be faster");
            continue;
        };
        let (outcome, wake_ups) = complete(&host, ticket, b"answer", TTL, budget(500));
        assert_eq!(outcome, Ok(()), "kind {kind}, skip {skip}");
        assert_eq!(
            wake_ups.waiters.len(),
            woken.borrow().len(),
            "kind {kind}, skip {skip}"
        );
        assert!(stored(&host) <= 500);
    }
}

#[test]
fn whichever_host_call_fails_the_waiters_are_woken_and_the_key_is_free_again() {
    for fail_at in 0..12 {
        let host = host();
        // The bucket of another key, so that there is something to evict.
        store(&host, &key(2, 2), &[0; 400], TTL, budget(500)).unwrap();
        let ticket = filler(&host, &key(1, 1));
        join(&host, &flight(&host, &key(1, 1)), waiter(1)).unwrap();
        host.fail_at.set(Some(fail_at));
        let (outcome, wake_ups) = complete(&host, ticket, &[1; 400], TTL, budget(500));
        host.fail_at.set(None);
        assert_eq!(wake_ups.waiters, [waiter(1)], "call {fail_at}");
        assert!(stored(&host) <= 500);
        assert_eq!(
            outcome.is_ok(),
            payload(&host, &key(1, 1)).is_some(),
            "call {fail_at}"
        );
        store(&host, &key(3, 3), &[1; 455], TTL, budget(500)).unwrap();
        assert_eq!(stored(&host), 500);
    }
}

#[test]
fn a_begin_that_the_host_refuses_leaves_no_mark() {
    for fail_at in 0..2 {
        let host = host();
        host.fail_at.set(Some(fail_at));
        assert!(begin(&host, &key(1, 1), LEASE).is_err());
        drop(filler(&host, &key(1, 1)));
    }
}
