//! Whether the beginning of an event stream is content already (providers.md, trap 12).
//!
//! Providers open a stream with status 200 before the model has begun, and tell of an overload in its first events. What
//! they send before content says only that there is going to be some. Invariant: any cut gives the same result, and no
//! more than `MAX_EVENT` bytes of an event are kept.

use serde_json::Value;

use super::compat;
use super::sse::{Decoder, Part};

/// Longest event that is looked at, in bytes; a longer one is content.
const MAX_EVENT: usize = 16_384;

/// Types of the events that come before content.
const PRELUDE: &[&str] = &[
    "message_start",
    "ping",
    "response.created",
    "response.in_progress",
    "response.queued",
];

/// A reader of a stream's first events.
#[derive(Default)]
pub struct Opening {
    decoder: Decoder,
    event: Vec<u8>,
    has_content: bool,
}

impl Opening {
    /// Reads on. Whether content has begun.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        let Self {
            decoder,
            event,
            has_content,
        } = self;
        decoder.feed(bytes, &mut |part| match part {
            Part::Data(data) if event.len() < MAX_EVENT => event.extend_from_slice(data),
            Part::Data(_) => *has_content = true,
            Part::LineEnd { .. } => {}
            Part::End { .. } => {
                *has_content |= !is_prelude(event);
                event.clear();
            }
        });
        self.has_content
    }
}

fn is_prelude(event: &[u8]) -> bool {
    let text = std::str::from_utf8(event).unwrap_or_default();
    let kind =
        compat::member(text, "type").and_then(|kind| serde_json::from_str::<&str>(kind).ok());
    kind.is_some_and(|kind| PRELUDE.contains(&kind)) || is_empty_chunk(text)
}

/// Whether a chunk of a chat completion has no choice with anything in it but who speaks: `OpenAI`'s first chunk, or Azure's
/// with the filter's results for the prompt.
fn is_empty_chunk(text: &str) -> bool {
    let chunk: Option<Value> =
        compat::member(text, "choices").and_then(|choices| serde_json::from_str(choices).ok());
    let is_blank = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let is_silent = |choice: &Value| {
        let delta = choice.get("delta").and_then(Value::as_object);
        let mut said = delta
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "role");
        let is_over = choice
            .get("finish_reason")
            .is_some_and(|reason| !reason.is_null());
        let text = choice.get("text").or_else(|| choice.get("message"));
        !is_over && text.is_none_or(is_blank) && said.all(|(_, value)| is_blank(value))
    };
    chunk.is_some_and(|choices| {
        choices
            .as_array()
            .is_some_and(|choices| choices.iter().all(is_silent))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(stream: &str) -> bool {
        let whole = Opening::default().feed(stream.as_bytes());
        let mut cut = Opening::default();
        let mut found = false;
        for byte in stream.bytes() {
            found = cut.feed(&[byte]);
        }
        assert_eq!(whole, found, "{stream}");
        whole
    }

    #[test]
    fn what_only_announces_content_is_none() {
        for prelude in [
            "",
            ": comment\n\n",
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n",
            "event: ping\ndata: {\"type\": \"ping\"}\n\n",
            "data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.in_progress\"}\n\n",
            "data: {\"choices\":[",
            "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{}},{\"index\":1,\"delta\":{\"role\":\"assistant\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":null}]}\n\n",
        ] {
            assert!(!begins(prelude), "{prelude}");
        }
    }

    #[test]
    fn everything_else_is_content() {
        for content in [
            "data: {\"choices\":[{\"delta\":{\"content\":\"He\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{}},{\"delta\":{\"reasoning_content\":\"Hm\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[{\"text\":\"He\"}]}\n\n",
            "data: {\"choices\":{}}\n\n",
            "data: {\"object\":\"chat.completion.chunk\"}\n\n",
            "data: [DONE]\n\n",
            "data: {\"type\":\"ping\"}\n\ndata: {\"type\":\"content_block_start\"}\n\n",
            "data: \"ping\"\n\n",
        ] {
            assert!(begins(content), "{content}");
        }
    }

    #[test]
    fn an_event_without_end_is_content_before_it_is_large() {
        let mut opening = Opening::default();
        opening.feed(b"data: ");
        let chunk = [b'x'; 1000];
        assert!((0..20).any(|_| opening.feed(&chunk)));
        assert!(opening.event.len() < MAX_EVENT + chunk.len());
    }
}
