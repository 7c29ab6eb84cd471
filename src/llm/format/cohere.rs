//! Cohere: chat of version 2 (typed events) and 1 (lines or events), embeddings, reranking, classification
//! (providers.md §3, cohere).
//!
//! Invariant: only the units that are billed count; the other figures include what Cohere adds to the prompt. Numbers
//! are written as fractions. No answer names its model, and its `message` is no error.

use super::draft::{Draft, Slot};
use super::{Tally, Usage};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Failure, Flag, Scaled, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.kind)),
    Node::leaf("event_type", Text(|d| &mut d.kind)),
    Node::leaf("id", Text(|d| &mut d.id)),
    ID,
    Node::leaf("is_finished", Flag(|d| &mut d.is_done)),
    FINISH,
    Node::branch("usage", SPENT),
    Node::branch("meta", SPENT),
    // The end of a stream, version 2 and 1.
    Node::branch(
        "delta",
        &[
            FINISH,
            Node::branch("usage", SPENT),
            Node::leaf("error", Failure),
        ],
    ),
    Node::branch("response", &[ID, FINISH, Node::branch("meta", SPENT)]),
    Node::leaf("err", Failure),
];

/// Version 1.
const ID: Node<Slot> = Node::leaf("response_id", Text(|d| &mut d.id));
const FINISH: Node<Slot> = Node::leaf("finish_reason", Text(|d| &mut d.finish_reason));

const SPENT: &[Node<Slot>] = &[
    Node::branch("billed_units", UNITS).reported(Slot::group(|d| {
        (d.counts.input, d.counts.total) = (None, None);
        d.stated = Usage::default();
    })),
    Node::leaf("cached_tokens", Scaled(|d| &mut d.counts.cache_read, 0)),
];

const UNITS: &[Node<Slot>] = &[
    Node::leaf("input_tokens", Scaled(|d| &mut d.counts.input, 0)),
    // All that is text, where no whole is stated.
    Node::leaf("text_tokens", Scaled(|d| &mut d.counts.total, 0)),
    Node::leaf("image_tokens", Scaled(|d| &mut d.stated.image_input, 0)),
    Node::leaf("output_tokens", Scaled(|d| &mut d.stated.output_tokens, 0)),
    Node::leaf("search_units", Scaled(|d| &mut d.stated.search_units, 0)),
    Node::leaf("images", Scaled(|d| &mut d.stated.images_input, 0)),
    Node::leaf("pages", Scaled(|d| &mut d.stated.pages, 0)),
];

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let stated = &mut draft.stated;
    stated.input_tokens = input(draft.counts.input, draft.counts.total, stated.image_input);
    stated.cache_read = draft.counts.cache_read;
    let is_last = matches!(draft.kind.as_deref(), Some("message-end" | "stream-end"));
    tally.is_ended |= is_last || draft.is_done == Some(true);
    tally.absorb(draft);
}

/// Images are part of the whole, unless they show by their size that they stand beside it.
fn input(whole: Option<u64>, text: Option<u64>, image: Option<u64>) -> Option<u64> {
    match (whole.or(text), image) {
        (Some(rest), Some(image)) if whole.is_none() || image > rest => {
            add(Some(rest), Some(image))
        }
        (rest, image) => rest.or(image),
    }
}

#[cfg(test)]
mod tests {
    use super::input;

    #[test]
    fn image_tokens_are_added_only_to_what_cannot_hold_them() {
        for (whole, text, image, expected) in [
            (Some(9), Some(4), Some(5), Some(9)),
            (Some(9), None, None, Some(9)),
            (Some(0), None, Some(5), Some(5)),
            (Some(4), Some(4), Some(5), Some(9)),
            (None, Some(4), Some(5), Some(9)),
            (None, Some(4), None, Some(4)),
            (None, None, Some(5), Some(5)),
            (None, None, None, None),
        ] {
            assert_eq!(input(whole, text, image), expected, "{whole:?} {image:?}");
        }
    }
}
