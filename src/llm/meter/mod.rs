//! Reads usage and the other facts from an answer as it streams by.
//!
//! Invariant: a cut answer is never complete, and a document (the JSON body, or the data of one event) counts only
//! when it is whole. Memory is bounded by the format's table, whatever passes.

use super::format::{Answer, Draft, Format, Slot, Tally, UNKNOWN};
use super::json::Scanner;
use super::sse::{Decoder, Part};

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
    /// Nothing to read; whether it has ended.
    Opaque(bool),
}

/// The documents of one answer, one at a time.
struct Documents {
    format: Option<Format>,
    scanner: Scanner<Slot>,
    draft: Draft,
    tally: Tally,
    /// The current document was counted.
    is_counted: bool,
    /// The terminal event was seen with the blank line that makes parsers act on it, or with the end of the body.
    is_dispatched: bool,
    /// Bytes of `[DONE]` at the beginning of the document; `None` once it is something else.
    done: Option<usize>,
}

const DONE: &[u8] = b"[DONE]";

impl Meter {
    /// A meter for an answer of that `content-type`. Give `None` and an empty type for content that cannot be read,
    /// such as compressed content.
    pub fn new(format: Option<Format>, content_type: &str) -> Self {
        let table = format.map_or(UNKNOWN, Format::table);
        Self {
            framing: Framing::of(content_type),
            stream: Documents {
                format,
                scanner: Scanner::new(table),
                draft: Draft::default(),
                tally: Tally::default(),
                is_counted: false,
                is_dispatched: false,
                done: Some(0),
            },
        }
    }

    /// Reads the next bytes of the answer.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self { framing, stream } = self;
        match framing {
            Framing::Json => {
                stream.read(bytes);
                stream.count();
            }
            Framing::Events(decoder) => decoder.feed(bytes, &mut |part| stream.part(part)),
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
            Framing::Opaque(is_ended) => *is_ended = true,
        }
    }

    /// All of the answer has been seen: the JSON text has closed and only white space followed; the stream's terminal
    /// event came and no error did (its blank line may be missing only at the end of the body, for parsers drop an event
    /// that is cut short); anything else has reached its end.
    /// A whole answer can still be an error: see [`Answer::is_error`].
    pub fn is_complete(&self) -> bool {
        match &self.framing {
            Framing::Json => self.stream.scanner.is_complete(),
            Framing::Events(_) => self.stream.is_dispatched && !self.stream.tally.is_aborted,
            Framing::Opaque(is_ended) => *is_ended,
        }
    }

    /// There is nothing to read in the answer.
    pub const fn is_opaque(&self) -> bool {
        matches!(self.framing, Framing::Opaque(_))
    }

    /// The answer comes as server-sent events.
    pub const fn is_event_stream(&self) -> bool {
        matches!(self.framing, Framing::Events(_))
    }

    /// What the answer has said so far.
    pub const fn answer(&self) -> &Answer {
        &self.stream.tally.answer
    }

    /// Whether a whole answer can be told from a cut one by what is in it.
    pub const fn tells_completeness(&self) -> bool {
        match self.framing {
            Framing::Json => true,
            Framing::Events(_) => self.stream.format.is_some(),
            Framing::Opaque(_) => false,
        }
    }

    /// Bytes held for reading, besides the short texts in the answer.
    #[cfg(test)]
    pub(crate) const fn heap_bytes(&self) -> usize {
        let framing = match &self.framing {
            Framing::Events(decoder) => decoder.heap_bytes(),
            Framing::Json | Framing::Opaque(_) => 0,
        };
        self.stream.scanner.heap_bytes().saturating_add(framing)
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
            // Several JSON texts, one a line.
            "application/stream+json" => Self::Opaque(false),
            "application/json" => Self::Json,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Opaque(false),
        }
    }
}

impl Documents {
    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Data(bytes) => {
                self.match_done(bytes);
                self.read(bytes);
            }
            Part::LineEnd { event } => {
                if self.draft.kind.is_none() && !event.is_empty() {
                    self.draft.kind = Some(event.to_owned());
                }
                self.finish();
            }
            Part::End { event } => {
                if event == "error" {
                    self.tally.answer.is_error = true;
                    self.tally.is_aborted = true;
                }
                self.is_dispatched |= self.tally.is_ended;
                self.next();
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        let draft = &mut self.draft;
        self.scanner
            .feed(bytes, &mut |slot, event| draft.note(slot, event));
    }

    /// The document may end here; in an event, another line may still continue it.
    fn finish(&mut self) {
        if self.done == Some(DONE.len()) && self.format.is_none_or(Format::ends_with_done) {
            self.tally.is_ended = true;
        }
        let draft = &mut self.draft;
        self.scanner
            .finish(&mut |slot, event| draft.note(slot, event));
        self.count();
    }

    /// Counts the document once it is whole.
    fn count(&mut self) {
        if self.is_counted || !self.scanner.is_complete() {
            return;
        }
        self.is_counted = true;
        let draft = std::mem::take(&mut self.draft);
        match self.format {
            Some(format) => format.fold(draft, &mut self.tally),
            None => self.tally.absorb(draft),
        }
    }

    /// Expects the next document; one that did not become whole is forgotten.
    fn next(&mut self) {
        self.scanner.reset();
        self.draft = Draft::default();
        self.is_counted = false;
        self.done = Some(0);
    }

    /// Looks for `[DONE]`, which is not JSON.
    fn match_done(&mut self, bytes: &[u8]) {
        let Some(matched) = self.done else { return };
        let rest = DONE.get(matched..).unwrap_or_default();
        let fits = rest
            .iter()
            .zip(bytes)
            .all(|(expected, byte)| expected == byte);
        self.done = fits.then_some(matched.saturating_add(rest.len().min(bytes.len())));
    }
}

#[cfg(test)]
mod tests;
