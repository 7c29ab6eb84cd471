use proptest::prelude::*;

use super::*;
use crate::llm::pieces::cut;

/// Base64 by the book, one bit at a time, with padding.
pub(in crate::llm::meter) fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| (byte >> at) & 1))
        .collect();
    let digits = bits.chunks(6).map(|six| {
        let value = (0..6).fold(0, |value, at| value * 2 + six.get(at).copied().unwrap_or(0));
        char::from(ALPHABET[usize::from(value)])
    });
    let text: String = digits.collect();
    let padding = text.len().next_multiple_of(4) - text.len();
    text + &"=".repeat(padding)
}

fn unwrapped<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let (mut chunk, mut event) = (Chunk::default(), Vec::new());
    for piece in pieces {
        chunk.feed(piece, &mut |bytes| event.extend(bytes));
    }
    chunk.is_whole().then_some(event)
}

#[test]
fn only_sound_base64_of_the_objects_own_bytes_is_unwrapped() {
    for (payload, expected) in [
        (r#"{"bytes":"eyJhIjoxfQ==","p":"abc"}"#, Some(r#"{"a":1}"#)),
        (
            r#"{"p":"\"bytes\":\\","bytes":"eyJhIjoxfQ"}"#,
            Some(r#"{"a":1}"#),
        ),
        (
            r#"{"b\u0079tes" : "eyJhIjoxfQ\u003D\u003d"}"#,
            Some(r#"{"a":1}"#),
        ),
        (r#"{"bytes":"Pz8\/Pz8/"}"#, Some("??????")),
        (
            r#"{"x":{"bytes":"YWFh"},"y":["bytes","YWFh"],"bytes":"YmJi"}"#,
            Some("bbb"),
        ),
        (r#"{"p":"bytes","q":"YWFh"}"#, Some("")),
        (
            r#"{"byte":"YWFh","bytesx":"YWFh","xbytes":"YWFh"}"#,
            Some(""),
        ),
        (r#"["bytes","YWFh"]"#, Some("")),
        (r#"{"bytes":7}"#, Some("")),
        (r#"{"bytes":""}"#, Some("")),
        (r#"{"bytes":"YWFhY"}"#, None),
        (r#"{"bytes":"YWE=="}"#, None),
        (r#"{"bytes":"YQ="}"#, None),
        (r#"{"bytes":"YQ==YQ=="}"#, None),
        (r#"{"bytes":"YW!h"}"#, None),
        (r#"{"bytes":"YW\nFh"}"#, None),
        (r#"{"bytes":"YW-_"}"#, None),
        (r#"{"bytes":"YWFh""#, None),
        (r#"{"bytes":"YWFh"#, None),
    ] {
        let event = unwrapped([payload.as_bytes()]);
        assert_eq!(event.as_deref(), expected.map(str::as_bytes), "{payload}");
    }
}

proptest! {
    #[test]
    fn any_event_comes_back_whole_however_it_is_cut(event in proptest::collection::vec(any::<u8>(), 0..4000), sizes in proptest::collection::vec(1..900_usize, 1..5)) {
        let payload = format!(r#"{{"bytes":"{}","p":"x"}}"#, encode(&event));
        prop_assert_eq!(unwrapped(cut(payload.as_bytes(), &sizes)), Some(event));
    }

    #[test]
    fn hostile_payloads_never_panic_and_any_cut_gives_the_same(payload in r#"[{}\[\],:"\\/u0=bytesYWFh\x00]{0,40}"#, sizes in proptest::collection::vec(1..9_usize, 1..5)) {
        prop_assert_eq!(unwrapped(cut(payload.as_bytes(), &sizes)), unwrapped([payload.as_bytes()]));
    }
}
