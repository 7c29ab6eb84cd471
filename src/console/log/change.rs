//! Changes of records: feedback, score and metadata of one, or the end of many.
//!
//! The keeper makes them. Invariant: success is told only after the change was seen in the store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::best::{Best, Rank};
use super::deletion::DeleteQuery;
use super::row::Row;
use super::{Scope, owner, scan, single};
use crate::console::Stop;
use crate::console::body;
use crate::console::envelope::{Refusal, success};
use crate::console::pace::{Pace, sleep};
use crate::exchange::cx::Cx;
use crate::host::QueueId;
use crate::http::reply::Reply;
use crate::keeper::message::{Message, Patch};
use crate::keeper::{self, QUEUE};
use crate::logbook::{Entry, Id};
use crate::policy::metadata::Metadata;
use crate::policy::privacy;

/// How long a change may take to be seen, nanoseconds: that of one record, or of so many segments.
const PATIENCE: u64 = 2_000_000_000;
/// How often it is looked for, nanoseconds.
const LOOK_EVERY: u64 = 5_000_000;
/// Segments that are changed at a time.
const SEGMENTS: usize = 256;
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
    make(cx, keeper(cx)?, &[Message::Patch(patch)]).await?;
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
    let chosen: Vec<_> = chosen.into_iter().collect();
    let mut deleted = 0_usize;
    for segments in chosen.chunks(SEGMENTS) {
        let delete = |(segment, ids): &(u64, Vec<Id>)| Message::Delete {
            segment: *segment,
            ids: ids.clone(),
        };
        let messages: Vec<_> = segments.iter().map(delete).collect();
        // One after the other: the keeper does other things in between, and is waited for only as long as one takes.
        make(cx, keeper(cx)?, &messages).await?;
        let sizes = segments.iter().map(|(_, ids)| ids.len());
        deleted = sizes.fold(deleted, usize::saturating_add);
    }
    Ok(success(&json!({"deleted": deleted})))
}

/// The records to delete, by segment: so the keeper finds them, and writes each segment once.
type Chosen = BTreeMap<u64, Vec<Id>>;

/// Every match, whatever the order.
async fn all(cx: &Cx, scope: &Scope, query: &DeleteQuery) -> Result<Chosen, Stop> {
    let mut chosen = Chosen::default();
    let is_everything = query.wanted.is_everything();
    scan::through(cx, query.wanted.way(false), &mut |place, entry| {
        let is_wanted = || Row::read(entry).is_some_and(|row| query.wanted.matches(&row));
        if scope.holds(entry) && (is_everything || is_wanted()) {
            chosen.entry(place.0).or_default().push(entry.id);
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
    let mut chosen = Chosen::default();
    while let Some(rank) = best.worst() {
        chosen.entry(rank.place.0).or_default().push(rank.id);
        pace.step(0).await?;
    }
    Ok(chosen)
}

/// The keeper's queue; without a keeper nobody may change anything.
fn keeper(cx: &Cx) -> Result<QueueId, Stop> {
    let queue = cx.host().resolve_queue(QUEUE)?;
    queue.ok_or_else(|| Refusal::unavailable("Logs cannot be changed: no keeper is mounted").into())
}

/// Lets the keeper do this, and waits until it is done.
async fn make(cx: &Cx, keeper: QueueId, messages: &[Message<'_>]) -> Result<(), Stop> {
    let number = keeper::send(cx.host(), keeper, messages)?;
    let end = cx.now().saturating_add(PATIENCE);
    while !keeper::is_done(cx.host(), number)? {
        if cx.now() >= end {
            let message = "The change was not seen in time; it may still be made";
            return Err(Refusal::unavailable(message).into());
        }
        sleep(cx, LOOK_EVERY).await?;
    }
    Ok(())
}
