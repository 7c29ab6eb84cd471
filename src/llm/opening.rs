//! Whether the beginning of an event stream is content already (providers.md, trap 12).
//!
//! Providers open a stream with status 200 before the model has begun, and tell of an overload in its first events. What
//! they send before content says only that there is going to be some. Invariant: any cut gives the same result, and no
//! more than `MAX_EVENT` bytes of an event are kept.

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
    kind.is_some_and(|kind| PRELUDE.contains(&kind))
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
        ] {
            assert!(!begins(prelude), "{prelude}");
        }
    }

    #[test]
    fn everything_else_is_content() {
        for content in [
            "data: {\"choices\":[]}\n\n",
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
