//! What goes when room is needed.

use super::*;

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
