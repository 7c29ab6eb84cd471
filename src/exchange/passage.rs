//! How far an answer has come from its attempt to the client, for the notice that its provider broke it off.
//!
//! Envoy ends the client's stream as soon as the provider's breaks, and asks no filter. But the attempt is told first, and
//! the gateway's part of the stream can then still be written to, if it is held at that moment: so it is held all the
//! time, and every piece is let go as it comes. Invariant: a notice stands after everything the client was sent.

use std::cell::Cell;

use super::answer::is_event_stream;
use super::cx::{Cx, Edit, Event, Gate};
use super::planned::RETRY;
use crate::http::header::HeaderList;
use crate::llm::cut_notice::{Tail, cut_notice};
use crate::llm::format::Format;
use crate::store::waiter::{Verdict, Wake};

/// The way of one call's answer.
#[derive(Debug, Default)]
pub struct Passage {
    /// The stream of the gateway role, while it is held and can be written to.
    held: Cell<Option<u32>>,
    /// Bytes the attempt has let go.
    sent: Cell<u64>,
    /// Bytes the gateway has seen.
    got: Cell<u64>,
    /// What is to be told once everything sent has come.
    notice: Cell<Option<&'static str>>,
}

impl Passage {
    /// An attempt's answer begins to pass.
    pub fn begin(&self) {
        self.sent.set(0);
        self.got.set(0);
    }

    /// The attempt lets so many bytes go.
    pub fn send(&self, size: usize) {
        self.sent.set(add(self.sent.get(), size));
    }

    /// So many bytes have come to the gateway, on that stream, which is held. What is to be told behind them, if anything.
    pub fn take(&self, stream: u32, size: usize) -> Option<&'static str> {
        self.held.set(Some(stream));
        self.got.set(add(self.got.get(), size));
        let is_due = self.has_arrived();
        self.notice
            .replace(self.notice.get().filter(|_| !is_due))
            .filter(|_| is_due)
    }

    /// The gateway's stream is not held any more.
    pub fn release(&self) {
        self.held.set(None);
    }

    /// The provider has broken off. The stream to write to, if everything has arrived there; else the next piece is
    /// followed by the notice.
    pub fn cut(&self, notice: &'static str) -> Option<u32> {
        if self.has_arrived()
            && let Some(held) = self.held.get()
        {
            return Some(held);
        }
        self.notice.set(Some(notice));
        None
    }

    fn has_arrived(&self) -> bool {
        self.got.get() == self.sent.get()
    }
}

/// The attempt's side: knows where the client stands in the stream.
pub(super) struct Teller<'a> {
    passage: &'a Passage,
    /// The end of what the client was given; `None` while nothing passes, or nothing that can be followed by an event.
    tail: Option<Tail>,
}

impl<'a> Teller<'a> {
    pub(super) const fn new(passage: &'a Passage) -> Self {
        Self {
            passage,
            tail: None,
        }
    }

    /// The answer begins to pass; `is_plain`: it is a stream of events that is not compressed.
    pub(super) fn begin(&mut self, is_plain: bool) {
        self.passage.begin();
        self.tail = is_plain.then(Tail::default);
    }

    /// So many bytes go on.
    pub(super) fn pass(&mut self, bytes: &[u8], size: usize) {
        if let Some(tail) = &mut self.tail {
            tail.feed(bytes);
            self.passage.send(size);
        }
    }

    /// The provider broke off.
    pub(super) fn tell(self, cx: &Cx, format: Option<Format>) {
        let notice = format.zip(self.tail);
        let notice =
            notice.and_then(|(format, tail)| cut_notice(format, "text/event-stream", tail));
        if let Some(notice) = notice
            && let Some(stream) = self.passage.cut(notice)
        {
            cx.append_response(stream, notice);
        }
    }
}

/// The gateway's side: passes the answer on, held where the client can be told of a cut.
pub(super) struct Passing<'a> {
    cx: &'a Cx,
    passage: &'a Passage,
    holds: bool,
}

impl<'a> Passing<'a> {
    /// Lets the head go. `tells`: the client of a stream is to be told.
    pub(super) fn begin(cx: &'a Cx, passage: &'a Passage, head: &HeaderList, tells: bool) -> Self {
        let content_type = head.text("content-type").unwrap_or_default();
        let is_plain = is_event_stream(content_type) && !head.contains("content-encoding");
        let holds = tells && is_plain && cx.worker.queue.is_some();
        let length = holds.then_some("content-length");
        let removed = [RETRY].into_iter().chain(length);
        let edits = removed.map(|name| Edit::Remove(name.to_owned().into()));
        cx.release_response(edits.collect());
        Self { cx, passage, holds }
    }

    /// Takes an event in.
    pub(super) fn on(&mut self, event: &Event) {
        if !self.holds {
            return;
        }
        match event {
            Event::ResponseBody {
                size, end: false, ..
            } => self.pass(*size),
            Event::ResponseBody { end: true, .. } | Event::ResponseTrailers => {
                self.holds = false;
                self.passage.release();
                self.cx.open_response();
            }
            Event::Done(_) => self.passage.release(),
            // The first piece waits for it.
            Event::Woken(_) | Event::Deadline => {
                self.cx.set_deadline(None);
                self.cx.flush_response();
            }
            Event::RequestHead { .. }
            | Event::RequestBody { .. }
            | Event::RequestTrailers
            | Event::ResponseHead { .. } => {}
        }
    }

    fn pass(&self, size: usize) {
        let cx = self.cx;
        let is_first = cx.response_gate() == Gate::Released;
        let notice = self.passage.take(cx.id, size);
        cx.hold_response();
        if let Some(notice) = notice {
            cx.append_response(cx.id, notice);
        } else if is_first {
            self.ask_to_be_called();
        } else {
            cx.flush_response();
        }
    }

    /// Envoy lets nothing go in the callback that begins to hold: another one is needed at once.
    fn ask_to_be_called(&self) {
        let cx = self.cx;
        let wake = Wake {
            context: cx.id,
            generation: 0,
            verdict: Verdict::LookAgain,
        };
        // Should the message be lost, the clock does it.
        cx.set_deadline(Some(cx.now()));
        if let Some(queue) = cx.worker.queue {
            cx.host().enqueue(queue, &wake.encode()).unwrap_or_default();
        }
    }
}

fn add(sum: u64, size: usize) -> u64 {
    sum.saturating_add(u64::try_from(size).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_stands_behind_everything_that_was_sent() {
        let passage = Passage::default();
        passage.begin();
        passage.send(10);
        assert_eq!(passage.take(7, 10), None);
        passage.send(5);
        assert_eq!(passage.cut("cut"), None, "five bytes are on the way");
        assert_eq!(passage.take(7, 3), None);
        assert_eq!(passage.take(7, 2), Some("cut"));
        assert_eq!(passage.take(7, 0), None, "once");
    }

    #[test]
    fn what_has_all_arrived_is_followed_at_once() {
        let passage = Passage::default();
        passage.begin();
        passage.send(10);
        passage.take(7, 10);
        assert_eq!(passage.cut("cut"), Some(7));
    }

    #[test]
    fn a_stream_that_is_not_held_is_not_written_to() {
        let passage = Passage::default();
        passage.begin();
        passage.send(1);
        passage.take(7, 1);
        passage.release();
        assert_eq!(passage.cut("cut"), None);
    }
}
