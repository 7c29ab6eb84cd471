//! What else the record says of the answer.

use super::*;

#[test]
fn what_is_not_read_says_why() {
    let record = headed("200", &[("content-encoding", "br")], b"\x8b\x02\x80{}\x03");
    assert_eq!(record["usage_unread"], "content-encoding br is not read");
    assert_eq!(record["usage_metadata"], json!(null));
}

#[test]
fn the_head_of_the_answer_names_the_call_its_quotas_and_its_error() {
    let fields = [
        ("cf-ray", "8f-FRA"),
        ("x-request-id", "req_1"),
        ("x-ratelimit-remaining-requests", "59"),
        ("retry-after", "2"),
    ];
    let body = br#"{"error":{"type":"requests","code":"rate_limit_exceeded"}}"#;
    let record = headed("429", &fields, body);
    assert_eq!(record["upstream_request_id"], "req_1");
    let quotas = json!({"x-ratelimit-remaining-requests": "59", "retry-after": "2"});
    assert_eq!(record["rate_limits"], quotas);
    assert_eq!(record["error_type"], "requests");
    let record = headed("200", &fields[..1], br#"{"id":"chatcmpl-1"}"#);
    assert_eq!(record["upstream_request_id"], "chatcmpl-1");
    assert_eq!(record["rate_limits"], json!(null));
    assert_eq!(
        headed("200", &fields[..1], b"{}")["upstream_request_id"],
        "8f-FRA"
    );
    let fields = [("x-amzn-errortype", "ThrottlingException:http://x/")];
    assert_eq!(
        headed("429", &fields, b"{}")["error_type"],
        "ThrottlingException"
    );
}

#[test]
fn the_usage_of_a_cut_stream_is_partial() {
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[], QUESTION);
    let fields = [(":status", "200"), ("content-type", SSE)];
    call.on(Event::ResponseHead {
        headers: list(&fields),
        end: false,
        local: false,
    });
    let start = br#"data: {"type":"message_start","message":{"model":"claude-haiku-4-5","usage":{"input_tokens":10,"output_tokens":1}}}"#;
    call.on(answer_event(start, false));
    call.on(answer_event(b"\n\n", false));
    let record = call.done(0, true);
    assert_eq!(
        (&record["usage_partial"], &record["tokens_in"]),
        (&json!(true), &json!(10))
    );
    assert_eq!(priced("{}", ANSWER)["usage_partial"], json!(false));
}

#[test]
fn the_record_names_every_model_and_every_field_of_the_contract() {
    let mut call = Proxy::new().stream();
    call.ask(OPENAI, &[], r#"{"model":"gpt-5","service_tier":"flex"}"#);
    let answer = br#"{"model":"gpt-5-2025-08-07","service_tier":"default","usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    call.answer("200", JSON, &[answer]);
    let record = call.done(0, false);
    for (name, value) in [
        ("model", json!("gpt-5-2025-08-07")),
        ("model_asked", json!("gpt-5")),
        ("model_answered", json!("gpt-5-2025-08-07")),
        ("model_billed", json!("gpt-5-2025-08-07")),
        ("model_type", json!("text")),
        ("service_tier", json!("default")),
        ("cost_source", json!("prices")),
        ("byok", json!(false)),
        ("wholesale", json!(false)),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    for name in [
        "feedback",
        "score",
        "location",
        "dlp_action",
        "dlp_profiles",
        "prompts",
        "guardrails",
    ] {
        assert_eq!(record.get(name), Some(&json!(null)), "{name}");
    }
}
