//! One record: its detail, and what was kept of its bodies.
//!
//! Invariant: a body is answered as JSON or as plain text, never as a type that a browser would run.

use super::{Scope, find_in, item};
use crate::console::Stop;
use crate::console::envelope::{Refusal, json_reply, reply};
use crate::console::pace::Pace;
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::logbook::{self, Entry, Id, Meta, Payload, Segment};

/// Longest body that is read to know whether it is JSON, in bytes.
const MAX_CHECKED: usize = 64 << 10;

/// Which body is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Request,
    Response,
}

/// The answer to `GET …/logs/{id}`.
pub(super) async fn detail(cx: &Cx, scope: &Scope, id: &str) -> Result<Reply, Stop> {
    let found = find(cx, scope, id).await?;
    // One byte more tells that there is more.
    let most = item::MAX_HEAD.saturating_add(1);
    let payload = found.payload(cx, [most; 2])?.unwrap_or_default();
    let mut body = br#"{"success":true,"errors":[],"messages":[],"result":"#.to_vec();
    item::write_with(found.entry()?.line, &payload, &mut body);
    body.push(b'}');
    Ok(json_reply(200, body))
}

/// The answer to `GET …/logs/{id}/request` and `…/response`: what was kept, as it was.
pub(super) async fn body(cx: &Cx, scope: &Scope, id: &str, which: Body) -> Result<Reply, Stop> {
    let found = find(cx, scope, id).await?;
    let body = match which {
        Body::Request => found
            .payload(cx, [usize::MAX, 0])?
            .and_then(|it| it.request),
        Body::Response => found
            .payload(cx, [0, usize::MAX])?
            .and_then(|it| it.response),
    };
    let body = body.ok_or_else(|| Refusal::not_found("Body of this log"))?;
    let content_type = if is_json(&body) {
        "application/json"
    } else {
        "text/plain; charset=utf-8"
    };
    Ok(reply(200, content_type, body))
}

/// A long body is known by its ends, for reading all of it would hold up the worker.
fn is_json(body: &[u8]) -> bool {
    if body.len() <= MAX_CHECKED {
        return serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    }
    let ends = body.trim_ascii();
    matches!(
        (ends.first(), ends.last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
    )
}

/// A record that was found.
pub(super) struct Found {
    pub(super) id: Id,
    segment: Segment,
    slot: Option<u32>,
}

impl Found {
    /// As it was when it was found.
    pub(super) fn entry(&self) -> Result<Entry<'_>, Refusal> {
        find_in(&self.segment, &self.id).ok_or_else(no_log)
    }

    /// At most so many bytes of each body.
    fn payload(&self, cx: &Cx, most: [usize; 2]) -> Result<Option<Payload>, Stop> {
        let Some(slot) = self.slot else {
            return Ok(None);
        };
        Ok(logbook::payload_heads(cx.host(), slot, &self.id, most)?)
    }
}

/// Finds a record by its id, among those of the scope.
pub(super) async fn find(cx: &Cx, scope: &Scope, id: &str) -> Result<Found, Stop> {
    let id = parse_id(id).ok_or_else(no_log)?;
    let (meta, pace) = (logbook::meta(cx.host())?, Pace::new(cx));
    let likely = nearest(cx, &meta, &id)?;
    for number in (likely..meta.next).chain((meta.first..likely).rev()) {
        pace.look().await?;
        let Some(segment) = logbook::segment(cx.host(), number)? else {
            continue;
        };
        let entry = find_in(&segment, &id);
        let Some(slot) = entry.map(|entry| scope.holds(&entry).then_some(entry.payload)) else {
            continue;
        };
        // Another gateway's record is not there for this one.
        let slot = slot.ok_or_else(no_log)?;
        return Ok(Found { id, segment, slot });
    }
    Err(no_log().into())
}

/// The segment whose records began about when that one did. It is stored when it is over, so in this one or a later
/// one; which one the search begins with is all that depends on it.
fn nearest(cx: &Cx, meta: &Meta, id: &Id) -> Result<u64, Stop> {
    // A UUIDv7 begins with its milliseconds.
    let millis = u64::from_be_bytes(*id.first_chunk().unwrap_or(&[0; 8])) >> 16;
    let (mut low, mut high) = (meta.first, meta.next);
    while low < high {
        let middle = low.midpoint(high);
        let segment = logbook::segment(cx.host(), middle)?;
        let is_before = segment.is_none_or(|segment| {
            let begun = segment.entries().map(|entry| entry.created_ms).max();
            begun.is_none_or(|begun| begun < millis)
        });
        if is_before {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    Ok(low.min(meta.next.saturating_sub(1)).max(meta.first))
}

fn no_log() -> Refusal {
    Refusal::not_found("Log")
}

/// The bytes of a UUID in its usual spelling.
fn parse_id(text: &str) -> Option<Id> {
    let is_dash = |(index, _): &(usize, u8)| matches!(index, 8 | 13 | 18 | 23);
    let (dashes, digits): (Vec<_>, Vec<_>) = text.bytes().enumerate().partition(is_dash);
    if text.len() != 36 || dashes.iter().any(|(_, byte)| *byte != b'-') {
        return None;
    }
    let digits: Option<Vec<u32>> = digits
        .iter()
        .map(|(_, byte)| char::from(*byte).to_digit(16))
        .collect();
    let digits = digits?;
    let (pairs, _) = digits.as_chunks::<2>();
    let mut id = Id::default();
    for (byte, [high, low]) in id.iter_mut().zip(pairs) {
        *byte = u8::try_from((high << 4) | low).ok()?;
    }
    Some(id)
}
