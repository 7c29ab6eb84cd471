//! What of a call each provider is shown, and what is recorded of each step.

use super::*;

/// Two failures and a winner, each at its own provider.
fn three(proxy: &Proxy) -> Call<'_> {
    let steps = ["one", "two", "three"].map(|name| step(name, json!({})));
    let request = [
        ("authorization", "Bearer whole-call"),
        ("cookie", "whole=call"),
        ("x-whole", "call"),
        ("cf-aig-event-id", "event-1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("cf-aig-metadata", r#"{"plan":"free"}"#),
        ("user-agent", "client/1"),
        ("x-envoy-retry-on", "5xx"),
    ];
    let mut call = universal_with(proxy, "open", &steps, &request);
    call.answer(
        "503",
        &[("x-request-id", "first"), ("set-cookie", "of=one")],
        FAILED,
    );
    call.answer("401", &[], FAILED);
    call.answer("200", &[("x-request-id", "third")], DONE);
    call
}

#[test]
fn each_provider_is_sent_its_own_request_and_nothing_of_another_step() {
    let proxy = proxy();
    let call = three(&proxy);
    assert_eq!(call.asked(), ["one", "two", "three"]);
    for (attempt, name) in call.attempts.iter().zip(["one", "two", "three"]) {
        let seen = attempt.seen();
        let host = format!("{name}.example.com");
        assert_eq!(seen.text(":authority"), host);
        assert_eq!(
            seen.text(":path"),
            format!("/api/chat/completions?for={name}")
        );
        assert_eq!(seen.text("x-sluice-cluster"), format!("custom-{name}"));
        assert_eq!(seen.text("authorization"), format!("Bearer {name}-key"));
        assert_eq!(seen.text("x-of"), name);
        assert_eq!(seen.text("user-agent"), "client/1");
        assert_eq!(seen.text("content-length"), seen.body.len().to_string());
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(body, query(name));
        let all: String = seen
            .head
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)))
            .collect();
        for others in ["one", "two", "three"]
            .iter()
            .filter(|other| **other != name)
        {
            assert!(!all.contains(others), "{all}");
        }
        // The hop's router takes the time limit away.
        let all = all.replace("x-envoy-upstream-rq-per-try-timeout-ms: 300010", "");
        for foreign in [
            "whole",
            "cf-aig-",
            "x-sluice-call",
            "x-sluice-retry",
            "x-envoy-",
        ] {
            assert!(!all.contains(foreign), "{foreign} in {all}");
        }
    }
}

#[test]
fn the_winner_answers_with_its_step_and_the_others_leave_no_trace() {
    let proxy = proxy();
    let call = three(&proxy);
    assert_eq!(
        call.client(),
        (200, String::from_utf8(DONE.to_vec()).unwrap())
    );
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("2"));
    assert_eq!(call.told("cf-aig-event-id").as_deref(), Some("event-1"));
    assert_eq!(call.told("x-request-id").as_deref(), Some("third"));
    assert_eq!(
        (call.told("set-cookie"), call.told("x-sluice-retry")),
        (None, None)
    );
}

#[test]
fn each_step_has_one_record_of_its_own_tied_by_the_event() {
    let proxy = proxy();
    let mut call = three(&proxy);
    let winner = call.told("cf-aig-log-id");
    let records = call.finish();
    assert_eq!(
        facts(&records),
        [
            (0, 503, "answered"),
            (1, 401, "answered"),
            (2, 200, "answered")
        ]
    );
    for (record, name) in records.iter().zip(["one", "two", "three"]) {
        assert_eq!(record["event_id"], "event-1");
        assert_eq!(record["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(record["parent_span_id"], "b7ad6b7169203331");
        assert_eq!(record["provider"], format!("custom-{name}"));
        assert_eq!(record["model_asked"], format!("{name}-model"));
        assert_eq!(record["request_type"], "universal");
        assert_eq!(record["metadata"], json!({"plan": "free"}));
        assert_eq!(record["request_size"], query(name).to_string().len());
    }
    let mut ids: Vec<_> = records
        .iter()
        .map(|record| record["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.last().copied(), winner.as_deref());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(records[2]["tokens_out"], 7);
    assert_eq!(records[0]["tokens_out"], json!(null));
}

#[test]
fn the_bodies_of_the_steps_do_not_go_over_the_hop() {
    let proxy = proxy();
    let call = universal(&proxy, "open", &[step("one", json!({}))]);
    assert_eq!(call.outer.asked.as_deref(), Some(&b"{}"[..]));
}

#[test]
fn the_gateways_credential_lets_in_the_call_and_is_shown_to_no_provider() {
    let proxy = proxy();
    let steps = [step("one", json!({}))];
    for name in ["cf-aig-authorization", "authorization"] {
        let fields = [(name, "Bearer demo-token")];
        let call = universal_with(&proxy, "locked", &steps, &fields);
        let seen = call.seen();
        let value = seen
            .head
            .iter()
            .map(|(_, value)| String::from_utf8_lossy(value));
        assert!(
            value
                .collect::<Vec<_>>()
                .iter()
                .all(|value| !value.contains("demo-token"))
        );
    }
    let mut call = universal(&proxy, "locked", &steps);
    assert_eq!(
        (call.refusal(), call.attempts.len()),
        ((401, Some(2009)), 0)
    );
    assert_eq!(call.finish().len(), 1);
}

#[test]
fn a_setting_of_a_step_holds_for_that_step_alone() {
    let proxy = proxy();
    let mut steps = ["one", "two"].map(|name| step(name, json!({})));
    steps[0]["headers"]["cf-aig-collect-log"] = json!("false");
    steps[1]["headers"]["cf-aig-metadata"] = json!({"of": "two"});
    let fields = [("cf-aig-metadata", r#"{"of":"all"}"#)];
    let mut call = universal_with(&proxy, "open", &steps, &fields);
    call.answer("500", &[], FAILED);
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(facts(&records), [(1, 200, "answered")]);
    assert_eq!(records[0]["metadata"], json!({"of": "two"}));
}

#[test]
fn the_plan_is_forgotten_with_the_call() {
    let proxy = proxy();
    let mut call = universal(&proxy, "open", &[step("one", json!({}))]);
    let id = call.seen();
    let edits = call.outer.upstream.clone().unwrap();
    let plan = edits.iter().find_map(|edit| match edit {
        Edit::Set(name, value) if name == "x-sluice-call" => Some(value.clone()),
        Edit::Set(..) | Edit::Remove(_) => None,
    });
    let plan = plan.unwrap();
    assert!(!id.head.contains("x-sluice-call"));
    assert!(proxy.worker.calls.find(&plan).is_some());
    call.answer("200", &[], DONE);
    assert!(proxy.worker.calls.find(&plan).is_some());
    call.finish();
    assert!(proxy.worker.calls.find(&plan).is_none());
}
