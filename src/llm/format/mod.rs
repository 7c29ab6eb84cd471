//! The wire formats of answers: which one a call has, where its facts stand, and what they mean.
//!
//! Invariant: one file per format, holding its table of places and how one document of the answer (the whole JSON, or
//! the data of one event) changes what is known. A new format is a file, a variant of [`Format`] with its two arms,
//! and rows of `ROUTES`.

mod anthropic;
mod bedrock_converse;
mod bedrock_invoke;
mod cohere;
mod draft;
mod gemini;
mod head;
mod hugging_face;
mod media;
mod mistral_conversation;
mod modality;
mod ollama;
mod openai_audio;
mod openai_chat;
mod openai_images;
mod openai_responses;
mod perplexity;
mod replicate;
mod routes;
mod vertex;
mod workers_ai;

pub(crate) use draft::{Draft, Slot};
pub use head::amazon_error;

use super::json::Node;
use super::price::Picodollars;
use super::usage::{Terms, Usage};
use crate::http::header::HeaderList;
use draft::Counts;

/// The shape of an answer (providers.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Anthropic messages.
    AnthropicMessages,
    /// Bedrock's own conversation, whole or in frames.
    BedrockConverse,
    /// Bedrock's native answer of a model that is none of Anthropic's.
    BedrockInvoke,
    /// Anthropic messages as Bedrock's native answer, whole or in frames.
    BedrockMessages,
    /// Cohere's chat, version 1 (lines or events) and 2 (events), embeddings and reranking.
    Cohere,
    /// Deepgram's transcripts.
    Deepgram,
    /// Gemini's generated content, whole, in events or as one array; embeddings.
    Gemini,
    /// Gemini's interactions.
    GeminiInteractions,
    /// Hugging Face text generation.
    HuggingFace,
    /// Ideogram's pictures.
    Ideogram,
    /// Mistral's conversations with a model or an agent.
    MistralConversation,
    /// Mistral's document reader.
    MistralOcr,
    /// Ollama's chat, generation and embeddings, whole or in lines.
    Ollama,
    /// OpenAI transcriptions and translations, and their copies.
    OpenAiAudio,
    /// OpenAI chat completions and its many copies; also legacy completions and embeddings.
    OpenAiChat,
    /// OpenAI images and their copies.
    OpenAiImages,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Perplexity's chat, whose counts leave parts of the output out.
    Perplexity,
    /// Replicate's predictions, which are asked for many times.
    Replicate,
    /// Parallel's searches, priced by the call; what the answer says was used beside them has prices of its own.
    Request,
    /// Speech made of text: only an event stream tells, else the text is counted.
    Speech,
    /// Vertex predictions: embeddings and pictures.
    VertexPrediction,
    /// Workers AI's own answers.
    WorkersAi,
}

/// What an answer says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Answer {
    /// Consumption; of several statements the last one counts, they are never added.
    pub usage: Usage,
    /// Tier and speed the provider says it used.
    pub terms: Terms,
    /// The model that answered; never empty.
    pub model: Option<String>,
    /// Why the answer ended, in the provider's words.
    pub finish_reason: Option<String>,
    /// The provider's name for the error, in its words.
    pub error_type: Option<String>,
    /// The answer is an error, whatever its status.
    pub is_error: bool,
    /// What the provider itself says the answer cost.
    pub stated_cost: Option<Picodollars>,
    /// The provider's name for the answer, in its body.
    pub id: Option<String>,
    /// It was made in the background: who wants it asks for it, maybe many times.
    #[cfg_attr(test, serde(skip_serializing_if = "std::ops::Not::not"))]
    pub is_background: bool,
}

/// What is known after some documents of an answer.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// What the caller sees.
    pub(crate) answer: Answer,
    /// The terminal event was seen.
    pub(crate) is_ended: bool,
    /// An error took the place of the rest of the stream.
    pub(crate) is_aborted: bool,
    /// Counts of a format whose events state them in parts.
    counts: Counts,
    /// Consumption that those counts leave out.
    extra: Usage,
}

impl Format {
    /// The format of a provider's answer at an endpoint (the path after the provider's slug; a query is ignored), or
    /// `None` when it is not known.
    pub fn of(provider: &str, endpoint: &str) -> Option<Self> {
        routes::find(provider, endpoint)
    }

    /// Reads what the head of the answer states about consumption.
    pub fn read_head(self, head: &HeaderList, answer: &mut Answer) {
        head::read(self, head, answer);
    }

    /// The stream's last event is `data: [DONE]`.
    pub(crate) const fn ends_with_done(self) -> bool {
        matches!(self, Self::OpenAiChat | Self::Perplexity | Self::WorkersAi)
    }

    /// Where the facts stand in each document.
    pub(crate) const fn table(self) -> &'static [Node<Slot>] {
        match self {
            Self::AnthropicMessages | Self::BedrockMessages => anthropic::TABLE,
            Self::BedrockConverse => bedrock_converse::TABLE,
            Self::BedrockInvoke => bedrock_invoke::TABLE,
            Self::Cohere => cohere::TABLE,
            Self::Deepgram => media::DEEPGRAM,
            Self::Gemini => gemini::TABLE,
            Self::GeminiInteractions => gemini::INTERACTIONS,
            Self::HuggingFace => hugging_face::TABLE,
            Self::Ideogram => media::IDEOGRAM,
            Self::MistralConversation => mistral_conversation::TABLE,
            Self::MistralOcr => media::MISTRAL_OCR,
            Self::Ollama => ollama::TABLE,
            Self::OpenAiAudio | Self::Speech => openai_audio::TABLE,
            Self::OpenAiChat | Self::Perplexity => openai_chat::TABLE,
            Self::OpenAiImages => openai_images::TABLE,
            Self::OpenAiResponses => openai_responses::TABLE,
            Self::Replicate => replicate::TABLE,
            Self::Request => media::SEARCH,
            Self::VertexPrediction => vertex::TABLE,
            Self::WorkersAi => workers_ai::TABLE,
        }
    }

    /// Adds what one whole document said.
    pub(crate) fn fold(self, draft: Draft, tally: &mut Tally) {
        match self {
            Self::AnthropicMessages => anthropic::fold(draft, tally),
            Self::BedrockConverse => bedrock_converse::fold(draft, tally),
            Self::BedrockInvoke => bedrock_invoke::fold(draft, tally),
            Self::BedrockMessages => bedrock_invoke::fold_messages(draft, tally),
            Self::Cohere => cohere::fold(draft, tally),
            Self::Gemini | Self::GeminiInteractions => gemini::fold(draft, tally),
            Self::HuggingFace => hugging_face::fold(draft, tally),
            Self::MistralConversation => mistral_conversation::fold(draft, tally),
            Self::Ollama => ollama::fold(draft, tally),
            Self::OpenAiAudio | Self::Speech => openai_audio::fold(draft, tally),
            Self::OpenAiChat => openai_chat::fold(draft, tally),
            Self::OpenAiImages => openai_images::fold(draft, tally),
            Self::OpenAiResponses => openai_responses::fold(draft, tally),
            Self::Perplexity => perplexity::fold(draft, tally),
            Self::Replicate => replicate::fold(draft, tally),
            Self::VertexPrediction => vertex::fold(draft, tally),
            Self::WorkersAi => workers_ai::fold(draft, tally),
            Self::MistralOcr => media::fold_pages(draft, tally),
            Self::Request => media::fold_search(draft, tally),
            Self::Deepgram | Self::Ideogram => tally.absorb(draft),
        }
    }
}

/// For answers of unknown shape: an error says so in nearly every one.
pub(crate) const UNKNOWN: &[Node<Slot>] = &[Node::leaf("error", Slot::Failure)];

impl Tally {
    /// The part that is the same in every format: what is said now replaces what was said before.
    pub(crate) fn absorb(&mut self, draft: Draft) {
        let Answer {
            terms,
            model,
            finish_reason,
            error_type,
            is_error,
            usage,
            stated_cost,
            id,
            is_background,
        } = &mut self.answer;
        if draft.stated != Usage::default() {
            *usage = draft.stated;
        }
        if let Some(cost) = draft.stated_cost {
            *stated_cost = Some(Picodollars(cost));
        }
        replace(id, draft.id);
        replace(model, draft.model);
        replace(finish_reason, draft.finish_reason);
        replace(&mut terms.service_tier, draft.service_tier);
        replace(&mut terms.speed, draft.speed);
        replace(&mut terms.inference_geo, draft.inference_geo);
        *is_background |= draft.is_background == Some(true);
        terms.is_unpriced |= draft.unpriced.is_some_and(|count| count > 0);
        if draft.is_failure || draft.kind.as_deref() == Some("error") {
            *is_error = true;
            self.is_aborted = true;
            replace(error_type, draft.error_type.or(draft.error_code));
        }
    }
}

fn replace(known: &mut Option<String>, said: Option<String>) {
    if said.is_some() {
        *known = said;
    }
}
