//! The promises of the configuration: what loads, what is refused and in which words.

mod dynamic_route;
mod price;
mod property;
mod refusal;
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
    parse_ahead(value.to_string().as_bytes(), &environment)
}

fn good(value: &Value) -> Config {
    load(value).unwrap()
}

fn faults(text: &[u8]) -> Vec<String> {
    let errors = parse_ahead(text, &environment).unwrap_err();
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

/// A configuration with one gateway of these fields.
fn with_gateway(fields: Value) -> Value {
    let mut gateway = json!({"id": "my-gateway"});
    merge(&mut gateway, fields);
    json!({"gateways": [gateway]})
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
                "rate_limiting_limit": 5, "rate_limiting_interval": 10,
                "rate_limiting_technique": "sliding", "stream_usage": true,
                "retry_max_attempts": 5, "retry_delay": 60_000, "retry_backoff": "linear",
                "retry_after_cap": 0, "retry_deadline": 3_600_000,
                "retry_statuses": ["5xx", 429], "fallback_statuses": ["4xx", "529"],
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
        "limits": {"request_body_bytes": 1, "over_limit": "pass"},
        "outside_paths": "pass",
        "cluster_header": "X-Mesh-Cluster",
        "log": {"max_payload_bytes": 0},
        "prices": {
            "openai": [{"id": "gpt-4o", "match": ["gpt-4o-*"], "not": ["*-mini"], "input": 2, "output": "8.5"}],
            "custom-neon": [{"id": "small", "free": true}],
        },
    })
}

#[test]
fn the_least_configuration_has_the_documented_defaults() {
    let config = good(&json!({"gateways": [{"id": "g"}]}));
    let gateway = Gateway {
        id: "g".to_owned(),
        account_id: None,
        authentication: false,
        credentials: Vec::new(),
        cache_ttl: None,
        single_flight: SingleFlight::NonStreaming,
        single_flight_timeout: Duration::from_secs(30),
        collect_logs: true,
        collect_log_payload: false,
        rate_limit: None,
        retry: RetrySettings::default(),
        stream_usage: false,
    };
    let wanted = Config {
        prices: Prices::default(),
        gateways: vec![Rc::new(gateway)],
        custom_providers: Vec::new(),
        overrides: Vec::new(),
        dynamic_routes: Vec::new(),
        cache: CacheBudget {
            max_bytes: 67_108_864,
            max_object_bytes: 1_048_576,
        },
        limits: Limits {
            request_body_bytes: 26_214_400,
            over_limit: OverLimit::Reject,
        },
        outside_paths: OutsidePaths::Reject,
        cluster_header: "x-sluice-cluster".to_owned(),
        log: LogSettings {
            max_payload_bytes: 65_536,
        },
    };
    assert_eq!(config, wanted);
}

#[test]
fn null_means_the_default_everywhere() {
    let nulls = json!({
        "gateways": [{
            "id": "g", "account_id": null, "authentication": null, "credentials": null, "cache_ttl": null,
            "cache_single_flight": null, "cache_single_flight_timeout": null, "collect_logs": null,
            "collect_log_payload": null, "rate_limiting_limit": null, "rate_limiting_interval": null,
            "rate_limiting_technique": null, "retry_max_attempts": null, "retry_delay": null,
            "retry_backoff": null, "retry_after_cap": null, "retry_deadline": null, "retry_statuses": null,
            "fallback_statuses": null, "stream_usage": null,
        }],
        "cache": null, "custom_providers": null, "providers": null, "limits": null,
        "outside_paths": null, "cluster_header": null, "log": null, "dynamic_routes": null,
    });
    assert_eq!(good(&nulls), good(&json!({"gateways": [{"id": "g"}]})));
}

#[test]
fn every_field_of_a_gateway_arrives_where_it_belongs() {
    let config = good(&full());
    let gateway = config.gateway("0123", "my-gateway").unwrap();
    assert!(gateway.authentication && gateway.collect_log_payload && !gateway.collect_logs);
    assert!(gateway.stream_usage);
    assert_eq!(gateway.account_id.as_deref(), Some("0123"));
    let credentials =
        [("ci", "demo-token"), ("app@example.com", "app-secret")].map(|(name, text)| Credential {
            name: name.to_owned(),
            hash: digest(text),
        });
    assert_eq!(gateway.credentials, credentials);
    assert_eq!(gateway.cache_ttl.unwrap().get(), 300);
    assert_eq!(gateway.single_flight, SingleFlight::All);
    assert_eq!(gateway.single_flight_timeout, Duration::from_secs(600));
    let limit = gateway.rate_limit.unwrap();
    assert_eq!(
        (limit.limit.get(), limit.interval),
        (5, Duration::from_secs(10))
    );
    assert_eq!(limit.technique, Technique::Sliding);

    let limit = config
        .gateway("any", "limited")
        .unwrap()
        .rate_limit
        .unwrap();
    assert_eq!(
        (limit.limit.get(), limit.interval),
        (u32::MAX, Duration::from_secs(2_592_000))
    );
    assert_eq!(limit.technique, Technique::Fixed);
}

#[test]
fn the_retries_of_a_gateway_arrive_where_they_belong() {
    let config = good(&full());
    let retry = &config.gateway("0123", "my-gateway").unwrap().retry;
    assert_eq!((retry.max_attempts, retry.delay_ms), (5, 60_000));
    assert_eq!(retry.backoff, Backoff::Linear);
    assert_eq!(retry.after_cap, Duration::ZERO);
    assert_eq!(retry.deadline, Duration::from_hours(1));
    assert_eq!(retry.retry_statuses.ranges(), [500..=599, 429..=429]);
    assert_eq!(retry.fallback_statuses.ranges(), [400..=499, 529..=529]);

    let none = &config.gateway("any", "my-gateway").unwrap().retry;
    assert!((100..=599).all(|status| !none.retry_statuses.contains(status)));
    assert_eq!(
        none.fallback_statuses,
        RetrySettings::default().fallback_statuses
    );
}

#[test]
fn by_default_a_dead_key_falls_back_and_a_bad_request_does_neither() {
    let retry = RetrySettings::default();
    let set = |statuses: &Statuses| {
        let errors = (400..500).chain([500, 502, 503, 504, 529]);
        errors
            .filter(|status| statuses.contains(*status))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        set(&retry.retry_statuses),
        [408, 409, 429, 500, 502, 503, 504, 529]
    );
    assert_eq!(
        set(&retry.fallback_statuses),
        [401, 402, 403, 404, 408, 409, 429, 500, 502, 503, 504, 529]
    );
    assert!(!retry.fallback_statuses.contains(200));
}

#[test]
fn every_setting_beside_the_gateways_arrives_where_it_belongs() {
    let config = good(&full());
    assert_eq!(
        config.cache,
        CacheBudget {
            max_bytes: 1 << 40,
            max_object_bytes: 2_097_152
        }
    );
    assert_eq!(
        config.limits,
        Limits {
            request_body_bytes: 1,
            over_limit: OverLimit::Pass
        }
    );
    assert_eq!(config.outside_paths, OutsidePaths::Pass);
    assert_eq!(config.cluster_header, "x-mesh-cluster");
    assert_eq!(
        config.log,
        LogSettings {
            max_payload_bytes: 0
        }
    );

    let neon = config.custom_provider("neon").unwrap();
    assert_eq!(neon.cluster, "outbound|443||ai.example.com");
    assert_eq!(
        Some(&neon.upstream),
        BaseUrl::parse("https://ai.example.com/v1").ok().as_ref()
    );
    assert_eq!(
        config.custom_provider("light").unwrap().cluster,
        "custom-light"
    );
    assert_eq!(config.custom_provider("custom-neon"), None);
    let openai = config.override_of("openai").unwrap();
    assert_eq!(
        openai.cluster.as_deref(),
        Some("outbound|443||api.openai.com")
    );
    assert_eq!(openai.host.as_deref(), Some("api.openai.com:8443"));
    assert_eq!(config.override_of("anthropic").unwrap().cluster, None);
    assert_eq!(config.override_of("groq"), None);
}

#[test]
fn a_disabled_custom_provider_does_not_exist() {
    assert_eq!(good(&full()).custom_provider("dark"), None);
}

#[test]
fn an_account_sees_its_own_gateway_before_the_one_of_any_account() {
    let config = good(&full());
    let single_flight = |account, id| config.gateway(account, id).map(|found| found.single_flight);
    assert_eq!(single_flight("0123", "my-gateway"), Some(SingleFlight::All));
    assert_eq!(single_flight("9999", "my-gateway"), Some(SingleFlight::Off));
    assert_eq!(single_flight("", "my-gateway"), Some(SingleFlight::Off));
    assert_eq!(single_flight("0123", "unknown"), None);

    let private = good(&json!({"gateways": [{"id": "b", "account_id": "1"}, {"id": "a"}]}));
    assert_eq!(private.gateway("2", "b"), None);
    assert_eq!(
        private
            .gateways()
            .map(|gateway| gateway.id.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn a_gateway_pasted_from_the_replaced_service_loads() {
    let pasted = json!({
        "id": "my-gateway", "created_at": "2026-01-02T03:04:05Z", "modified_at": "2026-01-02T03:04:05Z",
        "is_default": true, "internal": false, "internal_id": "0f", "account_tag": "0f", "wholesale": true,
        "authentication": false, "byok_only": false, "cache_ttl": 0, "cache_invalidate_on_update": true,
        "collect_logs": true, "log_classification": false, "log_management": null,
        "log_management_strategy": null, "logpush": false, "logpush_public_key": "-----BEGIN PUBLIC KEY-----",
        "otel": [], "rate_limiting_interval": 0, "rate_limiting_limit": 0, "rate_limiting_technique": "fixed",
        "retry_max_attempts": null, "retry_delay": 0, "retry_backoff": null,
        "spend_limits": {"enabled": false, "rules": [{"id": "r", "enabled": true}]},
        "dlp": {"enabled": false, "action": "BLOCK", "profiles": ["p"]},
        "guardrails": {"prompt": {}, "response": {}}, "store_id": "s",
        "stripe": {"authorization": "", "usage_events": []},
        "workers_ai_billing_mode": "postpaid", "zdr": false,
    });
    let plain = json!({"gateways": [{"id": "my-gateway", "retry_delay": 0}]});
    assert_eq!(good(&json!({"gateways": [pasted]})), good(&plain));
}

#[test]
fn a_smaller_cache_lowers_the_default_size_of_an_object() {
    let config = good(&with(json!({"cache": {"max_bytes": 1000}})));
    assert_eq!(
        config.cache,
        CacheBudget {
            max_bytes: 1000,
            max_object_bytes: 1000
        }
    );
}

#[test]
fn whole_numbers_may_be_written_in_any_way_that_means_the_same() {
    for written in ["300", "300.0", "3e2", "\"300\"", "\"300.0\""] {
        let text = format!(r#"{{"gateways": [{{"id": "g", "cache_ttl": {written}}}]}}"#);
        let config = parse_ahead(text.as_bytes(), &environment).unwrap();
        assert_eq!(
            config.gateway("", "g").unwrap().cache_ttl.unwrap().get(),
            300,
            "{written}"
        );
    }
    for zero in ["0", "0.0", "\"0\"", "null"] {
        let text = format!(r#"{{"gateways": [{{"id": "g", "cache_ttl": {zero}}}]}}"#);
        let config = parse_ahead(text.as_bytes(), &environment).unwrap();
        assert_eq!(config.gateway("", "g").unwrap().cache_ttl, None, "{zero}");
    }
}

#[test]
fn a_byte_order_mark_and_white_space_do_not_matter() {
    let text = format!("\u{FEFF}\n {} \n", with(json!({})));
    assert_eq!(
        parse_ahead(text.as_bytes(), &environment),
        load(&with(json!({})))
    );
    let text = format!(
        "\n{{\n {}",
        with(json!({})).to_string().trim_start_matches('{')
    );
    assert_eq!(
        parse_ahead(text.as_bytes(), &environment),
        load(&with(json!({})))
    );
}

#[test]
fn every_fault_is_reported_at_once_and_in_order() {
    let bad = json!({
        "gateways": [{"id": "a", "cache_ttl": 5}, {"id": "a", "zdr": true}, {"cache_tll": 60}],
        "limits": {"over_limit": 1},
        "colour": "red",
    });
    assert_eq!(
        faults(bad.to_string().as_bytes()),
        [
            "gateways[0].cache_ttl: 5 is below the minimum of 60 seconds",
            "gateways[1].zdr: is not supported by this version: remove it",
            "gateways[2].id: is missing: write a name, such as my-gateway",
            "gateways[2].cache_tll: is unknown: did you mean cache_ttl?",
            "gateways[1]: has the id of gateways[0]: give it its own id or account_id",
            "limits.over_limit: must be one of reject, pass, found a number",
            "colour: is unknown: remove it, or write one of gateways, cache, custom_providers, providers, \
             limits, outside_paths, cluster_header, log, prices, dynamic_routes",
        ]
    );
}

#[test]
fn what_no_call_heeds_yet_is_refused_unless_it_is_off() {
    let gateway = |settings: Value| {
        let mut gateway = json!({"id": "g"});
        gateway
            .as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        json!({"gateways": [gateway]}).to_string()
    };
    for field in super::retry::FIELDS {
        let errors = parse(gateway(json!({field: 3})).as_bytes(), &environment).unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            format!("gateways[0].{field}: is not supported by this version: remove it")
        );
    }
    let off = gateway(json!({"retry_max_attempts": null, "retry_delay": 0}));
    assert!(parse(off.as_bytes(), &environment).is_ok());
    let routes = json!({"gateways": [{"id": "g"}], "dynamic_routes": [{"name": "r"}]}).to_string();
    let errors = parse(routes.as_bytes(), &environment).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]
            .to_string()
            .starts_with("dynamic_routes: is not supported")
    );
}
