//! What a client is told in its own stream when the provider breaks off.
//!
//! Invariant: a notice follows a whole event or there is none. Clients parse every event as JSON: half an event that a
//! notice would end breaks them with a syntax error, where an aborted connection is an error they know.
//! Sources: WHATWG HTML §9.2.6 (events); the error events of OpenAI's API reference ("Streaming events", `error`),
//! Anthropic's "Streaming messages" (`error`), Google's `google.rpc.Status` as Gemini sends it, the `error` event of its
//! Interactions API, and Mistral's Conversations API ("Streaming", `conversation.response.error`).

use super::format::Format;

/// `param` is null where OpenAI has nothing to point at.
const OPENAI_CHAT: &str = concat!(
    r#"data: {"error":{"message":"The provider broke off its answer.","type":"server_error","#,
    r#""param":null,"code":"upstream_cut"}}"#,
    "\n\n"
);
/// The reference puts the facts beside `type`, the service puts them in `error`, and official clients raise an error only
/// for that: they stand in both places. Decoders ask for a `sequence_number`; none compares it.
const OPENAI_RESPONSES: &str = concat!(
    "event: error\n",
    r#"data: {"type":"error","sequence_number":0,"code":"upstream_cut","#,
    r#""message":"The provider broke off its answer.","param":null,"#,
    r#""error":{"type":"server_error","code":"upstream_cut","#,
    r#""message":"The provider broke off its answer.","param":null}}"#,
    "\n\n"
);
const ANTHROPIC: &str = concat!(
    "event: error\n",
    r#"data: {"type":"error","error":{"type":"api_error","#,
    r#""message":"The provider broke off its answer."}}"#,
    "\n\n"
);
const GEMINI: &str = concat!(
    r#"data: {"error":{"code":503,"message":"The provider broke off its answer.","#,
    r#""status":"UNAVAILABLE"}}"#,
    "\n\n"
);

/// Its documentation tells the type, a text and a number; clients read the type in both places.
const MISTRAL_CONVERSATION: &str = concat!(
    "event: conversation.response.error\n",
    r#"data: {"type":"conversation.response.error","#,
    r#""message":"The provider broke off its answer.","code":503}"#,
    "\n\n"
);
const GEMINI_INTERACTIONS: &str = concat!(
    "event: error\n",
    r#"data: {"event_type":"error","error":{"code":"upstream_cut","#,
    r#""message":"The provider broke off its answer."}}"#,
    "\n\n"
);

/// The end of what the client was given of a stream of events, in any cut.
#[derive(Clone, Copy, Debug)]
pub struct Tail([u8; 3]);

impl Default for Tail {
    /// Nothing was given: that is as good as between two events.
    fn default() -> Self {
        Self(*b"\n\n\n")
    }
}

impl Tail {
    /// The next bytes the client is given.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().skip(bytes.len().saturating_sub(3)) {
            let [_, second, third] = self.0;
            self.0 = [second, third, *byte];
        }
    }

    /// Whether the last line is a blank one, each line ending in LF, CR or CRLF.
    pub const fn is_between_events(self) -> bool {
        matches!(
            self.0,
            [_, b'\n', b'\n' | b'\r'] | [_, b'\r', b'\r'] | [b'\n' | b'\r', b'\r', b'\n']
        )
    }
}

/// The event that tells a client of this format that the provider broke off after `given`, ready to be sent; `None` when
/// the answer (by its `content-type`) is no stream of events, the format has no such event, or `given` ends inside one.
///
/// The caller sees to it that the answer is not compressed, has no `content-length`, and had not ended by its own account
/// (last event, or an error of the provider's).
pub fn cut_notice(format: Format, content_type: &str, given: Tail) -> Option<&'static str> {
    let notice = event(format)?;
    let media = content_type.split(';').next().unwrap_or_default();
    let is_stream = media.trim().eq_ignore_ascii_case("text/event-stream");
    (is_stream && given.is_between_events()).then_some(notice)
}

/// Whether an API of this format has an event for it.
pub fn has_event(format: Format) -> bool {
    event(format).is_some()
}

const fn event(format: Format) -> Option<&'static str> {
    match format {
        Format::OpenAiChat | Format::Perplexity => Some(OPENAI_CHAT),
        Format::OpenAiResponses => Some(OPENAI_RESPONSES),
        Format::AnthropicMessages => Some(ANTHROPIC),
        Format::Gemini => Some(GEMINI),
        Format::GeminiInteractions => Some(GEMINI_INTERACTIONS),
        Format::MistralConversation => Some(MISTRAL_CONVERSATION),
        Format::BedrockConverse
        | Format::BedrockInvoke
        | Format::BedrockMessages
        | Format::Cohere
        | Format::Deepgram
        | Format::HuggingFace
        | Format::Ideogram
        | Format::MistralOcr
        | Format::Ollama
        | Format::OpenAiAudio
        | Format::OpenAiImages
        | Format::Replicate
        | Format::Request
        | Format::Speech
        | Format::VertexPrediction
        | Format::WorkersAi => None,
    }
}

#[cfg(test)]
mod tests;
