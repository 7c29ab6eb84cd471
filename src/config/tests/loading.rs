//! What loads arrives where it belongs.

use super::*;

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
        log_management: None,
        privacy: None,
        rate_limit: None,
        retry: RetrySettings::default(),
        stream_usage: false,
        stream_errors: StreamErrors::Planned,
        otel: Vec::new(),
    };
    let wanted = Config {
        prices: Prices::default(),
        gateways: vec![Rc::new(gateway)],
        custom_providers: Vec::new(),
        overrides: Vec::new(),
        dynamic_routes: Vec::new(),
        attempt_cluster: None,
        direct_attempts: false,
        cache: CacheBudget {
            max_bytes: 67_108_864,
            max_object_bytes: 1_048_576,
        },
        limits: Limits {
            request_body_bytes: 26_214_400,
            over_limit: OverLimit::Reject,
            held_bytes: 268_435_456,
        },
        outside_paths: OutsidePaths::Reject,
        cluster_header: "x-sluice-cluster".to_owned(),
        log: LogSettings {
            max_payload_bytes: 65_536,
            line: true,
            filter_state: true,
        },
        console: None,
        log_store: LogStore::default(),
        export: Vec::new(),
    };
    assert_eq!(config, wanted);
}

#[test]
fn null_means_the_default_everywhere() {
    let nulls = json!({
        "gateways": [{
            "id": "g", "account_id": null, "authentication": null, "credentials": null, "cache_ttl": null,
            "cache_single_flight": null, "cache_single_flight_timeout": null, "collect_logs": null,
            "collect_log_payload": null, "log_privacy": null, "log_management": null, "log_management_strategy": null, "rate_limiting_limit": null, "rate_limiting_interval": null,
            "rate_limiting_technique": null, "retry_max_attempts": null, "retry_delay": null,
            "retry_backoff": null, "retry_after_cap": null, "retry_deadline": null, "retry_statuses": null,
            "fallback_statuses": null, "retry_error_answers": null, "stream_usage": null, "stream_errors": null,
        }],
        "cache": null, "custom_providers": null, "providers": null, "limits": null,
        "outside_paths": null, "cluster_header": null, "log": null, "log_store": null, "dynamic_routes": null,
        "attempt_cluster": null, "direct_attempts": null,
    });
    assert_eq!(good(&nulls), good(&json!({"gateways": [{"id": "g"}]})));
}

#[test]
fn every_field_of_a_gateway_arrives_where_it_belongs() {
    let config = good(&full());
    let gateway = config.gateway("0123", "my-gateway").unwrap();
    assert!(gateway.authentication && gateway.collect_log_payload && !gateway.collect_logs);
    assert!(gateway.stream_usage && gateway.stream_errors == StreamErrors::All);
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
    assert!(retry.error_answers);

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
            over_limit: OverLimit::Pass,
            held_bytes: 402_653_184,
        }
    );
    assert_eq!(config.outside_paths, OutsidePaths::Pass);
    assert_eq!(config.cluster_header, "x-mesh-cluster");
    assert_eq!(config.attempt_cluster.as_deref(), Some("sluice-attempts"));
    assert!(config.direct_attempts);
    assert_eq!(
        config.log,
        LogSettings {
            max_payload_bytes: 0,
            line: true,
            filter_state: true,
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
