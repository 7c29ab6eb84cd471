//! The JSON scanner beside a whole parser.

use serde_json::Value;
use sluice::llm::json::{Event, Node, Scanner};

use crate::pieces;

/// Bytes that a scanner may hold, whatever passes.
const BOUND: usize = 8 * 1024;
/// Longer texts may be reported as unreadable.
const SHORT: usize = 1024;

const TABLE: &[Node<&str>] = &[
    Node::leaf("model", "model"),
    Node::branch("usage", &[Node::leaf("in", "in"), Node::leaf("out", "out")]).reported("usage"),
    Node::branch("choices", &[Node::first(&[Node::leaf("end", "end")])]),
    Node::branch(
        "output",
        &[Node::every(&[Node::leaf("type", "type")]).reported("item")],
    ),
    Node::measured("spoken", "spoken"),
    Node::branch("any", &[Node::any("any")]),
];

/// The first byte chooses the cuts; the rest is the text.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((seed, text)) = bytes.split_first() else {
        return false;
    };
    let whole = scan([text]);
    assert_eq!(whole, scan(pieces(text, *seed)));
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        assert!(whole.is_complete && !whole.is_broken, "whole JSON");
        compare(&whole, &value);
    }
    !whole.events.is_empty()
}

#[derive(Debug, PartialEq)]
struct Seen {
    events: Vec<String>,
    is_complete: bool,
    is_broken: bool,
}

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut scanner = Scanner::new(TABLE);
    let mut events = Vec::new();
    let mut sink = |id: &str, event: Event<'_>| events.push(format!("{id}={event:?}"));
    for piece in pieces {
        scanner.feed(piece, &mut sink);
        assert!(scanner.heap_bytes() <= BOUND);
    }
    scanner.finish(&mut sink);
    Seen {
        events,
        is_complete: scanner.is_complete(),
        is_broken: scanner.is_broken(),
    }
}

/// The last value at the places that the parser found too.
fn compare(seen: &Seen, value: &Value) {
    let last = |id: &str| {
        let mut events = seen.events.iter().rev();
        events.find(|event| event.starts_with(&format!("{id}=")))
    };
    if let Some(model) = value.get("model").and_then(Value::as_str)
        && model.len() < SHORT
    {
        let wanted = format!("model={:?}", Event::Text(model));
        assert_eq!(last("model"), Some(&wanted));
    }
    if let Some(spoken) = value.get("spoken").and_then(Value::as_str) {
        let length = u64::try_from(spoken.chars().count()).unwrap_or_default();
        let wanted = format!("spoken={:?}", Event::Length(length));
        assert_eq!(last("spoken"), Some(&wanted));
    }
    for (place, id) in [("/usage/in", "in"), ("/usage/out", "out")] {
        if let Some(flag) = value.pointer(place).and_then(Value::as_bool) {
            assert_eq!(last(id), Some(&format!("{id}={:?}", Event::Bool(flag))));
        }
    }
}
