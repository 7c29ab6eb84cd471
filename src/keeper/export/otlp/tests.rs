//! Spans of records: their ids, their times, and what they say.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn waiting(line: &Json, bodies: Option<(&str, &str)>) -> Waiting {
    let item = Item {
        created_ms: 1_790_000_000_000,
        line: line.to_string().into_bytes(),
        request: bodies.map(|it| it.0.into()),
        response: bodies.map(|it| it.1.into()),
    };
    Waiting {
        item: item.into(),
        bytes: 0,
        since: 0,
    }
}

fn spans_of(line: &Json, bodies: Option<(&str, &str)>) -> Vec<Json> {
    let spans = spans(&[waiting(line, bodies)], None);
    let request: Json = serde_json::from_slice(&json(&spans)).unwrap();
    let resource = &request["resourceSpans"][0];
    assert_eq!(
        resource["resource"]["attributes"][0]["value"]["stringValue"],
        "ai-gateway"
    );
    resource["scopeSpans"][0]["spans"]
        .as_array()
        .unwrap()
        .clone()
}

fn attribute(span: &Json, name: &str) -> Json {
    let all = span["attributes"].as_array().unwrap();
    let found: Vec<_> = all.iter().filter(|it| it["key"] == name).collect();
    assert!(found.len() < 2, "{name} twice");
    found.first().map_or(Json::Null, |it| it["value"].clone())
}

fn call() -> Json {
    json!({
        "id": "01a20fb2-10ca-7de1-ae37-2150f2d70d37", "event_id": "event", "provider": "openai", "model": "gpt-4o-2024",
        "model_asked": "gpt-4o", "model_answered": "gpt-4o-2024", "model_type": "text", "duration": 1500, "status_code": 200,
        "success": true, "outcome": "answered", "tokens_in": 11, "tokens_out": 7, "cost": 0.000125, "cached": false,
        "finish_reason": "stop", "gateway_id": "g", "step": 2, "timings": {"total": 1500, "latency": 40},
        "metadata": {"team": "search", "n": 5, "share": 0.5, "beta": true, "gen_ai.system": "x", "cf.aig.step": 9},
        "failed_attempts": [{"status_code": 503, "after": 100}, {"status_code": null, "after": 600}],
    })
}

#[test]
fn a_call_is_a_span_of_the_contract() {
    let span = &spans_of(&call(), None)[0];
    assert_eq!(
        (&span["name"], &span["kind"]),
        (&json!("cf.aig.request"), &json!(3))
    );
    assert_eq!(span["startTimeUnixNano"], "1790000000000000000");
    assert_eq!(span["endTimeUnixNano"], "1790000001500000000");
    assert_eq!((span.get("status"), span.get("parentSpanId")), (None, None));
    for (name, value) in [
        ("gen_ai.operation.name", json!({"stringValue": "chat"})),
        ("gen_ai.provider.name", json!({"stringValue": "openai"})),
        ("gen_ai.model.provider", json!({"stringValue": "openai"})),
        ("gen_ai.request.model", json!({"stringValue": "gpt-4o"})),
        (
            "gen_ai.response.model",
            json!({"stringValue": "gpt-4o-2024"}),
        ),
        ("gen_ai.usage.input_tokens", json!({"intValue": "11"})),
        ("gen_ai.usage.output_tokens", json!({"intValue": "7"})),
        ("gen_ai.usage.cost", json!({"doubleValue": 0.000_125})),
        (
            "gen_ai.response.finish_reasons",
            json!({"arrayValue": {"values": [{"stringValue": "stop"}]}}),
        ),
        ("http.response.status_code", json!({"intValue": "200"})),
        ("cf.aig.cached", json!({"boolValue": false})),
        ("cf.aig.step", json!({"intValue": "2"})),
        ("team", json!({"stringValue": "search"})),
        ("n", json!({"intValue": "5"})),
        ("share", json!({"doubleValue": 0.5})),
        ("beta", json!({"boolValue": true})),
        ("gen_ai.system", Json::Null),
        ("error.type", Json::Null),
    ] {
        assert_eq!(attribute(span, name), value, "{name}");
    }
}

#[test]
fn each_failed_attempt_is_a_span_below_it() {
    let spans = spans_of(&call(), None);
    assert_eq!(spans.len(), 3);
    for (span, (start, end, error)) in spans[1..].iter().zip([
        ("1790000000000000000", "1790000000100000000", "503"),
        ("1790000000100000000", "1790000000600000000", "no answer"),
    ]) {
        assert_eq!(span["parentSpanId"], spans[0]["spanId"]);
        assert_eq!(span["traceId"], spans[0]["traceId"]);
        assert_eq!(
            (&span["startTimeUnixNano"], &span["endTimeUnixNano"]),
            (&json!(start), &json!(end))
        );
        assert_eq!(span["status"], json!({"code": 2, "message": error}));
    }
    assert_ne!(spans[1]["spanId"], spans[2]["spanId"]);
}

#[test]
fn the_callers_trace_is_continued() {
    let mut call = call();
    call["trace_id"] = json!("0af7651916cd43dd8448eb211c80319c");
    call["parent_span_id"] = json!("b7ad6b7169203331");
    let span = &spans_of(&call, None)[0];
    assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
}

#[test]
fn without_one_the_steps_of_a_call_share_a_trace_and_other_calls_do_not() {
    let mut other = call();
    other["id"] = json!("another");
    let (first, second) = (&spans_of(&call(), None)[0], &spans_of(&other, None)[0]);
    assert_eq!(first["traceId"], second["traceId"]);
    assert_ne!(first["spanId"], second["spanId"]);
    assert_eq!(first, &spans_of(&call(), None)[0], "the same again");
    other["event_id"] = json!("another");
    assert_ne!(first["traceId"], spans_of(&other, None)[0]["traceId"]);
}

#[test]
fn a_failure_is_an_error() {
    for (fields, error) in [
        (
            json!({"error_type": "overloaded", "status_code": 529}),
            "overloaded",
        ),
        (json!({"status_code": 429, "outcome": "refused"}), "429"),
        (
            json!({"status_code": 200, "outcome": "client_gone"}),
            "client_gone",
        ),
    ] {
        let mut call = call();
        call["success"] = json!(false);
        call.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let span = &spans_of(&call, None)[0];
        assert_eq!(span["status"], json!({"code": 2, "message": error}));
        assert_eq!(attribute(span, "error.type"), json!({"stringValue": error}));
    }
}

#[test]
fn payloads_are_there_as_they_are_and_as_messages() {
    let ask = r#"{"system":"Be brief","messages":[{"role":"user","content":"Hi"},
        {"role":"assistant","content":[{"type":"text","text":"A"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"},{"type":"image","source":{}}]}]}"#;
    let chat = r#"{"choices":[{"finish_reason":"tool_calls","message":{"role":"assistant","content":null,
        "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    let span = &spans_of(&call(), Some((ask, chat)))[0];
    let messages = |name| -> Json {
        serde_json::from_str(attribute(span, name)["stringValue"].as_str().unwrap()).unwrap()
    };
    assert_eq!(attribute(span, "gen_ai.prompt_json")["stringValue"], ask);
    assert_eq!(
        attribute(span, "gen_ai.completion_json")["stringValue"],
        chat
    );
    assert_eq!(
        messages("gen_ai.input.messages"),
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief"}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
            {"role": "assistant", "parts": [{"type": "text", "content": "A"},
                {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}}]},
            {"role": "user", "parts": [{"type": "tool_call_response", "id": "t", "response": "1"},
                {"type": "image", "source": {}}]},
        ])
    );
    assert_eq!(
        messages("gen_ai.output.messages"),
        json!([
            {"role": "assistant", "finish_reason": "tool_calls",
                "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}]},
        ])
    );
    let message = r#"{"role":"assistant","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn"}"#;
    let span = &spans_of(&call(), Some(("{\"messages\":[{\"ro", message)))[0];
    assert_eq!(
        attribute(span, "gen_ai.input.messages"),
        Json::Null,
        "it was cut"
    );
    let output = attribute(span, "gen_ai.output.messages");
    assert!(output["stringValue"].as_str().unwrap().contains("end_turn"));
}

#[test]
fn the_protobuf_is_the_known_bytes() {
    let span = Span {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent: Some([3; 8]),
        name: "n",
        start: 1,
        end: 2,
        attributes: vec![
            Attribute::new("a", Value::Int(-1)),
            Attribute::new("b", Value::Flag(false)),
        ],
        error: Some("e".to_owned()),
    };
    let mut expected = b"\x0a\x10".to_vec();
    expected.extend([1; 16]);
    expected.extend(b"\x12\x08");
    expected.extend([2; 8]);
    expected.extend(b"\x22\x08");
    expected.extend([3; 8]);
    expected.extend(b"\x2a\x01n\x30\x03\x39\x01\0\0\0\0\0\0\0\x41\x02\0\0\0\0\0\0\0");
    expected.extend(b"\x4a\x10\x0a\x01a\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    expected.extend(b"\x4a\x07\x0a\x01b\x12\x02\x10\0\x7a\x05\x12\x01e\x18\x02");
    let request = protobuf(&[span]);
    assert!(
        request.windows(expected.len()).any(|it| it == expected),
        "{request:?}"
    );
}

proptest! {
    #[test]
    fn no_line_and_no_body_is_too_odd(line in ".{0,200}", body in ".{0,200}", fields in prop::collection::btree_map("[a-z_]{1,20}", ".*", 0..5)) {
        let item = |line: String| Waiting {
            item: Item { created_ms: u64::MAX, line: line.into_bytes(), request: Some(body.clone().into()), response: None }.into(),
            bytes: 0,
            since: 0,
        };
        let waiting = [item(line), item(json!(fields).to_string()), item(json!({"messages": body, "duration": u64::MAX}).to_string())];
        let spans = spans(&waiting, None);
        prop_assert!(!json(&spans).is_empty() && !protobuf(&spans).is_empty());
    }
}
