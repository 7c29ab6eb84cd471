//! Server-sent events (WHATWG HTML §9.2.6, "event stream interpretation"), decoded without holding an event.
//!
//! Invariant: any cut of the stream gives the same data. Unlike a browser, which throws an unfinished event away,
//! the decoder hands out data as it comes: the reader decides whether it is whole.

use super::find::Pair;

/// Longest event name that is kept, in bytes; the rest of a longer one is dropped.
const EVENT_LIMIT: usize = 64;
/// Field names matter up to this length, which no known one reaches.
const NAME_LIMIT: usize = 8;
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
const LINE_END: Pair = Pair::new(b'\n', b'\r');

/// What the decoder hands out. `event` is the name given so far (empty: none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A piece of the event's data; lines are joined with `\n`.
    Data(&'a [u8]),
    /// A `data` line is whole.
    LineEnd {
        /// Name of the event.
        event: &'a str,
    },
    /// The event is whole; it had at least one `data` line.
    End {
        /// Name of the event.
        event: &'a str,
    },
}

/// An incremental decoder of one event stream.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    field: Field,
    name: Vec<u8>,
    event: Vec<u8>,
    has_data: bool,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the very start, after this many bytes of a byte order mark.
    Start(usize),
    /// In a field name, or at the start of a line.
    Name,
    /// After the colon, where one space is dropped.
    Colon,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    /// A comment, `id`, `retry`, or anything else.
    Other,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub const fn new() -> Self {
        Self {
            state: State::Start(0),
            field: Field::Other,
            name: Vec::new(),
            event: Vec::new(),
            has_data: false,
            after_cr: false,
        }
    }

    /// Reads on, handing out what is found.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Part<'_>)) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if std::mem::take(&mut self.after_cr) && *byte == b'\n' {
                rest = after;
                continue;
            }
            rest = match self.state {
                State::Start(matched) => self.start(matched, rest),
                State::Name => self.name(rest, sink),
                State::Colon => {
                    self.state = State::Value;
                    rest.strip_prefix(b" ").unwrap_or(rest)
                }
                State::Value => self.value(rest, sink),
            };
        }
    }

    /// The stream has ended: a last line or event without its line end counts as whole.
    pub fn finish(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        let in_line = match self.state {
            State::Start(_) => false,
            State::Name => !self.name.is_empty(),
            State::Colon | State::Value => true,
        };
        if in_line {
            self.end_line(sink);
        }
        self.end_event(sink);
    }

    /// Bytes held on the heap.
    pub const fn heap_bytes(&self) -> usize {
        self.name.capacity().saturating_add(self.event.capacity())
    }

    fn start<'a>(&mut self, matched: usize, bytes: &'a [u8]) -> &'a [u8] {
        let expected = BYTE_ORDER_MARK.get(matched);
        if let Some((byte, rest)) = bytes.split_first()
            && Some(byte) == expected
        {
            self.state = State::Start(matched.saturating_add(1));
            return rest;
        }
        if expected.is_some() {
            // Half a mark is the beginning of a field name that nobody knows.
            self.name.extend(BYTE_ORDER_MARK.iter().take(matched));
        }
        self.state = State::Name;
        bytes
    }

    fn name<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Part<'_>)) -> &'a [u8] {
        let end = bytes
            .iter()
            .position(|byte| matches!(byte, b':' | b'\n' | b'\r'))
            .unwrap_or(bytes.len());
        let (name, tail) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        keep(&mut self.name, name, NAME_LIMIT);
        let Some((byte, rest)) = tail.split_first() else {
            return &[];
        };
        if *byte == b':' {
            self.begin_value(sink);
            self.state = State::Colon;
        } else {
            self.after_cr = *byte == b'\r';
            self.end_line(sink);
        }
        rest
    }

    fn begin_value(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        self.field = match self.name.as_slice() {
            b"data" => Field::Data,
            b"event" => Field::Event,
            _ => Field::Other,
        };
        match self.field {
            Field::Data if std::mem::replace(&mut self.has_data, true) => sink(Part::Data(b"\n")),
            Field::Event => self.event.clear(),
            Field::Data | Field::Other => {}
        }
    }

    fn value<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Part<'_>)) -> &'a [u8] {
        let (value, tail) = LINE_END.split(bytes);
        match self.field {
            Field::Data if !value.is_empty() => sink(Part::Data(value)),
            Field::Event => keep(&mut self.event, value, EVENT_LIMIT),
            Field::Data | Field::Other => {}
        }
        let Some((byte, rest)) = tail.split_first() else {
            return &[];
        };
        self.after_cr = *byte == b'\r';
        self.end_line(sink);
        rest
    }

    fn end_line(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        if self.state == State::Name {
            if self.name.is_empty() {
                self.end_event(sink);
                return;
            }
            // A line without a colon is a field with an empty value.
            self.begin_value(sink);
        }
        if self.field == Field::Data {
            sink(Part::LineEnd {
                event: text(&self.event),
            });
        }
        self.name.clear();
        self.state = State::Name;
    }

    fn end_event(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        if std::mem::take(&mut self.has_data) {
            sink(Part::End {
                event: text(&self.event),
            });
        }
        self.event.clear();
    }
}

fn keep(buffer: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    buffer.extend(bytes.iter().take(limit.saturating_sub(buffer.len())));
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
