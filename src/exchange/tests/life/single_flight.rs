//! Identical calls at the same time.

use super::*;

#[test]
fn identical_calls_wait_for_the_first_ones_answer() {
    let (one, host);
    one = Proxy::new();
    host = Rc::clone(&one.host);
    let two = Proxy::beside(&host, 2);
    let mut first = one.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    assert!(first.upstream.is_some());
    let mut waiters: Vec<_> = (0..5).map(|_| two.stream()).collect();
    for waiter in &mut waiters {
        waiter.ask(ANTHROPIC, &[], QUESTION);
        assert!(waiter.upstream.is_none() && waiter.reply.is_none());
        assert!(
            waiter.task.cx.deadline().is_some(),
            "every pause has a wake-up"
        );
    }
    first.answer("200", JSON, &[ANSWER]);
    two.wake(&mut waiters);
    for waiter in &mut waiters {
        assert_eq!(waiter.told("cf-aig-cache-status").as_deref(), Some("HIT"));
    }
}

#[test]
fn a_first_caller_that_leaves_hands_over_at_once() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    let mut waiters = vec![proxy.stream(), proxy.stream()];
    for waiter in &mut waiters {
        waiter.ask(ANTHROPIC, &[], QUESTION);
    }
    first.done(0x4000, true);
    proxy.wake(&mut waiters);
    let under_way = waiters
        .iter()
        .filter(|waiter| waiter.upstream.is_some())
        .count();
    assert_eq!(
        under_way, 1,
        "one of the waiters takes over, the other waits for it"
    );
}

#[test]
fn an_answer_that_cannot_be_stored_sends_every_waiter_on_its_own_way() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    let mut waiters = vec![proxy.stream(), proxy.stream(), proxy.stream()];
    for waiter in &mut waiters {
        waiter.ask(ANTHROPIC, &[], QUESTION);
    }
    first.answer("529", JSON, &[b"{}"]);
    proxy.wake(&mut waiters);
    assert!(waiters.iter().all(|waiter| waiter.upstream.is_some()));
}

#[test]
fn a_filler_whose_worker_died_is_replaced_when_its_lease_ends() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    std::mem::forget(first); // its VM is gone: nothing of it runs any more
    let mut waiter = proxy.stream();
    waiter.ask(ANTHROPIC, &[], QUESTION);
    let due = waiter.task.cx.deadline().unwrap();
    let wait = Duration::from_nanos(due - proxy.host.clock.get());
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    proxy.host.clock.set(due);
    waiter.on(Event::Deadline);
    assert!(waiter.upstream.is_some());
}

#[test]
fn a_waiter_goes_on_alone_after_its_time_limit_while_the_filler_lives() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    let mut waiter = proxy.stream();
    waiter.ask(ANTHROPIC, &[], QUESTION);
    let (tick, mut waited) = (Duration::from_millis(250), Duration::ZERO);
    while waiter.upstream.is_none() {
        proxy.host.advance(tick);
        let now = proxy.host.clock.get();
        // The waiter first: it must find the lease in force however late in the tick the filler is.
        for stream in [&mut waiter, &mut first] {
            if stream.task.cx.deadline().is_some_and(|at| at <= now) {
                stream.on(Event::Deadline);
            }
        }
        waited += tick;
        assert!(
            waited <= Duration::from_secs(31),
            "30 seconds is the default"
        );
    }
    assert!(waited >= Duration::from_secs(30));
}

#[test]
fn streams_share_only_where_the_gateway_says_so() {
    let stream = r#"{"model":"gpt-4o","stream":true}"#;
    for (gateway, shares) in [("my-gateway", false), ("shared", true)] {
        let path = OPENAI.replace("my-gateway", gateway);
        let proxy = Proxy::new();
        let (mut first, mut second) = (proxy.stream(), proxy.stream());
        first.ask(&path, &[], stream);
        second.ask(&path, &[], stream);
        assert_eq!(second.upstream.is_none(), shares, "{gateway}");
    }
}
