//! Vertex predictions: embeddings and pictures (providers.md §3).
//!
//! Invariant: a picture is counted and never held; of many embeddings the tokens are added.

use super::Tally;
use super::draft::{Draft, Item, Slot};
use super::gemini::FAULT;
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Count, Each, Group, Text};

/// Where the facts stand in an answer.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::branch(
        "predictions",
        &[Node::every(PREDICTION).reported(Group {
            forget: |d| d.item = Item::default(),
            end: count_prediction,
        })],
    )
    .reported(Slot::group(|d| {
        d.stated.input_tokens = None;
        d.stated.images = None;
    })),
    // Set for a model of one's own.
    Node::leaf("model", Text(|d| &mut d.model)),
    FAULT,
];

const PREDICTION: &[Node<Slot>] = &[
    Node::branch(
        "embeddings",
        &[Node::branch(
            "statistics",
            &[Node::leaf(
                "token_count",
                Count(|d| &mut d.item.counts.input),
            )],
        )],
    ),
    Node::leaf("mimeType", Text(|d| &mut d.item.kind)),
    Node::leaf("bytesBase64Encoded", PICTURE),
    Node::leaf("gcsUri", PICTURE),
];
/// The picture itself, or where it was put.
const PICTURE: Slot = Each(|d| &mut d.item.counts.image_output);

fn count_prediction(draft: &mut Draft) {
    let Draft { item, stated, .. } = draft;
    stated.input_tokens = add(stated.input_tokens, item.counts.input);
    let is_picture = item
        .kind
        .as_deref()
        .is_none_or(|kind| kind.starts_with("image/"));
    if item.counts.image_output.is_some() && is_picture {
        stated.images = add(stated.images, Some(1));
    }
}

/// Adds one answer.
pub(super) fn fold(draft: Draft, tally: &mut Tally) {
    tally.absorb(draft);
}
