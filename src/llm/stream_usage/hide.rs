//! Takes usage out of an event stream (the grammar is that of `sse`): the chunk that holds nothing else, and the member
//! `usage` of every other chunk.
//!
//! Invariant: an event is held until its object closes and no longer, for a stream may end in trailers, and what is held
//! then is lost; only a chunk that is hidden, and what has no data, waits for the blank line. Any cut of the stream shows
//! the same bytes. An event above [`EVENT_LIMIT`] and what is no chunk are shown as they are.

use std::ops::Range;

use serde_json::value::RawValue;

use super::{Members, offset};
use crate::llm::find::Pair;

/// The largest event that is looked into, in bytes.
const EVENT_LIMIT: usize = 256 << 10;
const LINE_END: Pair = Pair::new(b'\n', b'\r');
const DATA: &[u8] = b"data:";
/// An event without it is shown, and not parsed: nobody spells the name in another way.
const MEMBER: &[u8] = b"\"usage\"";

/// What of one stream is yet to be shown.
#[derive(Default)]
pub struct Hide {
    /// The event so far.
    held: Vec<u8>,
    /// The event has begun to be shown.
    is_shown: bool,
    /// The braces of its data.
    braces: Braces,
    /// The current line has bytes.
    in_line: bool,
    /// Where in the event that line begins.
    line_start: usize,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The last event was taken out.
    is_hidden: bool,
}

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Show,
    Hide,
    Without(Range<usize>),
}

impl Hide {
    /// Takes the next bytes of the stream; what may be shown by now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(self.held.len().saturating_add(bytes.len()));
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                self.end_of_cr(&mut shown);
                rest = after;
                continue;
            }
            let (line, tail) = LINE_END.split(rest);
            self.take_line(line, &mut shown);
            self.in_line |= !line.is_empty();
            let Some((end, after)) = tail.split_first() else {
                break;
            };
            self.take(&[*end], &mut shown);
            self.after_cr = *end == b'\r';
            if !std::mem::take(&mut self.in_line) {
                self.end_event(&mut shown);
            }
            rest = after;
        }
        shown
    }

    /// The stream has ended: what is held counts as an event.
    pub fn finish(&mut self, shown: &mut Vec<u8>) {
        self.end_event(shown);
    }

    /// Takes a part of a line.
    fn take_line(&mut self, line: &[u8], shown: &mut Vec<u8>) {
        if !self.in_line {
            self.line_start = self.held.len();
            self.braces.begin_line();
        }
        let begun = self.held.get(self.line_start..).unwrap_or_default();
        let mut bytes = begun.iter().chain(line);
        if self.is_shown || !bytes.by_ref().take(DATA.len()).eq(DATA) {
            return self.take(line, shown);
        }
        let mut first = bytes.next();
        if first == Some(&b' ') {
            first = bytes.next();
        }
        // Data that are no object are not going to be changed, above all `[DONE]`.
        let is_object = first.is_none_or(|first| matches!(first, b'{' | b' ' | b'\t'));
        self.is_shown = !is_object && !self.braces.is_opened();
        let Some((object, rest)) = self.braces.split(line) else {
            return self.take(line, shown);
        };
        self.take(object, shown);
        self.judge(shown);
        self.take(rest, shown);
    }

    /// The object of the event is over. One that is to be hidden stays held: what follows may show that it is no chunk.
    fn judge(&mut self, shown: &mut Vec<u8>) {
        let verdict = verdict(&self.held);
        if verdict != Verdict::Hide {
            self.show(verdict, shown);
            self.is_shown = true;
        }
    }

    fn take(&mut self, bytes: &[u8], shown: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        if self.is_shown || self.held.len() > EVENT_LIMIT {
            self.is_shown = true;
            shown.append(&mut self.held);
        }
    }

    /// The second half of a line end, which may be that of an event that is over.
    fn end_of_cr(&mut self, shown: &mut Vec<u8>) {
        let is_over = self.held.is_empty() && !self.is_shown;
        if !is_over {
            self.take(b"\n", shown);
        } else if !self.is_hidden {
            shown.push(b'\n');
        }
    }

    fn end_event(&mut self, shown: &mut Vec<u8>) {
        let verdict = verdict(&self.held);
        self.is_hidden = verdict == Verdict::Hide;
        self.show(verdict, shown);
        self.is_shown = false;
        self.braces = Braces::default();
    }

    fn show(&mut self, verdict: Verdict, shown: &mut Vec<u8>) {
        match verdict {
            Verdict::Show => shown.append(&mut self.held),
            Verdict::Hide => self.held.clear(),
            Verdict::Without(range) => {
                shown.extend_from_slice(self.held.get(..range.start).unwrap_or_default());
                shown.extend_from_slice(self.held.get(range.end..).unwrap_or_default());
                self.held.clear();
            }
        }
    }
}

/// Finds the end of the first object in data.
#[derive(Default)]
struct Braces {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    is_closed: bool,
}

impl Braces {
    const fn is_opened(&self) -> bool {
        self.depth > 0 || self.is_closed
    }

    /// Cuts behind the brace that closes the object, once.
    fn split<'a>(&mut self, line: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        if self.is_closed {
            return None;
        }
        let at = line.iter().position(|byte| self.closes(*byte))?;
        line.split_at_checked(at.checked_add(1)?)
    }

    fn closes(&mut self, byte: u8) -> bool {
        match byte {
            _ if std::mem::take(&mut self.is_escaped) => {}
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            b'{' if !self.in_string => self.depth = self.depth.saturating_add(1),
            b'}' if !self.in_string => {
                self.is_closed = self.depth == 1;
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.is_closed
    }

    /// No string goes on in the next line.
    const fn begin_line(&mut self) {
        self.in_string = false;
        self.is_escaped = false;
    }
}

fn verdict(event: &[u8]) -> Verdict {
    if !event.windows(MEMBER.len()).any(|name| name == MEMBER) {
        return Verdict::Show;
    }
    let data = Data::of(event);
    decide(&data).unwrap_or(Verdict::Show)
}

fn decide(data: &Data) -> Option<Verdict> {
    let text = std::str::from_utf8(&data.text).ok()?;
    let chunk = Members::of(text)?;
    let usage = chunk.usage?.get();
    let empty = |choices: &RawValue| {
        let inside = choices.get().strip_prefix('[')?.strip_suffix(']')?;
        inside.trim().is_empty().then_some(())
    };
    if usage.starts_with('{') && chunk.choices.and_then(empty).is_some() {
        return Some(Verdict::Hide);
    }
    let member = member(text, usage)?;
    Some(Verdict::Without(data.place(member)?))
}

/// The member `usage` with the comma that goes with it.
fn member(text: &str, value: &str) -> Option<Range<usize>> {
    let start = offset(text, value)?;
    let end = start.checked_add(value.len())?;
    let before = text.get(..start)?.trim_end().strip_suffix(':')?;
    let before = before.trim_end().strip_suffix("\"usage\"")?;
    if let Some(before) = before.trim_end().strip_suffix(',') {
        return Some(before.len()..end);
    }
    // It is the first member: the comma is behind it.
    let after = text.get(end..)?;
    let rest = after.trim_start().strip_prefix(',');
    let rest = rest.map_or(after, |rest| rest.trim_start_matches([' ', '\t']));
    Some(before.len()..text.len().checked_sub(rest.len())?)
}

/// The data of an event, its lines joined by LF, and where each of them stands in the event.
#[derive(Default)]
struct Data {
    text: Vec<u8>,
    lines: Vec<(usize, usize)>,
}

impl Data {
    fn of(event: &[u8]) -> Self {
        let mut data = Self::default();
        let mut at = 0_usize;
        for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let name = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
            if let Some(value) = name.strip_prefix(DATA) {
                let value = value.strip_prefix(b" ").unwrap_or(value);
                let skipped = line.len().saturating_sub(value.len());
                data.add(value, at.saturating_add(skipped));
            }
            at = at.saturating_add(line.len()).saturating_add(1);
        }
        data
    }

    fn add(&mut self, value: &[u8], at: usize) {
        if !self.lines.is_empty() {
            self.text.push(b'\n');
        }
        self.lines.push((self.text.len(), at));
        self.text.extend_from_slice(value);
    }

    /// Where a (not empty) range of the text stands in the event.
    fn place(&self, range: Range<usize>) -> Option<Range<usize>> {
        let place = |at: usize| {
            let line = self.lines.iter().rfind(|(start, _)| *start <= at);
            line.and_then(|(start, place)| place.checked_add(at.checked_sub(*start)?))
        };
        let last = range.end.checked_sub(1)?;
        Some(place(range.start)?..place(last)?.checked_add(1)?)
    }
}
