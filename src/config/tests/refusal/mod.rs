//! What is refused, word for word.

mod credential;
mod document;
mod gateway;
mod retry;
mod setting;

use serde_json::{Value, json};

use super::{environment, faults, full, hex, load, parse, with, with_gateway};

/// Checks that each value, put into a configuration, has these faults, one a line, whose paths begin with `prefix`.
fn check<V, const N: usize>(put: impl Fn(V) -> Value, prefix: &str, cases: [(V, &str); N]) {
    for (value, wanted) in cases {
        let text = put(value).to_string();
        let wanted: Vec<_> = wanted
            .lines()
            .map(|line| format!("{prefix}{line}"))
            .collect();
        assert_eq!(faults(text.as_bytes()), wanted, "{text}");
    }
}

/// A configuration whose gateway needs one of these credentials.
fn with_credentials(entries: Value) -> Value {
    with_gateway(json!({"authentication": true, "credentials": entries}))
}

/// A configuration whose gateway needs this credential, which has a name.
fn with_credential(mut entry: Value) -> Value {
    entry["name"] = json!("ci");
    with_credentials(json!([entry]))
}

fn with_custom(entries: Value) -> Value {
    with(json!({"custom_providers": entries}))
}

fn with_base_url(address: Value) -> Value {
    with_custom(json!([{"slug": "a", "base_url": address}]))
}

fn with_override(entry: Value) -> Value {
    with(json!({"providers": [entry]}))
}
