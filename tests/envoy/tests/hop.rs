//! The gateway of the cases about several attempts, and what all such calls have in common.

use serde_json::{Value, json};
use sluice_e2e::{Builder, Call, Case, Gateway, Lease, RawReply, Seen, Shared, Upstream};

static GATEWAY: Shared = Shared::new(start);

/// The custom providers and what their clusters lead to: each has a host and a path of its own.
pub(crate) const PROVIDERS: [(&str, Upstream); 7] = [
    ("one", Upstream::Plain),
    ("two", Upstream::Plain),
    ("three", Upstream::Plain),
    ("h2c", Upstream::H2c),
    ("raw", Upstream::Raw),
    ("dead", Upstream::Dead),
    ("closed", Upstream::Dead),
];

/// A configuration with these gateways, the custom providers and a hop.
pub(crate) fn config(gateways: &Value) -> Value {
    let custom = |slug: &str| {
        let base = format!("https://{slug}.test/base-{slug}");
        json!({"slug": slug, "base_url": base, "cluster": slug})
    };
    // What a provider sends is seen as it is; what is added to a stream that was cut has cases of its own.
    let mut gateways = gateways.clone();
    for gateway in gateways.as_array_mut().unwrap() {
        let told = gateway.get("stream_errors").cloned();
        gateway["stream_errors"] = told.unwrap_or(json!("off"));
    }
    json!({
        "attempt_cluster": "sluice-attempts",
        "direct_attempts": super::DIRECT,
        "gateways": gateways,
        "custom_providers": PROVIDERS.map(|(slug, _)| custom(slug))
    })
}

/// A gateway with these gateways and the custom providers' clusters, to be started.
pub(crate) fn build_with(gateways: &Value) -> Builder {
    let builder = crate::gateway().config(&config(gateways));
    PROVIDERS.iter().fold(builder, |builder, (slug, upstream)| {
        builder.cluster(slug, *upstream)
    })
}

/// The same, started.
pub(crate) fn start_with(gateways: &Value) -> Gateway {
    build_with(gateways).start()
}

fn start() -> Gateway {
    start_with(&json!([
        {"id": "open"},
        {"id": "keen", "retry_max_attempts": 3, "retry_delay": 0},
        {"id": "patient", "retry_max_attempts": 2, "retry_delay": 400, "retry_backoff": "constant"},
        {"id": "capped", "retry_max_attempts": 2, "retry_delay": 0, "retry_after_cap": 1500},
        {"id": "brief", "retry_max_attempts": 5, "retry_delay": 1000, "retry_backoff": "constant",
            "retry_deadline": 1500},
        {"id": "picky", "retry_max_attempts": 2, "retry_delay": 0, "retry_statuses": [418],
            "fallback_statuses": [400]},
        {"id": "stubborn", "retry_max_attempts": 2, "retry_delay": 0, "retry_statuses": [],
            "fallback_statuses": []},
        {"id": "wary", "retry_error_answers": true},
        {"id": "cached", "cache_ttl": 300},
        {"id": "limited", "rate_limiting_limit": 2, "rate_limiting_interval": 600,
            "rate_limiting_technique": "sliding"},
        {"id": "locked", "authentication": true,
            "credentials": [{"name": "a", "sha256": "0".repeat(64)}]}
    ]))
}

/// The shared gateway of these cases.
pub(crate) fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A call of one provider alone, which is its own event, with a credential like that of a step.
pub(crate) fn single(gateway: &Gateway, id: &str, provider: &str, case: &Case) -> Call {
    let path = format!("/v1/0123/{id}/{provider}/chat/completions");
    let key = format!("Bearer sk-{}", case.id());
    let call = gateway.post(&path).case(case).header("authorization", key);
    call.header("cf-aig-event-id", case.id())
}

/// The step that answered, by the header that names it.
pub(crate) fn step_of(reply: &RawReply) -> Option<String> {
    let steps = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "cf-aig-step");
    assert!(steps.count() <= 1, "{:?}", reply.headers);
    reply.header("cf-aig-step")
}

/// What steers the attempts stays inside: no such header field is in a request or an answer.
pub(crate) fn assert_unsteered(headers: &[(String, Vec<u8>)]) {
    for (name, _) in headers {
        let inner = ["x-sluice-", "x-envoy-"]
            .iter()
            .any(|it| name.starts_with(it));
        assert!(!inner, "{name} in {headers:?}");
    }
}

/// A provider got the whole call of that case, and no word of the gateway's.
pub(crate) fn assert_own(seen: &Seen, case: &Case, body: &Value) {
    assert_whole(seen, body);
    let key = format!("Bearer sk-{}", case.id());
    assert_eq!(seen.header("authorization"), Some(key));
}

/// The provider got a request that is in order, with that body.
pub(crate) fn assert_whole(seen: &Seen, body: &Value) {
    assert_unsteered(&seen.headers);
    let ours = seen
        .headers
        .iter()
        .find(|(name, _)| name.starts_with("cf-"));
    assert_eq!(ours, None);
    assert_eq!(
        seen.header("content-length"),
        Some(seen.body.len().to_string())
    );
    assert_eq!(String::from_utf8_lossy(&seen.body), body.to_string());
    let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), seen.headers.len(), "{:?}", seen.headers);
}
