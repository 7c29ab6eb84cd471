//! Which format an answer has: one table of provider, endpoint and format.
//!
//! Invariant: the first row that fits counts, so exceptions go on top. To extend it is to add a row.

use super::Format::{self, *};
use crate::llm::price::glob;

/// Any provider: its copies of these endpoints keep the path.
const ANY: &str = "*";
/// The operator's own providers.
const CUSTOM: &str = "custom-*";

/// Provider, endpoint, format. The first two are globs (`*` any run, `#` a digit) over the last segments of the path, or
/// over the last word behind a colon (`:generateContent`).
const ROUTES: &[(&str, &str, Format)] = &[
    ("aws-bedrock", "model/*/converse", BedrockConverse),
    ("aws-bedrock", "model/*/converse-stream", BedrockConverse),
    ("aws-bedrock", "model/*anthropic.*/invoke", BedrockMessages),
    (
        "aws-bedrock",
        "model/*anthropic.*/invoke-with-response-stream",
        BedrockMessages,
    ),
    ("aws-bedrock", "model/*/invoke", BedrockInvoke),
    (
        "aws-bedrock",
        "model/*/invoke-with-response-stream",
        BedrockInvoke,
    ),
    ("cohere", "chat", Cohere),
    ("cohere", "classify", Cohere),
    ("cohere", "embed", Cohere),
    ("cohere", "generate", Cohere),
    ("cohere", "rerank", Cohere),
    ("workers-ai", "run", WorkersAi),
    ("workers-ai", "run/*", WorkersAi),
    ("perplexity-ai", "chat/completions", Perplexity),
    (ANY, "chat/completions", OpenAiChat),
    (ANY, "completions", OpenAiChat),
    (ANY, "embeddings", OpenAiChat),
    (ANY, "responses", OpenAiResponses),
    (ANY, "responses/compact", OpenAiResponses),
    // Asked for again: made in the background, or stored.
    (ANY, "responses/resp_*", OpenAiResponses),
    (ANY, "decisions", OpenAiResponses),
    (ANY, "messages", AnthropicMessages),
    (ANY, "images/generations", OpenAiImages),
    (ANY, "images/edits", OpenAiImages),
    (ANY, "images/variations", OpenAiImages),
    ("openrouter", "images", OpenAiImages),
    (ANY, "audio/transcriptions", OpenAiAudio),
    (ANY, "audio/translations", OpenAiAudio),
    (ANY, "audio/speech", Speech),
    ("cartesia", "tts/bytes", Speech),
    ("cartesia", "tts/sse", Speech),
    ("deepgram", "listen", Deepgram),
    ("deepgram", "speak", Speech),
    ("elevenlabs", "speech-to-text", OpenAiAudio),
    ("elevenlabs", "text-to-speech/*", Speech),
    ("ideogram", "*", Ideogram),
    ("mistral", "conversations", MistralConversation),
    ("mistral", "conversations/*", MistralConversation),
    ("mistral", "ocr", MistralOcr),
    ("fireworks", "rerank", OpenAiChat),
    ("together", "rerank", OpenAiChat),
    ("parallel", "search", Request),
    ("replicate", "predictions", Replicate),
    ("replicate", "predictions/*", Replicate),
    (ANY, ":generateContent", Gemini),
    (ANY, ":streamGenerateContent", Gemini),
    (ANY, ":embedContent", Gemini),
    (ANY, ":batchEmbedContents", Gemini),
    (ANY, ":predict", VertexPrediction),
    ("google-ai-studio", "interactions", GeminiInteractions),
    ("google-vertex-ai", "interactions", GeminiInteractions),
    // Partners' models on Vertex keep their own shapes; the token counter beside them is free.
    (
        "google-vertex-ai",
        "publishers/anthropic/models/claude*:rawPredict",
        AnthropicMessages,
    ),
    (
        "google-vertex-ai",
        "publishers/anthropic/models/claude*:streamRawPredict",
        AnthropicMessages,
    ),
    (
        "google-vertex-ai",
        "publishers/mistralai/models/mistral-ocr*:rawPredict",
        MistralOcr,
    ),
    (
        "google-vertex-ai",
        "publishers/mistralai/models/*:rawPredict",
        OpenAiChat,
    ),
    (
        "google-vertex-ai",
        "publishers/mistralai/models/*:streamRawPredict",
        OpenAiChat,
    ),
    ("huggingface", "models/*", HuggingFace),
    (CUSTOM, "api/chat", Ollama),
    (CUSTOM, "api/embed", Ollama),
    (CUSTOM, "api/generate", Ollama),
];

/// The format at an endpoint (the path after the provider's slug; a query is ignored), or `None` when it is not known.
pub(super) fn find(provider: &str, endpoint: &str) -> Option<Format> {
    let path = endpoint
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_matches('/');
    let fits = |(slug, glob, _): &&(&str, &str, Format)| {
        glob::matches(slug.as_bytes(), provider.as_bytes()) && ends_in(path, glob)
    };
    ROUTES.iter().find(fits).map(|(_, _, format)| *format)
}

/// Whether the path fits the glob from the beginning of one of its segments on, or from a colon on.
fn ends_in(path: &str, glob: &str) -> bool {
    if glob.starts_with(':') {
        return path
            .rfind(':')
            .and_then(|colon| path.get(colon..))
            .is_some_and(|method| glob::matches(glob.as_bytes(), method.as_bytes()));
    }
    let starts = path
        .match_indices('/')
        .map(|(slash, _)| slash.saturating_add(1));
    std::iter::once(0)
        .chain(starts)
        .filter_map(|start| path.get(start..))
        .any(|last| glob::matches(glob.as_bytes(), last.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::llm::format::Format;

    const CHAT: Option<Format> = Some(Format::OpenAiChat);
    const RESPONSES: Option<Format> = Some(Format::OpenAiResponses);
    const MESSAGES: Option<Format> = Some(Format::AnthropicMessages);

    const CASES: &[(&str, &str, Option<Format>)] = &[
        ("openai", "chat/completions", CHAT),
        ("openai", "v1/chat/completions", CHAT),
        ("openai", "completions", CHAT),
        ("openai", "embeddings", CHAT),
        ("openai", "responses", RESPONSES),
        ("openai", "v1/responses?stream=true", RESPONSES),
        ("openai", "v1/responses/resp_1?stream=true", RESPONSES),
        ("openai", "responses/resp_1/cancel", RESPONSES),
        ("openai", "v1/decisions", RESPONSES),
        ("openai", "responses/input_tokens", None),
        ("openai", "images/generations", Some(Format::OpenAiImages)),
        ("grok", "v1/images/edits", Some(Format::OpenAiImages)),
        ("openrouter", "v1/images", Some(Format::OpenAiImages)),
        ("openai", "audio/transcriptions", Some(Format::OpenAiAudio)),
        ("groq", "audio/translations", Some(Format::OpenAiAudio)),
        ("openai", "audio/speech", Some(Format::Speech)),
        ("cartesia", "tts/bytes", Some(Format::Speech)),
        (
            "elevenlabs",
            "v1/text-to-speech/voice/stream",
            Some(Format::Speech),
        ),
        ("elevenlabs", "v1/speech-to-text", Some(Format::OpenAiAudio)),
        ("deepgram", "v1/speak", Some(Format::Speech)),
        ("deepgram", "v1/listen", Some(Format::Deepgram)),
        (
            "ideogram",
            "v1/ideogram-v3/generate",
            Some(Format::Ideogram),
        ),
        (
            "mistral",
            "v1/conversations",
            Some(Format::MistralConversation),
        ),
        (
            "mistral",
            "v1/conversations/conv_1/restart",
            Some(Format::MistralConversation),
        ),
        ("openai", "v1/conversations", None),
        ("together", "v1/rerank", CHAT),
        ("fireworks", "inference/v1/rerank", CHAT),
        ("openai", "v1/rerank", None),
        ("mistral", "v1/ocr", Some(Format::MistralOcr)),
        ("parallel", "v1beta/search", Some(Format::Request)),
        ("replicate", "predictions", Some(Format::Replicate)),
        (
            "replicate",
            "models/o/m/predictions",
            Some(Format::Replicate),
        ),
        (
            "replicate",
            "deployments/o/d/predictions",
            Some(Format::Replicate),
        ),
        ("replicate", "predictions/p1", Some(Format::Replicate)),
        ("replicate", "models", None),
        (
            "azure-openai",
            "my/gpt-4o/chat/completions?api-version=2026-01-01",
            CHAT,
        ),
        ("groq", "openai/v1/chat/completions", CHAT),
        ("mistral", "v1/fim/completions", CHAT),
        ("deepseek", "anthropic/v1/messages", MESSAGES),
        (
            "perplexity-ai",
            "chat/completions",
            Some(Format::Perplexity),
        ),
        ("openrouter", "v1/messages", MESSAGES),
        ("custom-mine", "api/v2/chat/completions/", CHAT),
        ("compat", "chat/completions", CHAT),
        ("anthropic", "v1/messages?beta=true", MESSAGES),
        ("anthropic", "v1/messages/count_tokens", None),
        ("anthropic", "v1/messages/batches", None),
        (
            "aws-bedrock",
            "bedrock-mantle/us-east-1/anthropic/v1/messages",
            MESSAGES,
        ),
        (
            "google-ai-studio",
            "v1beta/models/gemini:generateContent",
            Some(Format::Gemini),
        ),
        (
            "google-ai-studio",
            "v1beta/models/gemini:streamGenerateContent?alt=sse",
            Some(Format::Gemini),
        ),
        (
            "google-ai-studio",
            "v1beta/models/gemini:batchEmbedContents",
            Some(Format::Gemini),
        ),
        ("google-ai-studio", "v1beta/models/gemini:countTokens", None),
        (
            "google-ai-studio",
            "v1beta/interactions",
            Some(Format::GeminiInteractions),
        ),
        ("google-ai-studio", "v1beta/interactions/x", None),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/global/publishers/google/models/imagen-4:predict",
            Some(Format::VertexPrediction),
        ),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-5@20260101:streamRawPredict",
            MESSAGES,
        ),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            None,
        ),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/l/publishers/mistralai/models/mistral-medium-3:rawPredict",
            CHAT,
        ),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/l/endpoints/openapi/chat/completions",
            CHAT,
        ),
        (
            "aws-bedrock",
            "bedrock-runtime/us-east-1/model/us.amazon.nova-lite-v1:0/converse",
            Some(Format::BedrockConverse),
        ),
        (
            "aws-bedrock",
            "model/arn:aws:x%2Fus.m-v1:0/converse-stream",
            Some(Format::BedrockConverse),
        ),
        (
            "aws-bedrock",
            "model/us.anthropic.claude-haiku-4-5-20251001-v1:0/invoke",
            Some(Format::BedrockMessages),
        ),
        (
            "aws-bedrock",
            "model/anthropic.claude-haiku-4-5/invoke-with-response-stream",
            Some(Format::BedrockMessages),
        ),
        (
            "aws-bedrock",
            "model/amazon.nova-lite-v1:0/invoke",
            Some(Format::BedrockInvoke),
        ),
        (
            "aws-bedrock",
            "model/meta.llama3-1-8b-instruct-v1:0/invoke-with-response-stream",
            Some(Format::BedrockInvoke),
        ),
        (
            "aws-bedrock",
            "model/amazon.nova-lite-v1:0/count-tokens",
            None,
        ),
        ("openai", "model/m/converse", None),
        ("cohere", "v1/chat", Some(Format::Cohere)),
        ("cohere", "v2/chat", Some(Format::Cohere)),
        ("cohere", "v2/embed", Some(Format::Cohere)),
        ("cohere", "v2/rerank", Some(Format::Cohere)),
        ("cohere", "compatibility/v1/chat/completions", CHAT),
        (
            "workers-ai",
            "run/@cf/meta/llama-3.1-8b-instruct",
            Some(Format::WorkersAi),
        ),
        ("workers-ai", "run", Some(Format::WorkersAi)),
        ("workers-ai", "v1/chat/completions", CHAT),
        (
            "huggingface",
            "hf-inference/models/bigcode/starcoder",
            Some(Format::HuggingFace),
        ),
        (
            "huggingface",
            "hf-inference/models/o/m/v1/chat/completions",
            CHAT,
        ),
        ("custom-mine", "api/chat", Some(Format::Ollama)),
        ("custom-mine", "ollama/api/generate", Some(Format::Ollama)),
        ("custom-mine", "api/chat/completions", CHAT),
        ("custom-mine", "chat", None),
        ("grok", "api/chat", None),
        ("custom-mine", "sub-messages", None),
        ("openai", "", None),
    ];

    #[test]
    fn the_format_follows_from_provider_and_endpoint() {
        for (provider, endpoint, expected) in CASES {
            assert_eq!(find(provider, endpoint), *expected, "{provider}/{endpoint}");
        }
    }
}
