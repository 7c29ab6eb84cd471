//! The state machine behind [`Scanner`].
//!
//! Invariant: a frame is open exactly for each container on a wanted path, so their number is bounded by the table.
//! Everything else is skipped (`skip.rs`).

use super::skip::{Found, Skip};
use super::state::{Frame, State};
use super::text::{Step, Text};
use super::{Event, Node, Place, number};

/// Longest wanted string or number, in bytes.
const VALUE_LIMIT: usize = 4096;
/// Longest key that can be in a table, in bytes.
const KEY_LIMIT: usize = 64;
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// An incremental reader of one JSON text; see the module.
pub struct Scanner<I: 'static> {
    table: &'static [Node<I>],
    state: State,
    frames: Vec<Frame<I>>,
    /// What is wanted of the value that comes next.
    next: Option<Place<I>>,
    text: Text,
    skip: Skip,
}

impl<I: Copy> Scanner<I> {
    /// A scanner for the members or elements of the outermost value that `table` names.
    pub fn new(table: &'static [Node<I>]) -> Self {
        Self {
            table,
            state: State::Start(0),
            frames: Vec::new(),
            next: root(table),
            text: Text::new(),
            skip: Skip::default(),
        }
    }

    /// Forgets the text read so far and expects a new one.
    pub fn reset(&mut self) {
        self.state = State::Start(0);
        self.frames.clear();
        self.next = root(self.table);
    }

    /// Reads on, reporting each wanted value to `sink`.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(I, Event<'_>)) {
        let rest = self.feed_text(bytes, sink);
        self.feed_text(rest, sink);
    }

    /// The same, but stops where the text becomes complete; what it returns follows.
    pub fn feed_text<'a>(
        &mut self,
        bytes: &'a [u8],
        sink: &mut impl FnMut(I, Event<'_>),
    ) -> &'a [u8] {
        let was_complete = self.is_complete();
        let mut rest = bytes;
        while !rest.is_empty() && (was_complete || !self.is_complete()) {
            rest = match self.state {
                State::InKey | State::InString | State::SkippingString => self.string(rest, sink),
                State::Skipping => self.skip(rest),
                State::InWord => self.word(rest, sink),
                State::Broken => return &[],
                State::Start(matched) => self.start(matched, rest),
                State::Value
                | State::FirstElement
                | State::FirstKey
                | State::Key
                | State::Colon
                | State::After
                | State::Complete => self.structure(rest, sink),
            };
        }
        rest
    }

    /// The text has ended: only now is a number that stands alone known to be whole.
    pub fn finish(&mut self, sink: &mut impl FnMut(I, Event<'_>)) {
        if self.state == State::InWord && self.frames.is_empty() {
            self.end_word(sink);
        }
    }

    /// The outermost value has closed, and nothing but white space followed.
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// The text is not JSON; what was reported before may be right all the same.
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Bytes held on the heap: a constant of the table plus at most 4 KB.
    pub const fn heap_bytes(&self) -> usize {
        self.text
            .heap_bytes()
            .saturating_add(self.frames.capacity().saturating_mul(size_of::<Frame<I>>()))
    }

    /// A byte order mark is skipped, which parsers may do (RFC 8259 §8.1).
    fn start<'a>(&mut self, matched: usize, bytes: &'a [u8]) -> &'a [u8] {
        let expected = BYTE_ORDER_MARK.get(matched);
        if let Some((byte, rest)) = bytes.split_first()
            && Some(byte) == expected
        {
            self.state = State::Start(matched.saturating_add(1));
            return rest;
        }
        self.state = if matched == 0 || expected.is_none() {
            State::Value
        } else {
            State::Broken
        };
        bytes
    }

    fn structure<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(I, Event<'_>)) -> &'a [u8] {
        let bytes = bytes.trim_ascii_start();
        let Some((byte, rest)) = bytes.split_first() else {
            return &[];
        };
        self.state = match (self.state, *byte) {
            (State::Value | State::FirstElement, b'{') => self.open(false, sink),
            (State::Value | State::FirstElement, b'[') => self.open(true, sink),
            (State::Value | State::FirstElement, b'"') => {
                match self.next {
                    Some(place) if place.measured => self.text.measure(),
                    Some(Place { id: Some(_), .. }) => self.text.open(VALUE_LIMIT),
                    _ => self.text.open(0),
                }
                State::InString
            }
            (State::Value | State::FirstElement, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.text.open(VALUE_LIMIT);
                self.state = State::InWord;
                return bytes;
            }
            (State::FirstKey | State::Key, b'"') => {
                self.text.open(KEY_LIMIT);
                State::InKey
            }
            (State::Colon, b':') => State::Value,
            (State::After, b',') => self.comma(),
            (State::FirstElement | State::After, b']') => self.close(true, sink),
            (State::FirstKey | State::After, b'}') => self.close(false, sink),
            _ => State::Broken,
        };
        rest
    }

    fn open(&mut self, is_array: bool, sink: &mut impl FnMut(I, Event<'_>)) -> State {
        let Some(place) = self.next else {
            self.skip = Skip::open(is_array);
            return State::Skipping;
        };
        self.report(Event::Open, sink);
        self.frames.push(Frame { place, is_array });
        if !is_array {
            return State::FirstKey;
        }
        self.next = place.element(true);
        State::FirstElement
    }

    fn close(&mut self, is_array: bool, sink: &mut impl FnMut(I, Event<'_>)) -> State {
        match self.frames.pop() {
            Some(frame) if frame.is_array == is_array => {
                self.next = Some(frame.place);
                self.report(Event::Close, sink);
                self.after_value()
            }
            Some(_) | None => State::Broken,
        }
    }

    fn comma(&mut self) -> State {
        match self.frames.last() {
            Some(frame) if frame.is_array => {
                self.next = frame.place.element(false);
                State::Value
            }
            Some(_) => State::Key,
            None => State::Broken,
        }
    }

    fn after_value(&self) -> State {
        if self.frames.is_empty() {
            State::Complete
        } else {
            State::After
        }
    }

    fn string<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(I, Event<'_>)) -> &'a [u8] {
        let (step, rest) = self.text.feed(bytes);
        if step != Step::Closed {
            self.state = if step == Step::Broken {
                State::Broken
            } else {
                self.state
            };
            return rest;
        }
        self.state = if self.state == State::InKey {
            self.next = self.member();
            State::Colon
        } else if self.state == State::SkippingString {
            State::Skipping
        } else {
            self.report(self.text.event(), sink);
            self.after_value()
        };
        rest
    }

    /// What the table wants of the member whose key was just read.
    fn member(&self) -> Option<Place<I>> {
        self.frames.last()?.place.member(self.text.value())
    }

    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (found, rest) = self.skip.feed(bytes);
        self.state = match found {
            Found::Inside => State::Skipping,
            Found::String => {
                self.text.open(0);
                State::SkippingString
            }
            Found::End => self.after_value(),
            Found::Broken => State::Broken,
        };
        rest
    }

    fn word<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(I, Event<'_>)) -> &'a [u8] {
        let is_part =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let end = bytes
            .iter()
            .position(|byte| !is_part(byte))
            .unwrap_or(bytes.len());
        let (part, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        self.text.push(part);
        if !rest.is_empty() {
            self.end_word(sink);
        }
        rest
    }

    fn end_word(&mut self, sink: &mut impl FnMut(I, Event<'_>)) {
        let event = match self.text.value() {
            None => Event::Unreadable,
            Some("true") => Event::Bool(true),
            Some("false") => Event::Bool(false),
            Some("null") => Event::Null,
            Some(text) if number::is_number(text) => Event::Number(text),
            Some(_) => {
                self.state = State::Broken;
                return;
            }
        };
        self.report(event, sink);
        self.state = self.after_value();
    }

    fn wanted(&self) -> Option<I> {
        self.next.and_then(|place| place.id)
    }

    fn report(&self, event: Event<'_>, sink: &mut impl FnMut(I, Event<'_>)) {
        if let Some(id) = self.wanted() {
            sink(id, event);
        }
    }
}

const fn root<I>(children: &'static [Node<I>]) -> Option<Place<I>> {
    Some(Place::inner(children))
}
