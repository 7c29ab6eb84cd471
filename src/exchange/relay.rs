//! From the moment the request may go on to the end of the stream: both bodies pass as they come.
//!
//! Invariant: no byte is changed, held or delayed, but for the usage that a client did not ask for; what is measured or
//! kept is a copy, and only where somebody asked.

use super::Stop;
use super::answer::Answer;
use super::call::Call;
use super::cx::{Cx, Edit, Ending, Event};
use super::forward;
use super::intake::Intake;
use super::keys;
use super::passage::{Passage, Teller};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::policy::cache::{self, Fill};
use crate::policy::key_pool::{self, Chosen};
use crate::policy::retry::Advice;
use crate::record::Record;

/// A request that has been let go to its provider.
pub(super) struct Sent {
    pub(super) intake: Intake,
    pub(super) fill: Option<Fill>,
    /// The stored key it was sent with, until its provider has judged it.
    pub(super) key: Option<Chosen>,
}

/// One call on its way.
pub(super) struct Relay<'a> {
    cx: &'a Cx,
    call: &'a Call,
    pub(super) record: &'a mut Record,
    intake: Intake,
    fill: Option<Fill>,
    key: Option<Chosen>,
    answer: Option<Answer>,
    /// Tells the client of a cut, where that is possible.
    teller: Option<Teller<'a>>,
}

/// Relays until the stream is over; the record is filled on the way.
pub(super) async fn relay(
    cx: &Cx,
    call: &Call,
    sent: Sent,
    record: &mut Record,
) -> Result<Ending, Stop> {
    let mut relay = Relay::new(cx, call, record, sent);
    loop {
        let event = cx.next().await;
        if let Event::Done(ending) = event {
            return Ok(relay.finish(&ending));
        }
        relay.on(event)?;
    }
}

impl<'a> Relay<'a> {
    /// A call that has been let go to its provider.
    pub(super) fn new(cx: &'a Cx, call: &'a Call, record: &'a mut Record, sent: Sent) -> Self {
        let Sent { intake, fill, key } = sent;
        cx.set_deadline(fill.as_ref().map(Fill::due));
        record.is_missed = call.caching.as_ref().is_some_and(|caching| caching.reads);
        Self {
            cx,
            call,
            record,
            intake,
            fill,
            key,
            answer: None,
            teller: None,
        }
    }

    /// The answer of an attempt, on its way to the client.
    pub(super) fn along(mut self, passage: &'a Passage) -> Self {
        self.teller = Some(Teller::new(passage));
        self
    }

    /// The stream that is relayed.
    pub(super) const fn cx(&self) -> &'a Cx {
        self.cx
    }
}

impl Relay<'_> {
    /// Whether the head of the answer has been seen.
    pub(super) const fn has_begun(&self) -> bool {
        self.answer.is_some()
    }

    /// Takes an event in.
    pub(super) fn on(&mut self, event: Event) -> Result<(), Reject> {
        match event {
            Event::RequestBody { bytes, size, end } => self.intake.feed(&bytes, size, end),
            Event::RequestTrailers => self.intake.ended = true,
            Event::ResponseHead {
                headers,
                end,
                local,
            } if self.answer.is_none() => {
                if local {
                    return Err(self.unreachable());
                }
                self.judge_key(&headers, Advice::read(&headers, self.cx.now()));
                self.begin(&headers, end);
                self.show(&headers);
            }
            Event::ResponseBody { bytes, size, end } => {
                let shown = self.hear(&bytes, size, end);
                self.pass(shown.as_deref().unwrap_or(&bytes), size);
                if let Some(shown) = shown {
                    self.cx.replace_response(size, shown);
                }
            }
            // Envoy: no body can be put before trailers any more (its pointer to the last piece dangles).
            Event::ResponseTrailers => self.end(),
            Event::Deadline => self.renew(),
            Event::RequestHead { .. }
            | Event::ResponseHead { .. }
            | Event::Woken(_)
            | Event::Done(_) => {}
        }
        self.store();
        Ok(())
    }

    /// Whether another attempt would get another stored key, should this one be turned away.
    pub(super) fn has_spare_key(&self) -> bool {
        let key = self.key.as_ref().filter(|_| !self.cx.is_overruled());
        key.is_some_and(|key| key_pool::has_spare(self.cx.host(), self.cx.now(), key))
    }

    /// Takes the provider's verdict on the stored key, once. Whether another attempt would get another key. What the proxy
    /// says by itself is no verdict.
    pub(super) fn judge_key(&mut self, head: &HeaderList, advice: Advice) -> bool {
        let key = self.key.take().filter(|_| !self.cx.is_overruled());
        key.is_some_and(|key| keys::report(self.cx, &key, head, advice))
    }

    /// Decides, from the head of the answer, what of its body is looked at.
    pub(super) fn begin(&mut self, head: &HeaderList, end: bool) {
        self.record.take_response_head(self.cx.now(), head);
        let hides = self.intake.hides_usage;
        let answer = Answer::begin(self.cx, self.call, self.record, head, hides);
        let answer = self.answer.insert(answer);
        if end {
            answer.end();
        }
        self.give_up_hopeless();
    }

    /// Takes bytes of the request in.
    pub(super) fn send(&mut self, bytes: &[u8], size: usize, end: bool) {
        self.intake.feed(bytes, size, end);
    }

    /// Whether the bytes of the request are looked at.
    pub(super) fn reads_request(&self) -> bool {
        self.intake.reads_bytes() && !self.intake.ended
    }

    /// Lets the answer flow.
    pub(super) fn show(&mut self, head: &HeaderList) {
        let status = self.call.caching.as_ref().map(|_| "MISS");
        let mut edits = forward::response_edits(self.record, head, status);
        let Some(answer) = &self.answer else { return };
        if answer.hide.is_some() {
            edits.push(Edit::Remove("content-length".into()));
        }
        let is_plain = self.is_stream() && !head.contains("content-encoding");
        if let Some(teller) = &mut self.teller {
            teller.begin(is_plain);
        }
        self.cx.release_response(edits);
        let wants = !answer.meter.is_opaque() || answer.kept.is_some() || answer.payload.is_some();
        self.cx.want(self.reads_request(), wants);
    }

    /// These bytes go on, which were `size` bytes where nobody looked at them.
    pub(super) fn pass(&mut self, bytes: &[u8], size: usize) {
        let unseen = bytes.is_empty() && self.answer.as_ref().is_none_or(|it| it.hide.is_none());
        let size = if unseen { size } else { bytes.len() };
        if let Some(teller) = &mut self.teller {
            teller.pass(bytes, size);
        }
    }

    /// Takes bytes of the answer in; what the client shall get instead, when that is something else.
    pub(super) fn hear(&mut self, bytes: &[u8], size: usize, end: bool) -> Option<Vec<u8>> {
        let shown = self.answer.as_mut()?.feed(bytes, size, end);
        self.give_up_hopeless();
        shown
    }

    /// Whether the answer is an event stream.
    pub(super) fn is_stream(&self) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| answer.meter.is_event_stream())
    }

    /// Whether what has come of the answer is an error.
    pub(super) fn is_error(&self) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| answer.meter.answer().is_error)
    }

    /// The answer has come to its end.
    pub(super) fn end(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.end();
        }
    }

    /// An answer that is not going to be stored is no answer for those who wait.
    fn give_up_hopeless(&mut self) {
        if self
            .answer
            .as_ref()
            .is_some_and(|answer| answer.kept.is_none())
            && let Some(fill) = self.fill.take()
        {
            fill.refuse();
        }
    }

    /// There is no answer.
    pub(super) fn unreachable(&mut self) -> Reject {
        self.record.take_request(&mut self.intake);
        // One after the other, the waiters would wait for as many timeouts.
        if let Some(fill) = self.fill.take() {
            fill.refuse();
        }
        Reject::Unreachable
    }

    /// Keeps the right to fill the cache.
    pub(super) fn renew(&mut self) {
        if let Some(fill) = &mut self.fill {
            fill.renew();
        }
        self.cx.set_deadline(self.fill.as_ref().map(Fill::due));
    }

    /// Asks for a deadline at that moment, or when the right to fill the cache must be renewed, if that is sooner.
    pub(super) fn sleep(&self, until: u64) {
        let due = self
            .fill
            .as_ref()
            .map_or(until, |fill| fill.due().min(until));
        self.cx.set_deadline(Some(due));
    }

    /// Stores the answer as soon as it is whole and no error in disguise: a client that hangs up at the terminal event
    /// may ask again at once (clients.md). Should bytes follow that event, the answer with them takes its place.
    pub(super) fn store(&mut self) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        let is_whole = answer.is_complete() && !answer.meter.answer().is_error;
        if let Some((head, body)) = &answer.kept
            && is_whole
            && answer.stored != Some(answer.size)
        {
            answer.stored = Some(answer.size);
            self.record.take_facts(&self.intake);
            let prices = &self.cx.worker.config.prices;
            self.record
                .take_usage(answer.meter.answer(), prices, self.cx.now());
            let payload = head.clone().with_body(&self.record.saved(), body.bytes());
            let fill = self.fill.take();
            cache::keep(self.cx, self.call, &self.intake, fill, &payload);
        }
        if answer.ended {
            answer.kept = None;
            // It came to its end and is still none to share; one that was cut may do better for the next caller.
            if let Some(fill) = self.fill.take() {
                fill.refuse();
            }
        }
    }

    /// The answer is over; what is known of it goes into the record.
    pub(super) fn finish(&mut self, ending: &Ending) -> Ending {
        self.store();
        self.record.take_request(&mut self.intake);
        if let Some(answer) = &mut self.answer {
            answer.settle(self.cx, self.record, ending);
            let is_whole = answer.ended || answer.is_complete() || answer.meter.answer().is_error;
            if let Some(teller) = self.teller.take_if(|_| !is_whole && !ending.client_gone) {
                teller.tell(self.cx, self.call.format);
            }
        }
        *ending
    }
}
