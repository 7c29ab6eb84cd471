//! The contract's `model_type`, of which no stored page lists the values (§7.2): what a call is for.
//!
//! Invariant: an endpoint that serves models of any type has none.

use crate::llm::format::Format;

/// What an endpoint is for; `endpoint` is the path after the provider's slug.
pub(super) fn of(format: Format, endpoint: &str) -> Option<&'static str> {
    let method = endpoint.rsplit(['/', ':']).next().unwrap_or_default();
    match method {
        "embed" | "embeddings" | "embedContent" | "batchEmbedContents" => return Some("embedding"),
        "classify" | "decisions" => return Some("classification"),
        "rerank" => return Some("rerank"),
        _ => {}
    }
    match format {
        Format::AnthropicMessages
        | Format::BedrockConverse
        | Format::BedrockMessages
        | Format::Cohere
        | Format::Gemini
        | Format::GeminiInteractions
        | Format::HuggingFace
        | Format::MistralConversation
        | Format::Ollama
        | Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::Perplexity => Some("text"),
        Format::Ideogram | Format::OpenAiImages => Some("image"),
        Format::Deepgram | Format::OpenAiAudio => Some("transcription"),
        Format::MistralOcr => Some("ocr"),
        Format::Speech => Some("speech"),
        Format::BedrockInvoke
        | Format::Replicate
        | Format::Request
        | Format::VertexPrediction
        | Format::WorkersAi => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_follows_from_the_endpoint() {
        for (format, endpoint, expected) in [
            (Format::OpenAiChat, "v1/chat/completions", Some("text")),
            (Format::OpenAiChat, "v1/embeddings", Some("embedding")),
            (
                Format::Gemini,
                "v1beta/models/m:embedContent",
                Some("embedding"),
            ),
            (Format::Cohere, "v2/rerank", Some("rerank")),
            (Format::OpenAiChat, "v1/rerank", Some("rerank")),
            (
                Format::OpenAiResponses,
                "v1/decisions",
                Some("classification"),
            ),
            (Format::OpenAiResponses, "v1/responses/resp_1", Some("text")),
            (
                Format::MistralConversation,
                "v1/conversations",
                Some("text"),
            ),
            (Format::OpenAiImages, "v1/images/generations", Some("image")),
            (Format::WorkersAi, "run/@cf/m", None),
        ] {
            assert_eq!(of(format, endpoint), expected, "{endpoint}");
        }
    }
}
