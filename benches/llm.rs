//! What reading and pricing answers costs natively: `cargo bench -p sluice-benches`, or `make bench`.
//!
//! Goals (issue "Every provider's tokens and dollars"): scanning at 400 MB/s or more, a price in under a microsecond.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluice::llm::format::Format;
use sluice::llm::meter::Meter;
use sluice::llm::price::{Models, Prices};
use sluice::llm::usage::{Terms, Usage};

/// Noon of 2026-11-25, UTC.
const NOW: u64 = 1_795_608_000;

/// Bytes that arrive at once.
const CHUNK: usize = 16 * 1024;

fn chat_answer(text: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":500,"completion_tokens":400,"total_tokens":900}}}}"#
    )
}

/// Embeddings: as dense as an answer gets.
fn numbers() -> String {
    let vector: Vec<String> = (0..400_000).map(|n| format!("-0.0{n:06}")).collect();
    format!(
        r#"{{"object":"list","data":[{{"object":"embedding","embedding":[{}]}}],"model":"text-embedding-3-small","usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#,
        vector.join(",")
    )
}

fn picture() -> String {
    format!(
        r#"{{"created":1,"data":[{{"b64_json":"{}"}}],"usage":{{"input_tokens":50,"output_tokens":4000,"total_tokens":4050}}}}"#,
        "iVBORw0KGgo+".repeat(350_000)
    )
}

fn escapes() -> String {
    chat_answer(&r#"He said: \"na\u00efve\"\n\tand left. "#.repeat(100_000))
}

fn read(format: Format, content_type: &str, body: &[u8]) {
    let mut meter = Meter::new(Some(format), content_type);
    for chunk in body.chunks(CHUNK) {
        meter.feed(chunk);
    }
    meter.finish();
    assert!(meter.is_complete());
    black_box(meter.answer());
}

fn scanner(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scanner");
    for (name, format, body) in [
        (
            "text",
            Format::OpenAiChat,
            chat_answer(&"The quick brown fox. ".repeat(200_000)),
        ),
        ("escapes", Format::OpenAiChat, escapes()),
        ("numbers", Format::OpenAiChat, numbers()),
        ("picture", Format::OpenAiImages, picture()),
    ] {
        group.throughput(Throughput::Bytes(body.len().try_into().unwrap_or(u64::MAX)));
        group.bench_function(name, |bencher| {
            bencher.iter(|| read(format, "application/json", black_box(body.as_bytes())));
        });
    }
    group.finish();
}

/// One event of a stream, as it comes between two others.
fn chunk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    for (name, format, event) in [
        (
            "openai chat",
            Format::OpenAiChat,
            "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}],\"obfuscation\":\"x0sSkD7Ia\"}\n\n",
        ),
        (
            "anthropic messages",
            Format::AnthropicMessages,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n",
        ),
    ] {
        let mut meter = Meter::new(Some(format), "text/event-stream");
        group.bench_function(name, |bencher| {
            bencher.iter(|| meter.feed(black_box(event.as_bytes())));
        });
    }
    group.finish();
}

fn price(criterion: &mut Criterion) {
    let prices = Prices::default();
    let usage = Usage {
        input_tokens: Some(1_200),
        output_tokens: Some(300),
        cache_read: Some(1_000),
        ..Usage::default()
    };
    let terms = Terms::default();
    let mut group = criterion.benchmark_group("price");
    for (provider, model) in [
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("aws-bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("azure-openai", "claude-haiku-4-5"),
        ("openai", "a-model-that-nobody-knows"),
    ] {
        let models = Models {
            answered: Some(model),
            asked: None,
        };
        group.bench_function(format!("{provider} {model}"), |bencher| {
            bencher.iter(|| prices.bill(black_box(provider), models, &usage, (&terms, NOW)));
        });
    }
    group.finish();
}

criterion_group!(benches, scanner, chunk, price);
criterion_main!(benches);
