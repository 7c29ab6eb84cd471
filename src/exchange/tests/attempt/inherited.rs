//! What steps have of the call around them, and what they do not.

use super::*;

#[test]
fn a_call_has_one_event_whatever_its_steps_say() {
    let proxy = proxy();
    let mut steps = ["one", "two"].map(|name| step(name, json!({})));
    steps[0]["headers"]["cf-aig-event-id"] = json!("of-one");
    for fields in [&[("cf-aig-event-id", "of-the-call")][..], &[]] {
        let mut call = universal_with(&proxy, "open", &steps, fields);
        call.answer("503", &[], FAILED);
        call.answer("200", &[], DONE);
        let told = call.told("cf-aig-event-id").unwrap();
        if !fields.is_empty() {
            assert_eq!(told, "of-the-call");
        }
        for record in call.finish() {
            assert_eq!(record["event_id"], told);
        }
    }
}

#[test]
fn a_step_that_names_a_route_keeps_its_word_on_retries() {
    let proxy = proxy();
    let mut step = step("one", json!({"requestTimeout": 700, "maxAttempts": 3}));
    step["provider"] = json!("compat");
    step["endpoint"] = json!("chat/completions");
    step["query"]["model"] = json!("dynamic/plan");
    let mut call = universal(&proxy, "open", &[step]);
    let timeout = "x-envoy-upstream-rq-per-try-timeout-ms";
    assert_eq!(call.seen().text(timeout), "700");
    // The model's own word on attempts is above it.
    call.answer("503", &[], FAILED);
    assert_eq!(call.attempts.len(), 1);
    assert_eq!(call.finish().len(), 1);
}

#[test]
fn trailers_of_a_list_go_to_nobody() {
    let proxy = proxy();
    let body = json!([step("one", json!({}))]).to_string();
    for (path, body, drops) in [
        (UNIVERSAL, body.as_str(), true),
        ("/v1/acc/keen/openai/chat/completions", QUESTION, false),
    ] {
        let mut call = Call::begin(&proxy, path, &[]);
        call.send(body.as_bytes(), false);
        call.outer.on(Event::RequestTrailers);
        assert_eq!(call.outer.drops_trailers, drops, "{path}");
    }
}

#[test]
fn an_alias_of_the_request_holds_where_a_provider_has_it_and_a_steps_own_must() {
    let proxy = proxy();
    let mut steps = ["one", "pooled", "four"].map(|name| step(name, json!({})));
    for step in &mut steps {
        step["headers"] = json!({});
    }
    let fields = [("cf-aig-byok-alias", "stored")];
    let mut call = universal_with(&proxy, "open", &steps, &fields);
    assert!(!call.seen().head.contains("authorization"));
    call.answer("404", &[], FAILED);
    assert_eq!(call.seen().text("authorization"), "Bearer a-stored");
    call.answer("404", &[], FAILED);
    assert_eq!(call.seen().text("x-four-key"), "four-stored");
    call.answer("200", &[], DONE);
    assert_eq!(call.finish().len(), 3);
    // In a unified step too.
    steps[1]["provider"] = json!("compat");
    steps[1]["endpoint"] = json!("chat/completions");
    steps[1]["query"]["model"] = json!("custom-pooled/m");
    let mut call = universal_with(&proxy, "open", &steps[1..], &fields);
    assert_eq!(call.seen().text("authorization"), "Bearer a-stored");
    call.answer("200", &[], DONE);
    call.finish();
    steps[1]["headers"]["cf-aig-byok-alias"] = json!("stored");
    let call = universal_with(&proxy, "open", &steps[1..], &[]);
    assert_eq!(call.refusal(), (400, Some(2040)));
}
