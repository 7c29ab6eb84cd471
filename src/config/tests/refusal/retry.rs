//! Bad retries, and what needs a way to make several attempts.

use super::*;

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
