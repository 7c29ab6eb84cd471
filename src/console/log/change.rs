//! Changes of records: feedback, score and metadata of one, or the end of many.
//!
//! The keeper makes them. Invariant: success is told only after the change was seen in the store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::best::{Best, Rank};
use super::deletion::DeleteQuery;
use super::row::Row;
use super::scan::Place;
use super::{Scope, find_in, owner, scan, single};
use crate::console::Stop;
use crate::console::body;
use crate::console::envelope::{Refusal, success};
use crate::console::pace::{Pace, sleep};
use crate::exchange::cx::Cx;
use crate::host::QueueId;
use crate::http::reply::Reply;
use crate::keeper::message::{Message, Patch};
use crate::keeper::{self, QUEUE};
use crate::logbook::{self, Entry, Id};
use crate::policy::metadata::Metadata;
use crate::policy::privacy;

/// How long a change may take to be seen, nanoseconds.
const PATIENCE: u64 = 2_000_000_000;
/// How often it is looked for, nanoseconds.
const LOOK_EVERY: u64 = 5_000_000;
/// Ids in one message.
const BATCH: usize = 4096;
/// Longest body of a patch, in bytes.
const MAX_BODY: usize = 64 << 10;

/// `PATCH …/logs/{id}`.
pub(super) async fn patch(cx: &Cx, scope: &Scope, id: &str) -> Result<Reply, Stop> {
    let body = body::read_object(cx, MAX_BODY).await?;
    let mut patch = read_patch(&body)?;
    let found = single::find(cx, scope, id).await?;
    let entry = found.entry()?;
    patch.id = found.id;
    patch.metadata = patch.metadata.map(|text| logged(cx, &entry, text));
    if (&patch.feedback, &patch.score, &patch.metadata) == (&None, &None, &None) {
        return Ok(success(&json!({})));
    }
    let wanted = patch.clone();
    keeper::send(cx.host(), keeper(cx)?, &[Message::Patch(patch)])?;
    let seen = |cx: &Cx| {
        let segment = logbook::segment(cx.host(), found.number)?;
        let now = segment
            .as_ref()
            .and_then(|segment| find_in(segment, &found.id));
        // Deleted meanwhile: nothing to wait for.
        Ok(now.is_none_or(|now| is_made(&wanted, entry.line, now.line)))
    };
    wait(cx, seen).await?;
    Ok(success(&json!({})))
}

/// New metadata as the record's own gateway lets it be logged.
fn logged(cx: &Cx, entry: &Entry<'_>, text: String) -> String {
    let (account, gateway) = owner(entry);
    let config = &cx.worker.config;
    let gateway = config.gateway(account.unwrap_or_default(), gateway.unwrap_or_default());
    let privacy = gateway.and_then(|gateway| gateway.privacy.as_ref());
    let (Some(privacy), Some(metadata)) = (privacy, Metadata::parse(text.as_bytes())) else {
        return text;
    };
    serde_json::to_string(&privacy::metadata(&metadata, privacy)).unwrap_or_default()
}

/// Whether what the patch names has been changed since the record was found: to what the patch says, or to what
/// another one said right after it.
fn is_made(patch: &Patch, before: &[u8], now: &[u8]) -> bool {
    let read = |line| serde_json::from_slice::<Map<String, Value>>(line);
    let (Ok(before), Ok(now)) = (read(before), read(now)) else {
        return true;
    };
    let fields = [
        ("feedback", &patch.feedback),
        ("score", &patch.score),
        ("metadata", &patch.metadata),
    ];
    fields.into_iter().all(|(name, wanted)| {
        let wanted = wanted
            .as_ref()
            .map(|text| serde_json::from_str::<Value>(text));
        let Some(Ok(wanted)) = wanted else {
            return true;
        };
        let [before, now] = [&before, &now].map(|line| line.get(name).unwrap_or(&Value::Null));
        now == &wanted || now != before
    })
}

fn read_patch(body: &Map<String, Value>) -> Result<Patch, Refusal> {
    let invalid = |name: &str, wanted: &str| {
        Refusal::invalid("body", name, format!("{name} must be {wanted}"))
    };
    let feedback = match body.get("feedback") {
        None => None,
        Some(Value::Null) => Some("null".to_owned()),
        Some(value) if value.as_f64() == Some(1.0) => Some("1".to_owned()),
        Some(value) if value.as_f64() == Some(-1.0) => Some("-1".to_owned()),
        Some(_) => return Err(invalid("feedback", "1, -1 or null")),
    };
    let score = match body.get("score") {
        None => None,
        Some(value @ (Value::Null | Value::Number(_))) => Some(value.to_string()),
        Some(_) => return Err(invalid("score", "a number or null")),
    };
    let metadata = match body.get("metadata") {
        None => None,
        Some(Value::Null) => Some("null".to_owned()),
        Some(value) => {
            let metadata = Metadata::parse(value.to_string().as_bytes());
            let wanted = "an object of at most five texts, numbers and booleans, or null";
            let fits = |metadata: &Metadata| {
                Some(metadata.entries().len()) == value.as_object().map(Map::len)
            };
            let metadata = metadata
                .filter(fits)
                .ok_or_else(|| invalid("metadata", wanted))?;
            Some(serde_json::to_string(&metadata).unwrap_or_default())
        }
    };
    Ok(Patch {
        id: Id::default(),
        feedback,
        score,
        metadata,
    })
}

/// `DELETE …/logs`.
pub(super) async fn delete(cx: &Cx, scope: &Scope, query: &DeleteQuery) -> Result<Reply, Stop> {
    let chosen = match query.limit {
        None => all(cx, scope, query).await?,
        Some(limit) => first(cx, scope, query, limit).await?,
    };
    if !chosen.ids.is_empty() {
        let keeper = keeper(cx)?;
        let pace = Pace::new(cx);
        for batch in chosen.ids.chunks(BATCH) {
            keeper::send(cx.host(), keeper, &[Message::Delete(batch.to_vec())])?;
            pace.look().await?;
        }
        // The keeper takes them in their order and writes the segments in one of its own.
        for (number, last) in &chosen.last {
            let seen = |cx: &Cx| {
                let segment = logbook::segment(cx.host(), *number)?;
                Ok(segment.is_none_or(|segment| find_in(&segment, last).is_none()))
            };
            wait(cx, seen).await?;
            pace.look().await?;
        }
    }
    Ok(success(&json!({"deleted": chosen.ids.len()})))
}

/// The records to delete. Those of one segment follow each other, so that the keeper writes it once.
#[derive(Default)]
struct Chosen {
    ids: Vec<Id>,
    /// The last one of each segment, with the number of the segment.
    last: Vec<(u64, Id)>,
}

impl Chosen {
    fn push(&mut self, Place(number, _): Place, id: Id) {
        self.ids.push(id);
        match self.last.last_mut() {
            Some((at, last)) if *at == number => *last = id,
            _ => self.last.push((number, id)),
        }
    }
}

/// Every match, whatever the order.
async fn all(cx: &Cx, scope: &Scope, query: &DeleteQuery) -> Result<Chosen, Stop> {
    let mut chosen = Chosen::default();
    let is_everything = query.wanted.is_everything();
    scan::through(cx, query.wanted.way(false), &mut |place, entry| {
        let is_wanted = || Row::read(entry).is_some_and(|row| query.wanted.matches(&row));
        if scope.holds(entry) && (is_everything || is_wanted()) {
            chosen.push(place, entry.id);
        }
        ControlFlow::Continue(())
    })
    .await?;
    Ok(chosen)
}

/// The first matches in the order.
async fn first(cx: &Cx, scope: &Scope, query: &DeleteQuery, limit: usize) -> Result<Chosen, Stop> {
    let mut best = Best::new(query.order, limit);
    scan::through(cx, query.wanted.way(false), &mut |place, entry| {
        if scope.holds(entry)
            && let Some(row) = Row::read(entry)
            && query.wanted.matches(&row)
        {
            best.push(Rank::of(query.order, place, entry, Some(&row)));
        }
        ControlFlow::Continue(())
    })
    .await?;
    let pace = Pace::new(cx);
    let mut sorted = BTreeMap::new();
    while let Some(rank) = best.worst() {
        sorted.insert(rank.place, rank.id);
        pace.step(0).await?;
    }
    let mut chosen = Chosen::default();
    while let Some((place, id)) = sorted.pop_first() {
        chosen.push(place, id);
        pace.step(0).await?;
    }
    Ok(chosen)
}

/// The keeper's queue; without a keeper nobody may change anything.
fn keeper(cx: &Cx) -> Result<QueueId, Stop> {
    let queue = cx.host().resolve_queue(QUEUE)?;
    queue.ok_or_else(|| Refusal::unavailable("Logs cannot be changed: no keeper is mounted").into())
}

/// Looks until it is so.
async fn wait(cx: &Cx, seen: impl Fn(&Cx) -> Result<bool, Stop>) -> Result<(), Stop> {
    let end = cx.now().saturating_add(PATIENCE);
    while !seen(cx)? {
        if cx.now() >= end {
            return Err(Refusal::unavailable(
                "The change was not seen in time; it may still be made",
            )
            .into());
        }
        sleep(cx, LOOK_EVERY).await?;
    }
    Ok(())
}
