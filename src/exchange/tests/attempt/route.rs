//! Dynamic routes: the model is chosen by the call, and another one follows when it fails.

use super::*;

fn ask<'p>(proxy: &'p Proxy, name: &str, plan: &str) -> Call<'p> {
    let body = json!({"model": format!("dynamic/{name}"), "messages": [{"role": "user", "content": "hi"}]});
    let metadata = json!({ "plan": plan }).to_string();
    let fields = [
        ("cf-aig-metadata", metadata.as_str()),
        ("authorization", "Bearer key"),
    ];
    Call::ask(
        proxy,
        "/v1/acc/open/compat/chat/completions",
        &fields,
        &body.to_string(),
    )
}

fn chosen(call: &Call<'_>) -> (Option<String>, Option<String>) {
    (call.told("cf-aig-provider"), call.told("cf-aig-model"))
}

#[test]
fn the_call_chooses_its_model_and_the_client_is_told_which() {
    for (plan, name) in [("free", "one"), ("paid", "two")] {
        let proxy = proxy();
        let mut call = ask(&proxy, "plan", plan);
        assert_eq!(call.asked(), [name]);
        let body: Value = serde_json::from_str(&call.seen().body).unwrap();
        assert_eq!(body["model"], format!("{name}-model"));
        assert_eq!(
            call.seen().text("content-length"),
            call.seen().body.len().to_string()
        );
        call.answer("200", &[], DONE);
        let expected = (
            Some(format!("custom-{name}")),
            Some(format!("{name}-model")),
        );
        assert_eq!(chosen(&call), expected);
        let records = call.finish();
        assert_eq!(facts(&records), [(0, 200, "answered")]);
        assert_eq!(records[0]["provider"], format!("custom-{name}"));
        assert_eq!(records[0]["model_asked"], format!("{name}-model"));
    }
}

#[test]
fn when_a_model_fails_its_fallback_answers() {
    let proxy = proxy();
    let mut call = ask(&proxy, "plan", "free");
    call.answer("503", &[], FAILED);
    call.answer("200", &[], DONE);
    assert_eq!(call.asked(), ["one", "two"]);
    assert_eq!(
        chosen(&call),
        (Some("custom-two".into()), Some("two-model".into()))
    );
    let records = call.finish();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["event_id"], records[1]["event_id"]);
    assert_eq!(
        (&records[0]["provider"], &records[1]["provider"]),
        (&json!("custom-one"), &json!("custom-two"))
    );
}

#[test]
fn a_model_without_a_fallback_is_the_last() {
    let proxy = proxy();
    let mut call = ask(&proxy, "plan", "paid");
    call.answer("503", &[], FAILED);
    assert_eq!((call.client().0, call.asked().len()), (503, 1));
    assert_eq!(chosen(&call).0.as_deref(), Some("custom-two"));
    assert_eq!(call.finish().len(), 1);
}

#[test]
fn a_client_that_is_to_blame_is_told_so_by_the_first_model() {
    let proxy = proxy();
    let mut call = ask(&proxy, "plan", "free");
    call.answer("400", &[], FAILED);
    assert_eq!((call.client().0, call.asked().len()), (400, 1));
    call.finish();
}

#[test]
fn a_limit_without_a_fallback_refuses_the_call_over_it() {
    let proxy = proxy();
    let mut first = ask(&proxy, "quota", "free");
    first.answer("200", &[], DONE);
    first.finish();
    let mut second = ask(&proxy, "quota", "free");
    assert_eq!(second.refusal(), (429, Some(2003)));
    assert!(second.told("retry-after").is_some() && second.attempts.is_empty());
    let records = second.finish();
    assert_eq!(facts(&records), [(0, 429, "refused")]);
    proxy.host.advance(Duration::from_mins(2));
    assert_eq!(
        ask(&proxy, "quota", "free").asked(),
        ["one"],
        "the window is over"
    );
}

#[test]
fn a_limit_with_a_fallback_leads_to_another_model() {
    let proxy = proxy();
    assert_eq!(ask(&proxy, "spill", "free").asked(), ["one"]);
    assert_eq!(ask(&proxy, "spill", "free").asked(), ["two"]);
}

#[test]
fn a_way_to_the_end_without_a_model_is_refused() {
    let proxy = proxy();
    let mut call = ask(&proxy, "narrow", "paid");
    assert_eq!(
        (call.refusal(), call.attempts.len()),
        ((400, Some(2005)), 0)
    );
    assert_eq!(facts(&call.finish()), [(0, 400, "refused")]);
    assert_eq!(ask(&proxy, "narrow", "free").asked(), ["one"]);
}

#[test]
fn an_unknown_route_is_refused() {
    let proxy = proxy();
    let mut call = ask(&proxy, "nowhere", "free");
    assert_eq!(
        (call.refusal(), call.attempts.len()),
        ((400, Some(2907)), 0)
    );
    assert_eq!(call.finish().len(), 1);
}

fn compat(model: &str) -> Value {
    let mut step = step("one", json!({}));
    step["provider"] = json!("compat");
    step["query"]["model"] = json!(model);
    step
}

#[test]
fn a_compat_step_goes_to_the_provider_that_its_model_names() {
    let proxy = proxy();
    let steps = [
        step("three", json!({})),
        compat("custom-four/big"),
        compat("dynamic/plan"),
    ];
    let mut call = universal(&proxy, "open", &steps);
    call.answer("503", &[], FAILED);
    assert_eq!(call.seen().text(":authority"), "four.example.com");
    assert_eq!(call.seen().text("authorization"), "Bearer one-key");
    let body: Value = serde_json::from_str(&call.seen().body).unwrap();
    assert_eq!(body["model"], "big");
    call.answer("503", &[], FAILED);
    assert_eq!(
        call.asked(),
        ["three", "four", "two"],
        "and a route in a step is walked"
    );
    call.answer("200", &[], DONE);
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("2"));
    assert_eq!(chosen(&call).1.as_deref(), Some("two-model"));
    let records = call.finish();
    assert_eq!(
        facts(&records),
        [
            (0, 503, "answered"),
            (1, 503, "answered"),
            (2, 200, "answered")
        ]
    );
}
