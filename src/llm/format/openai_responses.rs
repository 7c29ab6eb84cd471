//! OpenAI Responses and its copies (providers.md §1, family R).
//!
//! Invariant: the object of the answer is the same as a whole body and inside the events that carry one; a stream
//! ends with `response.completed`, `.incomplete` or `.failed`, never with `[DONE]`.

use super::draft::{Counts, Draft, Item, Slot};
use super::openai_chat::{COST, ERROR, OWN_CREDENTIAL, TICKS, UPSTREAM, forget_cost, settle_cost};
use super::{Tally, Usage};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Code, Count, Failure, Flag, Group, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.kind)),
    Node::branch("response", RESPONSE),
    // The same object without its event.
    MODEL,
    ID,
    BACKGROUND,
    STATUS,
    INCOMPLETE,
    TIER,
    SPENT,
    TOOLS,
    OUTPUT,
    FAULT,
    // The `error` event carries its code here.
    Node::leaf("code", Code(|d| &mut d.error_code)),
];

const RESPONSE: &[Node<Slot>] = &[
    MODEL, ID, BACKGROUND, STATUS, INCOMPLETE, TIER, SPENT, TOOLS, OUTPUT, FAULT,
];

const MODEL: Node<Slot> = Node::leaf("model", Text(|d| &mut d.model));
const ID: Node<Slot> = Node::leaf("id", Text(|d| &mut d.id));
const BACKGROUND: Node<Slot> = Node::leaf("background", Flag(|d| &mut d.is_background));
const STATUS: Node<Slot> = Node::leaf("status", Text(|d| &mut d.status));
const INCOMPLETE: Node<Slot> = Node::branch(
    "incomplete_details",
    &[Node::leaf("reason", Text(|d| &mut d.finish_reason))],
);
const TIER: Node<Slot> = Node::leaf("service_tier", Text(|d| &mut d.service_tier));
const SPENT: Node<Slot> = Node::branch("usage", USAGE).reported(Slot::group(|d| {
    d.counts = Counts::default();
    forget_cost(d);
}));
const TOOLS: Node<Slot> = Node::branch(
    "tool_usage",
    &[
        Node::branch("web_search", WEB_SEARCH),
        // Billed at the prices of the model that draws, which the answer does not name.
        Node::branch(
            "image_gen",
            &[Node::leaf("total_tokens", Count(|d| &mut d.unpriced))],
        ),
    ],
);
const OUTPUT: Node<Slot> = Node::branch("output", &[Node::every(ITEM).reported(EACH_ITEM)])
    .reported(Slot::group(|d| {
        d.searches = None;
        d.file_searches = None;
        d.unpriced_items = None;
    }));
const FAULT: Node<Slot> = Node::branch("error", ERROR).reported(Failure);

const USAGE: &[Node<Slot>] = &[
    Node::leaf("input_tokens", Count(|d| &mut d.counts.input)),
    Node::leaf("output_tokens", Count(|d| &mut d.counts.output)),
    Node::branch("input_tokens_details", INPUT),
    Node::branch(
        "output_tokens_details",
        &[Node::leaf(
            "reasoning_tokens",
            Count(|d| &mut d.counts.reasoning),
        )],
    ),
    COST,
    OWN_CREDENTIAL,
    UPSTREAM,
    TICKS,
];

const INPUT: &[Node<Slot>] = &[
    Node::leaf("cached_tokens", Count(|d| &mut d.counts.cache_read)),
    Node::leaf("cache_write_tokens", Count(|d| &mut d.counts.cache_write)),
    Node::branch("cache_write_tokens_details", CACHE_WRITE),
];

const CACHE_WRITE: &[Node<Slot>] = &[
    Node::leaf("ttl_30m_tokens", Count(|d| &mut d.counts.cache_write_short)),
    Node::leaf("ttl_12h_tokens", Count(|d| &mut d.counts.cache_write_12h)),
];

/// The searches that are billed, which newer answers state outside `usage`.
const WEB_SEARCH: &[Node<Slot>] = &[Node::leaf(
    "num_requests",
    Count(|d| &mut d.billed_searches),
)];

const ITEM: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.item.kind)),
    Node::branch(
        "action",
        &[Node::leaf("type", Text(|d| &mut d.item.action))],
    ),
];
const EACH_ITEM: Slot = Group {
    forget: |d| d.item = Item::default(),
    end: count_call,
};

/// Opening a page or finding in it is not a search. Drawing and running code are billed beside the tokens, at prices
/// that no count tells.
fn count_call(draft: &mut Draft) {
    let Item { kind, action, .. } = &draft.item;
    let count = match (kind.as_deref(), action.as_deref()) {
        (Some("web_search_call"), Some("search")) => &mut draft.searches,
        (Some("file_search_call"), _) => &mut draft.file_searches,
        (Some("image_generation_call" | "code_interpreter_call"), _) => &mut draft.unpriced_items,
        _ => return,
    };
    *count = Some(count.unwrap_or_default().saturating_add(1));
}

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let counts = std::mem::take(&mut draft.counts);
    if counts != Counts::default() {
        let web_searches = draft.billed_searches.or(draft.searches);
        tally.answer.usage = Usage {
            web_searches,
            file_searches: draft.file_searches,
            ..usage(&counts)
        };
    }
    draft.unpriced = draft.unpriced_items.or(draft.unpriced);
    settle_cost(&mut draft);
    // `queued` and `in_progress` are not ends.
    let status = draft
        .status
        .take()
        .filter(|status| !matches!(status.as_str(), "queued" | "in_progress"));
    draft.finish_reason = draft.finish_reason.take().or(status);
    let is_failure = draft.kind.as_deref() == Some("response.failed");
    let is_end = is_failure
        || matches!(
            draft.kind.as_deref(),
            Some("response.completed" | "response.incomplete")
        );
    let was_aborted = tally.is_aborted;
    tally.absorb(draft);
    if is_end {
        // A failed response is an error, told in a stream that is whole.
        tally.answer.is_error |= is_failure;
        tally.is_aborted = was_aborted;
        tally.is_ended = true;
    }
}

fn usage(counts: &Counts) -> Usage {
    let split = add(counts.cache_write_short, counts.cache_write_12h);
    let written = counts.cache_write.or(split);
    // What no time is stated for went to the shorter one.
    let cache_write_12h = counts
        .cache_write_12h
        .map(|long| long.min(written.unwrap_or(long)));
    Usage {
        input_tokens: counts.input,
        output_tokens: counts.output,
        cache_read: counts.cache_read,
        cache_write: written.map(|all| all.saturating_sub(cache_write_12h.unwrap_or_default())),
        cache_write_12h,
        reasoning: counts.reasoning,
        ..Usage::default()
    }
}
