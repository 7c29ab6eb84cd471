//! Issue: through a real Envoy every family's answer arrives byte for byte and is recorded with its consumption.
//!
//! The answers are the golden ones of the unit tests, in pieces that respect no event; frames are encoded here once more.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sluice_e2e::{Answer, Gateway, Shared};

const CUSTOM: [&str; 4] = ["home", "mine", "vllm", "x"];
const KINDS: [(&str, &str); 4] = [
    ("sse", "text/event-stream"),
    ("ndjson", "application/x-ndjson"),
    ("frames.json", "application/vnd.amazon.eventstream"),
    ("json", "application/json"),
];

static GATEWAY: Shared = Shared::new(|| {
    let custom = CUSTOM.map(
        |slug| json!({"slug": slug, "base_url": "https://provider.test", "cluster": "openai"}),
    );
    crate::gateway()
        .config(&json!({"gateways": [{"id": "open"}], "custom_providers": custom}))
        .start()
});

/// One golden answer.
struct Case {
    name: String,
    expected: Value,
    content_type: &'static str,
    body: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let root = sluice_e2e::launch::root().join("src/llm/testdata");
    let files = |folder: PathBuf| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut found: Vec<_> = files(root)
        .filter(|path| path.is_dir())
        .flat_map(files)
        .filter_map(|path| case(&path))
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn case(path: &Path) -> Option<Case> {
    let name = path.to_str()?.strip_suffix(".expect.json")?;
    let expected = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (kind, content_type, body) = KINDS.iter().find_map(|(kind, content_type)| {
        Some((
            *kind,
            *content_type,
            fs::read(format!("{name}.{kind}")).ok()?,
        ))
    })?;
    let body = if kind == "frames.json" {
        frames(&body)?
    } else {
        body
    };
    Some(Case {
        name: name.to_owned(),
        expected,
        content_type,
        body,
    })
}

/// The bytes of the frames; `None` for those that are damaged on purpose, which the unit tests read.
fn frames(text: &[u8]) -> Option<Vec<u8>> {
    let frames: Vec<Value> = serde_json::from_slice(text).unwrap();
    frames
        .iter()
        .map(frame)
        .collect::<Option<Vec<_>>>()
        .map(|frames| frames.concat())
}

fn frame(frame: &Value) -> Option<Vec<u8>> {
    if frame
        .get("chunk")
        .or(frame.get("flip"))
        .or(frame.get("cut"))
        .is_some()
    {
        return None;
    }
    let mut headers = Vec::new();
    for (name, value) in frame["headers"].as_object()? {
        let value = value.as_str()?;
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend(name.bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.bytes());
    }
    let payload = frame["payload"].to_string();
    let size = |size: usize| u32::try_from(size).unwrap().to_be_bytes();
    let mut bytes = [
        size(headers.len() + payload.len() + 16),
        size(headers.len()),
    ]
    .concat();
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload.bytes());
    bytes.extend(crc32(&bytes).to_be_bytes());
    Some(bytes)
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}

/// The path below the gateway: where the endpoint is not it, the provider's rule puts something before it.
fn path(case: &Case) -> String {
    let text = |key: &str| case.expected[key].as_str().unwrap();
    let (provider, endpoint) = (text("provider"), text("endpoint"));
    let before = if provider == "aws-bedrock" && endpoint.starts_with("model/") {
        "bedrock-runtime/us-east-1/"
    } else {
        ""
    };
    format!("/v1/0123/open/{provider}/{before}{endpoint}")
}

/// The parts of a usage as the record names them, `null` where they are not stated.
fn parts(usage: &Value) -> impl Iterator<Item = (&'static str, Value)> {
    let written = ["cache_write", "cache_write_1h", "cache_write_12h"];
    let written = written.iter().filter_map(|name| usage[*name].as_u64());
    let named = [
        ("output_reasoning_tokens", "reasoning"),
        ("input_cached_tokens", "cache_read"),
        ("images_in", "images_input"),
        ("images", "images"),
        ("pages", "pages"),
        ("annotated_pages", "annotated_pages"),
        ("characters", "characters"),
        ("web_searches", "web_searches"),
        ("file_searches", "file_searches"),
        ("search_units", "search_units"),
    ];
    let written = written.reduce(|one, other| one + other);
    let parts = named.map(|(field, name)| (field, usage[name].clone()));
    parts
        .into_iter()
        .chain([("input_cache_write_tokens", json!(written))])
}

/// What the record must say of the answer.
async fn check(gateway: &Gateway, case: &Case) {
    let head = case.expected["head"].as_object().into_iter().flatten();
    let answer = Answer::new(200)
        .header("content-type", case.content_type)
        .chunk(case.body.clone());
    let answer = head.fold(answer, |answer, (name, value)| {
        answer.header(name, value.as_str().unwrap())
    });
    let fake = gateway.fake.case(answer.in_pieces_of(97));
    let call = gateway.post(&path(case)).case(&fake);
    let mut reply = call.json(&json!({"messages": []})).send().await;
    assert_eq!(reply.bytes().await, case.body, "{}", case.name);
    let record = gateway.record(&fake).await;
    let told = &case.expected["answer"];
    for (field, expected) in [
        ("tokens_in", &told["usage"]["input_tokens"]),
        ("tokens_out", &told["usage"]["output_tokens"]),
        ("finish_reason", &told["finish_reason"]),
        ("error_type", &told["error_type"]),
    ] {
        assert_eq!(
            &record[field], expected,
            "{field} of {}: {record}",
            case.name
        );
    }
    for (field, expected) in parts(&told["usage"]) {
        assert_eq!(
            record["usage_metadata"][field], expected,
            "{field} of {}: {record}",
            case.name
        );
    }
    if let Some(cost) = told["stated_cost"].as_f64() {
        let source = (&record["cost_source"], record["cost"].as_f64());
        assert_eq!(
            source,
            (&json!("provider"), Some(cost / 1e12)),
            "{}",
            case.name
        );
    }
    assert_eq!(
        record["complete"], case.expected["complete"],
        "{}: {record}",
        case.name
    );
}

async fn check_all(wanted: impl Fn(&Case) -> bool, least: usize) {
    let gateway = GATEWAY.lease();
    let cases: Vec<_> = cases().into_iter().filter(wanted).collect();
    assert!(cases.len() >= least, "{}", cases.len());
    for case in &cases {
        check(&gateway, case).await;
    }
}

#[tokio::test]
async fn streams_of_every_family_pass_unchanged_and_are_metered() {
    check_all(|case| case.content_type != "application/json", 60).await;
}

#[tokio::test]
async fn whole_answers_of_every_family_pass_unchanged_and_are_metered() {
    // Replicate's are counted once by their id, which several of the golden ones share: `cost.rs` sees to it.
    let is_whole = |case: &Case| {
        case.content_type == "application/json" && case.expected["provider"] != "replicate"
    };
    check_all(is_whole, 80).await;
}
