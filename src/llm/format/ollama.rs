//! Ollama's chat, generation and embeddings: lines, or one JSON text (providers.md §1).
//!
//! Invariant: only the line with `done: true` has counts, and it is the last one. A prompt that was still in memory may
//! come without its count; then it is not known.

use super::Tally;
use super::draft::{Draft, Slot};
use crate::llm::json::Node;
use Slot::{Count, Failure, Flag, Text};

/// Where the facts stand in an answer or line.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::leaf("done", Flag(|d| &mut d.is_done)),
    Node::leaf("done_reason", Text(|d| &mut d.finish_reason)),
    Node::leaf("prompt_eval_count", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf("eval_count", Count(|d| &mut d.stated.output_tokens)),
    Node::leaf("error", Failure),
];

/// Adds one answer or line.
pub(super) fn fold(draft: Draft, tally: &mut Tally) {
    tally.is_ended |= draft.is_done == Some(true);
    tally.absorb(draft);
}
