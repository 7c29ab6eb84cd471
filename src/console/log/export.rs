//! All matches as a file: one JSON object a line, or CSV.
//!
//! Invariant: no cell of the CSV is read as a formula by a spreadsheet, whatever a call said, and the size of an answer
//! is bounded: `x-sluice-truncated` tells that there is more.

use std::cell::Cell;
use std::ops::ControlFlow;

use serde_json::value::RawValue;

use super::query::{Format, ListQuery};
use super::row::{Entries, Row, plain};
use super::{Scope, item, scan};
use crate::console::Stop;
use crate::console::envelope::{Refusal, reply};
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::logbook::Entry;

/// Longest export, in bytes: it is held and handed over in one piece.
const MAX_BYTES: usize = 8 << 20;
/// Exports of a worker at a time: each holds its answer.
const MOST: usize = 2;

thread_local! {
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
}

/// One of the exports under way.
struct Turn;

impl Turn {
    fn take() -> Result<Self, Refusal> {
        if UNDER_WAY.get() >= MOST {
            let message = format!("At most {MOST} exports at a time: try again in a moment");
            return Err(Refusal::busy(message));
        }
        UNDER_WAY.set(UNDER_WAY.get().saturating_add(1));
        Ok(Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get().saturating_sub(1));
    }
}

/// The columns of the CSV; a dot leads into an object.
const COLUMNS: [&str; 31] = [
    "id",
    "event_id",
    "created_at",
    "account_id",
    "gateway_id",
    "provider",
    "model",
    "model_type",
    "path",
    "request_type",
    "step",
    "status_code",
    "success",
    "cached",
    "outcome",
    "duration",
    "timings.latency",
    "tokens_in",
    "tokens_out",
    "cost",
    "custom_cost",
    "saved_cost",
    "finish_reason",
    "error_type",
    "error_code",
    "feedback",
    "score",
    "metadata",
    "user_agent",
    "request_size",
    "response_size",
];

/// The answer: the newest record first, or the oldest where the order is ascending.
pub(super) async fn export(
    cx: &Cx,
    scope: &Scope,
    query: &ListQuery,
    format: Format,
) -> Result<Reply, Stop> {
    let _turn = Turn::take()?;
    let mut body = Vec::new();
    if format == Format::Csv {
        write_cells(COLUMNS.into_iter(), &mut body);
    }
    let mut is_truncated = false;
    let mut visit = |_, entry: &Entry<'_>| {
        if !scope.holds(entry) || !Row::read(entry).is_some_and(|row| query.wanted.matches(&row)) {
            return ControlFlow::Continue(());
        }
        let before = body.len();
        match format {
            Format::Ndjson => {
                item::write(entry.line, &mut body);
                body.push(b'\n');
            }
            Format::Csv => write_row(entry.line, &mut body),
        }
        if body.len() <= MAX_BYTES {
            return ControlFlow::Continue(());
        }
        body.truncate(before);
        is_truncated = true;
        ControlFlow::Break(())
    };
    let mut way = query.wanted.way(query.order.is_ascending);
    // A record that matches is read again and written.
    way.rereads = way.rereads.saturating_add(2);
    scan::through(cx, way, &mut visit).await?;
    let (content_type, name) = match format {
        Format::Ndjson => ("application/x-ndjson", "logs.ndjson"),
        Format::Csv => ("text/csv; charset=utf-8; header=present", "logs.csv"),
    };
    let mut reply = reply(200, content_type, body);
    let disposition = format!("attachment; filename=\"{name}\"");
    reply
        .headers
        .push(("content-disposition".into(), disposition));
    reply
        .headers
        .push(("x-sluice-truncated".into(), is_truncated.to_string()));
    Ok(reply)
}

fn write_row(line: &[u8], body: &mut Vec<u8>) {
    let mut shown = Vec::new();
    item::write(line, &mut shown);
    let entries: Entries<'_> = serde_json::from_slice(&shown).unwrap_or_default();
    let value = |column: &str| {
        let (outer, inner) = column.split_once('.').unwrap_or((column, ""));
        let value = find(&entries, outer)?;
        if inner.is_empty() {
            return Some(cell(value.get()));
        }
        let inside: Entries<'_> = serde_json::from_str(value.get()).ok()?;
        find(&inside, inner).map(|value| cell(value.get()))
    };
    let cells: Vec<_> = COLUMNS
        .iter()
        .map(|column| value(column).unwrap_or_default())
        .collect();
    write_cells(cells.iter().map(String::as_str), body);
}

fn find<'a>(entries: &Entries<'a>, name: &str) -> Option<&'a RawValue> {
    let found = entries.0.iter().find(|(key, _)| key.get() == Some(name));
    found.map(|(_, value)| *value)
}

/// The text of a cell. A text that a spreadsheet would take for a formula gets a quote before it; a number cannot be one.
fn cell(json: &str) -> String {
    if json == "null" {
        return String::new();
    }
    let text = plain(json);
    let is_text = json.starts_with('"');
    let risky = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if is_text && text.trim_start_matches(' ').starts_with(risky) {
        return format!("'{text}");
    }
    text.into_owned()
}

/// One line of cells (RFC 4180).
fn write_cells<'a>(cells: impl Iterator<Item = &'a str>, body: &mut Vec<u8>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        if cell.contains([',', '"', '\r', '\n', ';', '\'']) {
            body.push(b'"');
            body.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            body.push(b'"');
        } else {
            body.extend_from_slice(cell.as_bytes());
        }
    }
    body.extend_from_slice(b"\r\n");
}
