//! OpenAI chat completions, legacy completions and embeddings, and their copies at many providers
//! (providers.md §1, family O).
//!
//! Invariant: the last `usage` object replaces the one before, since copies repeat it, growing, in every chunk.

use super::draft::{Counts, Draft, Slot};
use super::{Tally, Usage};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Code, Count, Failure, Flag, Scaled, Text};

/// Where the facts stand in an answer or chunk.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::leaf("id", Text(|d| &mut d.id)),
    Node::branch(
        "choices",
        &[Node::first(&[Node::leaf(
            "finish_reason",
            Text(|d| &mut d.finish_reason),
        )])],
    ),
    Node::branch("usage", USAGE).reported(Slot::group(forget_usage)),
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
    Node::leaf(
        "prompt_audio_seconds",
        Scaled(|d| &mut d.counts.audio_input_ms, 3),
    ),
    // Mistral's place for it.
    Node::leaf("service_tier", Text(|d| &mut d.service_tier)),
    // Cerebras.
    Node::leaf("image_tokens", Count(|d| &mut d.counts.image_input)),
    // Perplexity.
    Node::leaf(
        "reasoning_tokens",
        Count(|d| &mut d.counts.reasoning_beside),
    ),
    Node::leaf("citation_tokens", Count(|d| &mut d.counts.citation)),
    Node::leaf("num_search_queries", Count(|d| &mut d.counts.web_searches)),
    // xAI bills the sources of a live search, which have no price in the table.
    Node::leaf("num_sources_used", Count(|d| &mut d.unpriced)),
    // OpenRouter.
    Node::branch(
        "server_tool_use",
        &[Node::leaf(
            "web_search_requests",
            Count(|d| &mut d.counts.web_searches),
        )],
    ),
    COST,
    OWN_CREDENTIAL,
    UPSTREAM,
    TICKS,
];

/// Digits from dollars to picodollars.
const PICODOLLARS: u32 = 12;

/// Dollars: OpenRouter's, or the sum in Perplexity's object.
pub(super) const COST: Node<Slot> =
    Node::branch("cost", &[Node::leaf("total_cost", DOLLARS)]).reported(DOLLARS);
const DOLLARS: Slot = Scaled(|d| &mut d.stated_cost, PICODOLLARS);

/// OpenRouter: the client's own credential pays what is upstream, and `cost` is the fee alone.
pub(super) const OWN_CREDENTIAL: Node<Slot> =
    Node::leaf("is_byok", Flag(|d| &mut d.is_own_credential));
pub(super) const UPSTREAM: Node<Slot> = Node::branch(
    "cost_details",
    &[Node::leaf(
        "upstream_inference_cost",
        Scaled(|d| &mut d.upstream_cost, PICODOLLARS),
    )],
);

/// xAI: units of 10⁻¹⁰ dollars.
pub(super) const TICKS: Node<Slot> =
    Node::leaf("cost_in_usd_ticks", Scaled(|d| &mut d.stated_cost, 2));

const PROMPT: &[Node<Slot>] = &[
    Node::leaf("cached_tokens", Count(|d| &mut d.counts.cache_read)),
    Node::leaf("cache_write_tokens", Count(|d| &mut d.counts.cache_write)),
    Node::leaf("audio_tokens", Count(|d| &mut d.counts.audio_input)),
    Node::leaf("image_tokens", Count(|d| &mut d.counts.image_input)),
    Node::leaf("video_tokens", Count(|d| &mut d.counts.video_input)),
];

const COMPLETION: &[Node<Slot>] = &[
    Node::leaf("reasoning_tokens", Count(|d| &mut d.counts.reasoning)),
    Node::leaf("audio_tokens", Count(|d| &mut d.counts.audio_output)),
    Node::leaf("image_tokens", Count(|d| &mut d.counts.image_output)),
];

/// Groq repeats the usage of the last chunk here, and says here that it stopped early.
const X_GROQ: &[Node<Slot>] = &[
    Node::branch("usage", USAGE).reported(Slot::group(forget_usage)),
    Node::leaf("error", Failure),
];

/// An error of OpenAI's kind.
pub(super) const ERROR: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.error_type)),
    Node::leaf("code", Code(|d| &mut d.error_code)),
];

/// Adds one answer or chunk.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let counts = std::mem::take(&mut draft.counts);
    if counts != Counts::default() {
        tally.answer.usage = usage(&counts);
    }
    settle_cost(&mut draft);
    tally.absorb(draft);
}

fn forget_usage(draft: &mut Draft) {
    draft.counts = Counts::default();
    draft.unpriced = None;
    forget_cost(draft);
}

/// What an earlier `usage` of the same document stated as its cost does not count.
pub(super) fn forget_cost(draft: &mut Draft) {
    draft.stated_cost = None;
    draft.upstream_cost = None;
    draft.is_own_credential = None;
}

/// With the client's own credential the cost is the fee and what is paid upstream; one without the other would pass for
/// the whole.
pub(super) fn settle_cost(draft: &mut Draft) {
    if draft.is_own_credential == Some(true) {
        let both = draft.stated_cost.zip(draft.upstream_cost);
        draft.stated_cost = both.map(|(fee, upstream)| fee.saturating_add(upstream));
    }
}

fn usage(counts: &Counts) -> Usage {
    let has_length = counts.audio_input_ms > Some(0);
    let beyond = beyond(counts);
    // Audio beside the prompt: where its length is stated, that is what is billed (Mistral).
    let audio = beyond.filter(|beyond| counts.audio_input == Some(*beyond));
    let audio_as_tokens = audio.filter(|_| !has_length);
    Usage {
        input_tokens: add(counts.input, audio_as_tokens),
        output_tokens: match beyond {
            Some(beyond) if !has_length && audio.is_none() => output(counts, beyond),
            _ => counts.output,
        },
        cache_read: counts.cache_read,
        cache_write: counts.cache_write,
        reasoning: counts.reasoning.or(counts.reasoning_beside),
        audio_input: counts
            .audio_input
            .filter(|_| audio.is_none() || audio_as_tokens.is_some()),
        audio_output: counts.audio_output,
        image_input: counts.image_input,
        image_output: counts.image_output,
        video_input: counts.video_input,
        web_searches: counts.web_searches,
        audio_input_ms: counts.audio_input_ms,
        ..Usage::default()
    }
}

/// What the total has beyond its parts.
fn beyond(counts: &Counts) -> Option<u64> {
    let rest = counts.total?.checked_sub(counts.input?)?;
    rest.checked_sub(counts.output.unwrap_or_default())
        .filter(|beyond| *beyond > 0)
}

/// Some copies (xAI) leave reasoning out of `completion_tokens`; their total shows it (providers.md §1, trap 4).
fn output(counts: &Counts, beyond: u64) -> Option<u64> {
    let reasoning = counts.reasoning.or(counts.reasoning_beside);
    if reasoning.is_none_or(|reasoning| reasoning == beyond) {
        add(counts.output, Some(beyond))
    } else {
        counts.output
    }
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
            assert_eq!(usage(&counts).output_tokens, expected, "{counts:?}");
        }
    }

    #[test]
    fn audio_beside_the_prompt_is_input_and_never_output() {
        for (audio, length, total, expected) in [
            // Input, output, audio.
            (Some(375), Some(12_000), 419, (3, 41, None)),
            (None, Some(12_000), 419, (3, 41, None)),
            (Some(375), None, 419, (378, 41, Some(375))),
            (Some(375), Some(0), 419, (378, 41, Some(375))),
            (Some(2), Some(12_000), 44, (3, 41, Some(2))),
            (Some(2), None, 44, (3, 41, Some(2))),
        ] {
            let usage = usage(&Counts {
                input: Some(3),
                output: Some(41),
                total: Some(total),
                audio_input: audio,
                audio_input_ms: length,
                ..Counts::default()
            });
            assert_eq!(
                (usage.input_tokens, usage.output_tokens, usage.audio_input),
                (Some(expected.0), Some(expected.1), expected.2),
                "{audio:?} {length:?}"
            );
            assert_eq!(usage.audio_input_ms, length);
        }
    }
}
