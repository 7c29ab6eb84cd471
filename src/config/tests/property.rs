//! What holds for any input.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::protobuf;
use super::structure::{Numbers, encode};
use super::{environment, parse};

/// Any JSON value, with the field names that mean something among others.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        prop::sample::select(vec![
            "my-gateway",
            "openai",
            "fixed",
            "pass",
            "300",
            "https://a.example",
            ""
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            any_fields(inner).prop_map(Value::Object),
        ]
    })
}

/// Field names that mean something.
const NAMES: &[&str] = &[
    "gateways",
    "id",
    "account_id",
    "authentication",
    "credentials",
    "name",
    "sha256",
    "environment_variable",
    "keys",
    "key_rest",
    "alias",
    "weight",
    "cache_ttl",
    "cache_single_flight",
    "rate_limiting_limit",
    "rate_limiting_interval",
    "rate_limiting_technique",
    "retry_max_attempts",
    "retry_backoff",
    "retry_statuses",
    "fallback_statuses",
    "guardrails",
    "cache",
    "max_bytes",
    "max_object_bytes",
    "custom_providers",
    "slug",
    "base_url",
    "cluster",
    "providers",
    "host",
    "limits",
    "request_body_bytes",
    "over_limit",
    "held_bytes",
    "outside_paths",
    "cluster_header",
    "log",
    "prices",
    "match",
    "input",
    "tiers",
    "over",
    "later",
    "from",
    "variants",
    "service_tier=flex",
    "region",
    "dynamic_routes",
    "attempt_cluster",
    "direct_attempts",
    "elements",
    "type",
    "properties",
    "outputs",
    "elementId",
    "conditions",
    "metadata.plan",
    "$in",
    "$or",
    "50%",
    "else",
];

fn any_fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        9 => prop::sample::select(NAMES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    btree_map(name, value, 0..6).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #[test]
    fn no_bytes_panic_and_a_refusal_says_why(bytes in vec(any::<u8>(), 0..300)) {
        if let Err(errors) = parse(&bytes, &environment) {
            prop_assert!(!errors.is_empty());
        }
    }

    #[test]
    fn no_bytes_panic_as_a_struct(bytes in vec(any::<u8>(), 0..300)) {
        drop(protobuf::decode(&bytes));
    }

    #[test]
    fn no_damaged_struct_panics(fields in any_fields(any_value()), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = encode(&fields, Numbers::Doubles);
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(parse(&bytes, &environment));
    }

    #[test]
    fn any_tree_is_judged_alike_as_json_and_as_struct(fields in any_fields(any_value())) {
        let from_struct = parse(&encode(&fields, Numbers::Doubles), &environment);
        let text = Value::Object(fields.clone()).to_string();
        let from_json = parse(text.as_bytes(), &environment);
        if let Err(errors) = &from_json {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|error| !error.to_string().contains('\n')));
        }
        if !fields.is_empty() {
            prop_assert_eq!(from_struct, from_json);
        }
    }
}
