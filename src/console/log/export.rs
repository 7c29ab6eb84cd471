//! All matches as a file: one JSON object a line, or CSV.
//!
//! An answer is handed over in one piece, which holds up the worker, so a long export comes in several: `x-sluice-next`
//! says where it goes on. Invariant: together they have each record once, and no cell of the CSV is read as a formula by a
//! spreadsheet, whatever a call said.

use std::ops::ControlFlow;

use serde_json::value::RawValue;

use super::query::{Format, ListQuery};
use super::row::{Entries, Row, plain};
use super::scan::Place;
use super::{Scope, item, scan};
use crate::console::Stop;
use crate::console::envelope::reply;
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::logbook::Entry;

/// After so many bytes an answer ends, with the segment that it has begun.
const ENOUGH: usize = 1 << 20;

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
    let mut body = Vec::with_capacity(ENOUGH);
    if format == Format::Csv && query.cursor.is_none() {
        write_cells(COLUMNS.into_iter(), &mut body);
    }
    let (mut begun, mut next) = (None, None);
    let mut visit = |place: Place, entry: &Entry<'_>| {
        let is_new = begun.replace(place.0) != Some(place.0);
        if is_new && body.len() >= ENOUGH {
            next = Some(place.0);
            return ControlFlow::Break(());
        }
        if scope.holds(entry) && Row::read(entry).is_some_and(|row| query.wanted.matches(&row)) {
            match format {
                Format::Ndjson => {
                    item::write(entry.line, &mut body);
                    body.push(b'\n');
                }
                Format::Csv => write_row(entry.line, &mut body),
            }
        }
        ControlFlow::Continue(())
    };
    let mut way = query.wanted.way(query.order.is_ascending);
    way.from = query.cursor;
    // A record that matches is read again and written.
    way.rereads = way.rereads.saturating_add(2);
    scan::through(cx, way, &mut visit).await?;
    let (content_type, name) = match format {
        Format::Ndjson => ("application/x-ndjson", "logs.ndjson"),
        Format::Csv if query.cursor.is_some() => {
            ("text/csv; charset=utf-8; header=absent", "logs.csv")
        }
        Format::Csv => ("text/csv; charset=utf-8; header=present", "logs.csv"),
    };
    let mut reply = reply(200, content_type, body);
    let disposition = format!("attachment; filename=\"{name}\"");
    let next = next.map(|next: u64| ("x-sluice-next".into(), next.to_string()));
    reply.headers.extend(
        [("content-disposition".into(), disposition)]
            .into_iter()
            .chain(next),
    );
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
