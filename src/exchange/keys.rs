//! The stored key that a call is sent with, where its client brings none of its own (contract §10.1).
//!
//! Invariant: a key stands in the edits of one request only; no record, error or cache key holds it.

use std::rc::Rc;

use super::call::Call;
use super::cx::{Cx, Edit};
use crate::config::{Config, KeyPool};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::provider::{CREDENTIAL_HEADERS, Placement};
use crate::policy::key_pool::{self, Change, Chosen};
use crate::policy::retry::Advice;

/// The keys that a call may be sent with.
#[derive(Clone)]
pub struct Keys {
    pool: Rc<KeyPool>,
    place: Placement,
    alias: Option<String>,
}

impl Keys {
    /// The keys for a call that brings no credential; `alias` is the one it asks for.
    ///
    /// # Errors
    /// No key has that alias.
    pub fn of(
        config: &Config,
        call: &Call,
        (head, query): (&HeaderList, Option<&str>),
        alias: Option<String>,
    ) -> Result<Option<Self>, Reject> {
        let pool = config.key_pool(&call.provider, &call.gateway.id);
        if pool.is_none() && alias.is_none() {
            return Ok(None);
        }
        let endpoint = &call.upstream.endpoint;
        let place = pool.map_or_else(
            || Placement::of(&call.provider, endpoint),
            |pool| pool.placement(endpoint),
        );
        if place.is_shown(head, query, &call.admission.consumed) {
            return Ok(None);
        }
        let knows =
            |alias: &str| pool.is_some_and(|pool| pool.keys.iter().any(|key| key.alias == alias));
        let pool = pool.filter(|_| alias.as_deref().is_none_or(knows));
        let Some(pool) = pool else {
            let pool = config.key_pool(&call.provider, &call.gateway.id);
            let pool = pool.map(|pool| &**pool);
            return Err(key_pool::unknown_alias(
                &call.provider,
                pool,
                alias.as_deref(),
            ));
        };
        Ok(Some(Self {
            pool: Rc::clone(pool),
            place,
            alias,
        }))
    }

    /// The key for the next attempt.
    pub fn choose(&self, cx: &Cx) -> Result<Chosen, Reject> {
        let chosen = key_pool::choose(cx.host(), cx.now(), &self.pool, self.alias.as_deref())?;
        if let Some(fault) = chosen.fault {
            let provider = &self.pool.provider;
            cx.complain(format!(
                "rests of the keys of {provider} not heeded: {fault}"
            ));
        }
        Ok(chosen)
    }

    /// Whether a key may lead to another cluster.
    pub fn may_turn(&self) -> bool {
        self.pool.keys.iter().any(|key| key.cluster.is_some())
    }

    /// What sends the request with that key, and with nothing of what its client left empty.
    pub fn edits(&self, cx: &Cx, chosen: &Chosen, head: &HeaderList) -> impl Iterator<Item = Edit> {
        let key = &chosen.key;
        let value = self.place.value(key.secret.reveal());
        let cluster = key.cluster.as_ref().map(|cluster| {
            let name = cx.worker.config.cluster_header.clone().into();
            Edit::Set(name, cluster.clone().into_bytes())
        });
        let host = key.host.as_ref();
        let host = host.map(|host| Edit::Set(":authority".into(), host.clone().into_bytes()));
        let own = Edit::Set(self.place.header().to_owned().into(), value);
        let is_empty = |name: &&&str| {
            let is_other = **name != self.place.header() && **name != "sec-websocket-protocol";
            is_other && head.contains(name)
        };
        let empty = CREDENTIAL_HEADERS.iter().filter(is_empty);
        let removed: Vec<_> = empty.map(|name| Edit::Remove((*name).into())).collect();
        let set = [Some(own), cluster, host].into_iter().flatten();
        removed.into_iter().chain(set)
    }
}

/// Takes the provider's verdict on the key, with what it advises: whether another attempt would get another one.
pub fn report(cx: &Cx, chosen: &Chosen, head: &HeaderList, advice: Advice) -> bool {
    let status = head.text(":status").and_then(|status| status.parse().ok());
    let Some(mut status) = status else {
        return false;
    };
    // A quota that is used up does not come back by waiting: that is what 402 says.
    if status == 429 && advice.is_used_up {
        status = 402;
    }
    match key_pool::report(cx.host(), cx.now(), chosen, status, advice.wait) {
        Ok(report) => {
            tell(cx, chosen, status, report.change);
            report.has_spare
        }
        Err(fault) => {
            cx.complain(format!("the rest of a key was not noted: {fault}"));
            false
        }
    }
}

/// Tells the operator how a key fares; other pools are not drowned by it.
fn tell(cx: &Cx, chosen: &Chosen, status: u16, change: Change) {
    let (alias, pool) = (&chosen.key.alias, chosen.pool());
    let text = match change {
        Change::Kept => return,
        Change::Rested(rest) => {
            let seconds = rest.as_secs();
            format!("rests for {seconds} s: its provider answered {status}")
        }
        Change::Well => "is well again".to_owned(),
    };
    let provider = &pool.provider;
    let text = format!("key {alias} of {provider} {text}");
    cx.complain_of(&key_pool::shared_name(pool), text);
}
