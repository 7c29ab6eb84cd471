//! Frames of `application/vnd.amazon.eventstream` (providers.md §3, aws-bedrock), decoded without holding one.
//!
//! Invariant: a frame is whole only when both of its checksums were right, and any cut gives the same parts. Lengths or
//! checksums that do not fit break the stream for good: there is nothing to find the next frame by.

use crate::http::crc32::Crc;

/// Longest frame that is read, in bytes: what the provider's own clients take.
const FRAME_LIMIT: u32 = 24 * 1024 * 1024;
/// Longest header name or value that is kept, in bytes; the rest of a longer one is dropped.
const TEXT_LIMIT: usize = 64;
/// Total length, length of the headers, checksum of both.
const PRELUDE: u32 = 12;
/// A frame without headers and payload.
const SHORTEST: u32 = 16;

/// What the decoder hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A piece of the payload of a frame that is not yet known to be whole.
    Data {
        /// Name of the frame.
        name: &'a str,
        /// The piece.
        bytes: &'a [u8],
    },
    /// The frame is whole and as it was sent.
    End {
        /// `event`, `exception` or `error` (`:message-type`).
        kind: &'a str,
        /// Which event, exception or error (`:event-type`, `:exception-type`, `:error-code`).
        name: &'a str,
    },
}

/// An incremental decoder of one stream of frames.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of the field that are still to come.
    left: u32,
    /// The bytes of the field so far, if they are of use.
    field: Vec<u8>,
    /// Bytes of headers behind this field.
    headers: u32,
    payload: u32,
    crc: Crc,
    header: Header,
    kind: Vec<u8>,
    name: Vec<u8>,
}

/// The field being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Prelude,
    NameLength,
    Name,
    /// The type of a header's value.
    Type,
    ValueLength,
    Value,
    Payload,
    Checksum,
    Broken,
}

/// The header being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    Kind,
    Name,
    /// One that does not matter, or that is no string.
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
            state: State::Prelude,
            left: PRELUDE,
            field: Vec::new(),
            headers: 0,
            payload: 0,
            crc: Crc::START,
            header: Header::Other,
            kind: Vec::new(),
            name: Vec::new(),
        }
    }

    /// Reads on, handing out what is found.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Part<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() && self.state != State::Broken {
            let left = usize::try_from(self.left).unwrap_or(usize::MAX);
            let (piece, after) = rest.split_at_checked(left).unwrap_or((rest, &[]));
            let read = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            self.left = self.left.saturating_sub(read);
            self.take(piece, sink);
            rest = after;
            // A field may be empty.
            while self.left == 0 && self.state != State::Broken {
                self.end_field(sink);
            }
        }
    }

    /// The stream is between two frames, and all so far were whole.
    pub fn is_between(&self) -> bool {
        self.state == State::Prelude && self.left == PRELUDE
    }

    /// Bytes held on the heap.
    pub const fn heap_bytes(&self) -> usize {
        self.field
            .capacity()
            .saturating_add(self.kind.capacity())
            .saturating_add(self.name.capacity())
    }

    fn take(&mut self, piece: &[u8], sink: &mut impl FnMut(Part<'_>)) {
        if self.state != State::Checksum {
            self.crc = self.crc.of(piece);
        }
        if self.state == State::Payload {
            sink(Part::Data {
                name: text(&self.name),
                bytes: piece,
            });
        } else if self.state != State::Value || self.header != Header::Other {
            let room = TEXT_LIMIT.saturating_sub(self.field.len());
            self.field.extend(piece.iter().take(room));
        }
    }

    fn end_field(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        match self.state {
            State::Prelude => self.begin_frame(),
            State::NameLength => self.begin(State::Name, self.number()),
            State::Name => {
                self.header = match self.field.as_slice() {
                    b":message-type" => Header::Kind,
                    b":event-type" | b":exception-type" | b":error-code" => Header::Name,
                    _ => Header::Other,
                };
                self.begin(State::Type, 1);
            }
            State::Type => self.begin_value(),
            State::ValueLength => self.begin(State::Value, self.number()),
            State::Value => {
                match self.header {
                    Header::Kind => self.kind.clone_from(&self.field),
                    Header::Name => self.name.clone_from(&self.field),
                    Header::Other => {}
                }
                self.begin_header();
            }
            State::Payload => {
                self.field.clear();
                (self.state, self.left) = (State::Checksum, 4);
            }
            State::Checksum => self.end_frame(sink),
            State::Broken => {}
        }
    }

    fn begin_frame(&mut self) {
        let (lengths, checksum) = self.field.split_at_checked(8).unwrap_or_default();
        let (total, headers) = lengths.split_at_checked(4).unwrap_or_default();
        let (total, headers) = (number(total), number(headers));
        let payload = total
            .checked_sub(SHORTEST)
            .and_then(|rest| rest.checked_sub(headers))
            .filter(|_| total <= FRAME_LIMIT && Crc::START.of(lengths).value() == number(checksum));
        let Some(payload) = payload else {
            self.state = State::Broken;
            return;
        };
        (self.headers, self.payload) = (headers, payload);
        self.kind.clear();
        self.name.clear();
        self.begin_header();
    }

    fn begin_header(&mut self) {
        if self.headers == 0 {
            (self.state, self.left) = (State::Payload, self.payload);
        } else {
            self.begin(State::NameLength, 1);
        }
    }

    /// The next field of the headers, if they have room for it.
    fn begin(&mut self, state: State, length: u32) {
        self.field.clear();
        (self.state, self.left) = (state, length);
        match self.headers.checked_sub(length) {
            Some(rest) => self.headers = rest,
            None => self.state = State::Broken,
        }
    }

    /// Types and lengths of values: booleans, integers of 1 to 8 bytes, bytes, strings, a time, a UUID.
    fn begin_value(&mut self) {
        let kind = self.number();
        if kind != 7 {
            self.header = Header::Other;
        }
        match kind {
            0 | 1 => self.begin(State::Value, 0),
            2 => self.begin(State::Value, 1),
            3 => self.begin(State::Value, 2),
            4 => self.begin(State::Value, 4),
            5 | 8 => self.begin(State::Value, 8),
            6 | 7 => self.begin(State::ValueLength, 2),
            9 => self.begin(State::Value, 16),
            _ => self.state = State::Broken,
        }
    }

    fn end_frame(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        if self.number() != self.crc.value() {
            self.state = State::Broken;
            return;
        }
        sink(Part::End {
            kind: text(&self.kind),
            name: text(&self.name),
        });
        self.field.clear();
        self.crc = Crc::START;
        (self.state, self.left) = (State::Prelude, PRELUDE);
    }

    fn number(&self) -> u32 {
        number(&self.field)
    }
}

/// A number of up to four bytes, the highest first.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
