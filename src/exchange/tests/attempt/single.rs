//! A call of one provider that may be tried again, with the body that the client sends.

use super::*;

const CHAT: &str = "/v1/acc/keen/openai/chat/completions";

#[test]
fn a_body_that_streams_goes_on_as_it_comes() {
    let proxy = proxy();
    let mut call = Call::begin(
        &proxy,
        CHAT,
        &[
            ("authorization", "Bearer key"),
            ("transfer-encoding", "chunked"),
        ],
    );
    assert!(call.attempts[0].is_sent(), "the body is not waited for");
    assert!(call.outer.asked.is_none());
    let (begin, end) = QUESTION.split_at(30);
    call.send(begin.as_bytes(), false);
    assert_eq!(call.seen().body, begin);
    call.send(end.as_bytes(), true);
    let seen = call.seen();
    assert_eq!(seen.body, QUESTION);
    assert_eq!(seen.text(":authority"), "api.openai.com");
    assert_eq!(seen.text(":path"), "/v1/chat/completions");
    assert_eq!(seen.text("authorization"), "Bearer key");
    assert!(!seen.head.contains("content-length"));
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 200, "answered")]);
    assert_eq!(records[0]["request_size"], QUESTION.len());
    assert_eq!(records[0]["request_type"], "provider");
}

#[test]
fn each_attempt_is_sent_the_same_request() {
    let proxy = proxy();
    let mut call = Call::begin(&proxy, CHAT, &[("authorization", "Bearer key")]);
    let (begin, end) = QUESTION.split_at(30);
    call.send(begin.as_bytes(), false);
    call.send(end.as_bytes(), true);
    call.answer("503", &[], FAILED);
    call.no_answer();
    call.answer("200", &[], DONE);
    assert_eq!(call.client().0, 200);
    let heads: Vec<_> = call
        .attempts
        .iter()
        .map(|attempt| attempt.seen().head)
        .collect();
    assert_eq!((&heads[0], &heads[0]), (&heads[1], &heads[2]));
    assert!(
        call.attempts
            .iter()
            .all(|attempt| attempt.seen().body == QUESTION)
    );
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 200, "answered")]);
    assert_eq!(records[0]["failed_attempts"].as_array().unwrap().len(), 2);
    assert_eq!(records[0]["request_size"], QUESTION.len());
}

#[test]
fn a_failure_before_the_whole_body_has_come_is_followed_with_the_whole_body() {
    let proxy = proxy();
    let mut call = Call::begin(&proxy, CHAT, &[]);
    let (begin, end) = QUESTION.split_at(30);
    call.send(begin.as_bytes(), false);
    call.answer("503", &[], FAILED);
    assert_eq!(call.seen().body, begin);
    call.send(end.as_bytes(), true);
    assert_eq!(call.seen().body, QUESTION);
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 200, "answered")]);
    assert_eq!(records[0]["request_size"], QUESTION.len());
}

#[test]
fn headers_of_the_gateway_do_not_reach_the_provider() {
    let proxy = proxy();
    let fields = [
        ("cf-aig-authorization", "Bearer demo-token"),
        ("cf-aig-max-attempts", "2"),
        ("authorization", "Bearer key"),
        ("x-envoy-max-retries", "99"),
        ("x-sluice-call", "guess"),
        ("x-sluice-retry", "1"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-own", "kept"),
    ];
    let call = Call::ask(&proxy, &CHAT.replace("keen", "locked"), &fields, QUESTION);
    let seen = call.seen();
    for (name, _) in seen.head.iter() {
        let is_ours = ["cf-aig-", "x-envoy-", "x-sluice-call", "x-sluice-retry"];
        assert!(!is_ours.iter().any(|ours| name.starts_with(ours)), "{name}");
    }
    assert_eq!(
        (seen.text("authorization"), seen.text("x-own")),
        ("Bearer key", "kept")
    );
    let cookies: Vec<_> = seen.head.values("cookie").collect();
    assert_eq!(cookies, [&b"a=1"[..], b"b=2"]);
}

#[test]
fn a_call_of_one_attempt_takes_no_detour() {
    let proxy = proxy();
    for fields in [&[][..], &[("cf-aig-max-attempts", "1")]] {
        let mut stream = proxy.stream();
        stream.ask("/v1/acc/open/openai/chat/completions", fields, QUESTION);
        let edits = stream.upstream.as_ref().unwrap();
        let cluster = Edit::Set("x-sluice-cluster".into(), b"openai".to_vec());
        assert!(edits.contains(&cluster));
        stream.answer("200", JSON, &[DONE]);
        stream.done(0, false);
    }
}

#[test]
fn a_unified_call_is_tried_again_with_the_body_written_for_its_provider() {
    let proxy = proxy();
    let body = r#"{"messages":[],"model":"openai/gpt-4o-mini"}"#;
    let mut call = Call::ask(
        &proxy,
        &CHAT.replace("openai", "compat"),
        &[("authorization", "Bearer key")],
        body,
    );
    call.answer("503", &[], FAILED);
    call.answer("200", &[], DONE);
    assert_eq!(call.attempts.len(), 2);
    for attempt in &call.attempts {
        let seen = attempt.seen();
        assert_eq!(seen.body, r#"{"messages":[],"model":"gpt-4o-mini"}"#);
        assert_eq!(seen.text("content-length"), seen.body.len().to_string());
        assert_eq!(seen.text(":authority"), "api.openai.com");
    }
    assert_eq!(facts(&call.finish()), [(0, 200, "answered")]);
}

#[test]
fn a_stream_keeps_flowing_after_a_failed_attempt() {
    let proxy = proxy();
    let mut call = Call::ask(&proxy, CHAT, &[], QUESTION);
    call.answer("529", &[], FAILED);
    call.answer_head("200", &[("content-type", SSE)]);
    assert_eq!(call.client(), (200, String::new()));
    call.answer_body(b"data: {\"model\":\"m\",\"choices\":[]}\n\n", false);
    assert!(
        call.client().1.starts_with("data: {"),
        "each event as it comes"
    );
    call.answer_body(b"data: [DONE]\n\n", false);
    call.answer_body(b"", true);
    assert!(call.client().1.ends_with("data: [DONE]\n\n"));
    assert_eq!(facts(&call.finish()), [(0, 200, "answered")]);
}
