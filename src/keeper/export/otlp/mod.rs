//! Records as OTLP traces: one span per record, and one below it per failed attempt (contract §7.7).
//!
//! Sources: opentelemetry.io, "OTLP Specification 1.9", `opentelemetry/proto/trace/v1/trace.proto` and `common.proto`, the
//! GenAI semantic conventions. Invariant: the ids of a span depend on its record alone, so that a batch that is sent twice
//! has the same spans twice.

mod attribute;
mod json;
mod messages;
mod partial;
mod protobuf;
mod record;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use self::attribute::{Attribute, Value};
use self::record::Call;
use super::line::nanos;
use super::notice::Notice;
use super::queue::{Item, Waiting};
use crate::record::FailedAttempt;

pub(super) use self::json::encode as json;
pub(super) use self::partial::{rejected_json, rejected_protobuf};
pub(super) use self::protobuf::encode as protobuf;

/// What the contract calls itself to a collector.
const SERVICE: &str = "ai-gateway";
const SCOPE: &str = "sluice";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// `SpanKind.SPAN_KIND_CLIENT`, which the GenAI conventions ask for.
const CLIENT: u8 = 3;
/// `Status.StatusCode.STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// A span. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    parent: Option<[u8; 8]>,
    name: &'static str,
    start: u64,
    end: u64,
    attributes: Vec<Attribute>,
    /// Why it failed, if it did.
    error: Option<String>,
}

/// The spans of a batch. A line that is none of ours has none.
pub(super) fn spans(records: &[Waiting], notice: Option<&Notice>) -> Vec<Span> {
    let mut spans: Vec<_> = notice.map(of_notice).into_iter().collect();
    for waiting in records {
        of_record(&waiting.item, &mut spans);
    }
    spans
}

fn of_record(item: &Item, spans: &mut Vec<Span>) {
    let Ok(call) = serde_json::from_slice::<Call>(&item.line) else {
        return;
    };
    let trace_id = call.trace_id.as_deref().and_then(hex);
    let trace_id = trace_id.unwrap_or_else(|| derived(&["trace", &call.event_id]));
    let span_id = derived(&["span", &call.id]);
    let start = nanos(item.created_ms);
    let mut attributes = call.attributes();
    let (request, response) = (item.request.as_deref(), item.response.as_deref());
    attributes.extend(messages::attributes(request, response));
    attributes.extend(call.metadata());
    let mut before = start;
    let attempts = call.failed_attempts.iter().enumerate();
    let attempts: Vec<_> = attempts
        .map(|(index, attempt)| {
            let end = start.saturating_add(nanos(attempt.after)).max(before);
            let start = std::mem::replace(&mut before, end);
            of_attempt(&call, (index, attempt), (trace_id, span_id), (start, end))
        })
        .collect();
    spans.push(Span {
        trace_id,
        span_id,
        parent: call.parent_span_id.as_deref().and_then(hex),
        name: "cf.aig.request",
        start,
        end: start.saturating_add(nanos(call.duration)),
        attributes,
        error: call.error(),
    });
    spans.extend(attempts);
}

/// The span of a failed attempt, below that of its record.
fn of_attempt(
    call: &Call,
    (index, attempt): (usize, &FailedAttempt),
    (trace_id, parent): ([u8; 16], [u8; 8]),
    (start, end): (u64, u64),
) -> Span {
    let status = attempt.status_code;
    let error = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    let attributes = [
        Attribute::int("cf.aig.attempt", Some(index)),
        Attribute::text("gen_ai.provider.name", call.provider.as_deref()),
        Attribute::text("gen_ai.request.model", call.model_asked.as_deref()),
        Attribute::int("http.response.status_code", status.map(u64::from)),
        Attribute::text("error.type", Some(&error)),
    ];
    Span {
        trace_id,
        span_id: derived(&["attempt", &call.id, &index.to_string()]),
        parent: Some(parent),
        name: "cf.aig.attempt",
        start,
        end,
        attributes: attributes.into_iter().flatten().collect(),
        error: Some(error),
    }
}

/// A span without length in a trace of its own, which says how many records are missing.
fn of_notice(notice: &Notice) -> Span {
    Span {
        trace_id: derived(&["trace", &notice.id]),
        span_id: derived(&["span", &notice.id]),
        parent: None,
        name: "sluice.export.dropped",
        start: notice.at,
        end: notice.at,
        attributes: vec![
            Attribute::new("sluice.export.dropped.count", Value::int(notice.count)),
            Attribute::new("sluice.export.dropped.total", Value::int(notice.total)),
        ],
        error: None,
    }
}

/// An id that everybody derives alike from the same words.
fn derived<const N: usize>(words: &[&str]) -> [u8; N] {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let mut id = [0; N];
    id.iter_mut()
        .zip(hash.finalize())
        .for_each(|(to, byte)| *to = byte);
    id
}

/// Bytes from their hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; N];
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from((digit(high)? << 4) | digit(low)?).ok()?;
    }
    Some(bytes)
}
