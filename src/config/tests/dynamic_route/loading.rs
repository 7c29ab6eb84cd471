//! What loads, and for whom.

use super::*;

#[test]
fn a_route_with_every_kind_of_element_loads() {
    let config = good(&routes(json!([full()])));
    let route = config.dynamic_route("my-gateway", "support").unwrap();
    assert_eq!(route.elements().len(), 7);
}

#[test]
fn a_pasted_route_loads() {
    let config = good(&routes(json!([{
        "id": "0198", "name": "support", "gateway_id": "my-gateway", "account_tag": "a", "created_at": "2026-01-01",
        "modified_at": "2026-01-01", "version": {"active": "true"}, "deployment": {},
        "elements": [
            {"id": "start", "type": "start", "outputs": {"next": {"elementId": "m"}}},
            {"id": "m", "type": "model",
             "properties": {"provider": "xai", "model": "grok-4", "timeout": 60000, "retries": 4},
             "outputs": {"success": {"elementId": "end"}, "fallback": {"elementId": "end"}}},
            {"id": "end", "type": "end", "outputs": {}},
        ],
    }])));
    let route = config.dynamic_route("my-gateway", "support").unwrap();
    let call = route
        .elements()
        .iter()
        .find_map(|element| element.model())
        .unwrap();
    assert_eq!(
        (call.provider.as_str(), call.model.as_str()),
        ("grok", "grok-4")
    );
    assert_eq!(call.timeout.unwrap().as_secs(), 60);
    assert_eq!(call.retries, Some(4));
    assert!(config.dynamic_route("other", "support").is_none());
    assert!(config.dynamic_route("my-gateway", "none").is_none());
}

#[test]
fn a_gateways_own_route_comes_before_the_one_of_all() {
    let elements = json!([start("a"), model("a", None), end()]);
    let config = good(&routes(json!([
        {"name": "r", "gateway_id": "my-gateway", "elements": elements},
        {"name": "r", "elements": elements},
        {"name": "a", "elements": elements},
    ])));
    let own = config.dynamic_route("my-gateway", "r").unwrap();
    assert_eq!(own.gateway_id.as_deref(), Some("my-gateway"));
    assert_eq!(config.dynamic_route("other", "r").unwrap().gateway_id, None);
    assert!(config.dynamic_route("my-gateway", "a").is_some());
}

#[test]
fn the_older_spellings_mean_the_same() {
    let limit = |kind: &str, window: &str| {
        let properties =
            json!({"limitType": "cost", "key": "metadata.user_id", "limit": "2.5", window: 60});
        let outputs = json!({"success": to("b"), "fallback": to("end")});
        route([
            json!({"id": "a", "type": kind, "properties": properties, "outputs": outputs}),
            model("b", None),
        ])
    };
    let newer = kind(&limit("rate", "window"), "a");
    assert_eq!(newer, kind(&limit("rate_limit", "interval"), "a"));
    let ElementKind::Rate(quota, _, Some(_)) = newer else {
        panic!()
    };
    assert_eq!(quota.limit, Limit::Cost(Picodollars(2_500_000_000_000)));
    assert_eq!(quota.technique, Technique::Fixed);
    assert_eq!(quota.key.unwrap().source, Source::Metadata);

    let conditional = |name: &str| {
        let properties = json!({name: {"metadata.plan": {"$eq": "free"}}});
        let outputs = json!({"true": to("b"), "false": to("end")});
        route([
            json!({"id": "a", "type": "conditional", "properties": properties, "outputs": outputs}),
            model("b", None),
        ])
    };
    assert_eq!(
        kind(&conditional("conditions"), "a"),
        kind(&conditional("condition"), "a")
    );
}
