//! The gateway's router does not ask again although an answer was let go for it: the request was too large to be repeated,
//! or a circuit breaker was open.

use super::*;
use crate::exchange::planned::RETRY;

/// An answer that was let go with the mark comes to the client's side, as Envoy passes it when it gives up.
fn give_up(call: &mut Call<'_>, status: &str, fields: &[(&str, &str)]) {
    let last = call.attempts.len() - 1;
    let attempt = &mut call.attempts[last];
    let fixed = [(":status", status), ("content-type", JSON)];
    let head = list(fixed.iter().chain(fields));
    attempt.stream.on(Event::ResponseHead {
        headers: head.clone(),
        end: false,
        local: false,
    });
    attempt.stream.on(answer_event(FAILED, true));
    let edits = attempt.stream.downstream.clone().expect("it is let go");
    let head = view::applied(&head, &edits);
    assert!(head.contains(RETRY));
    attempt.is_over = true;
    let steers = |name: &str| name.starts_with("x-envoy-") || name.starts_with("cf-aig-");
    assert!(head.iter().all(|(name, _)| !steers(name)), "{head:?}");
    call.outer.on(Event::ResponseHead {
        headers: head,
        end: false,
        local: false,
    });
    call.attempts[last].stream.on(Event::Done(driver::CLIENT));
}

#[test]
fn an_answer_that_was_let_go_is_never_shown_raw() {
    let spoofed = [
        ("x-envoy-ratelimited", "true"),
        ("x-envoy-overloaded", "true"),
        ("cf-aig-step", "77"),
        ("content-length", "62"),
    ];
    for (attempts, expected) in [(1, [(0, 429, "answered")]), (2, [(0, 400, "refused")])] {
        let proxy = proxy();
        let config = json!({"maxAttempts": attempts, "retryDelay": 0});
        let steps = ["one", "two"].map(|name| step(name, config.clone()));
        let mut call = universal(&proxy, "open", &steps);
        give_up(&mut call, "429", &spoofed);
        assert_eq!(call.refusal(), (400, Some(2005)));
        assert_eq!(call.told("cf-aig-step").as_deref(), Some("0"));
        for name in ["cf-aig-event-id", "cf-aig-request-id", "cf-aig-log-id"] {
            assert!(call.told(name).is_some(), "{name}");
        }
        assert_eq!(call.asked(), ["one"]);
        let said = &call.outer.complaints;
        assert!(said[0].contains("request_body_buffer_limit") && !said[0].contains("mounted"));
        assert_eq!(facts(&call.finish()), expected, "{attempts}");
    }
}

#[test]
fn a_break_of_the_way_to_a_further_attempt_is_told_with_the_step_and_not_blamed_on_the_mount() {
    for attempts in [1, 2] {
        let proxy = proxy();
        let config = json!({"maxAttempts": attempts, "retryDelay": 0});
        let steps = ["one", "two"].map(|name| step(name, config.clone()));
        let mut call = universal(&proxy, "open", &steps);
        call.now().stream.on(Event::ResponseHead {
            headers: list(&[(":status", "503"), ("content-type", JSON)]),
            end: true,
            local: false,
        });
        call.now().stream.on(Event::Done(driver::UPSTREAM));
        call.now().is_over = true;
        call.outer.on(Event::ResponseHead {
            headers: list(&[(":status", "503")]),
            end: false,
            local: true,
        });
        assert_eq!(call.refusal(), (400, Some(2005)));
        assert_eq!(call.told("cf-aig-step").as_deref(), Some("0"));
        assert!(call.told("cf-aig-event-id").is_some());
        assert!(!call.outer.complaints[0].contains("mounted"));
        assert_eq!(call.finish().len(), 1);
    }
}

#[test]
fn a_step_whose_call_is_over_before_its_pause_is_recorded_all_the_same() {
    let proxy = proxy();
    let retried = step("one", json!({"maxAttempts": 2, "retryDelay": 500}));
    let mut call = universal(&proxy, "open", &[retried]);
    call.answer("503", &[], FAILED);
    call.outer.on(Event::Done(driver::CLIENT));
    // The clock is quicker than the end of the attempt's own stream.
    proxy.host.advance(millis(500));
    call.now().stream.on(Event::Deadline);
    call.now().stream.on(Event::Done(driver::CLIENT));
    let records = call.records();
    assert_eq!(facts(&records), [(0, 499, "client_gone")]);
    assert_eq!(records[0]["failed_attempts"].as_array().unwrap().len(), 1);
}

/// A call that may be tried twice, whose first attempt has failed before the end of the request has come.
fn failed_while_it_comes(proxy: &Proxy) -> Call<'_> {
    let fields = [("cf-aig-max-attempts", "2"), ("cf-aig-retry-delay", "0")];
    let path = "/v1/0123/open/custom-one/chat/completions";
    let mut call = Call::begin(proxy, path, &fields);
    call.send(b"{}", false);
    call.answer("503", &[], FAILED);
    call
}

#[test]
fn a_failed_answer_is_held_until_the_whole_request_has_come() {
    let proxy = proxy();
    let mut call = failed_while_it_comes(&proxy);
    // Envoy repeats no request whose end it has not seen.
    for _ in 0..3 {
        proxy.host.advance(millis(10));
        call.now().stream.on(Event::Deadline);
        call.route();
        assert_eq!(call.attempts.len(), 1);
        assert!(call.now().stream.downstream.is_none());
    }
    call.send(b"", true);
    proxy.host.advance(millis(10));
    call.now().stream.on(Event::Deadline);
    call.route();
    assert_eq!(call.attempts.len(), 2);
    call.answer("200", &[], DONE);
    assert_eq!(facts(&call.finish()), [(0, 200, "answered")]);
}

#[test]
fn a_request_that_never_ends_is_not_waited_for_longer_than_the_call_may_take() {
    let proxy = proxy();
    let mut call = failed_while_it_comes(&proxy);
    proxy.host.advance(millis(3_600_001));
    call.now().stream.on(Event::Deadline);
    assert!(call.now().stream.downstream.is_some());
}
