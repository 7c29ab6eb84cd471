//! The request's body on its way in: counted, scanned, hashed and, if asked for, kept for the log.
//!
//! Each byte is seen once, whether the body is held for the cache or streams through; facts and log read it decoded,
//! the digest is of the bytes as sent. Invariant: nothing is kept but what the scanners need, the bounded capture, and a
//! body that may have to be changed, within its limit.

use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::Stop;
use super::call::{BodyKind, Call};
use super::cx::{Cx, Event, Gone};
use crate::config::OverLimit;
use crate::http::capture::Capture;
use crate::http::encoding::Decoder;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::http::room::Held;
use crate::llm::multipart::MultipartScan;
use crate::llm::request::{RequestFacts, RequestScan, Scan};
use crate::llm::stream_usage;

/// How long a request is held for a body of which nothing comes, on a worker where none ever came, nanoseconds.
const BODY_PATIENCE: u64 = 1_000_000_000;

/// What the operator is told then. A slow client on a new worker is served, too; only its call is not cached.
pub(super) const WITHHELD: &str = "a request was held for its body and none came: if this repeats, the plugin is mounted without \
`allow_on_headers_stop_iteration: true` and nothing can be served from the cache";

/// What is known of the body so far.
pub struct Intake {
    /// Bytes seen.
    pub size: u64,
    /// How many bytes are held in the place of a rewritten body.
    held: Option<usize>,
    /// Whether the body's end was seen.
    pub ended: bool,
    /// Whether the stream was asked for usage that the client did not ask for.
    pub hides_usage: bool,
    decoder: Option<Decoder>,
    /// The body of a call that may be asked for its usage; once it is whole, of one that is.
    pub(super) copy: Option<Capture>,
    /// The whole body of a unified call, as it is written for its provider.
    rewritten: Option<Rc<Held>>,
    scan: Option<Scan>,
    digest: Option<Sha256>,
    payload: Option<Capture>,
    limit: usize,
    over_limit: OverLimit,
    within_limit: bool,
    /// Whether a body over the limit can be refused: the cache needs it.
    is_cached: bool,
}

impl Intake {
    /// Begins the intake. A body that says up front that it is too large to be held is refused at once.
    pub fn new(cx: &Cx, call: &Call, head: &HeaderList, end: bool) -> Result<Self, Reject> {
        let (limits, room) = (&cx.worker.config.limits, &cx.worker.room);
        let capture = |limit| Capture::within(room.spare(), limit);
        let is_cached = call.caching.as_ref().is_some_and(|caching| caching.reads);
        let holds = is_cached || call.adds_usage;
        let declared = head
            .text("content-length")
            .and_then(|text| text.parse::<u64>().ok());
        let too_large = declared.is_some_and(|size| {
            usize::try_from(size).is_ok_and(|size| size > limits.request_body_bytes)
        });
        if is_cached && too_large && limits.over_limit == OverLimit::Reject {
            return Err(Reject::BodyTooLarge(limits.request_body_bytes));
        }
        let looked_into = call.body == BodyKind::Json && !call.upgrades;
        let intake = Self {
            size: 0,
            held: None,
            ended: end,
            hides_usage: false,
            decoder: call.coding.filter(|_| looked_into).map(Decoder::new),
            copy: (call.adds_usage && !too_large).then(|| capture(limits.request_body_bytes)),
            rewritten: None,
            scan: scan(call, head, looked_into),
            digest: (looked_into && call.caching.is_some()).then(Sha256::new),
            payload: call.payload_limit.filter(|_| looked_into).map(capture),
            limit: limits.request_body_bytes,
            over_limit: limits.over_limit,
            within_limit: !(holds && too_large),
            is_cached,
        };
        cx.want(intake.reads_bytes(), false);
        Ok(intake)
    }

    /// The intake of a unified call whose body was held and is over: `size` bytes came, `body` is what goes on.
    pub fn rewritten(
        cx: &Cx,
        call: &Call,
        head: &HeaderList,
        (size, body): (u64, Rc<Held>),
    ) -> Result<Self, Reject> {
        let mut intake = Self::new(cx, call, head, true)?;
        intake.feed(&body, body.len(), true);
        intake.size = size;
        intake.rewritten = Some(body);
        Ok(intake)
    }

    /// The intake of a step's own body, for which `held` bytes came.
    pub fn of_step(
        cx: &Cx,
        call: &Call,
        head: &HeaderList,
        (held, body): (usize, Rc<Held>),
    ) -> Result<Self, Reject> {
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let mut intake = Self::rewritten(cx, call, head, (size, body))?;
        intake.held = Some(held);
        Ok(intake)
    }

    /// The body of a unified call, as it is written for its provider.
    pub(super) fn into_rewritten(self) -> Option<Rc<Held>> {
        self.rewritten
    }

    /// Whether the body asks for a stream, or is not known well enough to say that it does not.
    pub(super) fn may_stream(&self) -> bool {
        self.settled_facts().is_none_or(|facts| facts.stream)
    }

    /// How many bytes are held that [`Intake::changed`] takes the place of.
    pub fn held(&self) -> usize {
        self.held
            .unwrap_or_else(|| usize::try_from(self.size).unwrap_or(usize::MAX))
    }

    /// Whether anything looks at the bytes.
    pub fn reads_bytes(&self) -> bool {
        self.scan.is_some() || self.payload.is_some()
    }

    /// Waits for the whole body while the request is held. Ends early, without an error, when the body is over the
    /// limit and the configuration lets such calls pass, and when no body comes at all: without
    /// `allow_on_headers_stop_iteration` Envoy delivers none as long as the head is held, so the call goes on alone.
    pub async fn hold(&mut self, cx: &Cx) -> Result<(), Stop> {
        if !cx.worker.bodies_come.get() {
            cx.set_deadline(Some(cx.now().saturating_add(BODY_PATIENCE)));
        }
        while !self.ended && self.within_limit {
            match cx.next().await {
                Event::RequestBody { bytes, size, end } => self.feed(&bytes, size, end),
                Event::RequestTrailers => self.ended = true,
                Event::Deadline if !cx.worker.bodies_come.get() => {
                    cx.complain(WITHHELD.to_owned());
                    break;
                }
                Event::Done(ending) => return Err(Gone(ending).into()),
                Event::ResponseHead { headers, .. } => return Err(Stop::Overruled(headers)),
                Event::RequestHead { .. }
                | Event::ResponseBody { .. }
                | Event::ResponseTrailers
                | Event::Woken(_)
                | Event::Deadline => {}
            }
            self.within_limit &= usize::try_from(self.size).is_ok_and(|size| size <= self.limit);
        }
        // What is over the limit is not cached: there is no use in its digest.
        self.digest.take_if(|_| !self.within_limit);
        // The call may now wait for long.
        if !self.is_silent_stream() {
            self.copy = None;
        }
        cx.set_deadline(None);
        if !self.within_limit && self.is_cached && self.over_limit == OverLimit::Reject {
            return Err(Reject::BodyTooLarge(self.limit).into());
        }
        Ok(())
    }

    /// Takes new bytes in.
    pub fn feed(&mut self, bytes: &[u8], size: usize, end: bool) {
        self.size = self
            .size
            .saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        self.ended |= end;
        if bytes.len() != size {
            self.lose();
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        if let Some(copy) = &mut self.copy {
            copy.feed(bytes);
        }
        // Half a body is none to ask with.
        self.copy.take_if(|copy| !copy.is_whole());
        self.read(bytes);
    }

    /// Bytes came that the host did not show: what is known of the rest is not known of the body.
    fn lose(&mut self) {
        self.digest = None;
        self.copy = None;
        self.scan = None;
        self.payload = None;
    }

    /// Looks into the body, decoded.
    fn read(&mut self, bytes: &[u8]) {
        let Self {
            scan,
            payload,
            decoder,
            ..
        } = self;
        let mut look = |bytes: &[u8]| {
            if let Some(scan) = scan {
                scan.feed(bytes);
            }
            if let Some(payload) = payload {
                payload.feed(bytes);
            }
        };
        let Some(decoder) = decoder else {
            return look(bytes);
        };
        if decoder.feed(bytes, &mut look).is_err() {
            // What was understood of it may be wrong.
            self.scan = None;
            self.payload = None;
        }
    }

    /// What goes to the provider instead of the client's body, if anything does: the body of a unified call, and for a
    /// stream whose client did not ask, the whole body with the question for the usage.
    pub fn changed(&mut self, cx: &Cx) -> Option<Rc<Held>> {
        let copy = self.copy.take();
        let asked = copy.and_then(|copy| stream_usage::ask(copy.bytes()));
        self.hides_usage = asked.is_some();
        let asked = asked.map(|asked| cx.worker.room.keep(asked));
        asked.or(self.rewritten.take())
    }

    /// Whether the whole body was seen, and wants a stream that does not state its usage.
    fn is_silent_stream(&self) -> bool {
        let wants = |facts: &RequestFacts| facts.stream && facts.include_usage != Some(true);
        self.ended && self.within_limit && self.settled_facts().is_some_and(wants)
    }

    /// What the body says, as far as it was read.
    pub fn facts(&self) -> Option<&RequestFacts> {
        self.scan.as_ref().map(Scan::facts)
    }

    /// What the body says, when it was read to its end as JSON: only then is it certain.
    pub fn settled_facts(&self) -> Option<&RequestFacts> {
        let settled = self.scan.as_ref().filter(|scan| scan.is_settled());
        settled.map(Scan::facts)
    }

    /// The SHA-256 of the whole body; `None` before its end or when it was not hashed.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let whole = self.ended && self.within_limit;
        self.digest
            .clone()
            .filter(|_| whole)
            .map(|digest| digest.finalize().into())
    }

    /// The kept part of the body, once, and whether that is all of it.
    pub fn take_payload(&mut self) -> Option<(Capture, bool)> {
        let decoder = self.decoder.as_ref().filter(|_| self.size > 0);
        let came = self.ended && decoder.is_none_or(Decoder::is_whole);
        let payload = self.payload.take()?;
        let is_whole = payload.is_whole() && came;
        Some((payload, is_whole))
    }
}

/// A form is read where its answer is priced: it alone may name the model.
fn scan(call: &Call, head: &HeaderList, is_json: bool) -> Option<Scan> {
    if is_json {
        return Some(Scan::Json(RequestScan::new()));
    }
    let is_plain = !head.contains("content-encoding") && !call.upgrades;
    let form = head
        .text("content-type")
        .filter(|_| is_plain && call.format.is_some())?;
    MultipartScan::new(form).map(Scan::Form)
}
