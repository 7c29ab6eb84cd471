mod event;
mod property;
mod text;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::llm::pieces::cut;

const TABLE: &[Node<&str>] = &[
    Node::leaf("model", "model"),
    Node::leaf("1", "1"),
    Node::branch(
        "usage",
        &[
            Node::leaf("in", "in"),
            Node::branch("x", &[Node::leaf("y", "y")]),
        ],
    )
    .reported("usage"),
    Node::branch("choices", &[Node::first(&[Node::leaf("end", "end")])]),
    Node::branch(
        "output",
        &[Node::every(&[Node::leaf("type", "type")]).reported("item")],
    ),
    Node::first(&[Node::leaf("model", "first")]),
    Node::measured("spoken", "spoken"),
    Node::branch("any", &[Node::any("any")]),
];

/// The events as text, and whether the scanner is complete and broken.
type Seen = (Vec<String>, bool, bool);

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut scanner = Scanner::new(TABLE);
    let mut events = Vec::new();
    let mut sink = |id: &str, event: Event<'_>| events.push(format!("{id}={event:?}"));
    for piece in pieces {
        scanner.feed(piece, &mut sink);
        assert!(scanner.heap_bytes() <= 8192, "{}", scanner.heap_bytes());
    }
    scanner.finish(&mut sink);
    (events, scanner.is_complete(), scanner.is_broken())
}

/// Scans whole and byte by byte; both must agree.
fn events(text: &str) -> Vec<String> {
    let whole = scan([text.as_bytes()]);
    assert_eq!(whole, scan(cut(text.as_bytes(), &[1])), "{text}");
    assert!(whole.1, "{text}");
    whole.0
}

fn text_event(value: &str) -> String {
    format!("model={:?}", Event::Text(value))
}
