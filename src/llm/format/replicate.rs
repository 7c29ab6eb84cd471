//! Replicate's predictions (providers.md §3): the same one is asked for until it is finished.
//!
//! Invariant: only a finished prediction has metrics, so only its documents state consumption; that it counts once
//! whoever asks is the caller's care, by its id.

use super::draft::{Draft, Slot};
use super::{Tally, Usage};
use crate::llm::json::Node;
use Slot::{Count, Failure, Text};

/// Where the facts stand in a prediction, or in a refusal to make one.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("id", Text(|d| &mut d.id)),
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::leaf("status", Text(|d| &mut d.status)),
    Node::branch("metrics", METRICS).reported(Slot::group(|d| d.stated = Usage::default())),
    Node::leaf("error", Failure),
    Node::leaf("title", Text(|d| &mut d.error_type)),
    Node::leaf("detail", Failure),
];

const METRICS: &[Node<Slot>] = &[
    Node::leaf("input_token_count", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf("output_token_count", Count(|d| &mut d.stated.output_tokens)),
    Node::leaf("image_count", Count(|d| &mut d.stated.images)),
];

/// Adds one document.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let is_terminal =
        |status: &String| matches!(status.as_str(), "succeeded" | "failed" | "canceled");
    draft.finish_reason = draft.status.take().filter(is_terminal);
    tally.absorb(draft);
}
