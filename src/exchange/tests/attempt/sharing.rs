//! Cache and single flight within attempts: each step as if called alone.

use super::*;

fn two(first: &str) -> [Value; 2] {
    [step(first, json!({})), step("two", json!({}))]
}

/// Lets the other calls of the worker hear what lies in its queue.
fn wake(proxy: &Proxy, calls: &mut [Call<'_>]) {
    loop {
        let message = {
            let mut queues = proxy.host.queues.borrow_mut();
            queues.get_mut(&QueueId(1)).unwrap().pop_front()
        };
        let Some(message) = message else { return };
        let wake = Wake::decode(&message).unwrap();
        for call in &mut *calls {
            if call.now().stream.task.cx.id == wake.context {
                call.now().stream.on(Event::Woken(wake));
                call.route();
            }
        }
    }
}

#[test]
fn the_answer_to_the_first_step_comes_from_the_cache_the_second_time() {
    let proxy = proxy();
    let mut first = universal(&proxy, "cached", &two("one"));
    first.answer("200", &[], DONE);
    assert_eq!(first.told("cf-aig-cache-status").as_deref(), Some("MISS"));
    first.finish();
    let mut again = universal(&proxy, "cached", &two("one"));
    assert!(again.asked().is_empty(), "no provider is asked");
    assert_eq!(
        again.client(),
        (200, String::from_utf8(DONE.to_vec()).unwrap())
    );
    assert_eq!(again.told("cf-aig-cache-status").as_deref(), Some("HIT"));
    assert_eq!(again.told("cf-aig-step").as_deref(), Some("0"));
    let records = again.finish();
    assert_eq!(facts(&records), [(0, 200, "cached")]);
    assert_eq!(records[0]["saved_tokens_out"], 7);
}

#[test]
fn a_failed_step_is_followed_by_the_cached_answer_of_the_next() {
    let proxy = proxy();
    let mut first = universal(&proxy, "cached", &two("one"));
    first.answer("503", &[], FAILED);
    first.answer("200", &[], DONE);
    first.finish();
    let mut again = universal(&proxy, "cached", &two("three"));
    again.answer("503", &[], FAILED);
    assert_eq!(again.asked(), ["three"]);
    assert_eq!(again.told("cf-aig-cache-status").as_deref(), Some("HIT"));
    assert_eq!(again.told("cf-aig-step").as_deref(), Some("1"));
    assert_eq!(
        facts(&again.finish()),
        [(0, 503, "answered"), (1, 200, "cached")]
    );
    // The first step comes first, cached or not.
    let again = universal(&proxy, "cached", &two("one"));
    assert_eq!(again.asked(), ["one"]);
}

#[test]
fn no_failure_is_stored() {
    let proxy = proxy();
    for _ in 0..2 {
        let mut call = universal(&proxy, "cached", &[step("one", json!({}))]);
        call.answer("503", &[], FAILED);
        assert_eq!((call.client().0, call.asked().len()), (503, 1));
        call.finish();
    }
}

#[test]
fn steps_that_are_alike_wait_for_the_first_ones_answer() {
    let proxy = proxy();
    let mut first = universal(&proxy, "shared", &two("one"));
    let mut waiters = [
        universal(&proxy, "shared", &two("one")),
        universal(&proxy, "shared", &two("one")),
    ];
    for waiter in &mut waiters {
        assert!(
            waiter.asked().is_empty() && waiter.pause().is_some(),
            "it waits, and wakes"
        );
    }
    first.answer("200", &[], DONE);
    wake(&proxy, &mut waiters);
    for waiter in &mut waiters {
        assert_eq!(waiter.told("cf-aig-cache-status").as_deref(), Some("HIT"));
        assert_eq!(facts(&waiter.finish()), [(0, 200, "cached")]);
    }
    assert_eq!(first.finish().len(), 1);
}

#[test]
fn nobody_waits_for_a_step_that_has_failed() {
    for without_answer in [false, true] {
        let proxy = proxy();
        let mut first = universal(&proxy, "shared", &two("one"));
        let mut waiters = [
            universal(&proxy, "shared", &two("one")),
            universal(&proxy, "shared", &two("one")),
        ];
        if without_answer {
            first.no_answer();
        } else {
            first.answer("503", &[], FAILED);
        }
        assert_eq!(first.asked(), ["one", "two"]);
        wake(&proxy, &mut waiters);
        for waiter in &mut waiters {
            assert_eq!(waiter.asked(), ["one"], "each asks for itself");
            waiter.answer("200", &[], DONE);
            assert_eq!(facts(&waiter.finish()), [(0, 200, "answered")]);
        }
    }
}

#[test]
fn a_client_that_leaves_during_the_pause_leaves_nobody_waiting() {
    let proxy = proxy();
    let steps = [step("one", json!({"maxAttempts": 2, "retryDelay": 500}))];
    let mut first = universal(&proxy, "shared", &steps);
    let mut waiters = [universal(&proxy, "shared", &steps)];
    first.answer("503", &[], FAILED);
    first.leave(true);
    wake(&proxy, &mut waiters);
    assert_eq!(waiters[0].asked(), ["one"]);
}
