//! The logs of the control API (contract §7.3): lists, exports, single records, changes.
//!
//! Reading goes to shared data directly, in slices ([`scan`]); every change is a message to the keeper, the only writer.

mod best;
mod change;
mod deletion;
mod export;
mod filter;
mod instant;
mod item;
mod key;
mod list;
mod query;
mod row;
mod scan;
mod single;
mod written;

use super::Stop;
use super::envelope::Refusal;
use super::request::Request;
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::logbook::{Entry, Id, Segment};

pub(super) use filter::float;
pub(super) use query::{Wanted, read_date};
pub(super) use row::{Row, owner};
pub(super) use scan::{Way, newest_first, through};
pub(super) use written::read_json;
#[cfg(test)]
pub(super) use {instant::parse as parse_instant, key::KEYS};

/// Whose records are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// The account; `None`: every one.
    pub(super) account: Option<String>,
    /// The gateway; `None`: every one.
    pub(super) gateway: Option<String>,
}

impl Scope {
    /// Whether the record is one of theirs. Reads no more of it than it must.
    pub(super) fn holds(&self, entry: &Entry<'_>) -> bool {
        if self.account.is_none() && self.gateway.is_none() {
            return true;
        }
        let (account, gateway) = owner(entry);
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        is(&self.account, account) && is(&self.gateway, gateway)
    }
}

/// Answers `…/logs/…`: `rest` is what follows.
pub(super) async fn answer(
    cx: &Cx,
    request: &Request,
    scope: &Scope,
    rest: &[&str],
) -> Result<Reply, Stop> {
    let method = request.method.as_str();
    match (rest, method) {
        ([], "GET") => {
            let query = query::ListQuery::read(&request.query)?;
            match query.format {
                Some(format) => export::export(cx, scope, &query, format).await,
                None => list::list(cx, scope, &query).await,
            }
        }
        ([], "DELETE") => {
            let query = deletion::DeleteQuery::read(&request.query)?;
            query.check(scope)?;
            change::delete(cx, scope, &query).await
        }
        ([], _) => Err(Refusal::method("GET, DELETE").into()),
        ([id], "GET") => single::detail(cx, scope, id).await,
        ([id], "PATCH") => change::patch(cx, scope, id).await,
        ([_], _) => Err(Refusal::method("GET, PATCH").into()),
        ([id, "request"], "GET") => single::body(cx, scope, id, single::Body::Request).await,
        ([id, "response"], "GET") => single::body(cx, scope, id, single::Body::Response).await,
        ([_, "request" | "response"], _) => Err(Refusal::method("GET").into()),
        _ => Err(Refusal::not_found("Path").into()),
    }
}

/// The record with that id.
fn find_in<'a>(segment: &'a Segment, id: &Id) -> Option<Entry<'a>> {
    segment.entries().find(|entry| entry.id == *id)
}
