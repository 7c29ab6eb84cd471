//! Reads usage and the other facts from an answer as it streams by.
//!
//! Invariant: a cut answer is never complete, and a document (the JSON body, or the data of one event) counts only
//! when it is whole. Memory is bounded by the format's table, whatever passes.

mod chunk;
mod documents;
mod echo;
mod frames;

use super::format::{Answer, Format};
use super::sse::Decoder;
use crate::http::header::HeaderList;
use documents::Documents;
use frames::Frames;

/// The meter of one answer.
pub struct Meter {
    framing: Framing,
    stream: Documents,
}

/// How the bytes of the answer are cut into documents.
enum Framing {
    /// One JSON text.
    Json,
    /// Server-sent events, each with one JSON text.
    Events(Decoder),
    /// Binary frames, each with one JSON text.
    Frames(Frames),
    /// One JSON text a line.
    Lines,
    /// Nothing to read; whether it has ended.
    Opaque(bool),
}

impl Meter {
    /// A meter for an answer of that `content-type`. Give `None` and an empty type for content that cannot be read,
    /// such as compressed content.
    pub fn new(format: Option<Format>, content_type: &str) -> Self {
        Self {
            framing: Framing::of(content_type),
            stream: Documents::new(format),
        }
    }

    /// Reads what the head of the answer states about consumption; what the body states counts more.
    pub fn read_head(&mut self, head: &HeaderList) {
        if let Some(format) = self.stream.format {
            format.read_head(head, &mut self.stream.tally.answer);
        }
    }

    /// Reads the next bytes of the answer.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self { framing, stream } = self;
        match framing {
            Framing::Json => stream.only(bytes),
            Framing::Events(decoder) => decoder.feed(bytes, &mut |part| stream.part(part)),
            Framing::Frames(frames) => frames.feed(bytes, stream),
            Framing::Lines => stream.lines(bytes),
            Framing::Opaque(_) => {}
        }
    }

    /// The answer has reached its end. Do not call it for an answer that was cut.
    pub fn finish(&mut self) {
        let Self { framing, stream } = self;
        match framing {
            Framing::Json => stream.finish(),
            Framing::Events(decoder) => {
                decoder.finish(&mut |part| stream.part(part));
                stream.is_dispatched |= stream.tally.is_ended;
            }
            // The last frame has said that it is the last one.
            Framing::Frames(_) => {}
            Framing::Lines => {
                stream.finish();
                stream.is_dispatched |= stream.tally.is_ended;
            }
            Framing::Opaque(is_ended) => *is_ended = true,
        }
    }

    /// All of the answer has been seen: the JSON text has closed and only white space followed; the stream's terminal
    /// event came and no error did (its blank line may be missing only at the end of the body, for parsers drop an event
    /// that is cut short), and no frame of it is broken or unfinished; anything else has reached its end.
    /// A whole answer can still be an error: see [`Answer::is_error`].
    pub fn is_complete(&self) -> bool {
        match &self.framing {
            Framing::Json => self.stream.scanner.is_complete(),
            Framing::Events(_) | Framing::Lines => {
                self.stream.is_dispatched && !self.stream.tally.is_aborted
            }
            Framing::Frames(frames) => {
                let stream = &self.stream;
                frames.is_between() && stream.is_dispatched && !stream.tally.is_aborted
            }
            Framing::Opaque(is_ended) => *is_ended,
        }
    }

    /// There is nothing to read in the answer.
    pub const fn is_opaque(&self) -> bool {
        matches!(self.framing, Framing::Opaque(_))
    }

    /// The answer comes as a stream of documents with a last one of its own.
    pub const fn is_event_stream(&self) -> bool {
        matches!(
            self.framing,
            Framing::Events(_) | Framing::Frames(_) | Framing::Lines
        )
    }

    /// What the answer has said so far.
    pub const fn answer(&self) -> &Answer {
        &self.stream.tally.answer
    }

    /// Whether a whole answer can be told from a cut one by what is in it.
    pub const fn tells_completeness(&self) -> bool {
        match self.framing {
            Framing::Json => true,
            Framing::Events(_) | Framing::Frames(_) | Framing::Lines => {
                self.stream.format.is_some()
            }
            Framing::Opaque(_) => false,
        }
    }

    /// Bytes held for reading, besides the short texts in the answer.
    pub fn heap_bytes(&self) -> usize {
        let framing = match &self.framing {
            Framing::Events(decoder) => decoder.heap_bytes(),
            Framing::Frames(frames) => frames.heap_bytes(),
            Framing::Json | Framing::Lines | Framing::Opaque(_) => 0,
        };
        self.stream.heap_bytes().saturating_add(framing)
    }
}

impl Framing {
    fn of(content_type: &str) -> Self {
        let media = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match media.as_str() {
            "text/event-stream" => Self::Events(Decoder::new()),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/stream+json" => Self::Lines,
            "application/vnd.amazon.eventstream" => Self::Frames(Frames::default()),
            "application/json" => Self::Json,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Opaque(false),
        }
    }
}

#[cfg(test)]
mod tests;
