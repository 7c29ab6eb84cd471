//! Anthropic messages and their copies (providers.md §1, family A).
//!
//! Invariant: the counts of a stream are cumulative and come in parts. `message_start` alone has the cache split,
//! `message_delta` the final figures; what a later event states replaces, what it leaves out or sets to null stays.

use super::draft::{Counts, Draft, Item, Slot};
use super::{Tally, Usage, bedrock_invoke};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Count, Failure, Group, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.kind)),
    MODEL,
    SPENT,
    STOP,
    Node::branch("message", &[MODEL, SPENT, STOP]),
    Node::branch("delta", &[STOP]),
    bedrock_invoke::METRICS,
    Node::branch("error", &[Node::leaf("type", Text(|d| &mut d.error_type))]).reported(Failure),
];

const MODEL: Node<Slot> = Node::leaf("model", Text(|d| &mut d.model));
const STOP: Node<Slot> = Node::leaf("stop_reason", Text(|d| &mut d.finish_reason));
const SPENT: Node<Slot> =
    Node::branch("usage", USAGE).reported(Slot::group(|d| d.counts = Counts::default()));

/// Tokens, which a usage and each of its iterations state alike, and what else stands beside them. `$counts` is their
/// place.
macro_rules! usage {
    ($counts:path, $($other:expr),*) => {
        &[
            Node::leaf("input_tokens", Count(|d| &mut $counts(d).input)),
            Node::leaf("output_tokens", Count(|d| &mut $counts(d).output)),
            Node::leaf("cache_read_input_tokens", Count(|d| &mut $counts(d).cache_read)),
            Node::leaf("cache_creation_input_tokens", Count(|d| &mut $counts(d).cache_write)),
            Node::branch(
                "cache_creation",
                &[
                    Node::leaf("ephemeral_5m_input_tokens", Count(|d| &mut $counts(d).cache_write_short)),
                    Node::leaf("ephemeral_1h_input_tokens", Count(|d| &mut $counts(d).cache_write_1h)),
                ],
            ),
            $($other),*
        ]
    };
}

const fn whole(draft: &mut Draft) -> &mut Counts {
    &mut draft.counts
}

const fn iteration(draft: &mut Draft) -> &mut Counts {
    &mut draft.item.counts
}

const USAGE: &[Node<Slot>] = usage!(
    whole,
    Node::branch(
        "output_tokens_details",
        &[Node::leaf(
            "thinking_tokens",
            Count(|d| &mut d.counts.reasoning),
        )],
    ),
    Node::branch(
        "server_tool_use",
        &[Node::leaf(
            "web_search_requests",
            Count(|d| &mut d.counts.web_searches),
        )],
    ),
    Node::leaf("service_tier", Text(|d| &mut d.service_tier)),
    Node::leaf("speed", Text(|d| &mut d.speed)),
    Node::leaf("inference_geo", Text(|d| &mut d.inference_geo)),
    Node::branch(
        "iterations",
        &[Node::every(ITERATION).reported(EACH_ITERATION)],
    )
    .reported(Slot::group(|d| {
        d.extra = Usage::default();
        d.part_model = None;
        d.unpriced = None;
    }))
);

const ITERATION: &[Node<Slot>] = usage!(
    iteration,
    Node::leaf("type", Text(|d| &mut d.item.kind)),
    Node::leaf("model", Text(|d| &mut d.item.model))
);
const EACH_ITERATION: Slot = Group {
    forget: |d| d.item = Item::default(),
    end: add_iteration,
};

/// What compacting the conversation consumed is billed, but not in the sums above it. What an adviser consumed is in no
/// sum either, and billed as its own model; where another model took over, no one model's prices fit the sums.
fn add_iteration(draft: &mut Draft) {
    match draft.item.kind.as_deref() {
        Some("compaction") => draft.extra = sum(&draft.extra, &usage(&draft.item.counts)),
        Some("advisor_message") => draft.unpriced = Some(1),
        _ => {}
    }
    match (draft.item.model.take(), &draft.part_model) {
        (Some(model), Some(other)) if model != *other => draft.unpriced = Some(1),
        (Some(model), _) => draft.part_model = Some(model),
        (None, _) => {}
    }
}

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let said = std::mem::take(&mut draft.counts);
    if said != Counts::default() {
        tally.counts = update(&tally.counts, &said);
        if draft.extra != Usage::default() {
            tally.extra = std::mem::take(&mut draft.extra);
        }
        tally.answer.usage = sum(&usage(&tally.counts), &tally.extra);
    }
    tally.is_ended |= draft.kind.as_deref() == Some("message_stop");
    let model = draft.model.as_ref().or(tally.answer.model.as_ref());
    if draft.part_model.is_some() && draft.part_model.as_ref() != model {
        draft.unpriced = Some(1);
    }
    tally.absorb(draft);
}

fn update(known: &Counts, said: &Counts) -> Counts {
    Counts {
        input: said.input.or(known.input),
        output: said.output.or(known.output),
        cache_read: said.cache_read.or(known.cache_read),
        cache_write: said.cache_write.or(known.cache_write),
        cache_write_short: said.cache_write_short.or(known.cache_write_short),
        cache_write_1h: said.cache_write_1h.or(known.cache_write_1h),
        reasoning: said.reasoning.or(known.reasoning),
        web_searches: said.web_searches.or(known.web_searches),
        ..Counts::default()
    }
}

/// `input_tokens` excludes what was read from the cache or written to it.
fn usage(counts: &Counts) -> Usage {
    let split = add(counts.cache_write_short, counts.cache_write_1h);
    let written = counts.cache_write.or(split);
    // Where the sum has moved on since the split was stated, the rest went to the shorter time.
    let cache_write_1h = counts
        .cache_write_1h
        .map(|hour| hour.min(written.unwrap_or(hour)));
    let cache_write =
        written.map(|written| written.saturating_sub(cache_write_1h.unwrap_or_default()));
    let beside = add(written, counts.cache_read);
    Usage {
        input_tokens: counts
            .input
            .map(|input| input.saturating_add(beside.unwrap_or_default())),
        output_tokens: counts.output,
        cache_read: counts.cache_read,
        cache_write,
        cache_write_1h,
        reasoning: counts.reasoning,
        web_searches: counts.web_searches,
        ..Usage::default()
    }
}

fn sum(usage: &Usage, extra: &Usage) -> Usage {
    Usage {
        input_tokens: add(usage.input_tokens, extra.input_tokens),
        output_tokens: add(usage.output_tokens, extra.output_tokens),
        cache_read: add(usage.cache_read, extra.cache_read),
        cache_write: add(usage.cache_write, extra.cache_write),
        cache_write_1h: add(usage.cache_write_1h, extra.cache_write_1h),
        ..usage.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_writes_are_split_by_time_and_the_rest_is_five_minutes() {
        for (written, short, hour, expected) in [
            (None, None, None, (None, None)),
            (Some(7), None, None, (Some(7), None)),
            (Some(7), Some(3), Some(4), (Some(3), Some(4))),
            (None, Some(3), Some(4), (Some(3), Some(4))),
            (Some(9), Some(3), Some(4), (Some(5), Some(4))),
            (Some(2), Some(3), Some(4), (Some(0), Some(2))),
        ] {
            let counts = Counts {
                input: Some(1),
                cache_write: written,
                cache_write_short: short,
                cache_write_1h: hour,
                ..Counts::default()
            };
            let usage = usage(&counts);
            assert_eq!(
                (usage.cache_write, usage.cache_write_1h),
                expected,
                "{counts:?}"
            );
        }
    }
}
