//! Every filter key with every operator.

use serde_json::{Value, json};

use super::{Console, filter};

/// Two calls, each other in every field.
fn two() -> Console {
    let console = Console::new();
    console.store(&[
        json!({"id": "019a0000-0000-7000-8000-000000000001", "event_id": "ev-a", "model": "a", "provider": "openai", "model_type": "text",
               "request_type": "provider", "success": true, "cached": false, "cost": 0.25, "tokens_in": 1, "tokens_out": 2,
               "duration": 10, "feedback": 1, "metadata": {"team": "red", "n": 5}, "authentication": true, "wholesale": true,
               "dlp_action": "FLAG", "user_agent": "one/1", "request_content_type": "application/json",
               "response_content_type": "application/json", "outcome": "answered", "status_code": 200,
               "created_at": "2026-09-01T00:00:00.000Z"}),
        json!({"id": "019a0000-0000-7000-8000-000000000002", "event_id": "ev-b", "model": "b", "provider": "groq", "model_type": "image",
               "request_type": "universal", "success": false, "cached": true, "cost": 0.75, "tokens_in": 100, "tokens_out": 200,
               "duration": 1000, "feedback": null, "metadata": {"group": "blue", "is": true}, "authentication": false,
               "wholesale": false, "dlp_action": null, "user_agent": "two/2", "request_content_type": "audio/wav",
               "response_content_type": "text/event-stream", "outcome": "cut", "status_code": 502,
               "created_at": "2026-10-01T00:00:00.000Z", "compatibilityMode": true}),
    ]);
    console
}

/// Of each key: what a and b have there; a part of a's; something between the two, where there is such a thing.
const KEYS: &str = r#"[
    ["id", "019a0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000002", "0001", null],
    ["created_at", "2026-09-01T00:00:00Z", "2026-10-01", "2026-09", "2026-09-15"],
    ["request_content_type", "application/json", "audio/wav", "JSON", "att"],
    ["response_content_type", "application/json", "text/event-stream", "json", "b"],
    ["request_type", "provider", "universal", "prov", "q"],
    ["success", true, false, "tru", null],
    ["cached", "false", "true", "fal", null],
    ["provider", "openai", "groq", "PENA", null],
    ["model", "a", "b", "a", "ab"],
    ["model_type", "text", "image", "ex", null],
    ["cost", 0.25, "0.75", "25", 0.5],
    ["tokens", 3, 300, "3", 50],
    ["tokens_in", 1, 100, "1", 50],
    ["tokens_out", 2, 200, "2", 50],
    ["duration", 10, 1000, "10", 50],
    ["feedback", 1, null, "1", null],
    ["event_id", "ev-a", "ev-b", "V-A", "ev-aa"],
    ["metadata.key", "team", "group", "ea", null],
    ["metadata.value", "red", "blue", "RED", null],
    ["authentication", 1, 0, "true", null],
    ["wholesale", true, false, "true", null],
    ["compatibilityMode", false, true, "false", null],
    ["dlp_action", "FLAG", null, "fla", null],
    ["user_agent", "one/1", "two/2", "ONE", "p"],
    ["gateway_id", "gw", "gw", "g", null],
    ["outcome", "answered", "cut", "answer", "b"],
    ["status_code", 200, 502, "200", 300]
]"#;

fn keys() -> Vec<(String, Value, Value, Value, Value)> {
    serde_json::from_str(KEYS).unwrap()
}

#[test]
fn every_key_is_compared_by_every_operator() {
    let console = two();
    let both = |key: &str| key == "gateway_id";
    for (key, a, b, part, between) in keys() {
        let key = key.as_str();
        let found = |operator: &str, values: Value| {
            console.models(&filter(key, operator, &values)).concat()
        };
        let only = |model: &str| {
            if both(key) {
                "ba".to_owned()
            } else {
                model.to_owned()
            }
        };
        assert_eq!(found("eq", json!([a])), only("a"), "{key}");
        assert_eq!(found("eq", json!([b])), only("b"), "{key}");
        assert_eq!(found("eq", json!([a, b])), "ba", "{key}");
        assert_eq!(
            found("neq", json!([a])),
            if both(key) { "" } else { "b" },
            "{key}"
        );
        assert_eq!(found("neq", json!([a, b])), "", "{key}");
        assert!(found("contains", json!([part])).contains('a'), "{key}");
        assert_eq!(found("contains", json!(["nowhere"])), "", "{key}");
        if !between.is_null() {
            assert_eq!(found("lt", json!([between])), "a", "{key}");
            assert_eq!(found("gt", json!([between])), "b", "{key}");
        }
        for operator in ["lt", "gt"].iter().filter(|_| !key.starts_with("metadata")) {
            assert!(
                !found(operator, json!([a])).contains('a'),
                "{key} is {operator} itself"
            );
        }
    }
}

#[test]
fn every_key_of_the_contract_is_known() {
    let tested: Vec<_> = keys().into_iter().map(|(key, ..)| key).collect();
    let known = super::super::log::KEYS.map(|(name, _)| name);
    assert_eq!(tested, known);
}

#[test]
fn metadata_keys_and_values_are_found_apart() {
    let console = two();
    let both = |key: &str, value: &str| {
        let one = json!([{"key": "metadata.key", "operator": "eq", "value": [key]},
                         {"key": "metadata.value", "operator": "eq", "value": [value]}]);
        console
            .models(&format!("filters={}", super::encode(&one.to_string())))
            .concat()
    };
    assert_eq!(both("team", "red"), "a");
    // As the replaced service does: not as a pair.
    assert_eq!(both("team", "5"), "a");
    assert_eq!(both("is", "true"), "b");
    assert_eq!(both("team", "blue"), "");
}

#[test]
fn a_missing_field_equals_null_only() {
    let console = two();
    assert_eq!(
        console
            .models(&filter("feedback", "eq", &json!([null])))
            .concat(),
        "b"
    );
    assert_eq!(
        console
            .models(&filter("feedback", "neq", &json!([null])))
            .concat(),
        "a"
    );
    assert_eq!(
        console
            .models(&filter("feedback", "neq", &json!([1])))
            .concat(),
        "b"
    );
    for operator in ["lt", "gt", "contains"] {
        assert!(
            !console
                .models(&filter("dlp_action", operator, &json!(["A"])))
                .contains(&"b".to_owned())
        );
    }
}
