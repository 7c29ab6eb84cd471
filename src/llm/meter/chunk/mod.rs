//! Unwraps what a `chunk` frame of Bedrock carries: `{"bytes":"<base64 of the model's own event>","p":"…"}`.
//!
//! Invariant: any cut gives the same event, and nothing is held. Base64 (RFC 4648 §4) that is malformed, or an object that
//! does not end, is not whole; whether the event is JSON is for its reader to say.

use crate::llm::find::Pair;

const STRING: Pair = Pair::new(b'"', b'\\');
const KEY: &[u8] = b"bytes";
/// What no key and no base64 has in it.
const STRANGE: u8 = 0;

/// One payload being unwrapped.
#[derive(Default)]
pub(super) struct Chunk {
    at: At,
    depth: u32,
    /// The next string of the object is a key.
    before_key: bool,
    /// What is missing of the wanted key; `None` once it is another.
    key: Option<&'static [u8]>,
    escape: Escape,
    base64: Base64,
}

/// The string being read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    None,
    Key,
    Bytes,
    Other,
}

#[derive(Clone, Copy, Default)]
enum Escape {
    #[default]
    None,
    Backslash,
    Hex {
        left: u8,
        unit: u32,
    },
}

impl Chunk {
    /// Reads on, handing out the event's bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            rest = match (self.at, self.escape) {
                (At::None, _) => {
                    self.structure(*byte);
                    after
                }
                (_, Escape::None) => self.string(rest, sink),
                (_, escape) => {
                    self.escaped(escape, *byte, sink);
                    after
                }
            };
        }
    }

    /// The object has ended and its base64 was sound.
    pub(super) fn is_whole(&self) -> bool {
        self.at == At::None && self.depth == 0 && !self.base64.is_broken
    }

    fn structure(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => {
                self.before_key = byte == b'{' && self.depth == 0;
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' => self.before_key = self.depth == 1,
            b':' => self.before_key = false,
            b'"' if self.depth == 1 && self.before_key => {
                self.key = Some(KEY);
                self.at = At::Key;
            }
            b'"' if self.depth == 1 && self.key.is_some_and(<[u8]>::is_empty) => {
                self.at = At::Bytes;
            }
            b'"' => self.at = At::Other,
            _ => {}
        }
    }

    fn string<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let (run, tail) = STRING.split(bytes);
        self.content(run, sink);
        let Some((mark, rest)) = tail.split_first() else {
            return &[];
        };
        if *mark == b'\\' {
            self.escape = Escape::Backslash;
            return rest;
        }
        if self.at == At::Bytes {
            self.base64.end(sink);
        }
        self.at = At::None;
        rest
    }

    fn content(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
        match self.at {
            At::Key => self.key = self.key.and_then(|missing| missing.strip_prefix(bytes)),
            At::Bytes => self.base64.feed(bytes, sink),
            At::None | At::Other => {}
        }
    }

    fn escaped(&mut self, escape: Escape, byte: u8, sink: &mut impl FnMut(&[u8])) {
        self.escape = Escape::None;
        let (left, unit) = match (escape, byte) {
            (Escape::Hex { left, unit }, digit) => {
                let digit = char::from(digit).to_digit(16).unwrap_or(u32::MAX);
                (left, unit.wrapping_mul(16) | digit)
            }
            (Escape::None | Escape::Backslash, b'u') => (5, 0),
            (Escape::None | Escape::Backslash, b'/') => return self.content(b"/", sink),
            (Escape::None | Escape::Backslash, _) => return self.content(&[STRANGE], sink),
        };
        if left > 1 {
            let left = left.saturating_sub(1);
            self.escape = Escape::Hex { left, unit };
        } else {
            let byte = u8::try_from(unit).unwrap_or(STRANGE);
            self.content(&[byte], sink);
        }
    }
}

/// A base64 text being decoded.
#[derive(Default)]
struct Base64 {
    /// Six bits for each digit of an unfinished group of four.
    held: u32,
    digits: u8,
    padding: u8,
    is_broken: bool,
}

impl Base64 {
    fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut rest = bytes;
        while !self.is_broken {
            if self.digits == 0 {
                rest = groups(rest, sink);
            }
            let Some((byte, after)) = rest.split_first() else {
                return;
            };
            self.push(*byte, sink);
            rest = after;
        }
    }

    fn push(&mut self, byte: u8, sink: &mut impl FnMut(&[u8])) {
        if byte == b'=' {
            self.padding = self.padding.saturating_add(1);
            return;
        }
        let digit = digit(byte);
        self.is_broken |= digit == NO_DIGIT || self.padding > 0;
        self.held = (self.held << 6) | u32::from(digit);
        self.digits = self.digits.saturating_add(1);
        if self.digits == 4 {
            let [_, decoded @ ..] = self.held.to_be_bytes();
            sink(&decoded);
            (self.held, self.digits) = (0, 0);
        }
    }

    /// The text has ended, perhaps in a shorter group; padding may be missing but not wrong.
    fn end(&mut self, sink: &mut impl FnMut(&[u8])) {
        match (self.digits, self.padding) {
            (0, 0) => {}
            (2, 0 | 2) => {
                let [byte, ..] = (self.held >> 4).to_le_bytes();
                sink(&[byte]);
            }
            (3, 0 | 1) => {
                let [low, high, ..] = (self.held >> 2).to_le_bytes();
                sink(&[high, low]);
            }
            _ => self.is_broken = true,
        }
        (self.held, self.digits, self.padding) = (0, 0, 0);
    }
}

/// Decodes groups of four digits up to one with anything else in it, and returns what is left from there.
fn groups<'a>(bytes: &'a [u8], sink: &mut impl FnMut(&[u8])) -> &'a [u8] {
    let mut buffer = [0; 768];
    let mut read = 0_usize;
    for block in bytes.as_chunks::<4>().0.chunks(256) {
        let places = buffer.as_chunks_mut::<3>().0;
        let decoded = block
            .iter()
            .map_while(|group| three(*group))
            .zip(places)
            .map(|(bytes, place)| *place = bytes)
            .count();
        sink(
            buffer
                .as_chunks::<3>()
                .0
                .get(..decoded)
                .unwrap_or_default()
                .as_flattened(),
        );
        read = read.saturating_add(decoded.saturating_mul(4));
        if decoded < block.len() {
            break;
        }
    }
    bytes.get(read..).unwrap_or_default()
}

fn three(group: [u8; 4]) -> Option<[u8; 3]> {
    let digits = group.map(digit);
    if digits.contains(&NO_DIGIT) {
        return None;
    }
    let bits = digits
        .iter()
        .fold(0, |bits, digit| (bits << 6) | u32::from(*digit));
    let [_, decoded @ ..] = bits.to_be_bytes();
    Some(decoded)
}

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

const NO_DIGIT: u8 = u8::MAX;
static DIGITS: [u8; 256] = digits();

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let mut rest: &mut [u8] = &mut digits;
    let mut byte = 0_u8;
    while let Some((digit, after)) = rest.split_first_mut() {
        *digit = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => NO_DIGIT,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    digits
}

#[cfg(test)]
pub(super) mod tests;
