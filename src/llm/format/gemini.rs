//! Gemini: generated content, embeddings and interactions (providers.md §1, family G).
//!
//! Invariant: `usageMetadata` is cumulative, so the last one replaces the one before. A stream of events has no last
//! event of its own: it is whole once the model has said why it stopped. As an array it is whole when that has closed.

use super::draft::{Counts, Draft, Item, Slot};
use super::modality::{
    CACHED_PART, FORGET_CACHED, FORGET_INPUT, FORGET_OUTPUT, FORGET_TOOLS, INPUT_PART, OUTPUT_PART,
    TOOL_PART,
};
use super::{Tally, Usage};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Code, Count, Document, Each, Failure, Group, Text};

/// Where the facts stand in an answer, in an event, and in each element of a stream that is one array.
pub(super) const TABLE: &[Node<Slot>] = &[
    CANDIDATES,
    FEEDBACK,
    SPENT,
    MODEL,
    ID,
    FAULT,
    Node::every(&[CANDIDATES, FEEDBACK, SPENT, MODEL, ID, FAULT]).reported(Document),
];

const CANDIDATES: Node<Slot> = Node::branch(
    "candidates",
    &[
        Node::first(&[
            Node::leaf("finishReason", Text(|d| &mut d.finish_reason)),
            GROUNDING,
        ])
        .reported(EACH_CANDIDATE),
        Node::every(&[GROUNDING]).reported(EACH_CANDIDATE),
    ],
)
.reported(Slot::group(|d| d.searches = None));
const FEEDBACK: Node<Slot> = Node::branch(
    "promptFeedback",
    &[Node::leaf("blockReason", Text(|d| &mut d.finish_reason))],
);
const SPENT: Node<Slot> = Node::branch("usageMetadata", USAGE).reported(FORGET_USAGE);
const MODEL: Node<Slot> = Node::leaf("modelVersion", Text(|d| &mut d.model));
const ID: Node<Slot> = Node::leaf("responseId", Text(|d| &mut d.id));
/// The error of every Google API.
pub(super) const FAULT: Node<Slot> = Node::branch(
    "error",
    &[
        Node::leaf("status", Text(|d| &mut d.error_type)),
        Node::leaf("code", Code(|d| &mut d.error_code)),
    ],
)
.reported(Failure);

const GROUNDING: Node<Slot> = Node::branch(
    "groundingMetadata",
    // Empty queries are not billed.
    &[Node::branch(
        "webSearchQueries",
        &[Node::every(&[]).reported(Each(|d| &mut d.item.counts.web_searches))],
    )
    .reported(Slot::group(|d| d.item.counts.web_searches = None))],
);
/// Every candidate searches for itself.
const EACH_CANDIDATE: Slot = Group {
    forget: |d| d.item = Item::default(),
    end: |d| d.searches = add(d.searches, d.item.counts.web_searches),
};

const USAGE: &[Node<Slot>] = &[
    Node::leaf("promptTokenCount", INPUT),
    Node::leaf("toolUsePromptTokenCount", TOOLS),
    Node::leaf("cachedContentTokenCount", CACHED),
    Node::leaf("candidatesTokenCount", OUTPUT),
    Node::leaf("thoughtsTokenCount", THOUGHTS),
    Node::branch("promptTokensDetails", &[INPUT_PART]).reported(FORGET_INPUT),
    Node::branch("toolUsePromptTokensDetails", &[TOOL_PART]).reported(FORGET_TOOLS),
    Node::branch("cacheTokensDetails", &[CACHED_PART]).reported(FORGET_CACHED),
    Node::branch("candidatesTokensDetails", &[OUTPUT_PART]).reported(FORGET_OUTPUT),
    // AI Studio's word and Vertex's.
    Node::leaf("serviceTier", Text(|d| &mut d.service_tier)),
    Node::leaf("trafficType", Text(|d| &mut d.service_tier)),
];

/// The same in an interaction, whole or in the events that carry one.
pub(super) const INTERACTIONS: &[Node<Slot>] = &[
    Node::leaf("event_type", Text(|d| &mut d.kind)),
    Node::branch("interaction", INTERACTION),
    I_MODEL,
    I_ID,
    I_STATUS,
    I_TIER,
    I_SPENT,
    I_FAULTS,
    FAULT,
];
const INTERACTION: &[Node<Slot>] = &[I_MODEL, I_ID, I_STATUS, I_TIER, I_SPENT, I_FAULTS];
const I_MODEL: Node<Slot> = Node::leaf("model", Text(|d| &mut d.model));
const I_ID: Node<Slot> = Node::leaf("id", Text(|d| &mut d.id));
const I_STATUS: Node<Slot> = Node::leaf("status", Text(|d| &mut d.status));
const I_TIER: Node<Slot> = Node::leaf("service_tier", Text(|d| &mut d.service_tier));
const I_SPENT: Node<Slot> = Node::branch("usage", I_USAGE).reported(FORGET_USAGE);
const I_FAULTS: Node<Slot> = Node::branch(
    "errors",
    &[Node::first(&[Node::leaf(
        "code",
        Code(|d| &mut d.error_code),
    )])],
);

const I_USAGE: &[Node<Slot>] = &[
    Node::leaf("total_input_tokens", INPUT),
    Node::leaf("total_tool_use_tokens", TOOLS),
    Node::leaf("total_cached_tokens", CACHED),
    Node::leaf("total_output_tokens", OUTPUT),
    Node::leaf("total_thought_tokens", THOUGHTS),
    Node::leaf("total_tokens", Count(|d| &mut d.counts.total)),
    Node::branch("input_tokens_by_modality", &[INPUT_PART]).reported(FORGET_INPUT),
    Node::branch("tool_use_tokens_by_modality", &[TOOL_PART]).reported(FORGET_TOOLS),
    Node::branch("cached_tokens_by_modality", &[CACHED_PART]).reported(FORGET_CACHED),
    Node::branch("output_tokens_by_modality", &[OUTPUT_PART]).reported(FORGET_OUTPUT),
    Node::branch(
        "grounding_tool_count",
        &[Node::every(TOOL).reported(Group {
            forget: |d| d.item = Item::default(),
            end: count_searches,
        })],
    )
    .reported(Slot::group(|d| d.searches = None)),
];
const TOOL: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.item.kind)),
    Node::leaf("count", Count(|d| &mut d.item.counts.total)),
];

const INPUT: Slot = Count(|d| &mut d.counts.input);
/// Results of tools, which the prompt's count leaves out.
const TOOLS: Slot = Count(|d| &mut d.extra.input_tokens);
const CACHED: Slot = Count(|d| &mut d.stated.cache_read);
const OUTPUT: Slot = Count(|d| &mut d.counts.output);
const THOUGHTS: Slot = Count(|d| &mut d.stated.reasoning);

const FORGET_USAGE: Slot = Slot::group(|d| {
    d.counts = Counts::default();
    d.stated = Usage::default();
    d.extra = Usage::default();
});

fn count_searches(draft: &mut Draft) {
    if draft.item.kind.as_deref() == Some("google_search") {
        draft.searches = add(draft.searches, draft.item.counts.total);
    }
}

/// Adds one answer, event or element.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let is_in_progress = |status: &String| status == "in_progress";
    let status = draft.status.take().filter(|status| !is_in_progress(status));
    let has_failed = status.as_deref() == Some("failed");
    let has_content_ended = draft.finish_reason.is_some();
    draft.finish_reason = draft.finish_reason.take().or(status);
    draft.is_failure |= has_failed;
    let has_interaction_ended = draft.kind.as_deref() == Some("interaction.completed");

    let searches = draft.searches.take();
    total(&mut draft);
    let had_searches = tally.answer.usage.web_searches;
    tally.is_ended |= has_content_ended || has_interaction_ended;
    let was_aborted = tally.is_aborted;
    tally.absorb(draft);
    if has_interaction_ended {
        // A failed interaction is an error, told in a stream that is whole.
        tally.is_aborted = was_aborted;
    }
    tally.answer.usage.web_searches = searches.or(had_searches);
}

/// Makes totals of the counts, each of which leaves something out.
fn total(draft: &mut Draft) {
    let Draft {
        counts,
        stated,
        extra,
        ..
    } = draft;
    let input = add(counts.input, extra.input_tokens);
    // An interaction's sum tells whether the answer's count has the thoughts in it.
    let has_thoughts = counts.total.is_some() && counts.total == add(input, counts.output);
    stated.output_tokens = if has_thoughts {
        counts.output
    } else {
        add(counts.output, stated.reasoning)
    };
    stated.input_tokens = input;
    stated.audio_input = add(stated.audio_input, extra.audio_input);
    stated.image_input = add(stated.image_input, extra.image_input);
    stated.video_input = add(stated.video_input, extra.video_input);
}
