//! Sums over the records of a time range: in all, over time, by model, by group. Ours, for the page's overview.
//!
//! Invariant: however many models and groups there are, the answer has a bounded number; the rest is `other`.

mod histogram;
mod totals;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::Stop;
use super::envelope::{Refusal, success};
use super::log::{self, Row, Scope, Wanted};
use super::request::{Query, Request};
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::record::time::rfc3339;
use totals::Totals;

pub(super) use totals::picodollars;

/// Parts of the time range, unless the client says how many, and at most.
const BUCKETS: usize = 60;
const MAX_BUCKETS: usize = 240;
/// Most models, and most groups.
const MAX_KEYS: usize = 100;
/// What the rest is called.
const OTHER: &str = "other";
/// The time range, unless the client says which: the last day, in milliseconds.
const DAY: u64 = 86_400_000;
/// Longest time range.
const LONGEST: u64 = 400 * DAY;

/// The answer to `…/analytics`.
pub(super) async fn answer(cx: &Cx, request: &Request, scope: &Scope) -> Result<Reply, Stop> {
    if request.method != "GET" {
        return Err(Refusal::method("GET").into());
    }
    let asked = Asked::read(&request.query, cx.now() / 1_000_000)?;
    let mut sums = Sums::default();
    sums.buckets.resize_with(asked.buckets, Totals::default);
    log::through(cx, asked.wanted.way(false), &mut |_, entry| {
        let is_in = (asked.start..asked.end).contains(&entry.created_ms);
        if is_in
            && scope.holds(entry)
            && let Some(row) = Row::read(entry)
            && asked.wanted.matches(&row)
        {
            sums.add(&asked, entry.created_ms, &row);
        }
        ControlFlow::Continue(())
    })
    .await?;
    Ok(success(&sums.written(&asked)))
}

/// What is asked for. Times are milliseconds.
struct Asked {
    start: u64,
    end: u64,
    buckets: usize,
    /// Length of a bucket.
    width: u64,
    wanted: Wanted,
    /// The key of the metadata whose values are the groups.
    group_by: Option<String>,
}

impl Asked {
    fn read(query: &Query, now: u64) -> Result<Self, Refusal> {
        let end = log::read_date(query, "end_date")?.unwrap_or(now.saturating_add(1));
        let start = log::read_date(query, "start_date")?.unwrap_or(end.saturating_sub(DAY));
        let range = end.saturating_sub(start);
        if range == 0 || range > LONGEST {
            let message = "start_date must be before end_date, by 400 days at most";
            return Err(Refusal::invalid("query", "start_date", message));
        }
        let most = query.read::<u64>("buckets", "a whole number")?;
        let most = most.unwrap_or(u64::try_from(BUCKETS).unwrap_or_default());
        if most == 0 || usize::try_from(most).is_ok_and(|most| most > MAX_BUCKETS) {
            let message = format!("buckets must be from 1 to {MAX_BUCKETS}");
            return Err(Refusal::invalid("query", "buckets", message));
        }
        // Whole seconds.
        let width = range
            .div_ceil(most)
            .div_ceil(1000)
            .max(1)
            .saturating_mul(1000);
        let group_by = match query
            .text("group_by")
            .map(|text| text.strip_prefix("metadata."))
        {
            None => None,
            Some(Some(key)) if !key.is_empty() => Some(key.to_owned()),
            Some(_) => {
                let message = "group_by must be metadata. and a key, such as metadata.team";
                return Err(Refusal::invalid("query", "group_by", message));
            }
        };
        Ok(Self {
            start,
            end,
            buckets: usize::try_from(range.div_ceil(width)).unwrap_or(MAX_BUCKETS),
            width,
            wanted: Wanted::read(query)?,
            group_by,
        })
    }
}

/// The sums.
#[derive(Default)]
struct Sums {
    totals: Totals,
    buckets: Vec<Totals>,
    by_model: BTreeMap<(String, String), Totals>,
    by_group: BTreeMap<String, Totals>,
    is_truncated: bool,
}

impl Sums {
    fn add(&mut self, asked: &Asked, created_ms: u64, row: &Row<'_>) {
        self.totals.add(row);
        let bucket = created_ms
            .saturating_sub(asked.start)
            .checked_div(asked.width);
        let bucket = bucket.and_then(|bucket| usize::try_from(bucket).ok());
        if let Some(bucket) = bucket.and_then(|bucket| self.buckets.get_mut(bucket)) {
            bucket.add(row);
        }
        let model = (row.provider().to_owned(), row.model().to_owned());
        let other = (OTHER.to_owned(), OTHER.to_owned());
        self.is_truncated |= add_to(&mut self.by_model, model, other, row);
        let Some(key) = &asked.group_by else { return };
        let mut group = String::new();
        row.any_metadata(&mut |name, value| {
            let is_it = name == key;
            if is_it {
                value.clone_into(&mut group);
            }
            is_it
        });
        self.is_truncated |= add_to(&mut self.by_group, group, OTHER.to_owned(), row);
    }

    fn written(&self, asked: &Asked) -> Value {
        let time = |millis: u64| rfc3339(millis.saturating_mul(1_000_000));
        let with = |totals: &Totals, fields: &[(&str, &str)]| {
            let mut written = totals.written();
            let fields = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)));
            written.extend(fields);
            Value::Object(written)
        };
        let starts = (0_u64..).map(|index| {
            asked
                .start
                .saturating_add(asked.width.saturating_mul(index))
        });
        let buckets = self.buckets.iter().zip(starts);
        let buckets: Vec<_> = buckets
            .map(|(totals, start)| with(totals, &[("time", &time(start))]))
            .collect();
        let models = self.by_model.iter();
        let models = models.map(|((provider, model), totals)| {
            with(totals, &[("provider", provider), ("model", model)])
        });
        let groups = self
            .by_group
            .iter()
            .map(|(value, totals)| with(totals, &[("value", value)]));
        let mut written = Map::new();
        written.insert("start".to_owned(), json!(time(asked.start)));
        written.insert("end".to_owned(), json!(time(asked.end)));
        written.insert("bucket_seconds".to_owned(), json!(asked.width / 1000));
        written.insert("totals".to_owned(), Value::Object(self.totals.written()));
        written.insert("buckets".to_owned(), Value::Array(buckets));
        written.insert("by_model".to_owned(), models.collect());
        written.insert("by_group".to_owned(), groups.collect());
        written.insert("truncated".to_owned(), json!(self.is_truncated));
        Value::Object(written)
    }
}

/// Counts the record under its key, or under `other` where there are too many keys; says whether that was so.
fn add_to<K: Ord>(sums: &mut BTreeMap<K, Totals>, key: K, other: K, row: &Row<'_>) -> bool {
    let fits = sums.contains_key(&key) || sums.len() < MAX_KEYS;
    sums.entry(if fits { key } else { other })
        .or_default()
        .add(row);
    !fits
}
