//! The notices against the decoders clients have, and the place where they may stand.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::llm::meter::Meter;
use crate::llm::sse::{Decoder, Part};

const EVENTS: &str = "text/event-stream; charset=utf-8";
const TOLD: [Format; 7] = [
    Format::OpenAiChat,
    Format::OpenAiResponses,
    Format::AnthropicMessages,
    Format::Gemini,
    Format::GeminiInteractions,
    Format::MistralConversation,
    Format::Perplexity,
];

fn tail(given: &[u8]) -> Tail {
    let mut tail = Tail::default();
    tail.feed(given);
    tail
}

/// Names and data of the events in a stream.
fn events(stream: &[u8]) -> Vec<(String, Value)> {
    let (mut found, mut data) = (Vec::new(), Vec::new());
    Decoder::new().feed(stream, &mut |part| match part {
        Part::Data(piece) => data.extend_from_slice(piece),
        Part::LineEnd { .. } => {}
        Part::End { event } => {
            let data = std::mem::take(&mut data);
            found.push((event.to_owned(), serde_json::from_slice(&data).unwrap()));
        }
    });
    found
}

#[test]
fn each_format_is_told_in_one_event_of_its_own_shape() {
    let message = "The provider broke off its answer.";
    let openai =
        json!({"type": "server_error", "code": "upstream_cut", "message": message, "param": null});
    let expected = [
        ("", json!({"error": openai})),
        (
            "error",
            json!({"type": "error", "sequence_number": 0, "code": "upstream_cut", "message": message, "param": null,
                "error": openai}),
        ),
        (
            "error",
            json!({"type": "error", "error": {"type": "api_error", "message": message}}),
        ),
        (
            "",
            json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}),
        ),
        (
            "error",
            json!({"event_type": "error", "error": {"code": "upstream_cut", "message": message}}),
        ),
        (
            "conversation.response.error",
            json!({"type": "conversation.response.error", "message": message, "code": 503}),
        ),
        ("", json!({"error": openai})),
    ];
    for (format, (name, data)) in TOLD.into_iter().zip(expected) {
        let notice = cut_notice(format, EVENTS, tail(b"data: {}\n\n")).unwrap();
        assert_eq!(events(notice.as_bytes()), [(name.to_owned(), data)]);
    }
}

#[test]
fn the_meter_takes_a_notice_for_an_error_that_ended_the_answer() {
    for format in TOLD {
        let mut meter = Meter::new(Some(format), EVENTS);
        meter.feed(b"data: {}\n\n");
        meter.feed(
            cut_notice(format, EVENTS, Tail::default())
                .unwrap()
                .as_bytes(),
        );
        assert!(meter.answer().is_error, "{format:?}");
        assert!(!meter.is_complete(), "{format:?}");
    }
}

#[test]
fn half_an_event_is_never_ended_by_a_notice() {
    let inside: [&[u8]; 8] = [
        b"data: {\"id\":",
        b"data: {}\n\ndata: {}",
        b"data: {}\n",
        b"data: {}\r\n",
        b"data: {}\r",
        b"event: error\n",
        b"\n\n: note\n",
        b"d",
    ];
    for given in inside {
        for format in TOLD {
            assert_eq!(cut_notice(format, EVENTS, tail(given)), None, "{given:?}");
        }
    }
}

#[test]
fn any_line_end_makes_the_blank_line_before_a_notice() {
    let between: [&[u8]; 8] = [
        b"",
        b"data: {}\n\n",
        b"data: {}\r\n\r\n",
        b"data: {}\r\r",
        b"data: {}\n\r\n",
        b"data: {}\r\r\n",
        b"data: {}\r\n\n",
        b": note\n\n",
    ];
    for given in between {
        assert!(tail(given).is_between_events(), "{given:?}");
    }
}

#[test]
fn other_formats_and_other_bodies_have_no_notice() {
    for format in [Format::Cohere, Format::BedrockConverse, Format::Ollama] {
        assert_eq!(cut_notice(format, EVENTS, Tail::default()), None);
    }
    for media in [
        "application/json",
        "application/vnd.amazon.eventstream",
        "application/x-ndjson",
        "text/event-streams",
        "",
    ] {
        assert_eq!(
            cut_notice(Format::OpenAiChat, media, Tail::default()),
            None,
            "{media}"
        );
    }
    assert!(
        cut_notice(
            Format::OpenAiChat,
            "Text/Event-Stream;charset=utf-8",
            Tail::default()
        )
        .is_some()
    );
}

/// Lines and line ends of a stream.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "data: 1", ": c", "event: e", "\n", "\r", "\r\n", "\n\n",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn the_place_does_not_depend_on_how_the_stream_was_cut(given in stream(), cuts in prop::collection::vec(0..40_usize, 0..6)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(given.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Tail::default();
        let mut from = 0;
        for cut in cuts.into_iter().chain([given.len()]) {
            pieces.feed(&given[from..cut]);
            from = cut;
        }
        prop_assert_eq!(pieces.is_between_events(), tail(&given).is_between_events());
    }

    #[test]
    fn a_notice_between_events_adds_one_event_and_changes_none(given in stream()) {
        prop_assume!(tail(&given).is_between_events());
        let read = |stream: &[u8]| {
            let mut found = Vec::new();
            Decoder::new().feed(stream, &mut |part| if let Part::End { event } = part { found.push(event.to_owned()) });
            found
        };
        let mut expected = read(&given);
        expected.push("error".to_owned());
        let told = [&given, ANTHROPIC.as_bytes()].concat();
        prop_assert_eq!(read(&told), expected);
    }
}
