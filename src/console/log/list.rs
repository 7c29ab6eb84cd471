//! A page of records (contract §7.3): all of them are looked at, the page's own are read a second time.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::best::{Best, Rank};
use super::filter::float;
use super::item;
use super::key::Key;
use super::query::ListQuery;
use super::row::Row;
use super::scan::{self, Place};
use super::{Scope, find_in};
use crate::console::Stop;
use crate::console::envelope::json_reply;
use crate::console::pace::Pace;
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::logbook::{self, Entry, Segment};

/// The answer to a list.
pub(super) async fn list(cx: &Cx, scope: &Scope, query: &ListQuery) -> Result<Reply, Stop> {
    let mut found = Found {
        best: Best::new(query.order, query.page.end()),
        total: 0,
        extremes: query.has_extremes.then(Extremes::default),
    };
    scan::through(cx, query.wanted.way(false), &mut |place, entry| {
        if scope.holds(entry) {
            found.take(query, place, entry);
        }
        ControlFlow::Continue(())
    })
    .await?;
    let ranks = found.best.after(query.page.skipped());
    let mut body = br#"{"success":true,"errors":[],"messages":[],"result":["#.to_vec();
    let count = write_items(cx, &ranks, &mut body).await?;
    let info = json!({
        "count": count,
        "page": query.page.page,
        "per_page": query.page.per_page,
        "total_count": found.total,
    });
    let extremes = found.extremes.map(|extremes| extremes.written());
    body.extend_from_slice(b"],\"result_info\":");
    body.extend_from_slice(joined(info, extremes).to_string().as_bytes());
    body.push(b'}');
    Ok(json_reply(200, body))
}

struct Found {
    best: Best,
    total: u64,
    extremes: Option<Extremes>,
}

impl Found {
    fn take(&mut self, query: &ListQuery, place: Place, entry: &Entry<'_>) {
        let is_simple = query.wanted.is_everything()
            && self.extremes.is_none()
            && query.order.by == Key::CreatedAt;
        let row = if is_simple { None } else { Row::read(entry) };
        if !is_simple && !row.as_ref().is_some_and(|row| query.wanted.matches(row)) {
            return;
        }
        self.total = self.total.saturating_add(1);
        if let (Some(extremes), Some(row)) = (&mut self.extremes, &row) {
            extremes.take(row);
        }
        self.best
            .push(Rank::of(query.order, place, entry, row.as_ref()));
    }
}

/// Writes the records of these ranks that are still there, and says how many.
async fn write_items(cx: &Cx, ranks: &[Rank], body: &mut Vec<u8>) -> Result<usize, Stop> {
    let pace = Pace::new(cx);
    let (mut count, mut last): (usize, Option<(u64, Segment)>) = (0, None);
    for rank in ranks {
        let number = rank.place.0;
        if last.as_ref().is_none_or(|(at, _)| *at != number) {
            last = logbook::segment(cx.host(), number)?.map(|segment| (number, segment));
        }
        if let Some(entry) = last
            .as_ref()
            .and_then(|(_, segment)| find_in(segment, &rank.id))
        {
            if count > 0 {
                body.push(b',');
            }
            item::write(entry.line, body);
            count = count.saturating_add(1);
        }
        pace.look().await?;
    }
    Ok(count)
}

/// Least and greatest of a field over all matches.
#[derive(Default)]
struct Extremes([Option<(f64, f64)>; 5]);

impl Extremes {
    const NAMES: [&str; 5] = [
        "cost",
        "duration",
        "tokens_in",
        "tokens_out",
        "total_tokens",
    ];

    fn take(&mut self, row: &Row<'_>) {
        let counts = [row.duration, row.tokens_in, row.tokens_out, row.tokens()];
        let counts = counts.map(|count| count.map(float));
        let values = [Some(row.cost())].into_iter().chain(counts);
        for (extreme, value) in self.0.iter_mut().zip(values) {
            let Some(value) = value else { continue };
            let (least, greatest) = extreme.unwrap_or((value, value));
            *extreme = Some((least.min(value), greatest.max(value)));
        }
    }

    fn written(&self) -> Value {
        let mut fields = Map::new();
        for (name, extreme) in Self::NAMES.into_iter().zip(&self.0) {
            fields.insert(
                format!("min_{name}"),
                json!(extreme.map(|(least, _)| least)),
            );
            fields.insert(
                format!("max_{name}"),
                json!(extreme.map(|(_, greatest)| greatest)),
            );
        }
        Value::Object(fields)
    }
}

fn joined(mut one: Value, other: Option<Value>) -> Value {
    if let (Value::Object(one), Some(Value::Object(other))) = (&mut one, other) {
        one.extend(other);
    }
    one
}
