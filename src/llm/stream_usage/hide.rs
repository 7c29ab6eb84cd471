//! Takes usage out of an event stream (the grammar is that of `sse`): the chunk that holds nothing else, and the member
//! `usage` of every other chunk.
//!
//! Invariant: an event is held until its blank line and no longer; any cut of the stream shows the same bytes. An event
//! above [`EVENT_LIMIT`] and what is no chunk are shown as they are.

use std::ops::Range;

use serde_json::value::RawValue;

use super::{Members, offset};
use crate::llm::find::Pair;

/// The largest event that is looked into, in bytes.
const EVENT_LIMIT: usize = 256 << 10;
const LINE_END: Pair = Pair::new(b'\n', b'\r');

/// What of one stream is yet to be shown.
#[derive(Default)]
pub struct Hide {
    /// The event so far.
    held: Vec<u8>,
    /// The event was too large to be held: it has begun to be shown.
    is_shown: bool,
    /// The current line has bytes.
    in_line: bool,
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
            self.take(line, &mut shown);
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

    fn take(&mut self, bytes: &[u8], shown: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        // What is not going to be changed need not wait for its end, above all `[DONE]`.
        let is_settled = self.held.len() > EVENT_LIMIT || self.held.starts_with(b"data: [");
        if self.is_shown || is_settled {
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
        match verdict {
            Verdict::Show => shown.append(&mut self.held),
            Verdict::Hide => self.held.clear(),
            Verdict::Without(range) => {
                shown.extend_from_slice(self.held.get(..range.start).unwrap_or_default());
                shown.extend_from_slice(self.held.get(range.end..).unwrap_or_default());
                self.held.clear();
            }
        }
        self.is_shown = false;
    }
}

fn verdict(event: &[u8]) -> Verdict {
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
            if let Some(value) = name.strip_prefix(b"data:") {
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
