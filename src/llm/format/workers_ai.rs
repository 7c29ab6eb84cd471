//! Workers AI: an envelope around the answer, or events without one (providers.md §3, workers-ai).
//!
//! Invariant: what is inside is of the model's own family, after OpenAI's chat completions or its Responses; both are
//! read wherever they can stand. `success: false` is an error whatever the status.

use super::draft::{Counts, Draft, Slot};
use super::{Tally, openai_chat, openai_responses};
use crate::llm::json::Node;
use Slot::{Code, Count, Failure, Flag, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("success", Flag(|d| &mut d.is_success)),
    Node::branch(
        "errors",
        &[Node::first(&[Node::leaf(
            "code",
            Code(|d| &mut d.error_code),
        )])],
    ),
    Node::branch("result", ANSWER),
    // An event of Responses; the smaller models have a text here.
    Node::branch("response", ANSWER),
    Node::leaf("type", Text(|d| &mut d.kind)),
    ID,
    MODEL,
    STATUS,
    INCOMPLETE,
    TIER,
    SPENT,
    CHOICES,
    FAULT,
];

const ANSWER: &[Node<Slot>] = &[ID, MODEL, STATUS, INCOMPLETE, TIER, SPENT, CHOICES, FAULT];

const ID: Node<Slot> = Node::leaf("id", Text(|d| &mut d.id));
const MODEL: Node<Slot> = Node::leaf("model", Text(|d| &mut d.model));
const STATUS: Node<Slot> = Node::leaf("status", Text(|d| &mut d.status));
const INCOMPLETE: Node<Slot> = Node::branch(
    "incomplete_details",
    &[Node::leaf("reason", Text(|d| &mut d.finish_reason))],
);
const TIER: Node<Slot> = Node::leaf("service_tier", Text(|d| &mut d.service_tier));
const SPENT: Node<Slot> =
    Node::branch("usage", USAGE).reported(Slot::group(|d| d.counts = Counts::default()));
const CHOICES: Node<Slot> = Node::branch(
    "choices",
    &[Node::first(&[Node::leaf(
        "finish_reason",
        Text(|d| &mut d.finish_reason),
    )])],
);
const FAULT: Node<Slot> = Node::branch(
    "error",
    &[
        Node::leaf("type", Text(|d| &mut d.error_type)),
        Node::leaf("code", Code(|d| &mut d.error_code)),
    ],
)
.reported(Failure);

const USAGE: &[Node<Slot>] = &[
    Node::leaf("prompt_tokens", Count(|d| &mut d.counts.input)),
    Node::leaf("completion_tokens", Count(|d| &mut d.counts.output)),
    Node::leaf("total_tokens", Count(|d| &mut d.counts.total)),
    Node::branch("prompt_tokens_details", INPUT),
    Node::branch("completion_tokens_details", OUTPUT),
    Node::leaf("input_tokens", Count(|d| &mut d.counts.input)),
    Node::leaf("output_tokens", Count(|d| &mut d.counts.output)),
    Node::branch("input_tokens_details", INPUT),
    Node::branch("output_tokens_details", OUTPUT),
];

const INPUT: &[Node<Slot>] = &[Node::leaf(
    "cached_tokens",
    Count(|d| &mut d.counts.cache_read),
)];
const OUTPUT: &[Node<Slot>] = &[Node::leaf(
    "reasoning_tokens",
    Count(|d| &mut d.counts.reasoning),
)];

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    draft.is_failure |= draft.is_success == Some(false);
    let is_event = draft
        .kind
        .as_deref()
        .is_some_and(|kind| kind.starts_with("response."));
    if is_event || draft.status.is_some() {
        openai_responses::fold(draft, tally);
    } else {
        openai_chat::fold(draft, tally);
    }
}
