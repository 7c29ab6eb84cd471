//! The stored key that a call is sent with, where its client brings none of its own (contract §10.1).
//!
//! Invariant: a key stands in the edits of one request only; no record, error or cache key holds it.

use std::rc::Rc;

use super::call::Call;
use super::cx::{Cx, Edit};
use crate::config::{Config, KeyPool};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::provider::Placement;
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

    /// What sends the request with that key.
    pub fn edits(&self, cx: &Cx, chosen: &Chosen) -> impl Iterator<Item = Edit> {
        let key = &chosen.key;
        let value = self.place.value(key.secret.reveal());
        let cluster = key.cluster.as_ref().map(|cluster| {
            let name = cx.worker.config.cluster_header.clone();
            Edit::Set(name, cluster.clone().into_bytes())
        });
        let host = key.host.as_ref();
        let host = host.map(|host| Edit::Set(":authority".into(), host.clone().into_bytes()));
        let own = Edit::Set(self.place.header().to_owned(), value);
        [Some(own), cluster, host].into_iter().flatten()
    }
}

/// Takes the provider's verdict on the key: whether another attempt would get another one.
pub fn report(cx: &Cx, chosen: &Chosen, head: &HeaderList) -> bool {
    let Some(status) = head.text(":status").and_then(|status| status.parse().ok()) else {
        return false;
    };
    let now = cx.now();
    let wait = Advice::read(head, now).wait;
    match key_pool::report(cx.host(), now, chosen, status, wait) {
        Ok(report) => {
            if let Change::Rested(rest) = report.change {
                let (alias, provider) = (&chosen.key.alias, &chosen.pool().provider);
                cx.complain(format!(
                    "key {alias} of {provider} rests for {} s: its provider answered {status}",
                    rest.as_secs()
                ));
            }
            report.has_spare
        }
        Err(fault) => {
            cx.complain(format!("the rest of a key was not noted: {fault}"));
            false
        }
    }
}
