//! How full a gateway's limits are now: ours, for the page.

use std::ops::ControlFlow;
use std::rc::Rc;

use serde_json::json;

use super::Stop;
use super::envelope::{Refusal, success};
use super::gateway::{strategy, technique};
use super::log::{self, Scope};
use super::request::Request;
use crate::config::Gateway;
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::keeper::queue;
use crate::logbook;
use crate::policy::rate_limit;
use crate::store::table;

/// The answer to `…/gateways/{id}/limits`.
pub(super) async fn answer(
    cx: &Cx,
    request: &Request,
    scope: &Scope,
    gateway: &Rc<Gateway>,
) -> Result<Reply, Stop> {
    if request.method != "GET" {
        return Err(Refusal::method("GET").into());
    }
    // `_` is the one account of a gateway that has one; of every other gateway each account has a log of its own.
    let account = scope.account.clone().or_else(|| gateway.account_id.clone());
    let is_one = account.is_some();
    let scope = Scope {
        account,
        ..scope.clone()
    };
    let (mut records, mut bytes) = (0_u64, 0_u64);
    log::newest_first(cx, &mut |_, entry| {
        if scope.holds(entry) {
            let size = u64::try_from(entry.line.len()).unwrap_or(u64::MAX);
            records = records.saturating_add(1);
            bytes = bytes.saturating_add(size);
        }
        ControlFlow::Continue(())
    })
    .await?;
    let (host, config) = (cx.host(), &cx.worker.config);
    let used = rate_limit::used(host, gateway)?;
    let rate_limit = gateway
        .rate_limit
        .as_ref()
        .zip(used)
        .map(|(limit, (used, wait))| {
            json!({
                "limit": limit.limit.get(),
                "interval": limit.interval.as_secs(),
                "technique": technique(limit.technique),
                "used": used,
                "resets_in": wait.as_secs_f64(),
            })
        });
    let management = gateway.log_management;
    let store = logbook::meta(host)?;
    Ok(success(&json!({
        "rate_limit": rate_limit,
        "log": {
            "records": records,
            "bytes": bytes,
            "limit": management.filter(|_| is_one).map(|it| it.limit.get()),
            "limit_per_account": management.map(|it| it.limit.get()),
            "strategy": management.map(|it| strategy(it.strategy)),
            "store": {
                "records": store.records,
                "bytes": store.bytes,
                "max_records": config.log_store.max_records,
                "max_bytes": config.log_store.max_bytes,
                "refused": store.refused,
            },
        },
        "cache": {"bytes": table::stored_bytes(host)?, "max_bytes": config.cache.max_bytes},
        "dropped": queue::account(host)?.dropped.max(store.dropped),
    })))
}
