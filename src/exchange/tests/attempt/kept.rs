//! Records and stored answers that a failed attempt must not spoil.

use super::*;

fn two(config: Value) -> [Value; 2] {
    ["one", "two"].map(|name| step(name, config.clone()))
}

fn routed<'p>(proxy: &'p Proxy, name: &str) -> Call<'p> {
    let body = json!({"model": format!("dynamic/{name}"), "messages": []}).to_string();
    let fields = [("cf-aig-metadata", r#"{"plan":"free"}"#)];
    Call::ask(
        proxy,
        "/v1/acc/open/compat/chat/completions",
        &fields,
        &body,
    )
}

#[test]
fn a_provider_cannot_make_a_stored_answer_ask_again() {
    let proxy = proxy();
    let mut first = universal(&proxy, "cached", &two(json!({})));
    first.answer("200", &[("x-sluice-retry", "1")], DONE);
    first.finish();
    let again = universal(&proxy, "cached", &two(json!({})));
    assert_eq!(again.attempts.len(), 1);
    assert_eq!((again.client().0, again.asked().len()), (200, 0));
}

#[test]
fn what_an_attempt_was_told_is_not_said_of_the_next_one() {
    let usage = br#"{"error":{"type":"overloaded_error"},"model":"m","usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    for answers in [false, true] {
        let proxy = proxy();
        let mut call = universal(
            &proxy,
            "open",
            &two(json!({"maxAttempts": 2, "retryDelay": 0})),
        );
        if answers {
            call.answer("503", &[("x-request-id", "first")], usage);
        } else {
            call.no_answer();
        }
        call.leave(true);
        let records = call.records();
        assert_eq!(facts(&records), [(0, 499, "client_gone")]);
        let record = &records[0];
        assert_eq!(record["complete"], false);
        for name in [
            "tokens_in",
            "tokens_out",
            "error_type",
            "model_answered",
            "upstream_request_id",
            "usage_metadata",
            "cost",
            "error_code",
        ] {
            assert_eq!(record[name], json!(null), "{name}");
        }
        assert_eq!(record["response_size"], 0);
    }
}

#[test]
fn the_records_of_a_routes_models_have_ids_of_their_own() {
    let proxy = proxy();
    let mut call = routed(&proxy, "plan");
    call.answer("503", &[], FAILED);
    call.answer("200", &[], DONE);
    let told = call.told("cf-aig-log-id");
    let records = call.finish();
    assert_ne!(records[0]["id"], records[1]["id"]);
    assert_eq!(records[1]["id"].as_str(), told.as_deref());
}

#[test]
fn a_body_that_ends_while_a_failure_is_heard_out_in_vain_is_counted() {
    let proxy = proxy();
    let mut call = Call::begin(&proxy, "/v1/acc/keen/openai/chat/completions", &[]);
    let (begin, end) = QUESTION.split_at(30);
    call.send(begin.as_bytes(), false);
    call.answer_head("429", &[]);
    call.send(end.as_bytes(), true);
    call.answer_body(br#"{"error":{"code":"insufficient_quota"}}"#, true);
    assert_eq!(call.client().0, 429);
    let records = call.finish();
    assert_eq!(records[0]["request_size"], QUESTION.len());
}

#[test]
fn a_limit_met_on_the_way_to_a_fallback_does_not_rewrite_the_failed_steps_record() {
    let proxy = proxy();
    let mut first = routed(&proxy, "quota");
    first.answer("200", &[], DONE);
    first.finish();
    let mut dynamic = step("one", json!({}));
    dynamic["provider"] = json!("compat");
    dynamic["query"]["model"] = json!("dynamic/quota");
    let mut call = universal(&proxy, "open", &[step("three", json!({})), dynamic]);
    call.answer("503", &[], FAILED);
    assert_eq!(call.refusal(), (429, Some(2003)));
    let records = call.finish();
    assert_eq!(records[0]["request_size"], query("three").to_string().len());
    assert_eq!(
        (&records[0]["provider"], &records[0]["status_code"]),
        (&json!("custom-three"), &json!(503))
    );
}

#[test]
fn a_fallback_that_is_the_end_follows_nothing() {
    let proxy = proxy();
    let mut call = routed(&proxy, "ended");
    call.answer_head("503", &[]);
    assert_eq!(call.client().0, 503, "it passes as it comes");
    call.answer_body(FAILED, true);
    assert_eq!((call.asked().len(), call.finish().len()), (1, 1));
}

#[test]
fn a_client_that_leaves_during_the_pause_was_told_nothing() {
    for answers in [false, true] {
        let proxy = proxy();
        let mut call = universal(
            &proxy,
            "open",
            &two(json!({"maxAttempts": 2, "retryDelay": 500})),
        );
        if answers {
            call.answer("503", &[], FAILED);
        } else {
            call.no_answer();
        }
        call.leave(true);
        let records = call.records();
        assert_eq!(facts(&records), [(0, 499, "client_gone")]);
        assert_eq!(
            (&records[0]["complete"], &records[0]["error_code"]),
            (&json!(false), &json!(null))
        );
    }
}
