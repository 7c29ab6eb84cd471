//! Hugging Face text generation: an object, an array of them, or events (providers.md §3, huggingface).
//!
//! Invariant: the last event is the one with the whole text in `generated_text`. Only `details` and the head of an answer
//! have counts, and both only where they were asked for.

use super::draft::{Counts, Draft, Item, Slot};
use super::{Tally, Usage};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Count, Failure, Group, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("generated_text", Slot::group(|d| d.is_done = Some(true))),
    DETAILS,
    Node::leaf("error", Failure),
    Node::leaf("error_type", Text(|d| &mut d.error_type)),
    Node::every(&[DETAILS]).reported(Group {
        forget: |d| d.item = Item::default(),
        end: add_details,
    }),
];

const DETAILS: Node<Slot> = Node::branch(
    "details",
    &[
        Node::leaf("finish_reason", Text(|d| &mut d.finish_reason)),
        Node::leaf("generated_tokens", Count(|d| &mut d.item.counts.output)),
        Node::leaf("input_length", Count(|d| &mut d.item.counts.input)),
    ],
)
.reported(Slot::group(|d| d.item = Item::default()));

/// Each element of an array is an answer to an input of its own.
fn add_details(draft: &mut Draft) {
    let Counts { input, output, .. } = std::mem::take(&mut draft.item.counts);
    let stated = &mut draft.stated;
    stated.input_tokens = add(stated.input_tokens, input);
    stated.output_tokens = add(stated.output_tokens, output);
}

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    add_details(&mut draft);
    let (said, known) = (std::mem::take(&mut draft.stated), &mut tally.answer.usage);
    *known = Usage {
        input_tokens: said.input_tokens.or(known.input_tokens),
        output_tokens: said.output_tokens.or(known.output_tokens),
        ..Usage::default()
    };
    tally.is_ended |= draft.is_done == Some(true);
    tally.absorb(draft);
}
