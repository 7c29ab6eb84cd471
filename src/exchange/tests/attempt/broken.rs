//! Providers that break off in the middle of an answer.

use super::*;

#[test]
fn a_failure_whose_provider_breaks_off_is_followed_all_the_same() {
    for (steps, asked) in [
        (
            vec![step("one", json!({})), step("two", json!({}))],
            ["one", "two"],
        ),
        (
            vec![step("one", json!({"maxAttempts": 2, "retryDelay": 700}))],
            ["one", "one"],
        ),
    ] {
        let proxy = proxy();
        let mut call = universal(&proxy, "open", &steps);
        call.answer_head("503", &[]);
        call.answer_body(b"{\"err", false);
        call.break_off();
        if steps.len() == 1 {
            assert!(!call.attempts[1].is_sent(), "the pause is kept");
            assert_eq!(call.wait(), millis(700));
        }
        call.answer("200", &[], DONE);
        assert_eq!(call.client().0, 200);
        assert_eq!(call.asked(), asked);
        assert_eq!(call.finish().len(), steps.len());
    }
}

#[test]
fn a_provider_that_breaks_off_during_the_pause_does_not_shorten_it() {
    let proxy = proxy();
    let mut call = universal(
        &proxy,
        "open",
        &[step("one", json!({"maxAttempts": 2, "retryDelay": 700}))],
    );
    call.answer("503", &[], FAILED);
    proxy.host.advance(millis(200));
    call.break_off();
    assert!(!call.attempts[1].is_sent());
    assert_eq!(call.wait(), millis(500));
    call.answer("200", &[], DONE);
    assert_eq!(facts(&call.finish()), [(0, 200, "answered")]);
}

#[test]
fn a_stream_that_breaks_off_after_it_began_is_not_asked_for_again() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2})));
    let mut call = universal(&proxy, "open", &steps);
    call.answer_head("200", &[("content-type", SSE)]);
    call.answer_body(b"data: {}\n\n", false);
    assert_eq!(
        call.client(),
        (200, "data: {}\n\n".to_owned()),
        "it streams"
    );
    call.break_off();
    assert_eq!(call.asked(), ["one"]);
    assert_eq!(facts(&call.records()), [(0, 200, "cut")]);
}
