//! The request's body on its way in: counted, scanned, hashed and, if asked for, kept for the log.
//!
//! Each byte is seen once, whether the body is held for the cache or streams through. Invariant: nothing is kept but
//! what the scanners need and the bounded capture.

use sha2::{Digest, Sha256};

use super::Stop;
use super::call::{BodyKind, Call};
use super::cx::{Cx, Event, Gone};
use crate::config::OverLimit;
use crate::http::capture::Capture;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::request::{RequestFacts, RequestScan};

/// How long a request is held for a body of which nothing comes, on a worker where none ever came, nanoseconds.
const BODY_PATIENCE: u64 = 1_000_000_000;

/// What the operator is told then. A slow client on a new worker is served, too; only its call is not cached.
const WITHHELD: &str = "a request was held for its body and none came: if this repeats, the plugin is mounted without \
`allow_on_headers_stop_iteration: true` and nothing can be served from the cache";

/// What is known of the body so far.
pub struct Intake {
    /// Bytes seen.
    pub size: u64,
    /// Whether the body's end was seen.
    pub ended: bool,
    scan: Option<RequestScan>,
    digest: Option<Sha256>,
    payload: Option<Capture>,
    limit: usize,
    over_limit: OverLimit,
    within_limit: bool,
}

impl Intake {
    /// Begins the intake. A body that says up front that it is too large to be held is refused at once.
    pub fn new(cx: &Cx, call: &Call, head: &HeaderList, end: bool) -> Result<Self, Reject> {
        let limits = &cx.worker.config.limits;
        let holds = call.caching.as_ref().is_some_and(|caching| caching.reads);
        let declared = head
            .text("content-length")
            .and_then(|text| text.parse::<u64>().ok());
        let too_large = declared.is_some_and(|size| {
            usize::try_from(size).is_ok_and(|size| size > limits.request_body_bytes)
        });
        if holds && too_large && limits.over_limit == OverLimit::Reject {
            return Err(Reject::BodyTooLarge(limits.request_body_bytes));
        }
        let looked_into = call.body == BodyKind::Json && !call.upgrades;
        let intake = Self {
            size: 0,
            ended: end,
            scan: looked_into.then(RequestScan::new),
            digest: (looked_into && call.caching.is_some()).then(Sha256::new),
            payload: call.payload_limit.filter(|_| looked_into).map(Capture::new),
            limit: limits.request_body_bytes,
            over_limit: limits.over_limit,
            within_limit: !(holds && too_large),
        };
        cx.want(intake.reads_bytes(), false);
        Ok(intake)
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
        cx.set_deadline(None);
        if !self.within_limit && self.over_limit == OverLimit::Reject {
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
        if let Some(scan) = &mut self.scan {
            scan.feed(bytes);
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        if let Some(payload) = &mut self.payload {
            payload.feed(bytes);
        }
    }

    /// What the body says, as far as it was read.
    pub fn facts(&self) -> Option<&RequestFacts> {
        self.scan.as_ref().map(RequestScan::facts)
    }

    /// What the body says, when it was read to its end as JSON: only then is it certain.
    pub fn settled_facts(&self) -> Option<&RequestFacts> {
        let settled = self.scan.as_ref().filter(|scan| scan.is_settled());
        settled.map(RequestScan::facts)
    }

    /// The SHA-256 of the whole body; `None` before its end or when it was not hashed.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let whole = self.ended && self.within_limit;
        self.digest
            .clone()
            .filter(|_| whole)
            .map(|digest| digest.finalize().into())
    }

    /// The kept part of the body.
    pub fn payload(&self) -> Option<&Capture> {
        self.payload.as_ref()
    }
}
