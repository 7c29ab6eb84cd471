//! The gateway's rate limit: a call counts once, whatever it takes to answer it.

use super::*;

fn steps() -> [Value; 2] {
    ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2, "retryDelay": 0})))
}

#[test]
fn a_call_counts_once_for_all_its_attempts() {
    let proxy = proxy();
    let mut call = universal(&proxy, "limited", &steps());
    for _ in 0..3 {
        call.answer("503", &[], FAILED);
    }
    call.answer("200", &[], DONE);
    assert_eq!((call.client().0, call.asked().len()), (200, 4));
    call.finish();
}

#[test]
fn a_call_over_the_limit_is_refused_with_the_envelope_and_recorded_once() {
    let proxy = proxy();
    let mut first = universal(&proxy, "limited", &steps());
    first.answer("200", &[], DONE);
    first.finish();
    let mut second = universal(&proxy, "limited", &steps());
    assert_eq!(second.refusal(), (429, Some(2003)));
    assert!(second.asked().is_empty(), "and nothing was sent");
    assert_eq!(second.told("cf-aig-step").as_deref(), Some("0"));
    assert!(second.told("retry-after").is_some());
    let records = second.finish();
    assert_eq!(facts(&records), [(0, 429, "refused")]);
    assert_eq!(records[0]["error_code"], 2003);
    assert_eq!(records[0]["request_size"], query("one").to_string().len());
}

#[test]
fn an_answer_from_the_cache_does_not_count() {
    let proxy = proxy();
    let keyed = ["one", "two"].map(|name| {
        let mut step = step(name, json!({}));
        step["headers"]["cf-aig-cache-key"] = json!(format!("key-{name}"));
        step
    });
    let mut first = universal(&proxy, "limited", &keyed);
    first.answer("200", &[], DONE);
    first.finish();
    for _ in 0..3 {
        let mut again = universal(&proxy, "limited", &keyed);
        assert_eq!(again.told("cf-aig-cache-status").as_deref(), Some("HIT"));
        assert_eq!(facts(&again.finish()), [(0, 200, "cached")]);
    }
}

const SPENT: &str = r#"data: {"id":"c","model":"pooled-model","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;
const SILENT: &str =
    r#"data: {"id":"c","model":"pooled-model","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;

/// Whether a route with a limit in USD refuses the call after a stream of that event, which breaks off or not.
fn refuses_after(event: &str, is_cut: bool) -> bool {
    let proxy = proxy();
    let body = json!({"model": "dynamic/costly", "stream": true, "messages": []}).to_string();
    let ask = || Call::ask(&proxy, "/v1/acc/open/compat/chat/completions", &[], &body);
    let mut call = ask();
    call.answer_head("200", &[("content-type", SSE)]);
    call.answer_body(format!("{event}\n\n").as_bytes(), false);
    if is_cut {
        call.break_off();
    } else {
        call.answer_body(b"data: [DONE]\n\n", true);
        call.finish();
    }
    ask().outer.reply.is_some()
}

#[test]
fn a_limit_in_usd_is_charged_what_a_stream_has_stated_even_if_it_was_cut() {
    assert!(refuses_after(SPENT, false));
    assert!(refuses_after(SPENT, true));
    assert!(
        !refuses_after(SILENT, false),
        "what is not stated is not known"
    );
}

#[test]
fn a_refusal_that_was_cut_off_before_it_arrived_is_what_the_next_attempt_says() {
    let proxy = proxy();
    let mut first = universal(&proxy, "limited", &steps());
    first.answer("200", &[], DONE);
    first.finish();
    let mut second = universal(&proxy, "limited", &steps());
    for again in 1..3 {
        second.attempt();
        let replies = [0, again].map(|at| second.attempts[at].stream.reply.clone().unwrap());
        assert_eq!(replies[0], replies[1]);
        assert_eq!(replies[1].status, 429);
    }
}
