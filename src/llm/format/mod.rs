//! The wire formats of answers: which one a call has, where its facts stand, and what they mean.
//!
//! Invariant: one file per format, holding its table of places and how one document of the answer (the whole JSON, or
//! the data of one event) changes what is known. A new format is a file, a variant of [`Format`] with its two arms,
//! and rows of `ROUTES`.

mod anthropic;
mod draft;
mod openai_chat;
mod openai_responses;

pub(crate) use draft::{Draft, Slot};

use super::json::Node;
use super::usage::{Terms, Usage};
use draft::Counts;

/// The shape of an answer (providers.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenAI chat completions and its many copies; also legacy completions and embeddings.
    OpenAiChat,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic messages.
    AnthropicMessages,
}

/// Any provider: its copies of these endpoints keep the path.
const ANY: &str = "*";

/// Provider, last segments of the endpoint, format. The first row that fits counts, so exceptions go on top.
const ROUTES: &[(&str, &str, Format)] = &[
    (ANY, "chat/completions", Format::OpenAiChat),
    (ANY, "completions", Format::OpenAiChat),
    (ANY, "embeddings", Format::OpenAiChat),
    (ANY, "responses", Format::OpenAiResponses),
    (ANY, "responses/compact", Format::OpenAiResponses),
    (ANY, "messages", Format::AnthropicMessages),
];

/// What an answer says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
}

/// What is known after some documents of an answer.
#[derive(Default)]
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
        let path = endpoint
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_matches('/');
        let fits = |(slug, suffix, _): &&(&str, &str, Self)| {
            (*slug == ANY || *slug == provider)
                && path
                    .strip_suffix(*suffix)
                    .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        ROUTES.iter().find(fits).map(|(_, _, format)| *format)
    }

    /// The stream's last event is `data: [DONE]`.
    pub(crate) const fn ends_with_done(self) -> bool {
        matches!(self, Self::OpenAiChat)
    }

    /// Where the facts stand in each document.
    pub(crate) const fn table(self) -> &'static [Node<Slot>] {
        match self {
            Self::OpenAiChat => openai_chat::TABLE,
            Self::OpenAiResponses => openai_responses::TABLE,
            Self::AnthropicMessages => anthropic::TABLE,
        }
    }

    /// Adds what one whole document said.
    pub(crate) fn fold(self, draft: Draft, tally: &mut Tally) {
        match self {
            Self::OpenAiChat => openai_chat::fold(draft, tally),
            Self::OpenAiResponses => openai_responses::fold(draft, tally),
            Self::AnthropicMessages => anthropic::fold(draft, tally),
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
            ..
        } = &mut self.answer;
        replace(model, draft.model);
        replace(finish_reason, draft.finish_reason);
        replace(&mut terms.service_tier, draft.service_tier);
        replace(&mut terms.speed, draft.speed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_from_provider_and_endpoint() {
        let chat = Some(Format::OpenAiChat);
        let responses = Some(Format::OpenAiResponses);
        let messages = Some(Format::AnthropicMessages);
        for (provider, endpoint, expected) in [
            ("openai", "chat/completions", chat),
            ("openai", "v1/chat/completions", chat),
            ("openai", "completions", chat),
            ("openai", "embeddings", chat),
            ("openai", "responses", responses),
            ("openai", "v1/responses?stream=true", responses),
            ("openai", "responses/resp_1", None),
            ("openai", "responses/input_tokens", None),
            ("openai", "images/generations", None),
            (
                "azure-openai",
                "my/gpt-4o/chat/completions?api-version=2026-01-01",
                chat,
            ),
            ("groq", "openai/v1/chat/completions", chat),
            ("mistral", "v1/fim/completions", chat),
            ("deepseek", "anthropic/v1/messages", messages),
            ("perplexity-ai", "chat/completions", chat),
            ("openrouter", "v1/messages", messages),
            ("custom-mine", "api/v2/chat/completions/", chat),
            ("compat", "chat/completions", chat),
            ("anthropic", "v1/messages?beta=true", messages),
            ("anthropic", "v1/messages/count_tokens", None),
            ("anthropic", "v1/messages/batches", None),
            (
                "aws-bedrock",
                "bedrock-mantle/us-east-1/anthropic/v1/messages",
                messages,
            ),
            (
                "google-ai-studio",
                "v1beta/models/gemini:generateContent",
                None,
            ),
            ("custom-mine", "sub-messages", None),
            ("openai", "", None),
        ] {
            assert_eq!(
                Format::of(provider, endpoint),
                expected,
                "{provider}/{endpoint}"
            );
        }
    }
}
