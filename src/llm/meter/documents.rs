//! The documents of one answer, one at a time: the JSON body, the data of an event, a line, the payload of a frame.
//!
//! Invariant: a document counts only when it is whole, and once.

use super::echo::Echo;
use crate::llm::find::Pair;
use crate::llm::format::{Draft, Format, Slot, Tally, UNKNOWN};
use crate::llm::json::{Event, Scanner};
use crate::llm::sse::Part;

const DONE: &[u8] = b"[DONE]";
const LINE_END: Pair = Pair::new(b'\n', b'\n');

/// The documents of one answer.
pub(super) struct Documents {
    pub(super) format: Option<Format>,
    pub(super) scanner: Scanner<Slot>,
    draft: Draft,
    pub(super) tally: Tally,
    /// The current document was counted.
    is_counted: bool,
    /// The terminal event was seen with what makes parsers act on it: the blank line, the line end, or the end of the
    /// body.
    pub(super) is_dispatched: bool,
    /// Bytes of `[DONE]` at the beginning of the document; `None` once it is something else.
    done: Option<usize>,
    echo: Echo,
    /// The document of the event says what another has said, and was not read.
    is_echo: bool,
}

impl Documents {
    pub(super) fn new(format: Option<Format>) -> Self {
        Self {
            format,
            scanner: Scanner::new(format.map_or(UNKNOWN, Format::table)),
            draft: Draft::default(),
            tally: Tally::default(),
            is_counted: false,
            is_dispatched: false,
            done: Some(0),
            echo: Echo::new(),
            is_echo: false,
        }
    }

    /// Takes a piece of an event stream.
    pub(super) fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Data(bytes) => self.data(bytes),
            Part::LineEnd { event } => self.end_line(event),
            Part::End { event } => {
                if event == "error" {
                    self.tally.answer.is_error = true;
                    self.tally.is_aborted = true;
                    self.echo.forget();
                }
                self.is_dispatched |= self.tally.is_ended;
                self.next();
            }
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        if self.is_echo && self.is_counted {
            return;
        }
        if self.is_echo {
            self.read_echo();
        } else if self.done == Some(0) {
            // The document's beginning; mostly it is all of it.
            self.is_echo = self.echo.fits(bytes);
            if self.is_echo {
                self.done = None;
                return;
            }
            self.echo.begin(bytes, &self.tally);
        } else {
            self.echo.give_up();
        }
        self.match_done(bytes);
        self.read(bytes);
    }

    fn end_line(&mut self, event: &str) {
        if self.is_echo && (self.is_counted || self.echo.is_named(event)) {
            self.is_counted = true;
            return;
        }
        if self.is_echo {
            self.read_echo();
        }
        if !self.is_counted && self.draft.kind.is_none() && !event.is_empty() {
            self.draft.kind = Some(event.to_owned());
        }
        self.finish();
        if self.is_counted {
            let table = self.format.map_or(UNKNOWN, Format::table);
            self.echo.end(event, &self.tally, table);
        }
    }

    /// Reads the document after all: as far as anybody looks, it is the one it resembles.
    fn read_echo(&mut self) {
        self.is_echo = false;
        let text = self.echo.forget();
        self.read(&text);
    }

    /// Bytes on the heap, besides the short texts in the answer.
    pub(super) fn heap_bytes(&self) -> usize {
        let echo = self.echo.heap_bytes();
        self.scanner.heap_bytes().saturating_add(echo)
    }

    /// A frame was whole, and with it the document that it carried.
    pub(super) fn end_frame(&mut self, kind: &str, name: &str) {
        let name = Some(name).filter(|name| !name.is_empty());
        if matches!(kind, "exception" | "error") {
            let answer = &mut self.tally.answer;
            answer.is_error = true;
            answer.error_type = name.map(str::to_owned).or(answer.error_type.take());
            self.tally.is_aborted = true;
        } else {
            if self.draft.kind.is_none() {
                self.draft.kind = name.map(str::to_owned);
            }
            self.finish();
            self.is_dispatched |= self.tally.is_ended;
        }
        self.next();
    }

    /// Reads bytes of the only document. It counts when it has closed, whatever follows: an answer must not depend on
    /// where it was cut.
    pub(super) fn only(&mut self, bytes: &[u8]) {
        let rest = self.read_text(bytes);
        self.count();
        self.read_text(rest);
    }

    /// Reads bytes of the current document.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let rest = self.read_text(bytes);
        self.read_text(rest);
    }

    fn read_text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Self {
            format,
            scanner,
            draft,
            tally,
            ..
        } = self;
        scanner.feed_text(bytes, &mut |slot, event| {
            match (slot, event, *format) {
                // One of several documents in an array: it stands by itself, should the array be cut.
                (Slot::Document, Event::Close, Some(format)) => {
                    format.fold(std::mem::take(draft), tally);
                }
                _ => draft.note(slot, event),
            }
        })
    }

    /// Reads documents of which each is a line (NDJSON). A line break inside of one would be escaped.
    pub(super) fn lines(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let (line, tail) = LINE_END.split(rest);
            self.read(line);
            let Some((_, after)) = tail.split_first() else {
                return;
            };
            self.finish();
            self.is_dispatched |= self.tally.is_ended;
            self.next();
            rest = after;
        }
    }

    /// The document may end here; in an event, another line may still continue it.
    pub(super) fn finish(&mut self) {
        if self.done == Some(DONE.len()) && self.format.is_none_or(Format::ends_with_done) {
            self.tally.is_ended = true;
        }
        let draft = &mut self.draft;
        self.scanner
            .finish(&mut |slot, event| draft.note(slot, event));
        self.count();
    }

    /// Counts the document once it is whole.
    pub(super) fn count(&mut self) {
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
    pub(super) fn next(&mut self) {
        self.scanner.reset();
        // What was counted has left a new draft.
        if !std::mem::take(&mut self.is_counted) {
            self.draft = Draft::default();
        }
        self.done = Some(0);
        self.is_echo = false;
        self.echo.give_up();
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
mod tests {
    use super::*;

    /// Whether an event with that text was not read.
    fn takes(documents: &mut Documents, finish: &str, text: &str) -> bool {
        let choice = format!(r#"{{"delta":{{"content":"{text}"}},"finish_reason":{finish}}}"#);
        let data = format!(r#"{{"id":"a","choices":[{choice}]}}"#);
        documents.part(Part::Data(data.as_bytes()));
        let is_echo = documents.is_echo;
        documents.part(Part::LineEnd { event: "" });
        documents.part(Part::End { event: "" });
        is_echo
    }

    #[test]
    fn an_event_like_one_that_told_nothing_new_is_not_read() {
        let mut documents = Documents::new(Some(Format::OpenAiChat));
        let told = ["", "one", "two", "three"].map(|text| takes(&mut documents, "null", text));
        assert_eq!(told, [false, false, true, true]);
        assert!(!takes(&mut documents, r#""stop""#, "four"));
        let answer = &documents.tally.answer;
        assert_eq!(answer.finish_reason.as_deref(), Some("stop"));
    }

    #[test]
    fn an_event_of_another_name_is_read_for_it() {
        let mut documents = Documents::new(Some(Format::AnthropicMessages));
        for event in ["", "", "", "message_stop"] {
            documents.part(Part::Data(br#"{"delta":{"text":"a"}}"#));
            assert!(!documents.tally.is_ended);
            documents.part(Part::LineEnd { event });
            documents.part(Part::End { event });
        }
        assert!(documents.tally.is_ended && documents.is_dispatched);
    }

    #[test]
    fn what_is_known_is_never_that_of_an_event_that_was_passed_over() {
        let mut documents = Documents::new(Some(Format::OpenAiImages));
        let mut images = Vec::new();
        for event in ["", "", "image_generation.completed", ""] {
            documents.part(Part::Data(br#"{"data":[{}]}"#));
            documents.part(Part::LineEnd { event });
            documents.part(Part::End { event });
            images.push(documents.tally.answer.usage.images);
        }
        assert_eq!(images, [1, 1, 2, 1].map(Some));
    }
}
