//! What is known of the provider's answer while it passes: how far it came, what it says, and what is kept of it.
//!
//! Invariant: only a whole answer counts as complete. What is looked at is a copy, decoded where it must be; what is
//! kept is what the client gets, as it is encoded.

use super::call::{Call, is_text};
use super::cx::{Cx, Ending};
use crate::http::capture::Capture;
use crate::http::encoding::{Coding, Decoder, Unread};
use crate::http::header::HeaderList;
use crate::llm::meter::Meter;
use crate::llm::stream_usage::Hide;
use crate::policy::cache::StoredHead;
use crate::record::{Outcome, Record};

/// What is known of the answer so far.
pub(super) struct Answer {
    pub(super) meter: Meter,
    pub(super) kept: Option<(StoredHead, Capture)>,
    pub(super) payload: Option<Capture>,
    /// Takes what the client did not ask for out of the stream.
    pub(super) hide: Option<Hide>,
    /// Reads an answer that is compressed.
    decoder: Option<Decoder>,
    /// Why the answer, which has something to read, is not read.
    unread: Option<Unread>,
    /// Whether an end of the body proves that it is whole: its length or its chunks say so (facts: a close-delimited
    /// body that was cut ends like a whole one).
    framed: bool,
    pub(super) ended: bool,
    pub(super) size: u64,
    /// The size that the head states.
    declared: Option<u64>,
    /// The size at which the answer was stored.
    pub(super) stored: Option<u64>,
}

/// Envoy's flag for an upstream connection that was closed (`UC`): the ordinary end of a socket, which the server closes
/// first (RFC 6455 §7.1.1).
const UPSTREAM_CLOSED: u64 = 0x40;

impl Answer {
    /// `hides` what a client that did not ask for usage must not see of it.
    pub(super) fn begin(
        cx: &Cx,
        call: &Call,
        record: &Record,
        head: &HeaderList,
        hides: bool,
    ) -> Self {
        let content_type = head.text("content-type").unwrap_or_default();
        let coding = Coding::of(head);
        let mut meter = Meter::new(call.format, content_type);
        let unread = coding.err().filter(|_| !meter.is_opaque());
        // What is compressed in a way that is not read, or no HTTP answer at all.
        if unread.is_some() || call.upgrades {
            meter = Meter::new(None, "");
        }
        meter.read_head(head);
        let framed = head.contains("content-length") || head.contains("transfer-encoding");
        let stored = call.caching.is_some()
            && record.status_code == 200
            && is_storable(content_type)
            && (framed || !meter.is_opaque());
        let limit = cx.worker.config.cache.max_object_bytes;
        let capture = |limit| Capture::within(cx.worker.room.spare(), limit);
        let declared = head
            .text("content-length")
            .and_then(|length| length.parse().ok());
        let payload = record
            .payload_limit()
            .filter(|_| coding.is_ok() && is_text(content_type));
        // Encoded bytes are nothing to cut.
        let hides = hides && coding == Ok(None) && is_event_stream(content_type);
        let coding = coding.ok().flatten();
        Self {
            kept: stored.then(|| (StoredHead::new(head), capture(limit).expecting(declared))),
            decoder: coding
                .filter(|_| !meter.is_opaque() || payload.is_some())
                .map(Decoder::new),
            unread,
            hide: hides.then(Hide::default),
            meter,
            payload: payload.map(capture),
            framed,
            ended: false,
            size: 0,
            declared,
            stored: None,
        }
    }

    /// Takes the next bytes in. What the client shall get instead, when that is something else.
    pub(super) fn feed(&mut self, bytes: &[u8], size: usize, end: bool) -> Option<Vec<u8>> {
        self.size = self
            .size
            .saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        // The last byte of a stated length is the end: over HTTP/2 the mark of it may come later than the client's next
        // call.
        let ends = end || self.declared == Some(self.size);
        if bytes.len() != size {
            self.lose();
        }
        let shown = self.hide.as_mut().map(|hide| {
            let mut shown = hide.feed(bytes);
            if ends {
                hide.finish(&mut shown);
            }
            shown
        });
        let passed = shown.as_deref().unwrap_or(bytes);
        if let Some((_, kept)) = &mut self.kept {
            kept.feed(passed);
        }
        // An answer over the size limit, or beyond the room, is not going to be stored: give the memory back at once.
        self.kept.take_if(|(_, kept)| !kept.is_whole());
        self.read(bytes, passed);
        if ends {
            self.end();
        }
        shown.filter(|shown| shown != bytes)
    }

    /// Bytes came that were not shown. If somebody wanted them, what is known of the rest is not known of the answer.
    fn lose(&mut self) {
        let is_read = !self.meter.is_opaque() || self.payload.is_some();
        if is_read {
            self.meter = Meter::new(None, "");
            self.payload = None;
        }
        self.kept = None;
    }

    /// Looks at what came and at what is passed on of it, decoded.
    fn read(&mut self, bytes: &[u8], passed: &[u8]) {
        let Self {
            meter,
            payload,
            decoder,
            ..
        } = self;
        let Some(decoder) = decoder else {
            meter.feed(bytes);
            if let Some(payload) = payload {
                payload.feed(passed);
            }
            return;
        };
        let decoded = decoder.feed(bytes, &mut |decoded| {
            meter.feed(decoded);
            if let Some(payload) = payload {
                payload.feed(decoded);
            }
        });
        if let Err(unread) = decoded {
            // What was understood of it may be wrong, and nobody else shall be given it.
            self.unread = Some(unread);
            self.meter = Meter::new(None, "");
            self.payload = None;
            self.kept = None;
        }
    }

    pub(super) fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            if !self.is_decoded() {
                self.unread = Some(Unread::Cut);
            }
            self.meter.finish();
        }
    }

    /// Whether the whole answer was seen: the last event of a stream, the end of any other body. Where the content does
    /// not tell, its framing must.
    pub(super) fn is_complete(&self) -> bool {
        let ended = self.ended || self.meter.is_event_stream();
        let ended = ended && self.is_decoded();
        ended && self.meter.is_complete() && (self.framed || !self.meter.is_opaque())
    }

    /// Whether compressed content was read to its proper end, or is not read at all.
    fn is_decoded(&self) -> bool {
        let decoder = self.decoder.as_ref().filter(|_| self.size > 0);
        decoder.is_none_or(Decoder::is_whole) || self.unread.is_some_and(|it| it != Unread::Cut)
    }

    pub(super) fn settle(&mut self, cx: &Cx, record: &mut Record, ending: &Ending) {
        record.response_size = self.size;
        record.complete = self.was_complete(record.status_code, ending);
        record.outcome = match (record.complete, ending.client_gone) {
            (true, _) => Outcome::Answered,
            (false, true) => Outcome::ClientGone,
            (false, false) => Outcome::Cut,
        };
        let config = &cx.worker.config;
        record.take_usage(self.meter.answer(), &config.prices, cx.now());
        let is_silent = record.usage_metadata.is_none();
        record.usage_unread = self.unread.filter(|_| is_silent).map(Unread::reason);
        record.usage_partial = !record.complete && record.usage_metadata.is_some();
        record.count_once(self.meter.answer(), cx.host(), config.cache);
        if let Some(payload) = self.payload.take() {
            record.take_response_payload(payload);
        }
    }

    /// For the record: a socket has no end of its own, and where nothing in the body tells, the proxy's word counts.
    fn was_complete(&self, status: u16, ending: &Ending) -> bool {
        let unread = !self.meter.tells_completeness() || self.size == 0;
        match status {
            101 => ending.flags & !UPSTREAM_CLOSED == 0 || ending.client_gone,
            // The client of a stream may leave before the checksum of its coding has come.
            _ if self.meter.is_event_stream() && !unread => self.meter.is_complete(),
            _ if !self.is_decoded() => false,
            _ if unread => self.ended && ending.flags == 0,
            _ => self.is_complete(),
        }
    }
}

/// Text and images may be stored (contract §3.1, "Eligible").
fn is_storable(content_type: &str) -> bool {
    is_text(content_type) || content_type.starts_with("image/")
}

/// Whether a content type is that of server-sent events.
pub(super) fn is_event_stream(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("text/event-stream")
}
