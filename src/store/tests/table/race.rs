//! Other workers, foreign bytes and a host that fails.

use super::*;

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
