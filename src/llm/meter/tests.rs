use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::llm::eventstream;
use crate::llm::pieces::cut;

/// What the ending of a golden answer's file says about its content.
const KINDS: [(&str, &str); 4] = [
    ("sse", "Text/Event-Stream; charset=utf-8"),
    ("ndjson", "application/x-ndjson"),
    ("frames.json", FRAMES),
    ("json", "application/json"),
];

/// One golden case: `name.sse`, `name.json`, … beside `name.expect.json` in `testdata/<format>/`. The header fields of
/// the answer, if any matter, are in `head` there.
struct Case {
    name: String,
    body: Vec<u8>,
    content_type: &'static str,
    expected: Value,
}

/// All of them, read once.
fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(read_cases);
    &CASES
}

fn read_cases() -> Vec<Case> {
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
    let (body, content_type) = KINDS
        .iter()
        .find_map(|(kind, content_type)| {
            let body = std::fs::read(format!("{name}.{kind}")).ok()?;
            let body = if *content_type == FRAMES {
                encoded(&body)
            } else {
                body
            };
            Some((body, *content_type))
        })
        .unwrap();
    Some(Case {
        name,
        body,
        content_type,
        expected,
    })
}

/// The bytes of frames that are written as an array of objects. `headers` are strings; `payload` is JSON, or `chunk` is
/// the event that stands in it as Bedrock wraps it. `flip` damages a bit of that byte, `cut` takes bytes off the end.
fn encoded(frames: &[u8]) -> Vec<u8> {
    let frames: Vec<Value> = serde_json::from_slice(frames).unwrap();
    frames.iter().flat_map(encoded_frame).collect()
}

fn encoded_frame(frame: &Value) -> Vec<u8> {
    let headers: Vec<_> = frame["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let payload = match (frame.get("chunk"), &frame["payload"]) {
        (Some(event), _) => {
            let event = chunk::tests::encode(event.to_string().as_bytes());
            format!(r#"{{"bytes":"{event}","p":"abcdefghijk"}}"#)
        }
        (None, Value::String(text)) => text.clone(),
        (None, payload) => payload.to_string(),
    };
    let mut bytes = eventstream::tests::frame(&headers, payload.as_bytes());
    let number = |name: &str| {
        let number = frame.get(name)?.as_u64().unwrap();
        Some(usize::try_from(number).unwrap())
    };
    if let Some(at) = number("flip") {
        bytes[at] ^= 1;
    }
    bytes.truncate(bytes.len() - number("cut").unwrap_or_default());
    bytes
}

/// What the caller sees of a meter, in the form of the golden files.
fn seen(meter: &Meter) -> Value {
    let mut answer = serde_json::to_value(meter.answer()).unwrap();
    let usage = stated(answer["usage"].take());
    let terms = stated(answer["terms"].take());
    answer["usage"] = usage;
    answer["is_error"] = meter.answer().is_error.then_some(true).into();
    for (name, value) in terms.as_object().unwrap() {
        answer[name] = value.clone();
    }
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
    let mut meter = Meter::new(format, case.content_type);
    let fields = case.expected["head"].as_object().into_iter().flatten();
    let head = fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().into()));
    meter.read_head(&head.collect());
    meter
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
const LINES: &str = "application/x-ndjson";
const FRAMES: &str = "application/vnd.amazon.eventstream";

#[test]
fn every_golden_answer_is_read_as_expected_whole_and_byte_by_byte() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in cases {
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
            FRAMES => case.body.len(),
            "application/x-ndjson" => match &case.body[case.body.trim_ascii_end().len()..] {
                b"\n" => case.body.len(),
                b"\r\n" => case.body.len(),
                _ => usize::MAX,
            },
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

const FORMATS: [Option<Format>; 17] = [
    None,
    Some(Format::OpenAiChat),
    Some(Format::OpenAiResponses),
    Some(Format::AnthropicMessages),
    Some(Format::BedrockConverse),
    Some(Format::BedrockInvoke),
    Some(Format::BedrockMessages),
    Some(Format::Cohere),
    Some(Format::HuggingFace),
    Some(Format::Ollama),
    Some(Format::WorkersAi),
    Some(Format::Gemini),
    Some(Format::GeminiInteractions),
    Some(Format::OpenAiAudio),
    Some(Format::OpenAiImages),
    Some(Format::Perplexity),
    Some(Format::VertexPrediction),
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
            "\"usageMetadata\":{",
            "\"promptTokensDetails\":[{",
            "\"predictions\":[{",
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

/// A line, and the model it names if it is sound.
fn line() -> impl Strategy<Value = (String, Option<String>)> {
    let sound = prop::sample::select(vec!["one", "two", "last"]).prop_map(|model| {
        let text = json!({ "message": { "content": "a\nb}{\"" }, "model": model, "done": model == "last" });
        (text.to_string(), Some(model.to_owned()))
    });
    let broken = prop::sample::select(vec![
        r#"{"model":"broken"#,
        r#"{"model":"broken","done":true"#,
        r#"{"model":"broken","done":true}}"#,
        r#"{"model":"broken","done":tru}"#,
        r#"{"model":"broken"}{"done":true}"#,
        r#"{"model":"broken","x":["#,
        r#"{"model":"broken","x":[1}}"#,
        "data: {}",
        "[DONE]",
        "\"",
        "\\",
        "\u{feff}{}",
        "7",
        "",
    ])
    .prop_map(|text| (text.to_owned(), None));
    prop_oneof![sound, broken]
}

proptest! {
    #[test]
    fn any_cut_of_a_golden_answer_gives_the_same(pick in any::<prop::sample::Index>(), sizes in vec(1..60_usize, 1..8)) {
        let case = pick.get(cases());
        let pieces = finished(meter(case), cut(&case.body, &sizes));
        prop_assert_eq!(&seen(&pieces)["answer"], &case.expected["answer"], "{}", case.name);
        prop_assert_eq!(pieces.is_complete(), case.expected["complete"] == json!(true), "{}", case.name);
    }

    #[test]
    fn a_stream_with_any_bit_flipped_is_never_complete(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let is_complete = |case: &&Case| case.content_type == FRAMES && case.expected["complete"] == json!(true);
        let cases: Vec<_> = cases().iter().filter(is_complete).collect();
        let case = pick.get(&cases);
        let mut body = case.body.clone();
        body[at.index(case.body.len())] ^= 1 << bit;
        prop_assert!(!finished(meter(case), [body.as_slice()]).is_complete(), "{}", case.name);
    }

    #[test]
    fn a_broken_line_spoils_no_other_one(lines in vec(line(), 1..12), ends in vec(prop::sample::select(vec!["\n", "\r\n", "\n\n", "\r\n \t\r\n"]), 12), last in any::<bool>(), sizes in vec(1..40_usize, 1..6)) {
        let (mut body, mut expected, mut is_ended) = (String::new(), Answer::default(), false);
        for (at, ((text, model), end)) in lines.iter().zip(&ends).enumerate() {
            body.push_str(text);
            if last || at + 1 < lines.len() {
                body.push_str(end);
            }
            if let Some(model) = model {
                expected.model = Some(model.clone());
                is_ended |= model == "last";
            }
        }
        let ollama = || Meter::new(Some(Format::Ollama), LINES);
        for meter in [finished(ollama(), [body.as_bytes()]), finished(ollama(), cut(body.as_bytes(), &sizes))] {
            prop_assert_eq!(meter.answer(), &expected, "{}", body);
            prop_assert_eq!(meter.is_complete(), is_ended, "{}", body);
        }
    }

    #[test]
    fn hostile_bytes_never_panic_and_any_cut_gives_the_same(bytes in hostile(), sizes in vec(1..9_usize, 1..8)) {
        for format in FORMATS {
            for content_type in [SSE, LINES, FRAMES, "application/json", ""] {
                let whole = finished(Meter::new(format, content_type), [bytes.as_slice()]);
                let pieces = finished(Meter::new(format, content_type), cut(&bytes, &sizes));
                prop_assert_eq!(seen(&whole), seen(&pieces));
            }
        }
    }
}
