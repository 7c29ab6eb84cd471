//! A record as the control API shows it: the stored line, with the fields that the contract demands filled in.
//!
//! Invariant: nothing but those fields is changed, and their order stays.

use std::io::Write;

use serde_json::value::RawValue;

use super::row::{Entries, UNKNOWN};
use crate::logbook::Payload;

/// Longest head of a body in the detail of a record, in bytes; all of it is at `/request` and `/response`.
pub(super) const MAX_HEAD: usize = 64 << 10;

/// Writes a record of a list; a line that is no object is left out.
pub(super) fn write(line: &[u8], into: &mut Vec<u8>) {
    write_with(line, &Payload::default(), into);
}

/// Writes a record with the heads of its bodies.
pub(super) fn write_with(line: &[u8], payload: &Payload, into: &mut Vec<u8>) {
    let Ok(entries) = serde_json::from_slice::<Entries<'_>>(line) else {
        return;
    };
    let heads = [
        ("request_head", &payload.request),
        ("response_head", &payload.response),
    ];
    let mut first = true;
    let mut member = |name: &str, value: &[u8], into: &mut Vec<u8>| {
        into.push(if std::mem::take(&mut first) {
            b'{'
        } else {
            b','
        });
        quote(name, into);
        into.push(b':');
        into.extend_from_slice(value);
    };
    let mut cut = [false; 2];
    for ((name, body), cut) in heads.into_iter().zip(&mut cut) {
        let Some(body) = body else { continue };
        let (head, is_cut) = head_of(body);
        let mut value = Vec::with_capacity(head.len().saturating_add(2));
        quote(&head, &mut value);
        member(name, &value, into);
        *cut = is_cut;
    }
    for (name, value) in &entries.0 {
        let name = name.get().unwrap_or_default();
        let is_cut = matches!(
            (name, cut),
            ("request_head_complete", [true, _]) | ("response_head_complete", [_, true])
        );
        let is_shown = payload.request.is_none() || name != "request_head";
        let is_shown = is_shown && (payload.response.is_none() || name != "response_head");
        if is_shown {
            let value = if is_cut {
                "false"
            } else {
                corrected(name, value)
            };
            member(name, value.as_bytes(), into);
        }
    }
    into.push(b'}');
}

/// What the contract has where the record has nothing (§7.2).
fn corrected<'a>(name: &str, value: &'a RawValue) -> &'a str {
    match (name, value.get()) {
        ("cost", "null") => "0",
        ("provider" | "model", "null") => UNKNOWN_JSON,
        ("path", "null") => "\"\"",
        (_, value) => value,
    }
}

const UNKNOWN_JSON: &str = "\"unknown\"";
const _: () = assert!(UNKNOWN.len() + 2 == UNKNOWN_JSON.len(), "one word");

/// The beginning of a body as text, and whether that is not all of it.
fn head_of(body: &[u8]) -> (std::borrow::Cow<'_, str>, bool) {
    let is_cut = body.len() > MAX_HEAD;
    let head = body.get(..MAX_HEAD).unwrap_or(body);
    let head = if is_cut {
        // Not in the middle of a character.
        let end = head
            .iter()
            .rposition(|byte| *byte & 0xC0 != 0x80)
            .unwrap_or(0);
        head.get(..end).unwrap_or(head)
    } else {
        head
    };
    (String::from_utf8_lossy(head), is_cut)
}

/// Writes a text in quotes.
fn quote(text: &str, into: &mut Vec<u8>) {
    // A text can be written, and a vector takes everything.
    let written = serde_json::to_string(text).unwrap_or_default();
    into.write_all(written.as_bytes()).unwrap_or_default();
}
