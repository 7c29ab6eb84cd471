mod echo;
mod framing;
mod golden;
mod property;

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
