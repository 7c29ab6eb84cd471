//! Bedrock's native answers: each family of models has its own, of which the head and the last event tell the same in
//! Bedrock's words (providers.md §3, aws-bedrock).
//!
//! Invariant: what the model's own answer states counts more than Bedrock's words, and those never erase it. Bedrock's
//! input leaves out what the cache gave or took.

use super::draft::{Counts, Draft, Item, Slot};
use super::{Answer, Format, Tally, Usage, amazon_error, anthropic};
use crate::http::header::HeaderList;
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Count, Failure, Group, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    METRICS,
    SPENT,
    STOP,
    // Nova.
    Node::branch("messageStop", &[STOP]),
    Node::branch("metadata", &[SPENT]),
    // Titan; also its embeddings.
    Node::leaf("inputTextTokenCount", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf(
        "totalOutputTextTokenCount",
        Count(|d| &mut d.stated.output_tokens),
    ),
    COMPLETION,
    Node::branch("results", &[Node::every(RESULT).reported(EACH_RESULT)])
        .reported(Slot::group(|d| d.stated.output_tokens = None)),
    // Llama.
    Node::leaf("prompt_token_count", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf(
        "generation_token_count",
        Count(|d| &mut d.stated.output_tokens),
    ),
    STOPPED,
    // Mistral, DeepSeek, Jamba, gpt-oss and others after OpenAI.
    MODEL,
    Node::leaf("id", Text(|d| &mut d.id)),
    Node::branch("choices", &[Node::first(&[FINISH, STOPPED])]),
    Node::branch("outputs", &[Node::first(&[STOPPED])]),
    Node::leaf("service_tier", Text(|d| &mut d.service_tier)),
    // Anthropic, behind an ARN that does not say so.
    Node::branch("message", &[MODEL, SPENT]),
    Node::branch("delta", &[STOPPED]),
    // Cohere.
    FINISH,
    Node::branch("generations", &[Node::first(&[FINISH])]),
    Node::leaf("error", Failure),
];

/// What Bedrock adds to a model's last event.
pub(super) const METRICS: Node<Slot> = Node::branch(
    "amazon-bedrock-invocationMetrics",
    &[
        Node::leaf("inputTokenCount", Count(|d| &mut d.metrics.input)),
        Node::leaf("outputTokenCount", Count(|d| &mut d.metrics.output)),
        Node::leaf(
            "cacheReadInputTokenCount",
            Count(|d| &mut d.metrics.cache_read),
        ),
        Node::leaf(
            "cacheWriteInputTokenCount",
            Count(|d| &mut d.metrics.cache_write),
        ),
    ],
)
.reported(Slot::group(|d| {
    d.metrics = Counts::default();
    d.is_done = Some(true);
}));

const MODEL: Node<Slot> = Node::leaf("model", Text(|d| &mut d.model));
const STOP: Node<Slot> = Node::leaf("stopReason", Text(|d| &mut d.finish_reason));
const STOPPED: Node<Slot> = Node::leaf("stop_reason", Text(|d| &mut d.finish_reason));
const FINISH: Node<Slot> = Node::leaf("finish_reason", Text(|d| &mut d.finish_reason));
const COMPLETION: Node<Slot> = Node::leaf("completionReason", Text(|d| &mut d.finish_reason));
const SPENT: Node<Slot> = Node::branch("usage", USAGE).reported(Slot::group(|d| {
    d.counts = Counts::default();
    d.stated = Usage::default();
}));

const USAGE: &[Node<Slot>] = &[
    // Nova, which spells its cache both ways.
    Node::leaf("inputTokens", Count(|d| &mut d.counts.input)),
    Node::leaf("outputTokens", Count(|d| &mut d.counts.output)),
    Node::leaf(
        "cacheReadInputTokenCount",
        Count(|d| &mut d.counts.cache_read),
    ),
    Node::leaf(
        "cacheWriteInputTokenCount",
        Count(|d| &mut d.counts.cache_write),
    ),
    Node::leaf("cacheReadInputTokens", Count(|d| &mut d.counts.cache_read)),
    Node::leaf(
        "cacheWriteInputTokens",
        Count(|d| &mut d.counts.cache_write),
    ),
    // Anthropic.
    Node::leaf("input_tokens", Count(|d| &mut d.counts.input)),
    Node::leaf("output_tokens", Count(|d| &mut d.counts.output)),
    Node::leaf(
        "cache_read_input_tokens",
        Count(|d| &mut d.counts.cache_read),
    ),
    Node::leaf(
        "cache_creation_input_tokens",
        Count(|d| &mut d.counts.cache_write),
    ),
    Node::branch(
        "cache_creation",
        &[Node::leaf(
            "ephemeral_1h_input_tokens",
            Count(|d| &mut d.counts.cache_write_1h),
        )],
    ),
    // After OpenAI, where the input is a total.
    Node::leaf("prompt_tokens", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf("completion_tokens", Count(|d| &mut d.stated.output_tokens)),
    Node::branch(
        "prompt_tokens_details",
        &[Node::leaf(
            "cached_tokens",
            Count(|d| &mut d.stated.cache_read),
        )],
    ),
    Node::branch(
        "completion_tokens_details",
        &[Node::leaf(
            "reasoning_tokens",
            Count(|d| &mut d.stated.reasoning),
        )],
    ),
];

const RESULT: &[Node<Slot>] = &[
    Node::leaf("tokenCount", Count(|d| &mut d.item.counts.output)),
    COMPLETION,
];
const EACH_RESULT: Slot = Group {
    forget: |d| d.item = Item::default(),
    end: |d| d.stated.output_tokens = add(d.stated.output_tokens, d.item.counts.output),
};

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let stated = std::mem::take(&mut draft.stated);
    let native = over(stated, &usage(&draft.counts));
    let known = over(native, &tally.answer.usage);
    tally.answer.usage = over(known, &usage(&draft.metrics));
    tally.is_ended |= draft.is_done == Some(true);
    tally.absorb(draft);
}

/// Adds one answer or event of an Anthropic model.
pub(super) fn fold_messages(mut draft: Draft, tally: &mut Tally) {
    let (metrics, known) = (&draft.metrics, &tally.counts);
    let fill = |said: Option<u64>, known: Option<u64>, metric: Option<u64>| {
        said.or(metric.filter(|_| known.is_none()))
    };
    let said = &draft.counts;
    draft.counts = Counts {
        input: fill(said.input, known.input, metrics.input),
        output: fill(said.output, known.output, metrics.output),
        cache_read: fill(said.cache_read, known.cache_read, metrics.cache_read),
        cache_write: fill(said.cache_write, known.cache_write, metrics.cache_write),
        ..said.clone()
    };
    anthropic::fold(draft, tally);
}

/// What the head says besides its counts; of those, makes the input a total.
pub(super) fn read_head(format: Format, head: &HeaderList, answer: &mut Answer) {
    if !matches!(
        format,
        Format::BedrockConverse | Format::BedrockInvoke | Format::BedrockMessages
    ) {
        return;
    }
    let usage = &mut answer.usage;
    usage.input_tokens = total(usage.input_tokens, usage.cache_read, usage.cache_write);
    answer.terms.service_tier = head.text("x-amzn-bedrock-service-tier").map(str::to_owned);
    answer.error_type = amazon_error(head).map(str::to_owned);
    answer.is_error = answer.error_type.is_some();
}

fn usage(counts: &Counts) -> Usage {
    Usage {
        input_tokens: total(counts.input, counts.cache_read, counts.cache_write),
        output_tokens: counts.output,
        cache_read: counts.cache_read,
        cache_write: counts
            .cache_write
            .map(|all| all.saturating_sub(counts.cache_write_1h.unwrap_or_default())),
        cache_write_1h: counts.cache_write_1h,
        ..Usage::default()
    }
}

fn total(input: Option<u64>, read: Option<u64>, written: Option<u64>) -> Option<u64> {
    add(input, add(read, written)).filter(|_| input.is_some())
}

/// What is said, and where it is silent, what was said elsewhere.
fn over(said: Usage, elsewhere: &Usage) -> Usage {
    Usage {
        input_tokens: said.input_tokens.or(elsewhere.input_tokens),
        output_tokens: said.output_tokens.or(elsewhere.output_tokens),
        cache_read: said.cache_read.or(elsewhere.cache_read),
        cache_write: said.cache_write.or(elsewhere.cache_write),
        cache_write_1h: said.cache_write_1h.or(elsewhere.cache_write_1h),
        reasoning: said.reasoning.or(elsewhere.reasoning),
        ..Usage::default()
    }
}
