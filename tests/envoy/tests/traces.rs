//! Promise: calls come to a collector as spans, in the trace of the caller.

use serde_json::{Value, json};
use sluice_e2e::{Seen, eventually, sample};

use crate::export::{id_of, start_with};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// The spans of a gateway's own collector.
fn spans_of(requests: &[Seen]) -> Vec<Value> {
    let spans = |request: &Seen| {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        body["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .cloned()
    };
    requests.iter().filter_map(spans).flatten().collect()
}

#[tokio::test]
async fn a_gateways_calls_come_to_its_collector_as_spans_of_the_callers_trace() {
    let otel = json!([{"url": "https://otel.test/v1/traces", "cluster": "sink", "headers": {"x-team": "t"},
        "authorization": "TOKEN"}]);
    let gateway = start_with(&json!({"gateways": [
        {"id": "g", "collect_log_payload": true, "otel": otel}, {"id": "h"}]}));
    let sink = gateway.fake.unnamed(sluice_e2e::Answer::json(
        200,
        &json!({"partialSuccess": {}}),
    ));
    let case = gateway.fake.case(sample::chat());
    let ask = |id: &str| {
        let call = gateway
            .post(&format!("/v1/0123/{id}/openai/chat/completions"))
            .case(&case);
        call.json(&sample::ask(case.id()))
    };
    id_of(ask("h")).await;
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let log_id = id_of(ask("g").header("traceparent", &parent)).await;
    id_of(
        ask("g")
            .header("cf-aig-otel-trace-id", TRACE)
            .header("cf-aig-otel-parent-span-id", SPAN),
    )
    .await;
    let spans = eventually("two spans", || {
        Some(spans_of(&sink.seen())).filter(|spans| spans.len() == 2)
    })
    .await;
    for span in &spans {
        assert_eq!(
            (&span["traceId"], &span["parentSpanId"]),
            (&json!(TRACE), &json!(SPAN))
        );
        assert_eq!(span["name"], "cf.aig.request");
    }
    // Which worker's came first is chance.
    let is_it = |span: &&Value| attribute(span, "cf.aig.log.id")["stringValue"] == log_id.as_str();
    let span = spans.iter().find(is_it).unwrap();
    check_first(&sink.seen()[0], span, case.id());
    // The provider sees the caller's header, none of ours.
    let seen = case.seen();
    assert_eq!(seen[1].header("traceparent"), Some(parent));
    assert!(seen.iter().all(|it| {
        it.headers
            .iter()
            .all(|(name, _)| !name.starts_with("cf-aig"))
    }));
}

fn attribute(span: &Value, name: &str) -> Value {
    let all = span["attributes"].as_array().unwrap();
    all.iter().find(|it| it["key"] == name).unwrap()["value"].clone()
}

/// What the collector got first says who made it, and what was asked and answered.
fn check_first(request: &Seen, span: &Value, question: &str) {
    let attribute = |name: &str| attribute(span, name);
    assert_eq!(attribute("gen_ai.usage.input_tokens")["intValue"], "11");
    assert!(
        attribute("gen_ai.input.messages")["stringValue"]
            .as_str()
            .unwrap()
            .contains(question)
    );
    assert!(
        attribute("gen_ai.completion_json")["stringValue"]
            .as_str()
            .unwrap()
            .contains("Hello")
    );
    assert_eq!(request.path, "/v1/traces");
    for (name, value) in [
        ("host", "otel.test"),
        ("content-type", "application/json"),
        ("x-team", "t"),
        ("authorization", "Bearer secret-token"),
    ] {
        assert_eq!(request.header(name).as_deref(), Some(value), "{name}");
    }
}
