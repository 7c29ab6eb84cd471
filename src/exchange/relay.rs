//! From the moment the request may go on to the end of the stream: both bodies pass as they come.
//!
//! Invariant: no byte is changed, held or delayed; what is measured or kept is a copy, and only where somebody asked.

use super::Stop;
use super::call::Call;
use super::cx::{Cx, Ending, Event};
use super::forward;
use super::intake::Intake;
use crate::http::capture::Capture;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::format::Format;
use crate::llm::meter::Meter;
use crate::policy::cache::{self, Fill, StoredHead};
use crate::record::{Outcome, Record};

/// What is known of the answer so far.
struct Answer {
    meter: Meter,
    kept: Option<(StoredHead, Capture)>,
    payload: Option<Capture>,
    /// Whether an end of the body proves that it is whole: its length or its chunks say so (facts: a close-delimited
    /// body that was cut ends like a whole one).
    framed: bool,
    ended: bool,
    size: u64,
    /// The size that the head states.
    declared: Option<u64>,
    /// The size at which the answer was stored.
    stored: Option<u64>,
}

/// Envoy's flag for an upstream connection that was closed (`UC`): the ordinary end of a socket, which the server closes
/// first (RFC 6455 §7.1.1).
const UPSTREAM_CLOSED: u64 = 0x40;

/// One call on its way.
struct Relay<'a> {
    cx: &'a Cx,
    call: &'a Call,
    record: &'a mut Record,
    intake: Intake,
    fill: Option<Fill>,
    answer: Option<Answer>,
}

/// Relays until the stream is over; the record is filled on the way.
pub async fn relay(
    cx: &Cx,
    call: &Call,
    intake: Intake,
    fill: Option<Fill>,
    record: &mut Record,
) -> Result<Ending, Stop> {
    cx.set_deadline(fill.as_ref().map(Fill::due));
    let mut relay = Relay {
        cx,
        call,
        record,
        intake,
        fill,
        answer: None,
    };
    loop {
        let event = cx.next().await;
        if let Event::Done(ending) = event {
            return Ok(relay.finish(ending));
        }
        relay.on(event)?;
    }
}

impl Relay<'_> {
    fn on(&mut self, event: Event) -> Result<(), Reject> {
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
                self.begin(&headers, end);
            }
            Event::ResponseBody { bytes, size, end } => {
                if let Some(answer) = &mut self.answer {
                    answer.feed(&bytes, size, end);
                }
                self.give_up_hopeless();
            }
            Event::ResponseTrailers => {
                if let Some(answer) = &mut self.answer {
                    answer.end();
                }
            }
            Event::Deadline => self.renew(),
            Event::RequestHead { .. }
            | Event::ResponseHead { .. }
            | Event::Woken(_)
            | Event::Done(_) => {}
        }
        self.store();
        Ok(())
    }

    /// Decides, from the head of the answer, what of its body is looked at, and lets it flow.
    fn begin(&mut self, head: &HeaderList, end: bool) {
        self.record.take_response_head(self.cx.now(), head);
        let status = self.call.caching.as_ref().map(|_| "MISS");
        self.cx
            .release_response(forward::response_edits(self.record, head, status));
        let answer = Answer::begin(self.cx, self.call, self.record, head);
        let wants = !answer.meter.is_opaque() || answer.kept.is_some() || answer.payload.is_some();
        self.cx
            .want(self.intake.reads_bytes() && !self.intake.ended, wants);
        let answer = self.answer.insert(answer);
        if end {
            answer.end();
        }
        self.give_up_hopeless();
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

    fn unreachable(&mut self) -> Reject {
        self.record.take_request(&self.intake);
        // One after the other, the waiters would wait for as many timeouts.
        if let Some(fill) = self.fill.take() {
            fill.refuse();
        }
        Reject::Unreachable
    }

    fn renew(&mut self) {
        if let Some(fill) = &mut self.fill {
            fill.renew();
        }
        self.cx.set_deadline(self.fill.as_ref().map(Fill::due));
    }

    /// Stores the answer as soon as it is whole and no error in disguise: a client that hangs up at the terminal event
    /// may ask again at once (clients.md). Should bytes follow that event, the answer with them takes its place.
    fn store(&mut self) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        let is_whole = answer.is_complete() && !answer.meter.answer().is_error;
        if let Some((head, body)) = &answer.kept
            && is_whole
            && answer.stored != Some(answer.size)
        {
            answer.stored = Some(answer.size);
            let fill = self.fill.take();
            cache::keep(self.cx, self.call, &self.intake, fill, (head, body.bytes()));
        }
        if answer.ended {
            answer.kept = None;
            // It came to its end and is still none to share; one that was cut may do better for the next caller.
            if let Some(fill) = self.fill.take() {
                fill.refuse();
            }
        }
    }

    fn finish(mut self, ending: Ending) -> Ending {
        self.store();
        self.record.take_request(&self.intake);
        if let Some(answer) = &self.answer {
            answer.settle(self.record, &ending, self.cx.now());
        }
        ending
    }
}

impl Answer {
    fn begin(cx: &Cx, call: &Call, record: &Record, head: &HeaderList) -> Self {
        let content_type = head.text("content-type").unwrap_or_default();
        let plain = head
            .text("content-encoding")
            .is_none_or(|encoding| encoding == "identity");
        let format = Format::of(&call.provider, &call.upstream.endpoint);
        // What is compressed, or no HTTP answer at all, cannot be read.
        let reads = plain && !call.upgrades;
        let meter = if reads {
            Meter::new(format, content_type)
        } else {
            Meter::new(None, "")
        };
        let framed = head.contains("content-length") || head.contains("transfer-encoding");
        let stored = call.caching.is_some()
            && record.status_code == 200
            && is_storable(content_type)
            && (framed || !meter.is_opaque());
        let limit = cx.worker.config.cache.max_object_bytes;
        let payload = record
            .payload_limit()
            .filter(|_| plain && is_text(content_type));
        Self {
            meter,
            kept: stored.then(|| (StoredHead::new(head), Capture::new(limit))),
            payload: payload.map(Capture::new),
            framed,
            ended: false,
            size: 0,
            declared: head
                .text("content-length")
                .and_then(|length| length.parse().ok()),
            stored: None,
        }
    }

    fn feed(&mut self, bytes: &[u8], size: usize, end: bool) {
        self.size = self
            .size
            .saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        self.meter.feed(bytes);
        if let Some((_, kept)) = &mut self.kept {
            kept.feed(bytes);
        }
        // An answer over the size limit is not going to be stored: give the memory back at once.
        self.kept.take_if(|(_, kept)| !kept.is_whole());
        if let Some(payload) = &mut self.payload {
            payload.feed(bytes);
        }
        // The last byte of a stated length is the end: over HTTP/2 the mark of it may come later than the client's next
        // call.
        if end || self.declared == Some(self.size) {
            self.end();
        }
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.meter.finish();
        }
    }

    /// Whether the whole answer was seen: the last event of a stream, the end of any other body. Where the content does
    /// not tell, its framing must.
    fn is_complete(&self) -> bool {
        let ended = self.ended || self.meter.is_event_stream();
        ended && self.meter.is_complete() && (self.framed || !self.meter.is_opaque())
    }

    fn settle(&self, record: &mut Record, ending: &Ending, now: u64) {
        record.response_size = self.size;
        record.complete = self.was_complete(record.status_code, ending);
        record.outcome = match (record.complete, ending.client_gone) {
            (true, _) => Outcome::Answered,
            (false, true) => Outcome::ClientGone,
            (false, false) => Outcome::Cut,
        };
        record.take_usage(self.meter.answer(), now);
        if let Some(payload) = &self.payload {
            record.take_response_payload(payload);
        }
    }

    /// For the record: a socket has no end of its own, and where nothing in the body tells, the proxy's word counts.
    fn was_complete(&self, status: u16, ending: &Ending) -> bool {
        let unread = !self.meter.tells_completeness() || self.size == 0;
        match status {
            101 => ending.flags & !UPSTREAM_CLOSED == 0 || ending.client_gone,
            _ if unread => self.ended && ending.flags == 0,
            _ => self.is_complete(),
        }
    }
}

/// Text and images may be stored (contract §3.1, "Eligible").
fn is_storable(content_type: &str) -> bool {
    is_text(content_type) || content_type.starts_with("image/")
}

fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/") || super::call::is_json(content_type)
}
