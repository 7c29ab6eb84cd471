//! Answers, and the calls that wait for them.

use super::*;

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
