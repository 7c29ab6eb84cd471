//! Gateways as the contract shows them (§1.9), read from the configuration, and what belongs to them there.
//!
//! Configuration is code: a write is answered with the field to change. Nothing is known of when a gateway was written,
//! so its times are the beginning of the epoch.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::envelope::{self, Refusal, success};
use super::request::Request;
use crate::config::{Backoff, ElementKind, Form, Gateway, KeyPool, LogStrategy, Sink, Technique};
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::llm::provider;

/// When something configured was made, as far as anybody knows.
pub(super) const UNKNOWN_TIME: &str = "1970-01-01T00:00:00.000Z";

/// `…/gateways`.
pub(super) fn list(cx: &Cx, request: &Request, account: Option<&str>) -> Result<Reply, Refusal> {
    if request.method != "GET" {
        return Err(read_only(
            "add an entry to `gateways` in the filter's configuration",
        ));
    }
    let page = request.query.page(20, 100)?;
    let search = request
        .query
        .text("search")
        .unwrap_or_default()
        .to_lowercase();
    let seen = visible(cx, account);
    let found = seen.filter(|gateway| gateway.id.to_lowercase().contains(&search));
    Ok(envelope::page_of(
        found.map(|gateway| shown(gateway)).collect(),
        &page,
    ))
}

/// `…/gateways/{id}`.
pub(super) fn single(
    cx: &Cx,
    request: &Request,
    account: Option<&str>,
    id: &str,
) -> Result<Reply, Refusal> {
    let gateway = find(cx, account, id)?;
    match request.method.as_str() {
        "GET" => Ok(success(&shown(gateway))),
        "DELETE" => Err(read_only(&format!(
            "remove the entry of `gateways` with `id: {id}`"
        ))),
        _ => Err(read_only(&format!(
            "change cache_ttl, rate_limiting_limit, log_management and the like in the entry of `gateways` with `id: {id}`"
        ))),
    }
}

fn read_only(what: &str) -> Refusal {
    Refusal::read_only(
        "GET",
        format!("Gateways are configured, not written here: {what} and let Envoy load it"),
    )
}

/// The gateway as the account sees it.
pub(super) fn find<'c>(
    cx: &'c Cx,
    account: Option<&str>,
    id: &str,
) -> Result<&'c Rc<Gateway>, Refusal> {
    let config = &cx.worker.config;
    let found = match account {
        Some(account) => config.gateway(account, id),
        // One of every account comes before those of one.
        None => config.gateways().find(|gateway| gateway.id == id),
    };
    found.ok_or_else(|| Refusal::not_found("Gateway"))
}

/// Those that the account has: its own, and those of every account that it has no own in the place of.
fn visible<'c>(cx: &'c Cx, account: Option<&'c str>) -> impl Iterator<Item = &'c Rc<Gateway>> {
    let config = &cx.worker.config;
    config.gateways().filter(move |gateway| {
        let seen = |account| config.gateway(account, &gateway.id);
        account.is_none_or(|account| seen(account).is_some_and(|found| Rc::ptr_eq(found, gateway)))
    })
}

/// The contract's gateway object.
fn shown(gateway: &Gateway) -> Value {
    let (limit, retry) = (gateway.rate_limit.as_ref(), &gateway.retry);
    let backoff = Backoff::WORDS
        .iter()
        .find(|(_, kind)| *kind == retry.backoff);
    let retries = retry.max_attempts > 1;
    let management = gateway.log_management;
    json!({
        "id": gateway.id,
        "account_id": gateway.account_id,
        "is_default": gateway.id == "default",
        "created_at": UNKNOWN_TIME,
        "modified_at": UNKNOWN_TIME,
        "authentication": gateway.authentication,
        "byok_only": false,
        "cache_invalidate_on_update": false,
        "cache_ttl": gateway.cache_ttl.map_or(0, std::num::NonZeroU32::get),
        "collect_logs": gateway.collect_logs,
        "collect_log_payload": gateway.collect_log_payload,
        "dlp": null,
        "guardrails": null,
        "log_classification": false,
        "log_management": management.map(|it| it.limit.get()),
        "log_management_strategy": management.map(|it| strategy(it.strategy)),
        "logpush": false,
        "logpush_public_key": null,
        "otel": gateway.otel.iter().map(|sink| otel(sink)).collect::<Vec<_>>(),
        "rate_limiting_interval": limit.map_or(0, |limit| limit.interval.as_secs()),
        "rate_limiting_limit": limit.map_or(0, |limit| limit.limit.get()),
        "rate_limiting_technique": limit.map(|limit| technique(limit.technique)),
        "retry_backoff": backoff.filter(|_| retries).map(|(word, _)| word),
        "retry_delay": retries.then_some(retry.delay_ms),
        "retry_max_attempts": retries.then_some(retry.max_attempts),
        "spend_limits": null,
        "store_id": null,
        "stripe": null,
        "workers_ai_billing_mode": "postpaid",
        "zdr": false,
    })
}

/// The contract's word.
pub(super) const fn strategy(strategy: LogStrategy) -> &'static str {
    match strategy {
        LogStrategy::DeleteOldest => "DELETE_OLDEST",
        LogStrategy::StopInserting => "STOP_INSERTING",
    }
}

/// The contract's word.
pub(super) const fn technique(technique: Technique) -> &'static str {
    match technique {
        Technique::Fixed => "fixed",
        Technique::Sliding => "sliding",
    }
}

/// The values of headers, the path and the query may hold credentials: they are not shown.
fn otel(sink: &Sink) -> Value {
    let headers = sink
        .target
        .headers
        .iter()
        .map(|(name, _)| (name.clone(), json!("***")));
    let headers: Map<_, _> = headers.collect();
    let content_type = match sink.form {
        Form::SpansProtobuf => "protobuf",
        Form::Lines | Form::Loki | Form::SpansJson => "json",
    };
    // Whether it is reached by TLS is its cluster's business.
    let url = format!("//{}/***", sink.target.authority);
    json!({"url": url, "headers": headers, "content_type": content_type})
}

/// `…/url/{provider}`: where clients reach a provider through the gateway.
pub(super) fn url(
    cx: &Cx,
    request: &Request,
    (account, id): (Option<&str>, &str),
    slug: &str,
) -> Result<Reply, Refusal> {
    if request.method != "GET" {
        return Err(Refusal::method("GET"));
    }
    let config = &cx.worker.config;
    let is_custom = slug
        .strip_prefix("custom-")
        .is_some_and(|slug| config.custom_provider(slug).is_some());
    if !is_custom && slug != "compat" && provider::find(slug).is_none() {
        return Err(Refusal::invalid(
            "params",
            "provider",
            "provider must be the slug of a provider",
        ));
    }
    let configured = config
        .console
        .as_ref()
        .and_then(|console| console.gateway_url.clone());
    let own = || {
        let scheme = request
            .head
            .text("x-forwarded-proto")
            .or_else(|| request.head.text(":scheme"));
        let scheme = scheme.filter(|scheme| *scheme == "https").unwrap_or("http");
        format!(
            "{scheme}://{}",
            request.head.text(":authority").unwrap_or_default()
        )
    };
    let base = configured.unwrap_or_else(own);
    let account = account.unwrap_or("_");
    Ok(success(&json!(format!("{base}/v1/{account}/{id}/{slug}"))))
}

/// `…/provider_configs`: the stored keys that the gateway's calls may be sent with, without their texts.
pub(super) fn provider_configs(
    cx: &Cx,
    request: &Request,
    (account, id): (Option<&str>, &str),
) -> Result<Reply, Refusal> {
    if request.method != "GET" {
        let place = "Keys are configured, not written here: add to `keys` of an entry of `providers` or `custom_providers`";
        return Err(Refusal::read_only("GET", place));
    }
    let gateway = find(cx, account, id)?;
    let page = request.query.page(20, 100)?;
    let config = &cx.worker.config;
    let pools = config.key_pools();
    let is_used = |pool: &&Rc<KeyPool>| {
        config
            .key_pool(&pool.provider, id)
            .is_some_and(|used| Rc::ptr_eq(used, pool))
    };
    let keys = pools.filter(is_used).flat_map(|pool| {
        pool.keys.iter().map(|key| {
            json!({
                "id": format!("{}/{}", pool.provider, key.alias),
                "alias": key.alias,
                "default_config": key.alias == "default",
                "gateway_id": gateway.id,
                "modified_at": UNKNOWN_TIME,
                "provider_slug": pool.provider,
                "secret_id": "",
                "secret_preview": "***",
                "rate_limit": null,
                "rate_limit_period": null,
            })
        })
    });
    Ok(envelope::page_of(keys.collect(), &page))
}

/// `…/routes`: the dynamic routes that the gateway has, by name and kind of their elements.
pub(super) fn routes(cx: &Cx, request: &Request, id: &str) -> Result<Reply, Refusal> {
    if request.method != "GET" {
        let place = "Routes are configured, not written here: change `dynamic_routes` in the filter's configuration";
        return Err(Refusal::read_only("GET", place));
    }
    let page = request.query.page(20, 100)?;
    let routes = cx.worker.config.dynamic_routes(id).map(|route| {
        let elements = route.elements().iter().map(|element| json!({"id": element.id, "type": kind(&element.kind)}));
        let elements: Vec<_> = elements.collect();
        let data = json!(elements).to_string();
        json!({
            "id": route.name,
            "name": route.name,
            "gateway_id": id,
            "account_tag": "",
            "created_at": UNKNOWN_TIME,
            "modified_at": UNKNOWN_TIME,
            "elements": elements,
            "version": {"version_id": "configured", "active": "true", "is_valid": true, "created_at": UNKNOWN_TIME, "data": data},
            "deployment": {"deployment_id": "configured", "version_id": "configured", "created_at": UNKNOWN_TIME},
        })
    });
    let routes: Vec<_> = routes.skip(page.skipped()).take(page.per_page).collect();
    let data = json!({
        "routes": routes,
        "page": page.page,
        "per_page": page.per_page,
        "order_by": "name",
        "order_by_direction": "asc",
    });
    // The contract has this one list outside the envelope.
    Ok(envelope::json_reply(
        200,
        json!({"success": true, "data": data})
            .to_string()
            .into_bytes(),
    ))
}

const fn kind(kind: &ElementKind) -> &'static str {
    match kind {
        ElementKind::Start(_) => "start",
        ElementKind::Conditional(..) => "conditional",
        ElementKind::Percentage(_) => "percentage",
        ElementKind::Rate(..) => "rate",
        ElementKind::Model(..) => "model",
        ElementKind::End => "end",
    }
}
