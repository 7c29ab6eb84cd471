//! The configuration under which the calls are made.

use super::*;

fn element(id: &str, kind: &str, properties: Value, outputs: &[(&str, &str)]) -> Value {
    let outputs: serde_json::Map<_, _> = outputs
        .iter()
        .map(|(name, to)| ((*name).to_owned(), json!({ "elementId": to })))
        .collect();
    json!({"id": id, "type": kind, "properties": properties, "outputs": outputs})
}

/// A model at the provider of that name; `fallback` follows.
fn model(id: &str, fallback: Option<&str>) -> Value {
    let outputs = [
        Some(("success", "end")),
        fallback.map(|to| ("fallback", to)),
    ];
    let outputs: Vec<_> = outputs.into_iter().flatten().collect();
    let provider = format!("custom-{id}");
    let properties = json!({"provider": provider, "model": format!("{id}-model"), "retries": 0});
    element(id, "model", properties, &outputs)
}

/// A route whose first element is the first of these.
fn route(name: &str, elements: &[Value]) -> Value {
    let first = elements[0]["id"].as_str().unwrap();
    let ends = [
        element("start", "start", json!({}), &[("next", first)]),
        json!({"id": "end", "type": "end"}),
    ];
    let elements = [&ends, elements].concat();
    json!({ "name": name, "elements": elements })
}

/// The variables that hold the stored keys of `four` and `pooled`.
pub(super) fn key(variable: &str) -> Option<String> {
    let keys = [
        ("FOUR_KEY", "four-stored"),
        ("KEY_A", "a-stored"),
        ("KEY_B", "b-stored"),
    ];
    let found = keys.iter().find(|(name, _)| *name == variable);
    found.map(|(_, key)| (*key).to_owned())
}

/// The same model under another id.
fn renamed(id: &str, mut model: Value) -> Value {
    model["id"] = json!(id);
    model
}

fn routes() -> [Value; 9] {
    let check = |no| {
        let is_free = json!({"conditions": {"metadata.plan": {"$eq": "free"}}});
        element(
            "check",
            "conditional",
            is_free,
            &[("true", "one"), ("false", no)],
        )
    };
    let limit = |outputs: &[(&str, &str)]| {
        let quota = json!({"limitType": "count", "limit": 1, "window": 60});
        element("limit", "rate", quota, outputs)
    };
    let (one, two) = (model("one", None), model("two", None));
    let cost = json!({"limitType": "cost", "limit": 0.000_001, "window": 60});
    let costly = element("limit", "rate", cost, &[("success", "pooled")]);
    let onward = [
        model("one", Some("four")),
        model("four", Some("again")),
        renamed("again", model("one", None)),
    ];
    let spill = limit(&[("success", "one"), ("fallback", "two")]);
    [
        route(
            "plan",
            &[check("two"), model("one", Some("two")), two.clone()],
        ),
        route("quota", &[limit(&[("success", "one")]), one.clone()]),
        route("spill", &[spill, one.clone(), two.clone()]),
        route("narrow", &[check("end"), one]),
        route("ended", &[model("one", Some("end"))]),
        route(
            "guarded",
            &[model("one", Some("four")), model("four", None)],
        ),
        route("onward", &onward),
        route("costly", &[costly, model("pooled", None)]),
        route(
            "used-up",
            &[
                model("one", Some("limit")),
                limit(&[("success", "two")]),
                two.clone(),
            ],
        ),
    ]
}

pub(super) fn config() -> Value {
    let mut custom = ["one", "two", "three", "four", "pooled"]
        .map(|slug| json!({"slug": slug, "base_url": format!("https://{slug}.example.com/api")}));
    custom[3]["keys"] = json!([{"alias": "stored", "environment_variable": "FOUR_KEY"}]);
    custom[3]["key_header"] = json!("x-four-key");
    custom[4]["keys"] = json!([
        {"alias": "a", "environment_variable": "KEY_A"},
        {"alias": "b", "environment_variable": "KEY_B", "priority": 1},
    ]);
    json!({
        "attempt_cluster": "sluice-attempts",
        "custom_providers": custom,
        "gateways": [
            {"id": "open"},
            {"id": "cached", "cache_ttl": 300},
            {"id": "shared", "cache_ttl": 300, "cache_single_flight": "all"},
            {"id": "limited", "rate_limiting_limit": 1, "rate_limiting_interval": 60},
            {"id": "keen", "retry_max_attempts": 3, "retry_delay": 0},
            {"id": "wary", "retry_error_answers": true},
            {"id": "strict", "retry_statuses": [503], "fallback_statuses": [418]},
            {"id": "short", "retry_deadline": 1000, "retry_after_cap": 5000},
            {"id": "locked", "authentication": true,
             "credentials": [{"name": "demo", "sha256": sha256("demo-token")}]},
        ],
        "dynamic_routes": routes(),
        "prices": {"custom-pooled": [{"id": "pooled-model", "input": 1, "output": 2}]},
        "cache": {"max_bytes": 100_000, "max_object_bytes": 20_000},
        "limits": {"request_body_bytes": 50_000},
    })
}
