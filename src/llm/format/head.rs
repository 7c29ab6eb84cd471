//! What the head of an answer states about consumption: some providers say it nowhere else.
//!
//! Invariant: one table of formats, header field and place; what is no count is absent.

use super::Format::{self, *};
use super::{Answer, bedrock_invoke};
use crate::http::header::HeaderList;
use crate::llm::json::Event;
use crate::llm::usage::Usage;

type Place = fn(&mut Usage) -> &mut Option<u64>;

const BEDROCK: &[Format] = &[BedrockInvoke, BedrockMessages];

const FIELDS: &[(&[Format], &str, Place)] = &[
    (BEDROCK, "x-amzn-bedrock-input-token-count", |u| {
        &mut u.input_tokens
    }),
    (BEDROCK, "x-amzn-bedrock-output-token-count", |u| {
        &mut u.output_tokens
    }),
    (
        BEDROCK,
        "x-amzn-bedrock-cache-read-input-token-count",
        |u| &mut u.cache_read,
    ),
    (
        BEDROCK,
        "x-amzn-bedrock-cache-write-input-token-count",
        |u| &mut u.cache_write,
    ),
    (&[Speech], "dg-char-count", |u| &mut u.characters),
    (&[HuggingFace], "x-prompt-tokens", |u| &mut u.input_tokens),
    (&[HuggingFace], "x-generated-tokens", |u| {
        &mut u.output_tokens
    }),
];

/// Reads what the head says.
pub(super) fn read(format: Format, head: &HeaderList, answer: &mut Answer) {
    for (formats, name, place) in FIELDS {
        if formats.contains(&format)
            && let Some(text) = head.text(name)
        {
            *place(&mut answer.usage) = Event::Number(text).count();
        }
    }
    bedrock_invoke::read_head(format, head, answer);
}

/// Amazon's name for an error stands only in the head, with its origin behind a colon
/// (`ThrottlingException:http://…/`).
pub fn amazon_error(head: &HeaderList) -> Option<&str> {
    head.text("x-amzn-errortype")?.split(':').next()
}
