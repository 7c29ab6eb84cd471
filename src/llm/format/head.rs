//! What the head of an answer states about consumption: some providers say it nowhere else.
//!
//! Invariant: one table of format, header field, place and digits after the point that are kept; what is no number counts
//! as absent.

use super::{Answer, Format, bedrock_invoke};
use crate::http::header::HeaderList;
use crate::llm::json::Event;
use crate::llm::usage::Usage;

type Place = fn(&mut Usage) -> &mut Option<u64>;

const FIELDS: &[(Format, &str, Place, u32)] = &[
    (
        Format::BedrockInvoke,
        "x-amzn-bedrock-input-token-count",
        |u| &mut u.input_tokens,
        0,
    ),
    (
        Format::BedrockInvoke,
        "x-amzn-bedrock-output-token-count",
        |u| &mut u.output_tokens,
        0,
    ),
    (
        Format::BedrockInvoke,
        "x-amzn-bedrock-cache-read-input-token-count",
        |u| &mut u.cache_read,
        0,
    ),
    (
        Format::BedrockInvoke,
        "x-amzn-bedrock-cache-write-input-token-count",
        |u| &mut u.cache_write,
        0,
    ),
    (
        Format::BedrockMessages,
        "x-amzn-bedrock-input-token-count",
        |u| &mut u.input_tokens,
        0,
    ),
    (
        Format::BedrockMessages,
        "x-amzn-bedrock-output-token-count",
        |u| &mut u.output_tokens,
        0,
    ),
    (
        Format::BedrockMessages,
        "x-amzn-bedrock-cache-read-input-token-count",
        |u| &mut u.cache_read,
        0,
    ),
    (
        Format::BedrockMessages,
        "x-amzn-bedrock-cache-write-input-token-count",
        |u| &mut u.cache_write,
        0,
    ),
    (Format::Speech, "dg-char-count", |u| &mut u.characters, 0),
    (
        Format::HuggingFace,
        "x-prompt-tokens",
        |u| &mut u.input_tokens,
        0,
    ),
    (
        Format::HuggingFace,
        "x-generated-tokens",
        |u| &mut u.output_tokens,
        0,
    ),
];

/// Reads what the head says.
pub(super) fn read(format: Format, head: &HeaderList, answer: &mut Answer) {
    for (of, name, place, digits) in FIELDS {
        if *of == format
            && let Some(text) = head.text(name)
        {
            *place(&mut answer.usage) = Event::Number(text).scaled(*digits);
        }
    }
    bedrock_invoke::read_head(format, head, answer);
}
