use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::llm::pieces::cut;

/// A frame as the wire has it: the lengths, then `headers` (all strings), then `payload`. The checksums are those of a bit
/// loop, not of the module under test.
pub(crate) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(u8::try_from(name.len()).unwrap());
        block.extend(name.as_bytes());
        block.push(7);
        block.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        block.extend(value.as_bytes());
    }
    raw(&block, payload)
}

fn raw(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut bytes = total.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    seal(&mut bytes);
    bytes.extend(headers);
    bytes.extend(payload);
    seal(&mut bytes);
    bytes
}

/// Appends the checksum of what stands there.
fn seal(bytes: &mut Vec<u8>) {
    let mut sum = u32::MAX;
    for byte in bytes.iter() {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 * (sum & 1));
        }
    }
    bytes.extend((!sum).to_be_bytes());
}

/// A whole frame: kind, name, payload.
type Whole = (String, String, Vec<u8>);

#[derive(Default, Debug, PartialEq)]
struct Seen {
    whole: Vec<Whole>,
    open: Vec<u8>,
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Seen, Decoder) {
    let (mut seen, mut decoder) = (Seen::default(), Decoder::new());
    for piece in pieces {
        decoder.feed(piece, &mut |part| match part {
            Part::Data { bytes, .. } => seen.open.extend(bytes),
            Part::End { kind, name } => {
                let payload = std::mem::take(&mut seen.open);
                seen.whole.push((kind.to_owned(), name.to_owned(), payload));
            }
        });
        assert!(decoder.heap_bytes() <= 3 * TEXT_LIMIT);
    }
    (seen, decoder)
}

fn whole(bytes: &[u8]) -> Vec<Whole> {
    decode([bytes]).0.whole
}

fn event(name: &str, payload: &str) -> Vec<u8> {
    frame(
        &[
            (":event-type", name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ],
        payload.as_bytes(),
    )
}

fn said(kind: &str, name: &str, payload: &str) -> Whole {
    (kind.to_owned(), name.to_owned(), payload.into())
}

#[test]
fn frames_are_handed_out_with_their_names() {
    let exception = [
        (":exception-type", "throttlingException"),
        (":message-type", "exception"),
    ];
    let bytes = [
        event("messageStart", "{}"),
        frame(&exception, b"{\"message\":\"slow\"}"),
        frame(&[(":message-type", "error"), (":error-code", "Gone")], b""),
        frame(&[], b""),
    ];
    assert_eq!(
        whole(&bytes.concat()),
        [
            said("event", "messageStart", "{}"),
            said("exception", "throttlingException", "{\"message\":\"slow\"}"),
            said("error", "Gone", ""),
            said("", "", ""),
        ]
    );
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut headers = Vec::new();
    for (kind, length) in [
        (0_u8, 0_usize),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        headers.extend([1, b'x', kind]);
        headers.extend(vec![0xFF; length]);
    }
    headers.extend([0, 6, 0, 2, 1, 2]);
    headers.extend(*b"\x0b:event-type\x06\x00\x01x");
    headers.extend(*b"\x0b:event-type\x07\x00\x01y");
    assert_eq!(whole(&raw(&headers, b"p")), [said("", "y", "p")]);
    assert_eq!(whole(&raw(b"\x01x\x0a", b"p")), [], "an unknown type");
}

#[test]
fn headers_that_do_not_end_where_their_length_says_break_the_stream() {
    for headers in [
        &b"\x05abc"[..],
        b"\x01",
        b"\x01x",
        b"\x01x\x07",
        b"\x01x\x07\x00\x09abc",
        b"\x01x\x05\x00",
    ] {
        let (seen, decoder) = decode([raw(headers, b"payload").as_slice()]);
        assert_eq!(seen.whole, [], "{headers:?}");
        assert!(!decoder.is_between(), "{headers:?}");
    }
}

#[test]
fn lengths_that_cannot_be_break_the_stream_for_good() {
    for (total, headers) in [
        (0_u32, 0_u32),
        (15, 0),
        (20, 5),
        (16, u32::MAX),
        (FRAME_LIMIT + 1, 0),
        (u32::MAX, 0),
    ] {
        let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        seal(&mut bytes);
        bytes.extend(event("messageStop", "{}"));
        let (seen, decoder) = decode([bytes.as_slice()]);
        assert_eq!(seen, Seen::default(), "{total} {headers}");
        assert!(!decoder.is_between());
    }
}

#[test]
fn a_prelude_with_a_wrong_checksum_is_not_believed() {
    let mut bytes = event("messageStop", "{}");
    bytes.truncate(bytes.len() - 4);
    bytes[8] ^= 1;
    seal(&mut bytes);
    let (seen, decoder) = decode([bytes.as_slice()]);
    assert_eq!(seen, Seen::default());
    assert!(!decoder.is_between());
}

#[test]
fn overlong_names_are_cut_and_nothing_grows() {
    let text = |length| "n".repeat(length);
    let headers = [(":event-type", text(60_000)), ("x", text(9_000))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let long_name = frame(&[(&text(255), "v")], b"");
    let bytes = [frame(&headers, b""), long_name].concat();
    assert_eq!(
        whole(&bytes),
        [said("", &text(TEXT_LIMIT), ""), said("", "", "")]
    );
}

#[test]
fn the_largest_frame_is_read_in_constant_memory() {
    let payload = vec![b' '; usize::try_from(FRAME_LIMIT).unwrap() - 16];
    let bytes = raw(&[], &payload);
    let (mut length, mut decoder) = (0, Decoder::new());
    for piece in bytes.chunks(65_536) {
        decoder.feed(piece, &mut |part| {
            if let Part::Data { bytes, .. } = part {
                length += bytes.len();
            }
        });
        assert!(decoder.heap_bytes() <= 3 * TEXT_LIMIT);
    }
    assert!(decoder.is_between());
    assert_eq!(length, payload.len());
}

#[test]
fn a_stream_is_between_frames_only_there() {
    let bytes = event("messageStop", "{\"a\":1}");
    for length in 0..=bytes.len() {
        let at_end = length == 0 || length == bytes.len();
        assert_eq!(
            decode([&bytes[..length]]).1.is_between(),
            at_end,
            "{length}"
        );
    }
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = "[a-z:-]{0,80}";
    let one = (vec((text, text), 0..4), vec(any::<u8>(), 0..90)).prop_map(|(headers, payload)| {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        frame(&headers, &payload)
    });
    vec(one, 1..4)
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_parts(frames in frames(), tail in vec(any::<u8>(), 0..30), sizes in vec(1..20_usize, 1..6)) {
        let bytes = [frames.concat(), tail].concat();
        let (expected, at_once) = decode([bytes.as_slice()]);
        let (seen, pieces) = decode(cut(&bytes, &sizes));
        prop_assert_eq!(&seen, &expected);
        prop_assert!(seen.whole.len() >= frames.len());
        prop_assert_eq!(pieces.is_between(), at_once.is_between());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_grow(bytes in vec(any::<u8>(), 0..300), sizes in vec(1..20_usize, 1..6)) {
        let (seen, _) = decode(cut(&bytes, &sizes));
        prop_assert_eq!(seen, decode([bytes.as_slice()]).0);
    }

    #[test]
    fn a_flipped_bit_is_never_a_whole_frame_with_other_content(frames in frames(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut bytes = frames.concat();
        let expected = whole(&bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (seen, decoder) = decode([bytes.as_slice()]);
        let mut end = 0;
        let untouched = frames.iter().take_while(|frame| {
            end += frame.len();
            end <= at
        });
        prop_assert_eq!(&seen.whole[..], &expected[..untouched.count()]);
        prop_assert!(!decoder.is_between());
    }
}
