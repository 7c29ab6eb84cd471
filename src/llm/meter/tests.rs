use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::llm::pieces::cut;

/// One golden case: `name.sse` or `name.json` beside `name.expect.json` in `testdata/<format>/`.
struct Case {
    name: String,
    body: Vec<u8>,
    content_type: &'static str,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/llm/testdata");
    let files = |folder: PathBuf| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    files(root)
        .filter(|path| path.is_dir())
        .flat_map(files)
        .filter_map(|path| case(&path))
        .collect()
}

fn case(path: &Path) -> Option<Case> {
    let name = path
        .to_str()
        .unwrap()
        .strip_suffix(".expect.json")?
        .to_owned();
    let expected = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let stream =
        std::fs::read(format!("{name}.sse")).map(|body| (body, "Text/Event-Stream; charset=utf-8"));
    let (body, content_type) = stream.unwrap_or_else(|_| {
        (
            std::fs::read(format!("{name}.json")).unwrap(),
            "application/json",
        )
    });
    Some(Case {
        name,
        body,
        content_type,
        expected,
    })
}

/// What the caller sees of a meter, in the form of the golden files.
fn seen(meter: &Meter) -> Value {
    let Answer {
        usage,
        terms,
        model,
        finish_reason,
        error_type,
        is_error,
    } = meter.answer();
    let usage = json!({
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cache_read": usage.cache_read,
        "cache_write": usage.cache_write, "cache_write_1h": usage.cache_write_1h,
        "cache_write_12h": usage.cache_write_12h, "reasoning": usage.reasoning, "audio_input": usage.audio_input,
        "audio_output": usage.audio_output, "audio_cache_read": usage.audio_cache_read,
        "image_input": usage.image_input, "image_output": usage.image_output, "web_searches": usage.web_searches,
    });
    let answer = json!({
        "usage": stated(usage), "service_tier": terms.service_tier, "speed": terms.speed, "model": model,
        "finish_reason": finish_reason, "error_type": error_type, "is_error": is_error.then_some(true),
    });
    json!({ "complete": meter.is_complete(), "answer": stated(answer) })
}

/// The object without its nulls and empty objects.
fn stated(value: Value) -> Value {
    let Value::Object(members) = value else {
        panic!("not an object")
    };
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null() && *value != json!({}))
        .collect()
}

fn meter(case: &Case) -> Meter {
    let text = |key: &str| case.expected[key].as_str().unwrap();
    let format = Format::of(text("provider"), text("endpoint"));
    assert!(format.is_some(), "{}", case.name);
    Meter::new(format, case.content_type)
}

fn replay<'a>(mut meter: Meter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Meter {
    for piece in pieces {
        meter.feed(piece);
        assert!(meter.heap_bytes() <= 8192, "{}", meter.heap_bytes());
    }
    meter
}

fn finished<'a>(meter: Meter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Meter {
    let mut meter = replay(meter, pieces);
    meter.finish();
    meter
}

fn chat(content_type: &str, body: &str) -> Meter {
    replay(
        Meter::new(Some(Format::OpenAiChat), content_type),
        [body.as_bytes()],
    )
}

const SSE: &str = "text/event-stream";

#[test]
fn every_golden_answer_is_read_as_expected_whole_and_byte_by_byte() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in &cases {
        let expected =
            json!({ "complete": case.expected["complete"], "answer": case.expected["answer"] });
        let whole = finished(meter(case), [case.body.as_slice()]);
        assert_eq!(seen(&whole), expected, "{}", case.name);
        let bytes = finished(meter(case), cut(&case.body, &[1]));
        assert_eq!(seen(&bytes), expected, "{}", case.name);
    }
}

#[test]
fn an_answer_cut_anywhere_is_complete_only_behind_its_last_byte_that_matters() {
    for case in cases()
        .iter()
        .filter(|case| case.expected["complete"] == json!(true))
    {
        let needed = match case.content_type {
            "application/json" => case.body.trim_ascii_end().len(),
            // The terminal event with its blank line, of whose line end one byte is enough.
            _ => match &case.body[case.body.trim_ascii_end().len()..] {
                b"\n\n" | b"\r\r" => case.body.trim_ascii_end().len() + 2,
                b"\r\n\r\n" => case.body.trim_ascii_end().len() + 3,
                _ => usize::MAX,
            },
        };
        for length in 0..case.body.len() {
            let cut = replay(meter(case), [&case.body[..length]]);
            assert_eq!(
                cut.is_complete(),
                length >= needed,
                "{} at {length}",
                case.name
            );
        }
    }
}

#[test]
fn a_terminal_event_without_its_blank_line_counts_only_at_the_end_of_the_body() {
    for case in cases()
        .iter()
        .filter(|case| case.expected["complete"] == json!(true) && case.body.ends_with(b"\n\n"))
    {
        let line = [&case.body[..case.body.len() - 1]];
        assert!(!replay(meter(case), line).is_complete(), "{}", case.name);
        let expected = json!({ "complete": true, "answer": case.expected["answer"] });
        assert_eq!(
            seen(&finished(meter(case), line)),
            expected,
            "{}",
            case.name
        );
    }
}

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

const FORMATS: [Option<Format>; 4] = [
    None,
    Some(Format::OpenAiChat),
    Some(Format::OpenAiResponses),
    Some(Format::AnthropicMessages),
];

/// Bytes that look like answers often enough to get deep into the meter.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "data: ",
            "event: error",
            "\n",
            "\n\n",
            "\r\n",
            "[DONE]",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"usage\":{",
            "\"message\":{",
            "\"response\":{",
            "\"output\":[{",
            "\"type\":\"message_stop\"",
            "\"error\":",
            "\"prompt_tokens\":",
            "\"iterations\":[{",
            "\"input_tokens\":1",
            "\\ud83d",
            "1e99",
            "-5",
            "null",
            "é",
        ])
        .prop_map(|token| token.as_bytes().to_vec()),
        vec(any::<u8>(), 0..6),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_cut_of_a_golden_answer_gives_the_same(pick in any::<prop::sample::Index>(), sizes in vec(1..60_usize, 1..8)) {
        let cases = cases();
        let case = pick.get(&cases);
        let pieces = finished(meter(case), cut(&case.body, &sizes));
        prop_assert_eq!(&seen(&pieces)["answer"], &case.expected["answer"], "{}", case.name);
        prop_assert_eq!(pieces.is_complete(), case.expected["complete"] == json!(true), "{}", case.name);
    }

    #[test]
    fn hostile_bytes_never_panic_and_any_cut_gives_the_same(bytes in hostile(), sizes in vec(1..9_usize, 1..8)) {
        for format in FORMATS {
            for content_type in [SSE, "application/json", ""] {
                let whole = finished(Meter::new(format, content_type), [bytes.as_slice()]);
                let pieces = finished(Meter::new(format, content_type), cut(&bytes, &sizes));
                prop_assert_eq!(seen(&whole), seen(&pieces));
            }
        }
    }
}
