//! Perplexity's chat: OpenAI's, but for what its counts leave out (providers.md §3).
//!
//! Invariant: the last `usage` counts. Reasoning and citations that are stated beside the totals are in none of them,
//! as deep research shows.

use super::Tally;
use super::draft::{Counts, Draft};
use crate::llm::usage::add;

/// Adds one answer or chunk.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let counts = &draft.counts;
    let (reasoning, citation) = (counts.reasoning_beside, counts.citation);
    let completion = counts.output;
    // The chunks before the last state a cost of zero.
    draft.stated_cost = draft.stated_cost.filter(|cost| *cost > 0);
    let is_stated = *counts != Counts::default();
    super::openai_chat::fold(draft, tally);
    if !is_stated {
        return;
    }
    let usage = &mut tally.answer.usage;
    usage.citation = citation;
    if let Some(beside) = add(reasoning, citation) {
        usage.output_tokens = add(completion, Some(beside));
    }
}
