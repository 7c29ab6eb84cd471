use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::llm::pieces::cut;

/// Events as `name|data`; a line that ended is marked `$`.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    let mut data = Vec::new();
    let mut sink = |part: Part<'_>| match part {
        Part::Data(bytes) => data.extend_from_slice(bytes),
        Part::LineEnd { .. } => data.push(b'$'),
        Part::End { event } => {
            let text = String::from_utf8_lossy(&data).into_owned();
            events.push(format!("{event}|{text}"));
            data.clear();
        }
    };
    for piece in pieces {
        decoder.feed(piece, &mut sink);
        assert!(decoder.heap_bytes() <= 256, "{}", decoder.heap_bytes());
    }
    decoder.finish(&mut sink);
    events
}

#[test]
fn the_grammar_is_read_as_browsers_read_it() {
    let long = "n".repeat(70);
    let long_event = format!("event: {long}\ndata: a\n\n");
    let long_expected = format!("{}|a$", "n".repeat(64));
    for (stream, expected) in [
        ("data: a\n\ndata: b\n\n", vec!["|a$", "|b$"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", vec!["|a$", "|b$"]),
        ("data: a\r\rdata: b\r\r", vec!["|a$", "|b$"]),
        ("data: a\r\n\ndata: b\n\r\n", vec!["|a$", "|b$"]),
        ("\u{feff}data: a\n\n", vec!["|a$"]),
        ("\u{feff}\u{feff}data: a\n\n", vec![]),
        ("data: a\n\n\u{feff}data: b\n\n", vec!["|a$"]),
        (
            "data:a\n\ndata:  b\n\ndata: \n\n",
            vec!["|a$", "| b$", "|$"],
        ),
        ("data: a\ndata: b\ndata\ndata:\n\n", vec!["|a$\nb$\n$\n$"]),
        ("data\n\n", vec!["|$"]),
        (
            ": keep-alive\n\n:\n\n: OPENROUTER PROCESSING\n\ndata: a\n: x\n\n",
            vec!["|a$"],
        ),
        (
            "event: ping\ndata: a\n\ndata: b\n\n",
            vec!["ping|a$", "|b$"],
        ),
        ("data: a\nevent: one\nevent: two\n\n", vec!["two|a$"]),
        ("event: lost\n\ndata: a\n\n", vec!["|a$"]),
        ("event: a\nevent\ndata: b\n\n", vec!["|b$"]),
        (
            "id: 1\nretry: 5\nfoo: bar\nDATA: no\n data: no\ndata : no\ndatas: no\ndata: a\n\n",
            vec!["|a$"],
        ),
        ("data: {\"a\": \"b:c\"}\n\n", vec!["|{\"a\": \"b:c\"}$"]),
        ("data: a", vec!["|a$"]),
        ("data: a\n", vec!["|a$"]),
        ("data", vec!["|$"]),
        ("event: x\ndata:", vec!["x|$"]),
        ("\n\n\n", vec![]),
        ("", vec![]),
        (long_event.as_str(), vec![long_expected.as_str()]),
    ] {
        assert_eq!(decode([stream.as_bytes()]), expected, "{stream:?}");
        assert_eq!(decode(cut(stream.as_bytes(), &[1])), expected, "{stream:?}");
    }
}

#[test]
fn half_a_byte_order_mark_is_part_of_a_name() {
    for stream in [
        &b"\xEFdata: a\n\ndata: b\n\n"[..],
        b"\xEF\xBBdata: a\n\ndata: b\n\n",
    ] {
        assert_eq!(decode([stream]), ["|b$"]);
        assert_eq!(decode(cut(stream, &[1])), ["|b$"]);
    }
}

#[test]
fn data_is_handed_out_before_its_line_has_ended() {
    let mut seen = Vec::new();
    Decoder::new().feed(b"data: {\"a\"", &mut |part| seen.push(format!("{part:?}")));
    assert_eq!(seen, [format!("{:?}", Part::Data(b"{\"a\""))]);
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "data", "event", ":", " ", "\n", "\r", "\r\n", "\n\n", "\u{feff}", "data: ", "x"
        ])
        .prop_map(|token| token.as_bytes().to_vec()),
        vec(any::<u8>(), 0..12),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_cut_of_any_bytes_gives_the_same_events(bytes in stream(), sizes in vec(1..9_usize, 1..8)) {
        let whole = decode([bytes.as_slice()]);
        prop_assert_eq!(&whole, &decode(cut(&bytes, &sizes)));
        prop_assert_eq!(&whole, &decode(cut(&bytes, &[1])));
    }
}
