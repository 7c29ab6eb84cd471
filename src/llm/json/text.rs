//! Decodes one JSON string (RFC 8259 §7) into a capped buffer, across any cut.
//!
//! Invariant: never more than the limit is held. A string that does not fit is read to its end and lost as a whole;
//! with a limit of 0 it is skipped at the speed of [`Pair::split`]. A measured string is decoded and not held at all.

use super::Event;
use crate::llm::find::Pair;

const STRING: Pair = Pair::new(b'"', b'\\');

/// One string being read.
pub(super) struct Text {
    bytes: Vec<u8>,
    limit: usize,
    /// The content did not fit.
    lost: bool,
    /// Decoded characters so far, where only their number is wanted.
    length: Option<u64>,
    escape: Escape,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Backslash,
    Hex { left: u8, unit: u16 },
}

/// Where a string stands after some bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The string goes on.
    More,
    /// The closing quote was read.
    Closed,
    /// An escape that JSON does not know.
    Broken,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            limit: 0,
            lost: true,
            length: None,
            escape: Escape::None,
            high: None,
        }
    }

    /// Starts a new string of which at most `limit` decoded bytes are wanted.
    pub(super) fn open(&mut self, limit: usize) {
        self.bytes.clear();
        self.limit = limit;
        self.lost = limit == 0;
        self.length = None;
        self.escape = Escape::None;
        self.high = None;
    }

    /// Starts a new string of which only the length is wanted.
    pub(super) fn measure(&mut self) {
        self.open(0);
        self.length = Some(0);
    }

    /// Reads on, after the opening quote; returns the bytes after the step.
    pub(super) fn feed<'a>(&mut self, bytes: &'a [u8]) -> (Step, &'a [u8]) {
        let mut rest = bytes;
        loop {
            let (run, tail) = if self.escape == Escape::None {
                STRING.split(rest)
            } else {
                (&[][..], rest)
            };
            self.push(run);
            let Some((byte, after)) = tail.split_first() else {
                return (Step::More, &[]);
            };
            let step = self.mark(*byte);
            if step != Step::More {
                return (step, after);
            }
            rest = after;
        }
    }

    /// Appends bytes as they stand.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.is_skipped() || bytes.is_empty() {
            return;
        }
        self.settle_high();
        self.store(bytes);
    }

    /// What is reported of a string that has closed.
    pub(super) fn event(&self) -> Event<'_> {
        match self.length {
            Some(length) => Event::Length(length),
            None => self.value().map_or(Event::Unreadable, Event::Text),
        }
    }

    /// The decoded string, unless it was too long or is not UTF-8.
    pub(super) fn value(&self) -> Option<&str> {
        if self.lost {
            None
        } else {
            std::str::from_utf8(&self.bytes).ok()
        }
    }

    /// Bytes on the heap.
    pub(super) const fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes a quote, a backslash, or a byte of an escape.
    fn mark(&mut self, byte: u8) -> Step {
        match self.escape {
            Escape::None if byte == b'"' => {
                self.settle_high();
                Step::Closed
            }
            Escape::None => {
                self.escape = Escape::Backslash;
                Step::More
            }
            Escape::Backslash => self.escaped(byte),
            Escape::Hex { left, unit } => self.hex(byte, left, unit),
        }
    }

    fn escaped(&mut self, byte: u8) -> Step {
        self.escape = Escape::None;
        let decoded: &[u8] = match byte {
            _ if self.is_skipped() => return Step::More,
            b'"' | b'\\' | b'/' => &[byte],
            b'b' => b"\x08",
            b'f' => b"\x0C",
            b'n' => b"\n",
            b'r' => b"\r",
            b't' => b"\t",
            b'u' => {
                self.escape = Escape::Hex { left: 4, unit: 0 };
                return Step::More;
            }
            _ => return Step::Broken,
        };
        self.push(decoded);
        Step::More
    }

    fn hex(&mut self, byte: u8, left: u8, unit: u16) -> Step {
        let digit = char::from(byte)
            .to_digit(16)
            .and_then(|digit| u16::try_from(digit).ok());
        let Some(digit) = digit else {
            return Step::Broken;
        };
        let unit = unit.wrapping_mul(16) | digit;
        if left > 1 {
            self.escape = Escape::Hex {
                left: left.saturating_sub(1),
                unit,
            };
        } else {
            self.escape = Escape::None;
            self.push_unit(unit);
        }
        Step::More
    }

    fn push_unit(&mut self, unit: u16) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(pair)) = char::decode_utf16([high, unit]).next() {
                self.store_char(pair);
                return;
            }
            self.store_char(char::REPLACEMENT_CHARACTER);
        }
        if (0xD800..0xDC00).contains(&unit) {
            self.high = Some(unit);
        } else {
            self.store_char(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }

    /// A first half without its second half becomes U+FFFD.
    fn settle_high(&mut self) {
        if self.high.take().is_some() {
            self.store_char(char::REPLACEMENT_CHARACTER);
        }
    }

    fn store_char(&mut self, value: char) {
        self.store(value.encode_utf8(&mut [0; 4]).as_bytes());
    }

    const fn is_skipped(&self) -> bool {
        self.lost && self.length.is_none()
    }

    fn store(&mut self, bytes: &[u8]) {
        if let Some(length) = &mut self.length {
            // Every character has one byte that does not continue another.
            let begun = bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
            *length = length.saturating_add(u64::try_from(begun).unwrap_or(u64::MAX));
            return;
        }
        let needed = self.bytes.len().saturating_add(bytes.len());
        if self.lost || needed > self.limit {
            self.lost = true;
            self.bytes.clear();
            return;
        }
        // Two exact sizes instead of doubling, so that the capacity has the same bound as the content.
        let size = if needed > SHORT {
            self.limit
        } else {
            SHORT.min(self.limit)
        };
        if self.bytes.capacity() < needed {
            self.bytes
                .reserve_exact(size.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
    }
}

/// Nearly all wanted strings fit here.
const SHORT: usize = 256;
