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
