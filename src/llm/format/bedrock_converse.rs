//! Bedrock's own conversation, whole or in frames (providers.md §3, aws-bedrock).
//!
//! Invariant: as with Anthropic, `inputTokens` leaves out what the cache gave or took. A stream has its reason in
//! `messageStop` and its counts in `metadata`, which is the last event.

use super::draft::{Counts, Draft, Item, Slot};
use super::{Tally, anthropic};
use crate::llm::json::Node;
use Slot::{Count, Group, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("stopReason", Text(|d| &mut d.finish_reason)),
    Node::branch("usage", USAGE).reported(Slot::group(|d| d.counts = Counts::default())),
    Node::branch(
        "serviceTier",
        &[Node::leaf("type", Text(|d| &mut d.service_tier))],
    ),
    // What a prompt router has chosen.
    Node::branch(
        "trace",
        &[Node::branch(
            "promptRouter",
            &[Node::leaf("invokedModelId", Text(|d| &mut d.model))],
        )],
    ),
];

const USAGE: &[Node<Slot>] = &[
    Node::leaf("inputTokens", Count(|d| &mut d.counts.input)),
    Node::leaf("outputTokens", Count(|d| &mut d.counts.output)),
    Node::leaf("cacheReadInputTokens", Count(|d| &mut d.counts.cache_read)),
    Node::leaf(
        "cacheWriteInputTokens",
        Count(|d| &mut d.counts.cache_write),
    ),
    Node::branch(
        "cacheDetails",
        &[Node::every(&[
            Node::leaf("ttl", Text(|d| &mut d.item.kind)),
            Node::leaf("inputTokens", Count(|d| &mut d.item.counts.cache_write)),
        ])
        .reported(EACH_DETAIL)],
    )
    .reported(Slot::group(|d| {
        d.counts.cache_write_short = None;
        d.counts.cache_write_1h = None;
    })),
];

const EACH_DETAIL: Slot = Group {
    forget: |d| d.item = Item::default(),
    end: add_detail,
};

fn add_detail(draft: &mut Draft) {
    let place = match draft.item.kind.as_deref() {
        Some("5m") => &mut draft.counts.cache_write_short,
        Some("1h") => &mut draft.counts.cache_write_1h,
        _ => return,
    };
    if let Some(written) = draft.item.counts.cache_write {
        *place = Some(place.unwrap_or_default().saturating_add(written));
    }
}

/// Adds one answer or event.
pub(super) fn fold(draft: Draft, tally: &mut Tally) {
    let is_last = draft.kind.as_deref() == Some("metadata");
    anthropic::fold(draft, tally);
    tally.is_ended |= is_last && tally.answer.finish_reason.is_some();
}
