//! Events that say what the one before them has said, but for texts in which nothing is looked for.
//!
//! Most events of a stream differ from the one before in a piece of the answer's text alone. Where that one has told
//! nothing new, such an event tells nothing either, and need not be read: it is only compared.
//! Invariant: what is passed over would have changed nothing. Folding is a function of the document and of what is known;
//! the model's document left what is known as it was, which nothing has changed since.

use crate::llm::find::Pair;
use crate::llm::format::{Slot, Tally};
use crate::llm::json::{Node, Scanner};

/// Longest event that others are compared with, in bytes.
const MAX_TEXT: usize = 2048;
/// So many texts and numbers of an event may differ from those of others.
const MAX_HOLES: usize = 32;
/// So many events in a row that no other resembles end the search: each costs a copy of what is known.
const TRIES: u8 = 16;
const STRING: Pair = Pair::new(b'"', b'\\');

/// What events are compared with.
pub(super) struct Echo {
    model: Option<Model>,
    /// The event that is being read, and what was known before it, if it may become the model.
    candidate: Option<(Vec<u8>, Tally)>,
    tries: u8,
}

/// An event that has told nothing new.
struct Model {
    text: Vec<u8>,
    /// The name that its stream gave it.
    event: String,
    /// The places in the text where another event may have something else, in their order.
    holes: Vec<Hole>,
}

/// A string between its quotes, or a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    start: usize,
    end: usize,
    is_number: bool,
}

impl Echo {
    pub(super) const fn new() -> Self {
        Self {
            model: None,
            candidate: None,
            tries: TRIES,
        }
    }

    /// Whether this document, which is whole, says what the model says.
    pub(super) fn fits(&mut self, document: &[u8]) -> bool {
        let fits = self.model.as_ref().is_some_and(|it| it.fits(document));
        if fits {
            self.tries = TRIES;
        }
        fits
    }

    /// Whether its event must have this name for that.
    pub(super) fn is_named(&self, event: &str) -> bool {
        self.model.as_ref().is_some_and(|it| it.event == event)
    }

    /// Ends the comparing with the model: its document.
    pub(super) fn forget(&mut self) -> Vec<u8> {
        let model = self.model.take();
        model.map(|it| it.text).unwrap_or_default()
    }

    /// A document that does not fit is about to be read from its beginning. `tally`: what is known.
    pub(super) fn begin(&mut self, document: &[u8], tally: &Tally) {
        self.model = None;
        self.candidate = None;
        if self.tries > 0 && document.len() <= MAX_TEXT {
            self.tries = self.tries.saturating_sub(1);
            self.candidate = Some((document.to_vec(), tally.clone()));
        }
    }

    /// More follows in the same document.
    pub(super) fn give_up(&mut self) {
        self.candidate = None;
    }

    /// The document was read, and was whole, in an event of that name. `tally`: what is known now.
    pub(super) fn end(&mut self, event: &str, tally: &Tally, table: &'static [Node<Slot>]) {
        let Some((text, before)) = self.candidate.take() else {
            return;
        };
        if before == *tally {
            self.model = Some(Model {
                holes: holes(&text, table),
                event: event.to_owned(),
                text,
            });
        }
    }

    /// Bytes on the heap, besides short texts.
    pub(super) fn heap_bytes(&self) -> usize {
        let candidate = self.candidate.as_ref().map_or(0, |it| it.0.capacity());
        let model = self.model.as_ref().map_or(0, |it| {
            let holes = it.holes.capacity().saturating_mul(size_of::<Hole>());
            it.text.capacity().saturating_add(holes)
        });
        candidate.saturating_add(model)
    }
}

impl Model {
    fn fits(&self, document: &[u8]) -> bool {
        let (mut rest, mut place) = (document, 0);
        for hole in &self.holes {
            let Some(after) = self.strip(rest, place, hole.start) else {
                return false;
            };
            let end = if hole.is_number {
                number_end(after)
            } else {
                string_end(after)
            };
            if hole.is_number && end == 0 {
                return false;
            }
            rest = after.get(end..).unwrap_or_default();
            place = hole.end;
        }
        let tail = self.strip(rest, place, self.text.len());
        tail.is_some_and(<[u8]>::is_empty)
    }

    /// What follows a part of the text that `bytes` begin with.
    fn strip<'b>(&self, bytes: &'b [u8], start: usize, end: usize) -> Option<&'b [u8]> {
        let (head, rest) = bytes.split_at_checked(end.checked_sub(start)?)?;
        is_same(head, self.text.get(start..end)?).then_some(rest)
    }
}

/// Eight bytes at a time, which the comparison of slices is not in wasm.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, tail), (other_words, other_tail)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let mut pairs = words.iter().zip(other_words);
    let is_same = |(a, b): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b);
    one.len() == other.len()
        && pairs.all(is_same)
        && tail.iter().zip(other_tail).all(|(a, b)| a == b)
}

/// Where the string ends whose inside begins here: at its quote, or with the bytes.
fn string_end(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        let (_, tail) = STRING.split(rest);
        rest = match tail {
            [b'\\', _, after @ ..] => after,
            _ => return bytes.len().saturating_sub(tail.len()),
        };
    }
}

/// Where the whole number ends that begins here; 0 where there is none (RFC 8259 §6: no zero leads).
fn number_end(bytes: &[u8]) -> usize {
    let digits = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
    if bytes.first() == Some(&b'0') {
        digits.min(1)
    } else {
        digits
    }
}

/// The strings and whole numbers of a document in which `table` looks for nothing; keys are none.
fn holes(text: &[u8], table: &'static [Node<Slot>]) -> Vec<Hole> {
    let (mut scanner, mut read, mut place) = (Scanner::new(table), 0, 0);
    let mut found = Vec::new();
    while let Some(byte) = text.get(place)
        && found.len() < MAX_HOLES
    {
        let is_number = byte.is_ascii_digit() && begins_value(text, place);
        if !is_number && *byte != b'"' {
            place = place.saturating_add(1);
            continue;
        }
        let start = place.saturating_add(usize::from(!is_number));
        let inside = text.get(start..).unwrap_or_default();
        let size = if is_number {
            number_end(inside)
        } else {
            string_end(inside)
        };
        let end = start.saturating_add(size);
        let next = text.get(end..).unwrap_or_default();
        let ends = !is_number || is_whole(next);
        // What ends it is read with it: only then is it reported.
        let after = end.saturating_add(usize::from(ends)).min(text.len());
        scanner.feed(text.get(read..start).unwrap_or_default(), &mut |_, _| {});
        let mut is_wanted = false;
        let inside = text.get(start..after).unwrap_or_default();
        scanner.feed(inside, &mut |_, _| is_wanted = true);
        (read, place) = (after, after);
        if !is_wanted && ends && (is_number || !is_key(next)) {
            found.push(Hole {
                start,
                end,
                is_number,
            });
        }
    }
    found
}

/// Whether a value may begin here, and not only go on.
fn begins_value(text: &[u8], place: usize) -> bool {
    let before = text.get(..place).and_then(<[u8]>::last);
    before.is_some_and(|byte| matches!(byte, b':' | b',' | b'[') || byte.is_ascii_whitespace())
}

/// Whether a number before `next` is all of the value.
fn is_whole(next: &[u8]) -> bool {
    matches!(next.first(), Some(b',' | b'}' | b']'))
}

/// Whether a string that ends with the first byte of `next` is a key, or is not whole.
fn is_key(next: &[u8]) -> bool {
    let after = next.strip_prefix(b"\"").map(<[u8]>::trim_ascii_start);
    after.is_none_or(|after| after.starts_with(b":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::format::Format;

    fn model(text: &str) -> Model {
        let table = Format::OpenAiChat.table();
        Model {
            holes: holes(text.as_bytes(), table),
            event: String::new(),
            text: text.as_bytes().to_vec(),
        }
    }

    const TEXT: &str = r#"{"id":"a","n":7,"created":12,"choices":[{"index":0,"delta":{"content":"x\"y"},"finish_reason":null}],"usage":null}"#;

    #[test]
    fn texts_and_numbers_nobody_looks_for_may_differ() {
        let model = model(TEXT);
        for (old, new) in [
            (r#"x\"y"#, ""),
            (r#"x\"y"#, r"\\"),
            (r#"x\"y"#, "long text, {with} [all] \\u00e9 of: it"),
            (r#""n":7"#, r#""n":0"#),
            (":12,", ":1234567,"),
        ] {
            let text = TEXT.replace(old, new);
            assert!(model.fits(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_looked_for_must_be_the_same() {
        let model = model(TEXT);
        for (old, new) in [
            (r#""id":"a""#, r#""id":"b""#),
            ("null}]", "\"stop\"}]"),
            ("\"usage\":null", "\"usage\":{}"),
            ("content", "context"),
            (r#""n":7"#, r#""n":07"#),
            (r#""n":7"#, r#""n":7.5"#),
            (r#""n":7"#, r#""n":"#),
            (r#"x\"y"#, r#"x"y"#),
            (r#"x\"y"}"#, r#"x\"}"#),
            ("null}", "null} "),
            ("null}", "null}}"),
            ("{\"id\"", "[{\"id\""),
            (TEXT, ""),
        ] {
            let text = TEXT.replacen(old, new, 1);
            assert_ne!(text, TEXT);
            assert!(!model.fits(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_number_is_none() {
        assert_eq!(model(r#"{"a":1.5,"b":-2,"c":1e3,"d":"#).holes, []);
        assert_eq!(model("12").holes, []);
    }
}
