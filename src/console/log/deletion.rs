//! What a deletion of logs is asked for (contract §7.3).
//!
//! Invariant: nothing unknown and nothing empty is let pass, for what it was meant to leave out would be deleted.

use super::Scope;
use super::query::{Order, Wanted, read_order};
use super::written::is_filters;
use crate::console::envelope::{Refusal, word};
use crate::console::request::Query;

/// A deletion of records.
#[derive(Clone, Debug)]
pub(in crate::console) struct DeleteQuery {
    pub(in crate::console) wanted: Wanted,
    pub(in crate::console) order: Order,
    /// How many at most.
    pub(in crate::console) limit: Option<usize>,
}

impl DeleteQuery {
    /// Reads the parameters of a deletion.
    pub(in crate::console) fn read(query: &Query) -> Result<Self, Refusal> {
        for (name, value) in query.pairs() {
            let is_known = DELETE_PARAMETERS.contains(&name.as_str()) || is_filters(name);
            if !is_known {
                let known = DELETE_PARAMETERS.join(", ");
                let message = format!("a deletion takes {known} only, found {}", word(name));
                return Err(Refusal::invalid("query", name, message));
            }
            // As the official SDKs write a filter's null.
            let may_be_empty = name != "filters" && is_filters(name);
            if value.is_empty() && !may_be_empty {
                let message = format!("{name} must not be empty in a deletion");
                return Err(Refusal::invalid("query", name, message));
            }
        }
        let limit = query.read::<usize>("limit", "a whole number from 1")?;
        if limit == Some(0) {
            return Err(Refusal::invalid(
                "query",
                "limit",
                "limit must be a whole number from 1",
            ));
        }
        let wanted = Wanted::read(query)?;
        if wanted.is_everything() && query.pairs().iter().any(|(name, _)| is_filters(name)) {
            let message =
                "filters must not be empty in a deletion: leave it out to delete every log";
            return Err(Refusal::invalid("query", "filters", message));
        }
        Ok(Self {
            wanted,
            order: read_order(query)?,
            limit,
        })
    }

    /// Without filters and limit it empties a log: of one gateway and account, never of `_`.
    pub(in crate::console) fn check(&self, scope: &Scope) -> Result<(), Refusal> {
        let is_one = scope.account.is_some() && scope.gateway.is_some();
        if is_one || self.limit.is_some() || !self.wanted.is_everything() {
            return Ok(());
        }
        let message = "To delete every log, name the account and the gateway, not _; or give filters or a limit";
        Err(Refusal::invalid("query", "filters", message))
    }
}

/// What a deletion may be asked for besides `filters.key` and the like.
const DELETE_PARAMETERS: [&str; 4] = ["filters", "limit", "order_by", "order_by_direction"];
