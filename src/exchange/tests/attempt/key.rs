//! Stored keys that are turned away in a call of several attempts.

use super::*;
use crate::host::Host;

fn path(gateway: &str) -> String {
    format!("/v1/acc/{gateway}/custom-pooled/chat/completions")
}

fn ask<'p>(proxy: &'p Proxy, gateway: &str) -> Call<'p> {
    Call::ask(proxy, &path(gateway), &[], &query("pooled").to_string())
}

/// The key that the latest attempt was sent with.
fn key(call: &Call<'_>) -> String {
    let shown = call.seen().text("authorization").to_owned();
    shown.replace("Bearer ", "").replace("-stored", "")
}

/// A call that is turned away like this, and then answered.
fn turn_away(proxy: &Proxy, body: &str) {
    let mut call = ask(proxy, "keen");
    assert_eq!(key(&call), "a");
    call.answer("429", &[("content-type", JSON)], body.as_bytes());
    assert_eq!(key(&call), "b", "at once");
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(records[0]["byok_alias"], "b");
}

/// The key that a call would be sent with so many seconds later.
fn later(proxy: &Proxy, seconds: u64) -> String {
    proxy.host.advance(Duration::from_secs(seconds));
    let mut call = ask(proxy, "keen");
    let key = key(&call);
    call.answer("200", &[], DONE);
    call.finish();
    key
}

#[test]
fn a_key_rests_as_long_as_the_body_of_the_answer_says() {
    let proxy = proxy();
    let details =
        json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "120s"}]);
    turn_away(
        &proxy,
        &json!({"error": {"code": 429, "details": details}}).to_string(),
    );
    assert_eq!(later(&proxy, 100), "b");
    assert_eq!(later(&proxy, 30), "a");
}

#[test]
fn a_key_whose_quota_is_used_up_rests_as_one_that_was_refused() {
    let proxy = proxy();
    let error = json!({"type": "insufficient_quota", "code": "insufficient_quota"});
    turn_away(&proxy, &json!({ "error": error }).to_string());
    assert_eq!(later(&proxy, 200), "b");
    assert_eq!(later(&proxy, 110), "a");
    let plain = self::proxy();
    turn_away(&plain, r#"{"error":{"type":"requests"}}"#);
    assert_eq!(later(&plain, 31), "a");
}

#[test]
fn what_the_proxy_says_by_itself_is_no_reason_to_rest_a_key() {
    for status in ["401", "403", "429"] {
        let proxy = proxy();
        let mut call = ask(&proxy, "keen");
        assert_eq!(key(&call), "a");
        call.now().stream.task.cx.overrule();
        call.answer(status, &[], FAILED);
        if status == "429" {
            assert_eq!(key(&call), "a");
            call.answer("200", &[], DONE);
        }
        call.finish();
        let mut single = proxy.stream();
        single.ask(&path("open"), &[], &query("pooled").to_string());
        single.task.cx.overrule();
        single.answer(status, JSON, &[FAILED]);
        single.done(0, false);
        assert_eq!(later(&proxy, 1), "a", "{status}");
    }
}

#[test]
fn the_operator_is_told_how_a_key_fares_whatever_else_there_is_to_tell() {
    let proxy = proxy();
    proxy.worker.quiet.ends("", proxy.host.now());
    let mut call = ask(&proxy, "keen");
    call.answer("401", &[], FAILED);
    call.answer("200", &[], DONE);
    let told = call.attempts[0].stream.complaints.clone();
    assert_eq!(
        told,
        ["key a of custom-pooled rests for 300 s: its provider answered 401"]
    );
    call.finish();
    proxy.host.advance(Duration::from_secs(301));
    let mut call = ask(&proxy, "keen");
    call.answer("200", &[], DONE);
    let told = call.attempts[0].stream.complaints.clone();
    assert_eq!(told, ["key a of custom-pooled is well again"]);
    call.finish();
}
