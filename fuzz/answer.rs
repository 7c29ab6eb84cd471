//! Answers of providers, in every format and framing.

use sluice::llm::format::{Answer, Format};
use sluice::llm::meter::Meter;

use crate::pieces;

/// One endpoint of every format that reads a body.
const ENDPOINTS: &[(&str, &str)] = &[
    ("anthropic", "v1/messages"),
    ("aws-bedrock", "model/amazon.nova-lite-v1:0/converse-stream"),
    ("aws-bedrock", "model/amazon.nova-lite-v1:0/invoke"),
    (
        "aws-bedrock",
        "model/anthropic.claude-haiku-4-5/invoke-with-response-stream",
    ),
    ("cohere", "v2/chat"),
    ("custom-ollama", "api/chat"),
    ("deepgram", "v1/listen"),
    (
        "google-ai-studio",
        "v1beta/models/gemini-3:streamGenerateContent",
    ),
    ("google-ai-studio", "v1beta/interactions"),
    (
        "google-vertex-ai",
        "v1/projects/p/locations/l/publishers/google/models/m:predict",
    ),
    ("huggingface", "models/org/name"),
    ("ideogram", "v1/ideogram-v3/generate"),
    ("mistral", "v1/ocr"),
    ("openai", "audio/transcriptions"),
    ("openai", "chat/completions"),
    ("openai", "images/generations"),
    ("openai", "responses"),
    ("perplexity-ai", "chat/completions"),
    ("replicate", "predictions"),
    ("workers-ai", "run/@cf/meta/llama"),
    ("openai", "audio/speech"),
    ("parallel", "v1beta/search"),
    ("nobody", "nothing"),
];

const TYPES: &[&str] = &[
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "application/vnd.amazon.eventstream",
];

/// Bytes that a meter may hold, whatever passes.
const BOUND: usize = 8 * 1024;

/// The first three bytes choose format, framing and cuts; the rest is the answer.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some(([format, framing, seed], body)) = bytes.split_first_chunk() else {
        return false;
    };
    // Mostly what the text looks like, for little is read in a framing that is not its own.
    let framing = match body {
        _ if *framing > 200 => usize::from(*framing) % TYPES.len(),
        [b'{' | b'[', ..] if framing % 4 == 0 => 2,
        [b'{' | b'[', ..] => 0,
        _ => 1,
    };
    let content_type = TYPES.get(framing).copied().unwrap_or_default();
    check((*format, *seed), content_type, body)
}

/// The first two bytes choose format and cuts; every line of the rest is the payload of a frame that is right, for random
/// bytes never make one.
pub(crate) fn frames(bytes: &[u8]) -> bool {
    let Some(([format, seed], payloads)) = bytes.split_first_chunk() else {
        return false;
    };
    let body: Vec<u8> = payloads
        .split(|byte| *byte == b'\n')
        .flat_map(|payload| named(kind(payload), payload))
        .collect();
    check(
        (*format, *seed),
        "application/vnd.amazon.eventstream",
        &body,
    )
}

/// Whether anything was read.
fn check((format, seed): (u8, u8), content_type: &str, body: &[u8]) -> bool {
    let (provider, endpoint) = ENDPOINTS
        .get(usize::from(format) % ENDPOINTS.len())
        .copied()
        .unwrap_or_default();
    let meter = || Meter::new(Format::of(provider, endpoint), content_type);
    let mut whole = meter();
    whole.feed(body);
    let mut cut = meter();
    for piece in pieces(body, seed) {
        cut.feed(piece);
        assert!(cut.heap_bytes() <= BOUND, "{} bytes held", cut.heap_bytes());
    }
    agree(&whole, &cut);
    whole.finish();
    cut.finish();
    agree(&whole, &cut);
    *whole.answer() != Answer::default()
}

fn agree(whole: &Meter, cut: &Meter) {
    assert_eq!(whole.answer(), cut.answer());
    assert_eq!(whole.is_complete(), cut.is_complete());
}

fn kind(payload: &[u8]) -> (&'static str, &'static str) {
    match payload.get(1..5) {
        Some(b"\"err") => ("exception", "throttlingException"),
        Some(b"\"usa") => ("event", "metadata"),
        Some(b"\"sto") => ("event", "messageStop"),
        _ => ("event", "chunk"),
    }
}

/// One frame of `application/vnd.amazon.eventstream` with this kind of message and name.
fn named((message, event): (&str, &str), payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    let of_event = if message == "event" {
        ":event-type"
    } else {
        ":exception-type"
    };
    for (name, value) in [(":message-type", message), (of_event, event)] {
        headers.push(u8::try_from(name.len()).unwrap_or_default());
        headers.extend(name.bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        headers.extend(value.bytes());
    }
    frame(&headers, payload)
}

/// One frame with these bytes of headers, and with checksums that are right.
pub(crate) fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let sizes = [
        headers
            .len()
            .saturating_add(payload.len())
            .saturating_add(16),
        headers.len(),
    ];
    let mut bytes: Vec<u8> = sizes
        .into_iter()
        .flat_map(|size| u32::try_from(size).unwrap_or_default().to_be_bytes())
        .collect();
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

/// CRC-32 as of IEEE 802.3, a bit at a time: the plainest form, to check the product's by.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}
