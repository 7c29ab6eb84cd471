//! The promises of the configuration: what loads, what is refused and in which words.

mod dynamic_route;
mod export;
mod key;
mod loading;
mod log_store;
mod price;
mod privacy;
mod property;
mod refusal;
mod spelling;
mod structure;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::llm::price::Prices;
use crate::llm::provider::BaseUrl;

fn environment(name: &str) -> Option<String> {
    match name {
        "SLUICE_APP_CREDENTIAL" => Some("app-secret\n".to_owned()),
        "EMPTY" => Some(" \n".to_owned()),
        _ => None,
    }
}

fn load(value: &Value) -> Result<Config, Vec<ConfigError>> {
    parse(value.to_string().as_bytes(), &environment)
}

fn good(value: &Value) -> Config {
    load(value).unwrap()
}

fn faults(text: &[u8]) -> Vec<String> {
    let errors = parse(text, &environment).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(text: &str) -> String {
    digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A configuration with one gateway of these fields, whose calls may have several attempts.
fn with_gateway(fields: Value) -> Value {
    let mut gateway = json!({"id": "my-gateway"});
    merge(&mut gateway, fields);
    json!({"gateways": [gateway], "attempt_cluster": "sluice-attempts"})
}

/// A configuration with a good gateway and these fields.
fn with(fields: Value) -> Value {
    let mut root = json!({"gateways": [{"id": "my-gateway"}]});
    merge(&mut root, fields);
    root
}

fn merge(into: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else {
        panic!("an object")
    };
    into.as_object_mut().unwrap().extend(fields);
}

fn full() -> Value {
    json!({
        "gateways": [
            {
                "id": "my-gateway", "account_id": "0123", "authentication": true,
                "credentials": [
                    {"name": "ci", "sha256": hex("demo-token").to_uppercase()},
                    {"name": "app@example.com", "environment_variable": "SLUICE_APP_CREDENTIAL"},
                ],
                "cache_ttl": 300, "cache_single_flight": "all", "cache_single_flight_timeout": 600,
                "collect_logs": false, "collect_log_payload": true,
                "log_privacy": {"redact": ["email", "card", "ACME-#?.*"], "hash_metadata": ["user", "*"],
                    "salt_environment_variable": "SLUICE_APP_CREDENTIAL"},
                "rate_limiting_limit": 5, "rate_limiting_interval": 10,
                "rate_limiting_technique": "sliding", "stream_usage": true,
                "retry_max_attempts": 5, "retry_delay": 60_000, "retry_backoff": "linear",
                "retry_after_cap": 0, "retry_deadline": 3_600_000,
                "retry_statuses": ["5xx", 429], "fallback_statuses": ["4xx", "529"],
                "retry_error_answers": true, "stream_errors": "all",
            },
            {"id": "my-gateway", "cache_single_flight": "off", "retry_statuses": []},
            {"id": "limited", "rate_limiting_limit": 4_294_967_295_u32, "rate_limiting_interval": 2_592_000},
        ],
        "cache": {"max_bytes": 1_099_511_627_776_u64, "max_object_bytes": 2_097_152},
        "custom_providers": [
            {"slug": "neon", "base_url": "https://ai.example.com/v1", "cluster": "outbound|443||ai.example.com",
             "name": "Neon", "description": "Ours", "enable": true, "headers": null, "position": 1.5},
            {"slug": "light", "base_url": "https://light.example.com"},
            {"slug": "dark", "base_url": "https://dark.example.com", "enable": false},
        ],
        "providers": [
            {"slug": "openai", "cluster": "outbound|443||api.openai.com", "host": "API.openai.com:8443"},
            {"slug": "anthropic", "host": "claude.example.com"},
        ],
        "limits": {"request_body_bytes": 1, "over_limit": "pass", "held_bytes": 402_653_184},
        "outside_paths": "pass",
        "cluster_header": "X-Mesh-Cluster",
        "attempt_cluster": "sluice-attempts",
        "direct_attempts": true,
        "log": {"max_payload_bytes": 0},
        "prices": {
            "openai": [{"id": "gpt-4o", "match": ["gpt-4o-*"], "not": ["*-mini"], "input": 2, "output": "8.5"}],
            "custom-neon": [{"id": "small", "free": true}],
        },
    })
}
