//! What a form says about itself: model, streaming, tier (RFC 7578, RFC 2046 §5.1), read while the body passes.
//!
//! Invariant: files pass without being held; at most one header line and one short value are, whatever passes, and any
//! cut of the body gives the same facts. Of several parts of one name the last counts, as in JSON.

mod parameter;
#[cfg(test)]
mod tests;

use super::find::Pair;
use super::request::RequestFacts;
use parameter::parameter;

/// Longest boundary (RFC 2046 §5.1.1), in bytes.
const BOUNDARY_LIMIT: usize = 70;
/// Longest header line that is read, in bytes; a part whose name is in a longer one has none.
const LINE_LIMIT: usize = 4096;
/// Longest value that is kept, in bytes.
const VALUE_LIMIT: usize = 256;
/// No boundary has one, so a delimiter can begin only where a `\r` is.
const DELIMITER_START: Pair = Pair::new(b'\r', b'\r');
const LINE_END: Pair = Pair::new(b'\n', b'\n');
/// The line break that belongs to the delimiter behind it.
const CRLF: usize = 2;

/// Reads [`RequestFacts`] from a form in pieces.
pub struct MultipartScan {
    /// The line break, two dashes and the boundary.
    delimiter: Vec<u8>,
    state: State,
    /// A header line, or the value of a wanted part.
    text: Text,
    part: Part,
    facts: RequestFacts,
}

/// Where in the form the scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the preamble or the content of a part.
    Content(Match),
    /// Behind the delimiter and this many dashes of two.
    Delimited(u8),
    /// Behind the delimiter, where only blanks may come before the line end.
    Padding,
    Header,
    /// Behind the last delimiter, where nothing counts.
    Closed,
}

/// Bytes of the delimiter seen, of which the first ones may have come before the content.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Match {
    seen: usize,
    before: usize,
}

/// What is known of the current part.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// The preamble, a file, or a field that does not matter.
    #[default]
    Skipped,
    Wanted(Fact),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fact {
    Model,
    ModelId,
    Stream,
    ServiceTier,
}

/// The line break before the delimiter was seen already: it ended a header, or the body begins here.
const AT_LINE_START: State = State::Content(Match {
    seen: CRLF,
    before: CRLF,
});

impl MultipartScan {
    /// A scan at the start of a body of that `content-type`; `None` if that is no form or states no boundary.
    pub fn new(content_type: &str) -> Option<Self> {
        let (media, parameters) = content_type.split_once(';')?;
        if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameter(parameters, "boundary")?;
        let fits = (1..=BOUNDARY_LIMIT).contains(&boundary.len())
            && boundary.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        fits.then(|| Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            state: AT_LINE_START,
            text: Text::default(),
            part: Part::default(),
            facts: RequestFacts::default(),
        })
    }

    /// Reads the next piece of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Content(matched) => self.content(rest, matched),
                State::Header => self.header(rest),
                State::Delimited(_) | State::Padding => self.delimiter_end(rest),
                State::Closed => return,
            };
        }
    }

    /// What the body has said so far.
    pub const fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// The last delimiter was read, so that nothing can change the facts any more.
    pub fn is_settled(&self) -> bool {
        self.state == State::Closed
    }

    fn content<'a>(&mut self, bytes: &'a [u8], matched: Match) -> &'a [u8] {
        if matched.seen == 0 {
            let (content, rest) = DELIMITER_START.split(bytes);
            self.keep(content);
            let seen = usize::from(!rest.is_empty());
            self.state = State::Content(Match { seen, before: 0 });
            return rest.get(seen..).unwrap_or_default();
        }
        let wanted = self.delimiter.get(matched.seen);
        if wanted.is_none_or(|wanted| bytes.first() != Some(wanted)) {
            self.keep_delimiter(matched);
            return bytes;
        }
        let seen = matched.seen.saturating_add(1);
        self.state = if seen == self.delimiter.len() {
            State::Delimited(0)
        } else {
            State::Content(Match { seen, ..matched })
        };
        bytes.get(1..).unwrap_or_default()
    }

    /// What follows the boundary tells whether it is one.
    fn delimiter_end<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((byte, rest)) = bytes.split_first() else {
            return bytes;
        };
        self.state = match (self.state, byte) {
            (State::Delimited(0), b'-') => State::Delimited(1),
            (State::Delimited(1), b'-') => {
                self.end_part();
                State::Closed
            }
            (State::Delimited(0) | State::Padding, b' ' | b'\t' | b'\r') => State::Padding,
            (State::Delimited(0) | State::Padding, b'\n') => {
                self.end_part();
                State::Header
            }
            // A longer word that begins like the boundary: content, but none that a name or a switch would have.
            _ => {
                self.text.is_overlong = true;
                State::Content(Match::default())
            }
        };
        if matches!(self.state, State::Content(_)) {
            bytes
        } else {
            rest
        }
    }

    fn header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (line, rest) = LINE_END.split(bytes);
        self.text.push(line, LINE_LIMIT);
        let Some((_, after)) = rest.split_first() else {
            return rest;
        };
        let line = self.text.take();
        let line = line.as_deref().map(str::trim_ascii_end);
        if line == Some("") {
            self.state = AT_LINE_START;
        } else if let Some((name, value)) = line.and_then(|line| line.split_once(':'))
            && name.eq_ignore_ascii_case("content-disposition")
        {
            self.part = Part::of(value);
        }
        after
    }

    /// What looked like a delimiter is content.
    fn keep_delimiter(&mut self, matched: Match) {
        self.state = State::Content(Match::default());
        if let Part::Wanted(_) = self.part {
            let seen = self.delimiter.get(matched.before..matched.seen);
            self.text.push(seen.unwrap_or_default(), VALUE_LIMIT);
        }
    }

    fn keep(&mut self, content: &[u8]) {
        if let Part::Wanted(_) = self.part {
            self.text.push(content, VALUE_LIMIT);
        }
    }

    fn end_part(&mut self) {
        let value = self.text.take();
        let Part::Wanted(fact) = std::mem::take(&mut self.part) else {
            return;
        };
        let facts = &mut self.facts;
        match fact {
            Fact::Model => facts.model = value.filter(|value| !value.is_empty()),
            Fact::ModelId => facts.model_id = value.filter(|value| !value.is_empty()),
            Fact::Stream => {
                // Servers read a switch of a form in more than one spelling.
                facts.stream =
                    value.is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
            }
            Fact::ServiceTier => facts.service_tier = value.filter(|value| !value.is_empty()),
        }
    }

    /// Bytes held on the heap.
    #[cfg(test)]
    fn heap_bytes(&self) -> usize {
        self.delimiter.capacity() + self.text.bytes.capacity()
    }
}

impl Part {
    /// The part with that `content-disposition`.
    fn of(disposition: &str) -> Self {
        let is_file = ["filename", "filename*"]
            .iter()
            .any(|name| parameter(disposition, name).is_some());
        if is_file {
            return Self::Skipped;
        }
        match parameter(disposition, "name").as_deref() {
            Some("model") => Self::Wanted(Fact::Model),
            Some("model_id") => Self::Wanted(Fact::ModelId),
            Some("stream") => Self::Wanted(Fact::Stream),
            Some("service_tier") => Self::Wanted(Fact::ServiceTier),
            _ => Self::Skipped,
        }
    }
}

/// A short text, as far as it stayed short.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    is_overlong: bool,
}

impl Text {
    fn push(&mut self, bytes: &[u8], limit: usize) {
        self.is_overlong |= self.bytes.len().saturating_add(bytes.len()) > limit;
        if !self.is_overlong {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The text, unless it was too long or is not UTF-8.
    fn take(&mut self) -> Option<String> {
        let is_overlong = std::mem::take(&mut self.is_overlong);
        let text = std::str::from_utf8(&self.bytes).map(str::to_owned);
        self.bytes.clear();
        text.ok().filter(|_| !is_overlong)
    }
}
