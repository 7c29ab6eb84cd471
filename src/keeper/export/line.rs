//! Records as lines of JSON: as they are for whoever takes NDJSON, and in the frame of Loki's push API.
//!
//! Source: grafana.com, "Loki HTTP API", `POST /loki/api/v1/push`. Invariant: a line has no line feed in it, since JSON
//! text escapes them.

use serde::{Serialize, Serializer};

use super::notice::Notice;
use super::queue::{Item, Waiting};

/// One line per record, each ended by a line feed.
pub(super) fn lines(records: &[Waiting], notice: Option<&Notice>) -> Vec<u8> {
    let mut body = Vec::with_capacity(records.iter().map(|it| it.bytes).sum());
    if let Some(notice) = notice {
        body.extend(text_of(notice));
        body.push(b'\n');
    }
    for waiting in records {
        write(&waiting.item, &mut body);
        body.push(b'\n');
    }
    body
}

/// `{"streams":[{"stream":{labels},"values":[[nanoseconds,line],…]}]}`. One label: others make streams that nobody bounds.
pub(super) fn loki(records: &[Waiting], notice: Option<&Notice>) -> Vec<u8> {
    let notice = notice.map(|it| (it.at.to_string(), text_of(it)));
    let line = |waiting: &Waiting| {
        let mut line = Vec::new();
        write(&waiting.item, &mut line);
        (nanos(waiting.item.created_ms).to_string(), line)
    };
    let values = notice.into_iter().chain(records.iter().map(line));
    let values: Vec<_> = values
        .map(|(time, line)| (time, String::from_utf8_lossy(&line).into_owned()))
        .collect();
    let stream = serde_json::json!({
        "streams": [{"stream": {"service_name": "sluice"}, "values": values}]
    });
    text_of(&stream)
}

/// Milliseconds as nanoseconds.
pub(super) const fn nanos(millis: u64) -> u64 {
    millis.saturating_mul(1_000_000)
}

/// The record, with its payload, if it has one, behind its last field.
fn write(item: &Item, into: &mut Vec<u8>) {
    let bodies = [
        ("request_head", item.request.as_deref()),
        ("response_head", item.response.as_deref()),
    ];
    let Some(open) = item.line.strip_suffix(b"}") else {
        into.extend_from_slice(&item.line);
        return;
    };
    into.extend_from_slice(open);
    for (name, body) in bodies {
        let Some(body) = body else { continue };
        into.extend_from_slice(format!(",\"{name}\":").as_bytes());
        into.extend(text_of(&Lossy(body)));
    }
    into.push(b'}');
}

/// Text that may have been cut in the middle of a character.
struct Lossy<'a>(&'a [u8]);

impl Serialize for Lossy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(self.0))
    }
}

/// JSON text of what cannot fail to be written.
fn text_of(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
