//! What a request to a sink looks like.

use super::*;

const QUESTION: &[u8] = br#"{"messages":[{"role":"user","content":"Hi"}]}"#;

/// The call that carries one record with payload.
fn sent(settings: Value) -> Sent {
    let mut keeper = Keeper::new(settings);
    let record = Record {
        created_ms: 1_790_000_000_123,
        gateway: "g",
        line: br#"{"id":"01","event_id":"e","success":true}"#,
        request: Some(QUESTION),
        response: Some(b"caf\xc3"),
        ..Record::default()
    };
    keeper.exports.take(&keeper.host, &record);
    keeper.tick_after(SECOND);
    keeper.sent()
}

fn header<'a>(sent: &'a Sent, name: &str) -> Option<&'a str> {
    let mut found = sent.headers.iter().filter(|(known, _)| known == name);
    let value = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} twice");
    value
}

#[test]
fn lines_are_the_records_as_they_are() {
    let sent = sent(
        json!({"path": "/?query=INSERT", "headers": {"X-Key": "k", "authorization": {"environment_variable": "TOKEN"}}}),
    );
    assert_eq!(sent.cluster, "c");
    assert_eq!(
        sent.body,
        b"{\"id\":\"01\",\"event_id\":\"e\",\"success\":true}\n"
    );
    for (name, value) in [
        (":method", "POST"),
        (":path", "/?query=INSERT"),
        (":authority", "sink.test"),
        ("content-type", "application/x-ndjson"),
        ("x-key", "k"),
        ("authorization", "Bearer secret-token"),
    ] {
        assert_eq!(header(&sent, name), Some(value), "{name}");
    }
    assert_eq!(header(&sent, "content-encoding"), None);
}

#[test]
fn payloads_go_along_where_they_are_asked_for() {
    let sent = sent(json!({"payloads": true}));
    let line: Value = serde_json::from_slice(sent.body.trim_ascii_end()).unwrap();
    assert_eq!(line["request_head"], std::str::from_utf8(QUESTION).unwrap());
    // It was cut in the middle of a character.
    assert_eq!(line["response_head"], "caf\u{FFFD}");
    assert_eq!(line["id"], "01");
}

#[test]
fn bodies_are_compressed_where_it_is_asked_for() {
    let plain = sent(json!({}));
    let packed = sent(json!({"gzip": true}));
    assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
    assert_eq!(unpacked(&packed.body), plain.body);
}

#[test]
fn a_content_type_of_the_operators_takes_the_place_of_ours() {
    let sent = sent(json!({"headers": {"content-type": "text/plain"}}));
    assert_eq!(header(&sent, "content-type"), Some("text/plain"));
}

#[test]
fn loki_gets_its_own_frame_around_the_same_lines() {
    let sent = sent(json!({"format": "loki", "payloads": true}));
    assert_eq!(header(&sent, ":path"), Some("/loki/api/v1/push"));
    assert_eq!(header(&sent, "content-type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    let stream = &body["streams"][0];
    assert_eq!(stream["stream"], json!({"service_name": "sluice"}));
    assert_eq!(stream["values"][0][0], "1790000000123000000");
    let line: Value = serde_json::from_str(stream["values"][0][1].as_str().unwrap()).unwrap();
    assert_eq!(
        (&line["id"], line["request_head"].is_string()),
        (&json!("01"), true)
    );
}

#[test]
fn loki_is_told_of_dropped_records_too() {
    let mut keeper = Keeper::new(json!({"format": "loki", "batch": {"records": 1}}));
    keeper.take_many(2);
    keeper.tick();
    keeper.answer("400");
    keeper.tick_after(SECOND);
    let body: Value = serde_json::from_slice(&keeper.sent().body).unwrap();
    let line = body["streams"][0]["values"][0][1].as_str().unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["type"], &line["count"]),
        (&json!("dropped"), &json!(1))
    );
}

#[test]
fn payloads_are_messages_of_a_span_where_their_shape_is_known() {
    for (payloads, expected) in [(true, true), (false, false)] {
        let sent = sent(json!({"type": "otlp", "encoding": "json", "payloads": payloads}));
        assert_eq!(header(&sent, ":path"), Some("/v1/traces"));
        let text = String::from_utf8(sent.body).unwrap();
        for name in [
            "gen_ai.prompt_json",
            "gen_ai.completion_json",
            "gen_ai.input.messages",
        ] {
            assert_eq!(text.contains(name), expected, "{name} in {text}");
        }
        assert!(!text.contains("gen_ai.output.messages"));
    }
}
