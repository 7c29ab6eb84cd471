//! Mistral's conversations: a model or an agent answers, with tools that run at Mistral.
//!
//! Invariant: the counts are of all that happened in the call, so where Mistral's tools or several agents took part, no
//! sum at one model's prices is the whole. A stream ends with `conversation.response.done`, never with `[DONE]`.

use super::draft::{Counts, Draft, Item, Slot};
use super::{Tally, openai_chat};
use crate::llm::json::Node;
use Slot::{Code, Count, Failure, Group, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.kind)),
    MODEL,
    Node::branch("outputs", &[Node::every(OUTPUT).reported(EACH_OUTPUT)]),
    Node::branch("usage", USAGE).reported(Slot::group(|d| {
        d.counts = Counts::default();
        d.unpriced = None;
    })),
    Node::leaf("code", Code(|d| &mut d.error_code)),
    Node::leaf("detail", Failure),
];

const MODEL: Node<Slot> = Node::leaf("model", Text(|d| &mut d.model));

const OUTPUT: &[Node<Slot>] = &[Node::leaf("type", Text(|d| &mut d.item.kind)), MODEL];
const EACH_OUTPUT: Slot = Group {
    forget: |d| d.item = Item::default(),
    end: |d| {
        if is_handoff(d.item.kind.as_deref()) {
            d.unpriced_items = Some(1);
        }
    },
};

const USAGE: &[Node<Slot>] = &[
    Node::leaf("prompt_tokens", Count(|d| &mut d.counts.input)),
    Node::leaf("completion_tokens", Count(|d| &mut d.counts.output)),
    // Calls of each tool by its name, and the tokens of all.
    Node::branch(
        "connectors",
        &[Node::any(Slot::group(|d| d.unpriced_items = Some(1)))],
    ),
    Node::leaf("connector_tokens", Count(|d| &mut d.unpriced)),
];

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let kind = draft.kind.as_deref();
    if is_handoff(kind) {
        draft.unpriced_items = Some(1);
    }
    draft.is_failure |= kind == Some("conversation.response.error");
    tally.is_ended |= kind == Some("conversation.response.done");
    draft.unpriced = draft.unpriced_items.or(draft.unpriced);
    openai_chat::fold(draft, tally);
}

/// Another agent, with a model of its own, takes over.
fn is_handoff(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.starts_with("agent.handoff"))
}
