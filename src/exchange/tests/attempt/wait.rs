//! Pauses, timeouts and the deadline, by the clock.

use super::*;

/// The pauses before the second to fifth attempt.
fn pauses(config: Value, fields: &[(&str, &str)]) -> Vec<u64> {
    let proxy = proxy();
    let mut config = config;
    config["maxAttempts"] = json!(5);
    let mut call = universal_with(&proxy, "open", &[step("one", config)], fields);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        call.answer("503", &[], FAILED);
        let attempts = call.attempts.len();
        let pause = u64::try_from(call.pause().unwrap().as_millis()).unwrap();
        proxy.host.advance(millis(pause - 1));
        call.now().stream.on(Event::Deadline);
        call.route();
        assert_eq!(call.attempts.len(), attempts, "not a moment too early");
        assert_eq!(call.wait(), millis(1));
        assert_eq!(call.attempts.len(), attempts + 1);
        pauses.push(pause);
    }
    call.answer("200", &[], DONE);
    assert_eq!(facts(&call.finish()), [(0, 200, "answered")]);
    pauses
}

#[test]
fn the_pause_grows_as_the_backoff_says() {
    let of = |backoff| pauses(json!({"retryDelay": 100, "backoff": backoff}), &[]);
    assert_eq!(of("constant"), [100, 100, 100, 100]);
    assert_eq!(of("linear"), [100, 200, 300, 400]);
    assert_eq!(of("exponential"), [100, 200, 400, 800]);
    assert_eq!(
        pauses(json!({}), &[]),
        [500, 1000, 2000, 4000],
        "the gateway's own"
    );
}

#[test]
fn the_steps_settings_beat_the_requests_and_those_the_gateways() {
    let fields = [("cf-aig-retry-delay", "70"), ("cf-aig-backoff", "constant")];
    assert_eq!(pauses(json!({}), &fields), [70, 70, 70, 70]);
    assert_eq!(pauses(json!({"retryDelay": 30}), &fields), [30, 30, 30, 30]);
    assert_eq!(
        pauses(json!({"backoff": "linear"}), &fields),
        [70, 140, 210, 280]
    );
}

#[test]
fn each_attempt_that_failed_is_in_the_record_with_its_time() {
    let proxy = proxy();
    let mut call = universal(
        &proxy,
        "open",
        &[step("one", json!({"maxAttempts": 3, "retryDelay": 100}))],
    );
    proxy.host.advance(millis(7));
    call.answer("503", &[], FAILED);
    call.wait();
    call.no_answer();
    call.wait();
    call.answer("200", &[], DONE);
    let records = call.finish();
    let failed = json!([{"status_code": 503, "after": 7}, {"status_code": null, "after": 107}]);
    assert_eq!(records[0]["failed_attempts"], failed);
    assert_eq!(records[0]["duration"], 307);
}

/// The pause that a failure with these fields and body leads to; `None`: the second step was tried at once.
fn asked(gateway: &str, fields: &[(&str, &str)], body: &[u8]) -> Option<u64> {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2})));
    let mut call = universal(&proxy, gateway, &steps);
    call.answer("429", fields, body);
    if call.asked().last().unwrap() == "two" {
        return None;
    }
    let is_held = call.attempts.len() == 1;
    let pause = if is_held { call.wait() } else { Duration::ZERO };
    assert_eq!(call.asked(), ["one", "one"]);
    Some(u64::try_from(pause.as_millis()).unwrap())
}

#[test]
fn the_provider_says_how_long_to_wait() {
    assert_eq!(asked("open", &[("retry-after", "3")], FAILED), Some(3000));
    assert_eq!(asked("open", &[("retry-after", "0")], FAILED), Some(0));
    let both = [("retry-after", "3"), ("retry-after-ms", "1250")];
    assert_eq!(asked("open", &both, FAILED), Some(1250));
    let google = br#"{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"2.5s"}]}}"#;
    assert_eq!(asked("open", &[], google), Some(2500));
    assert_eq!(
        asked("open", &[("retry-after", "1")], google),
        Some(1000),
        "the head counts"
    );
    assert_eq!(asked("open", &[("retry-after", "soon")], FAILED), Some(500));
}

#[test]
fn a_longer_wait_than_the_cap_leads_on_at_once() {
    assert_eq!(
        asked("open", &[("retry-after", "60")], FAILED),
        Some(60_000)
    );
    assert_eq!(asked("open", &[("retry-after", "61")], FAILED), None);
    // And is final where there is no other step.
    let proxy = proxy();
    let mut call = universal(&proxy, "open", &[step("one", json!({"maxAttempts": 2}))]);
    call.answer("429", &[("retry-after", "61")], FAILED);
    assert_eq!((call.client().0, call.attempts.len()), (429, 1));
    assert_eq!(call.told("retry-after").as_deref(), Some("61"));
    assert_eq!(call.finish().len(), 1);
}

#[test]
fn a_body_that_does_not_come_is_waited_for_only_so_long() {
    let proxy = proxy();
    let mut call = universal(
        &proxy,
        "open",
        &[step("one", json!({"maxAttempts": 2, "retryDelay": 100}))],
    );
    call.answer_head("503", &[]);
    assert_eq!(call.wait(), millis(500));
    assert_eq!(call.wait(), millis(100));
    call.answer("200", &[], DONE);
    assert_eq!(facts(&call.finish()), [(0, 200, "answered")]);
}

#[test]
fn every_attempt_but_the_last_has_its_time() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| {
        step(
            name,
            json!({"maxAttempts": 2, "retryDelay": 0, "requestTimeout": 800}),
        )
    });
    let mut call = universal(&proxy, "open", &steps);
    for _ in 0..3 {
        assert_eq!(
            call.seen().text("x-envoy-upstream-rq-per-try-timeout-ms"),
            "800"
        );
        call.hang();
    }
    assert!(
        !call
            .seen()
            .head
            .contains("x-envoy-upstream-rq-per-try-timeout-ms")
    );
    proxy.host.advance(Duration::from_mins(4));
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 400, "refused"), (1, 200, "answered")]);
    assert_eq!(
        (&records[0]["duration"], &records[1]["duration"]),
        (&json!(1600), &json!(240_800))
    );
}

#[test]
fn the_only_attempt_has_its_time() {
    let proxy = proxy();
    let call = universal(
        &proxy,
        "open",
        &[step("one", json!({"requestTimeout": 800}))],
    );
    assert_eq!(
        call.seen().text("x-envoy-upstream-rq-per-try-timeout-ms"),
        "800"
    );
    let call = universal(&proxy, "open", &[step("one", json!({}))]);
    assert!(
        !call
            .seen()
            .head
            .contains("x-envoy-upstream-rq-per-try-timeout-ms")
    );
}

const TIMEOUT: &str = "x-envoy-upstream-rq-per-try-timeout-ms";

#[test]
fn no_retry_begins_after_the_deadline() {
    let proxy = proxy();
    // A pause that would end too late.
    let steps =
        ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2, "retryDelay": 1000})));
    let mut call = universal(&proxy, "short", &steps);
    call.answer("503", &[], FAILED);
    assert_eq!(
        call.asked(),
        ["one", "two"],
        "the other step still begins in time"
    );
    proxy.host.advance(millis(1000));
    call.answer("503", &[], FAILED);
    assert_eq!(call.client().0, 503);
    assert_eq!(
        facts(&call.finish()),
        [(0, 503, "answered"), (1, 503, "answered")]
    );
    // No pause at all.
    let alone = [step("one", json!({"maxAttempts": 2, "retryDelay": 0}))];
    let mut call = universal(&proxy, "short", &alone);
    assert!(!call.seen().head.contains(TIMEOUT), "nothing could follow");
    proxy.host.advance(millis(1000));
    call.answer("503", &[], b"late");
    assert_eq!(call.client(), (503, "late".to_owned()));
    assert_eq!(call.asked(), ["one"]);
    call.finish();
}

#[test]
fn a_silent_provider_is_given_up_at_the_deadline_and_the_last_step_is_tried_once() {
    let of = |name, timeout: Option<u64>| {
        let config = json!({"maxAttempts": 2, "retryDelay": 0, "requestTimeout": timeout});
        step(name, config)
    };
    let proxy = proxy();
    let steps = [of("one", None), of("two", None), of("three", Some(300))];
    let mut call = universal(&proxy, "short", &steps);
    assert_eq!(call.seen().text(TIMEOUT), "1010");
    proxy.host.advance(millis(1000));
    call.no_answer();
    assert_eq!(call.asked(), ["one", "three"]);
    assert!(!call.seen().head.contains(TIMEOUT), "it is waited for");
    call.answer("503", &[], FAILED);
    assert_eq!(call.client().0, 503);
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("2"));
    assert_eq!(
        facts(&call.finish()),
        [(0, 400, "refused"), (2, 503, "answered")]
    );
    // A step's own time counts where it is shorter, and what is left of the whole where that is.
    let steps = [
        of("one", Some(600)),
        of("two", Some(600)),
        of("three", None),
    ];
    let mut call = universal(&proxy, "short", &steps);
    assert_eq!(call.seen().text(TIMEOUT), "600");
    call.hang();
    assert_eq!(call.seen().text(TIMEOUT), "410");
    call.hang();
    assert_eq!(call.asked(), ["one", "one", "three"]);
    call.answer("200", &[], DONE);
    assert_eq!(call.finish().len(), 2);
}

#[test]
fn a_failure_that_comes_after_the_deadline_still_leads_to_the_last_step() {
    let proxy = proxy();
    let steps = ["one", "two", "three"].map(|name| step(name, json!({})));
    for status in ["503", "400"] {
        let mut call = universal(&proxy, "short", &steps);
        proxy.host.advance(millis(2000));
        call.answer(status, &[], FAILED);
        if status == "503" {
            assert_eq!(call.asked(), ["one", "three"]);
            call.answer("200", &[], DONE);
        }
        assert_eq!(call.attempts.len(), if status == "503" { 2 } else { 1 });
        call.finish();
    }
}
