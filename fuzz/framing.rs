//! Server-sent events and the frames of `application/vnd.amazon.eventstream`, without what is in them.

use sluice::llm::eventstream;
use sluice::llm::sse;

use crate::pieces;
use crate::script::Script;

/// Bytes that a decoder may hold, whatever passes.
const BOUND: usize = 1024;

/// The first byte chooses the cuts; the rest is the stream.
pub(crate) fn events(bytes: &[u8]) -> bool {
    let Some((seed, stream)) = bytes.split_first() else {
        return false;
    };
    let whole = read([stream]);
    assert_eq!(whole, read(pieces(stream, *seed)));
    assert_eq!(whole.0, expected(stream), "data of the events");
    !whole.0.is_empty()
}

/// The data of the whole events, and what the decoder had at the end.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut decoder = sse::Decoder::new();
    let (mut events, mut data) = (Vec::new(), Vec::new());
    let mut ends = 0_usize;
    let mut sink = |part: sse::Part<'_>| match part {
        sse::Part::Data(bytes) => data.extend_from_slice(bytes),
        sse::Part::LineEnd { .. } => ends += 1,
        sse::Part::End { .. } => {
            assert!(ends > 0, "an event without a line");
            ends = 0;
            events.push(std::mem::take(&mut data));
        }
    };
    for piece in pieces {
        decoder.feed(piece, &mut sink);
        assert!(decoder.heap_bytes() <= BOUND);
    }
    (events, data)
}

/// The same by the words of the standard (WHATWG HTML §9.2.6), the whole text in hand.
fn expected(stream: &[u8]) -> Vec<Vec<u8>> {
    let text = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let (mut events, mut lines): (_, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for line in whole_lines(text) {
        if line.is_empty() {
            if !lines.is_empty() {
                events.push(std::mem::take(&mut lines).join(&b'\n'));
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        if name == b"data" {
            lines.push(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
    events
}

/// The lines that have an end: CR LF, LF or CR.
fn whole_lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let (line, tail) = text.split_at(end);
        let rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..));
        text = rest.unwrap_or_default();
        Some(line)
    })
}

/// Frames with hostile headers and right checksums, some of them damaged.
pub(crate) fn frames(bytes: &[u8]) -> bool {
    let Some((seed, script)) = bytes.split_first() else {
        return false;
    };
    let mut script = Script::new(script);
    let (mut stream, mut right) = (Vec::new(), 0);
    let mut is_right = true;
    while !script.is_over() {
        let (frame, is_whole) = next(&mut script);
        is_right &= is_whole;
        right += usize::from(is_right);
        stream.extend(frame);
    }
    let whole = unpack([stream.as_slice()]);
    assert_eq!(whole, unpack(pieces(&stream, *seed)));
    assert!(whole.1 <= right, "{} of {right} frames", whole.1);
    assert!(!whole.2 || is_right, "a damaged stream counts as whole");
    whole.1 > 0
}

/// A frame, and whether it was left as it should be.
fn next(script: &mut Script<'_>) -> (Vec<u8>, bool) {
    let mut headers = Vec::new();
    for _ in 0..script.below(4) {
        header(script, &mut headers);
    }
    let size = script.below(40).into();
    let mut frame = crate::answer::frame(&headers, script.bytes(size));
    let (place, damage) = (usize::from(script.byte()), script.byte());
    let place = place % frame.len();
    // Three of four frames are right.
    let is_damaged = damage > 0 && damage.is_multiple_of(4);
    if let Some(byte) = frame.get_mut(place).filter(|_| is_damaged) {
        *byte ^= damage;
    }
    (frame, !is_damaged)
}

/// A header: of the names that matter or of any, of every type, at the end of the script cut.
fn header(script: &mut Script<'_>, into: &mut Vec<u8>) {
    let names = [":message-type", ":event-type", ":exception-type", "x"];
    let name = script.choose(&names).unwrap_or_default();
    into.push(u8::try_from(name.len()).unwrap_or_default());
    into.extend(name.bytes());
    let kind = script.below(12);
    into.push(kind);
    let size = match kind {
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        6 | 7 => {
            let size = script.below(12);
            into.extend(u16::from(size).to_be_bytes());
            size
        }
        _ => 0,
    };
    into.extend(script.bytes(size.into()));
}

/// What was handed out, how many frames were whole, and whether the stream ended between two.
fn unpack<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, usize, bool) {
    let mut decoder = eventstream::Decoder::new();
    let (mut seen, mut frames) = (Vec::new(), 0);
    let mut sink = |part: eventstream::Part<'_>| match part {
        eventstream::Part::Data { name, bytes } => {
            assert!(!bytes.is_empty() && name.len() <= BOUND);
            seen.extend_from_slice(bytes);
        }
        eventstream::Part::End { kind, name } => {
            frames += 1;
            seen.extend(kind.bytes().chain(name.bytes()).chain(*b"\n"));
        }
    };
    for piece in pieces {
        decoder.feed(piece, &mut sink);
        assert!(decoder.heap_bytes() <= BOUND);
    }
    (seen, frames, decoder.is_between())
}
