//! OpenAI chat completions, legacy completions and embeddings, and their copies at many providers
//! (providers.md §1, family O).
//!
//! Invariant: the last `usage` object replaces the one before, since copies repeat it, growing, in every chunk.

use super::draft::{Counts, Draft, Slot};
use super::{Tally, Usage};
use crate::llm::json::Node;
use Slot::{Code, Count, Failure, Text};

/// Where the facts stand in an answer or chunk.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::branch(
        "choices",
        &[Node::first(&[Node::leaf(
            "finish_reason",
            Text(|d| &mut d.finish_reason),
        )])],
    ),
    Node::branch("usage", USAGE).reported(Slot::group(|d| d.counts = Counts::default())),
    Node::leaf("service_tier", Text(|d| &mut d.service_tier)),
    Node::branch("x_groq", X_GROQ),
    Node::branch("error", ERROR).reported(Failure),
    Node::leaf("code", Code(|d| &mut d.error_code)),
    Node::leaf("type", Text(|d| &mut d.kind)),
];

const USAGE: &[Node<Slot>] = &[
    Node::leaf("prompt_tokens", Count(|d| &mut d.counts.input)),
    Node::leaf("completion_tokens", Count(|d| &mut d.counts.output)),
    Node::leaf("total_tokens", Count(|d| &mut d.counts.total)),
    Node::branch("prompt_tokens_details", PROMPT),
    Node::branch("completion_tokens_details", COMPLETION),
    // DeepSeek and Mistral name the cached part once more.
    Node::leaf(
        "prompt_cache_hit_tokens",
        Count(|d| &mut d.counts.cache_read),
    ),
    Node::leaf("num_cached_tokens", Count(|d| &mut d.counts.cache_read)),
    // Mistral's place for it.
    Node::leaf("service_tier", Text(|d| &mut d.service_tier)),
];

const PROMPT: &[Node<Slot>] = &[
    Node::leaf("cached_tokens", Count(|d| &mut d.counts.cache_read)),
    Node::leaf("cache_write_tokens", Count(|d| &mut d.counts.cache_write)),
    Node::leaf("audio_tokens", Count(|d| &mut d.counts.audio_input)),
    Node::leaf("image_tokens", Count(|d| &mut d.counts.image_input)),
];

const COMPLETION: &[Node<Slot>] = &[
    Node::leaf("reasoning_tokens", Count(|d| &mut d.counts.reasoning)),
    Node::leaf("audio_tokens", Count(|d| &mut d.counts.audio_output)),
];

/// Groq repeats the usage of the last chunk here, and says here that it stopped early.
const X_GROQ: &[Node<Slot>] = &[
    Node::branch("usage", USAGE).reported(Slot::group(|d| d.counts = Counts::default())),
    Node::leaf("error", Failure),
];

const ERROR: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.error_type)),
    Node::leaf("code", Code(|d| &mut d.error_code)),
];

/// Adds one answer or chunk.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let counts = std::mem::take(&mut draft.counts);
    if counts != Counts::default() {
        tally.answer.usage = usage(&counts);
    }
    tally.absorb(draft);
}

fn usage(counts: &Counts) -> Usage {
    Usage {
        input_tokens: counts.input,
        output_tokens: output(counts),
        cache_read: counts.cache_read,
        cache_write: counts.cache_write,
        reasoning: counts.reasoning,
        audio_input: counts.audio_input,
        audio_output: counts.audio_output,
        image_input: counts.image_input,
        ..Usage::default()
    }
}

/// Some copies (xAI) leave reasoning out of `completion_tokens`; their total shows it (providers.md §1, trap 4).
fn output(counts: &Counts) -> Option<u64> {
    let completion = counts.output.unwrap_or_default();
    let beyond = |total: u64, prompt: u64| total.checked_sub(prompt)?.checked_sub(completion);
    let extra = counts
        .total
        .zip(counts.input)
        .and_then(|(total, prompt)| beyond(total, prompt))
        .unwrap_or_default();
    if extra > 0 && counts.reasoning.is_none_or(|reasoning| reasoning == extra) {
        return Some(completion.saturating_add(extra));
    }
    counts.output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_added_to_the_output_exactly_when_the_total_shows_it() {
        for (prompt, completion, total, reasoning, expected) in [
            (10, Some(20), Some(30), Some(15), Some(20)),
            (10, Some(20), Some(45), Some(15), Some(35)),
            (10, Some(20), Some(45), None, Some(35)),
            (10, Some(20), Some(46), Some(15), Some(20)),
            (10, Some(20), Some(25), Some(15), Some(20)),
            (10, Some(20), None, Some(15), Some(20)),
            (10, None, Some(10), None, None),
            (10, None, Some(15), None, Some(5)),
            (
                u64::MAX,
                Some(u64::MAX),
                Some(u64::MAX),
                None,
                Some(u64::MAX),
            ),
        ] {
            let counts = Counts {
                input: Some(prompt),
                output: completion,
                total,
                reasoning,
                ..Counts::default()
            };
            assert_eq!(output(&counts), expected, "{counts:?}");
        }
    }
}
