//! Bad gateways.

use super::*;

#[test]
fn a_bad_list_of_gateways_is_refused() {
    let missing = ": is missing: write at least one gateway, such as [{id: my-gateway}]";
    let name = "[0].id: must be 1 to 64 of A-Z, a-z, 0-9, _ and -";
    let number = "[0].account_id: must be 1 to 64 of A-Z, a-z, 0-9, _ and -, found a number: \
                  put it in quotes";
    let put = |gateways| json!({"gateways": gateways});
    check(
        put,
        "gateways",
        [
            (json!(null), missing),
            (json!([]), missing),
            (json!({"id": "a"}), ": must be a list, found an object"),
            (json!([null]), "[0]: must be an object, found null"),
            (json!(["a"]), "[0]: must be an object, found text"),
            (
                json!([{}]),
                "[0].id: is missing: write a name, such as my-gateway",
            ),
            (json!([{"id": ""}]), name),
            (json!([{"id": "a/b"}]), name),
            (json!([{"id": "a".repeat(65)}]), name),
            (json!([{"id": "a", "account_id": 123}]), number),
            (
                json!([{"id": "a", "account_id": "1"}, {"id": "a"}, {"id": "a", "account_id": "1"}]),
                "[2]: has the id of gateways[0]: give it its own id or account_id",
            ),
        ],
    );
}

#[test]
fn unknown_and_unsupported_fields_of_a_gateway_are_refused() {
    let known = "id, account_id, authentication, credentials, cache_ttl, cache_single_flight, \
                 cache_single_flight_timeout, collect_logs, collect_log_payload, log_management, \
                 log_management_strategy, log_privacy, rate_limiting_limit, rate_limiting_interval, rate_limiting_technique, retry_max_attempts, \
                 retry_delay, retry_backoff, retry_after_cap, retry_deadline, retry_statuses, \
                 fallback_statuses, retry_error_answers, stream_usage, stream_errors, otel";
    let odd = format!("\"a\\n{{\": is unknown: remove it, or write one of {known}");
    let far = format!("colour: is unknown: remove it, or write one of {known}");
    check(
        with_gateway,
        "gateways[0].",
        [
            (
                json!({"cacheTtl": 60}),
                "cacheTtl: is unknown: did you mean cache_ttl?",
            ),
            (
                json!({"rate_limit": 60}),
                &far.replace("colour", "rate_limit"),
            ),
            (json!({"colour": 60}), &far),
            (json!({"a\n{": 60}), &odd),
            (
                json!({"retry_max_attempt": 2}),
                "retry_max_attempt: is unknown: did you mean retry_max_attempts?",
            ),
            (
                json!({"guardrails": {"prompt": {"S1": "BLOCK"}}}),
                "guardrails: is not supported by this version: remove it",
            ),
            (
                json!({"spend_limits": {"enabled": true, "rules": []}}),
                "spend_limits: is not supported by this version: remove it",
            ),
        ],
    );
}

#[test]
fn numbers_out_of_bounds_are_refused() {
    check(
        with_gateway,
        "gateways[0].cache_ttl: ",
        [
            (
                json!({"cache_ttl": 5}),
                "5 is below the minimum of 60 seconds",
            ),
            (
                json!({"cache_ttl": -1}),
                "-1 is below the minimum of 60 seconds",
            ),
            (
                json!({"cache_ttl": "2592001"}),
                "2592001 is above the maximum of 2592000 seconds",
            ),
            (
                json!({"cache_ttl": 60.5}),
                "60.5 is not a whole number of seconds",
            ),
            (
                json!({"cache_ttl": "60.5"}),
                "60.5 is not a whole number of seconds",
            ),
            (
                json!({"cache_ttl": "5m"}),
                "must be a whole number of seconds, found text",
            ),
            (
                json!({"cache_ttl": false}),
                "must be a whole number of seconds, found false",
            ),
        ],
    );
    check(
        |seconds| with_gateway(json!({"cache_single_flight_timeout": seconds})),
        "gateways[0].cache_single_flight_timeout: ",
        [
            (json!(0), "0 is below the minimum of 1 second"),
            (json!(601), "601 is above the maximum of 600 seconds"),
        ],
    );
}

#[test]
fn words_and_flags_of_a_gateway_are_checked() {
    let words = "cache_single_flight: must be one of off, non_streaming, all, found";
    check(
        with_gateway,
        "gateways[0].",
        [
            (
                json!({"collect_logs": "yes"}),
                "collect_logs: must be true or false, found text",
            ),
            (
                json!({"cache_single_flight": "streaming"}),
                &format!("{words} \"streaming\""),
            ),
            // YAML reads a bare `off` as false.
            (
                json!({"cache_single_flight": false}),
                &format!("{words} false"),
            ),
            (
                json!({"rate_limiting_technique": "rolling"}),
                "rate_limiting_technique: must be one of fixed, sliding, found \"rolling\"",
            ),
        ],
    );
}

#[test]
fn bad_retries_of_a_gateway_are_refused() {
    let status = "must be an HTTP status from 400 to 599, or 4xx or 5xx, found";
    check(
        with_gateway,
        "gateways[0].",
        [
            (
                json!({"retry_max_attempts": 0, "retry_delay": 60_001}),
                "retry_max_attempts: 0 is below the minimum of 1 attempt\n\
                 retry_delay: 60001 is above the maximum of 60000 milliseconds",
            ),
            (
                json!({"retry_max_attempts": 6}),
                "retry_max_attempts: 6 is above the maximum of 5 attempts",
            ),
            (
                json!({"retry_backoff": "random"}),
                "retry_backoff: must be one of constant, linear, exponential, found \"random\"",
            ),
            (
                json!({"retry_after_cap": 3_600_001, "retry_deadline": "1m"}),
                "retry_after_cap: 3600001 is above the maximum of 3600000 milliseconds\n\
                 retry_deadline: must be a whole number of milliseconds, found text",
            ),
            (
                json!({"retry_statuses": "5xx"}),
                "retry_statuses: must be a list, found text",
            ),
            (
                json!({"retry_statuses": [503, 200], "fallback_statuses": ["6xx", 600, 429.5]}),
                &format!(
                    "retry_statuses[1]: {status} \"200\"\n\
                     fallback_statuses[0]: {status} \"6xx\"\n\
                     fallback_statuses[1]: {status} \"600\"\n\
                     fallback_statuses[2]: {status} \"429.5\""
                ),
            ),
            (
                json!({"retry_error_answers": "yes", "stream_errors": 0}),
                "retry_error_answers: must be true or false, found text\n\
                 stream_errors: must be one of off, planned, all, found a number",
            ),
            (
                json!({"retry_statuses": [[503]]}),
                "retry_statuses[0]: must be an HTTP status from 400 to 599, or 4xx or 5xx, \
                 found a list",
            ),
        ],
    );
}

#[test]
fn without_an_attempt_cluster_what_needs_one_is_refused_unless_it_is_off() {
    let needs = "needs attempt_cluster: see envoy/envoy.yaml";
    let without = |fields| {
        let mut config = with_gateway(fields);
        config["attempt_cluster"] = json!(null);
        config
    };
    for (field, value) in [
        ("retry_max_attempts", json!(2)),
        ("retry_delay", json!(1)),
        ("retry_backoff", json!("linear")),
        ("retry_after_cap", json!(1000)),
        ("retry_deadline", json!("1000")),
        ("retry_statuses", json!([503])),
        ("fallback_statuses", json!(["5xx"])),
        ("retry_error_answers", json!(true)),
    ] {
        let text = without(json!({ field: value })).to_string();
        let wanted = format!("gateways[0].{field}: {needs}");
        assert_eq!(faults(text.as_bytes()), [wanted]);
        assert!(
            load(&with_gateway(json!({ field: value }))).is_ok(),
            "{field}"
        );
    }
    for attempts in [json!(1), json!("1"), json!(null)] {
        let off = json!({
            "retry_max_attempts": attempts, "retry_delay": 0, "retry_backoff": null, "retry_after_cap": "0",
            "retry_deadline": 0, "retry_statuses": [], "fallback_statuses": [], "retry_error_answers": false,
        });
        assert!(load(&without(off)).is_ok(), "{attempts}");
    }
    let routes = json!({"gateways": [{"id": "g"}], "dynamic_routes": [{"name": "r"}]});
    let found = faults(routes.to_string().as_bytes());
    assert_eq!(found.first(), Some(&format!("dynamic_routes: {needs}")));
    let none = json!({"gateways": [{"id": "g"}], "dynamic_routes": []});
    assert!(load(&none).is_ok());
}

#[test]
fn half_a_rate_limit_is_refused() {
    let limit = "limit: is missing: write the calls per rate_limiting_interval";
    let interval = "interval: is missing: write the seconds for rate_limiting_limit";
    check(
        |(limit, interval)| {
            with_gateway(json!({"rate_limiting_limit": limit, "rate_limiting_interval": interval}))
        },
        "gateways[0].rate_limiting_",
        [
            ((json!(5), json!(null)), interval),
            ((json!(5), json!(0)), interval),
            ((json!(5), json!("0")), interval),
            ((json!(0), json!(10)), limit),
            ((json!("0.0"), json!(10)), limit),
            (
                (json!(4_294_967_296_u64), json!(2_592_001)),
                "limit: 4294967296 is above the maximum of 4294967295 calls\n\
                 interval: 2592001 is above the maximum of 2592000 seconds",
            ),
        ],
    );
}

#[test]
fn a_bad_list_of_credentials_is_refused() {
    let (demo, other) = (hex("demo-token"), hex("app-secret"));
    let missing = ": is missing: authentication is on, write at least one {name, sha256}";
    check(
        with_credentials,
        "gateways[0].credentials",
        [
            (json!(null), missing),
            (json!([]), missing),
            (json!("demo"), ": must be a list, found text"),
            (
                json!([{"sha256": demo}]),
                "[0].name: is missing: write a name for the log, such as ci",
            ),
            (
                json!([{"name": "a b", "sha256": demo}]),
                "[0].name: must be 1 to 64 visible ASCII characters",
            ),
            (
                json!([{"name": "a", "sha256": demo}, {"name": "a", "sha256": other}]),
                "[1]: has the name of gateways[0].credentials[0]: give it its own name",
            ),
            (
                json!([
                    {"name": "a", "sha256": other},
                    {"name": "b", "environment_variable": "SLUICE_APP_CREDENTIAL"},
                ]),
                "[1]: is the same credential as gateways[0].credentials[0]: remove one of them",
            ),
        ],
    );
}

#[test]
fn a_credential_without_one_good_source_is_refused() {
    let demo = hex("demo-token");
    let short: String = demo.chars().skip(1).collect();
    let digits = ".sha256: must be 64 hexadecimal digits, the SHA-256 of the credential's text";
    let quotes = format!("{digits}, found a number: put it in quotes");
    let variable = |message| format!(".environment_variable: {message}");
    check(
        with_credential,
        "gateways[0].credentials[0]",
        [
            (json!({"sha256": short}), digits),
            (json!({"sha256": format!("+{short}")}), digits),
            (json!({"sha256": 7}), &quotes),
            (
                json!({}),
                ": has no source: write either sha256 or environment_variable",
            ),
            (
                json!({"sha256": demo, "environment_variable": "EMPTY"}),
                ": has two sources: keep either sha256 or environment_variable",
            ),
            (
                json!({"environment_variable": "UNSET"}),
                &variable(
                    "is not set in the VM's environment: add it to vm_config.environment_variables",
                ),
            ),
            (
                json!({"environment_variable": "EMPTY"}),
                &variable("is empty in the VM's environment: give it the text of the credential"),
            ),
            (
                json!({"environment_variable": "2FAST"}),
                &variable(
                    "must be the name of an environment variable: A-Z, a-z, 0-9 and _, \
                     without a leading digit",
                ),
            ),
        ],
    );
}
