//! What cuts an answer into documents, and which of them count.

use super::*;

#[test]
fn the_framing_follows_from_the_answers_content_type() {
    for (content_type, body, expected) in [
        ("application/json", "{}", true),
        ("Application/JSON ; charset=utf-8", "{}", true),
        ("application/problem+json", "{}\n", true),
        ("application/json", "{}x", false),
        ("application/json", "data: [DONE]\n\n", false),
        ("application/json", "", false),
        ("text/event-stream", "data: [DONE]\n\n", true),
        ("text/event-stream;charset=utf-8", "data: {}\n\n", false),
        ("application/x-ndjson", "{}\n", false),
        ("application/jsonl", "{\"error\":1}\n", false),
        ("application/stream+json", "{}\n", false),
        ("audio/mpeg", "data: [DONE]\n\n", false),
        ("", "{}", false),
    ] {
        assert_eq!(
            chat(content_type, body).is_complete(),
            expected,
            "{content_type} {body}"
        );
    }
}

#[test]
fn content_that_cannot_be_read_is_complete_at_its_end() {
    let mut meter = chat("audio/mpeg", "\u{0}");
    assert!(!meter.is_complete());
    meter.finish();
    assert!(meter.is_complete());
    assert_eq!(meter.answer(), &Answer::default());
}

#[test]
fn a_stream_of_unknown_shape_is_complete_only_with_done() {
    let unknown = |body: &str| finished(Meter::new(None, SSE), [body.as_bytes()]);
    assert!(unknown("data: {\"model\":\"m\"}\n\ndata: [DONE]\n\n").is_complete());
    assert!(unknown("data: [DONE] \n\n").is_complete());
    for body in [
        "data: {}\n\n",
        "data: {\"a\":\"[DONE]\"}\n\n",
        "data: x[DONE]\n\n",
        "data: [DONE\n\n",
        "data: [DON\ndata: E]\n\n",
        "event: [DONE]\n\n",
        "data: {\"error\":{\"message\":\"no\"}}\n\ndata: [DONE]\n\n",
        "event: error\ndata: {}\n\ndata: [DONE]\n\n",
    ] {
        assert!(!unknown(body).is_complete(), "{body}");
    }
}

#[test]
fn the_last_usage_object_replaces_the_one_before_and_null_does_not() {
    let body = "data: {\"usage\":{\"prompt_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n\
        data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: {\"usage\":null}\n\n\
        data: {\"usage\":{}}\n\ndata: {\"usage\":\"none\"}\n\n";
    let usage = &chat(SSE, body).answer().usage.clone();
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.cache_read),
        (Some(5), Some(2), None)
    );
}

#[test]
fn of_duplicate_objects_in_one_document_only_the_last_counts() {
    let body = r#"{"usage":{"prompt_tokens":5,"completion_tokens":2},"model":"a","usage":{"completion_tokens":3},"model":""}"#;
    let meter = chat("application/json", body);
    let usage = &meter.answer().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (None, Some(3)));
    assert_eq!(meter.answer().model, None);
}

#[test]
fn an_event_that_is_not_whole_json_says_nothing() {
    let body = "data: {\"model\":\"a\",\"usage\":{\"prompt_tokens\":5}\n\ndata: {\"model\":\"b\"}x\n\n\
        data: {\"model\":\ndata: \"c\"}\n\n";
    let meter = chat(SSE, body);
    assert_eq!(meter.answer().model.as_deref(), Some("c"));
    assert_eq!(meter.answer().usage.input_tokens, None);
}

#[test]
fn the_name_of_an_event_counts_for_no_other() {
    let body = "event: done\ndata: {}\ndata:\n\ndata: {}\n\n";
    let events = |body| finished(Meter::new(Some(Format::OpenAiAudio), SSE), [body]);
    assert!(events(body.as_bytes()).is_complete());
    let body = "event: speech.audio.done\ndata: {}\ndata:\n\n\
        data: {\"usage\":{\"output_tokens\":5}}\n\n";
    let usage = events(body.as_bytes()).answer().usage.clone();
    assert_eq!((usage.output_tokens, usage.audio_output), (Some(5), None));
}

#[test]
fn megabytes_of_image_pass_without_being_held() {
    let image = "iVBORw0KGgo".repeat(400_000);
    let mut meter = chat(
        "application/json",
        &format!(r#"{{"data":[{{"b64_json":"{image}"}}],"#),
    );
    meter.feed(br#""model":"gpt-image","usage":{"prompt_tokens":7}}"#);
    assert!(meter.is_complete());
    assert_eq!(meter.answer().usage.input_tokens, Some(7));
    assert!(meter.heap_bytes() < 1024, "{}", meter.heap_bytes());
}

#[test]
fn a_frame_of_megabytes_is_read_in_constant_memory() {
    let event = json!({ "outputText": "x".repeat(6_000_000), "inputTextTokenCount": 5,
        "amazon-bedrock-invocationMetrics": { "outputTokenCount": 9 } });
    let frame =
        json!({ "headers": { ":message-type": "event", ":event-type": "chunk" }, "chunk": event });
    let mut meter = Meter::new(Some(Format::BedrockInvoke), FRAMES);
    for piece in encoded_frame(&frame).chunks(16_384) {
        meter.feed(piece);
        assert!(meter.heap_bytes() < 2048, "{}", meter.heap_bytes());
    }
    assert!(meter.is_complete());
    let usage = &meter.answer().usage;
    assert_eq!(
        (usage.input_tokens, usage.output_tokens),
        (Some(5), Some(9))
    );
}

#[test]
fn what_follows_the_last_frame_must_be_whole_too() {
    let frame = |name: &str, payload: Value| {
        encoded_frame(
            &json!({ "headers": { ":message-type": "event", ":event-type": name }, "payload": payload }),
        )
    };
    let whole = [
        frame("messageStop", json!({ "stopReason": "end_turn" })),
        frame("metadata", json!({})),
    ]
    .concat();
    let complete = |tail: &[u8]| {
        let meter = Meter::new(Some(Format::BedrockConverse), FRAMES);
        finished(meter, [whole.as_slice(), tail]).is_complete()
    };
    assert!(complete(b""));
    assert!(complete(&frame("later", json!({}))));
    assert!(!complete(&frame("later", json!({}))[..20]));
    assert!(!complete(b"\n"));
}

#[test]
fn overlong_texts_count_as_absent() {
    let body = format!(
        r#"{{"model":"{}","service_tier":"{}"}}"#,
        "m".repeat(257),
        "t".repeat(256)
    );
    let meter = chat("application/json", &body);
    assert_eq!(meter.answer().model, None);
    assert_eq!(meter.answer().terms.service_tier, Some("t".repeat(256)));
}
