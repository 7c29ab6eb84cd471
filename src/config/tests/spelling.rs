//! However it is written, it means the same; what is wrong with it is said all at once.

use super::*;

#[test]
fn whole_numbers_may_be_written_in_any_way_that_means_the_same() {
    for written in ["300", "300.0", "3e2", "\"300\"", "\"300.0\""] {
        let text = format!(r#"{{"gateways": [{{"id": "g", "cache_ttl": {written}}}]}}"#);
        let config = parse(text.as_bytes(), &environment).unwrap();
        assert_eq!(
            config.gateway("", "g").unwrap().cache_ttl.unwrap().get(),
            300,
            "{written}"
        );
    }
    for zero in ["0", "0.0", "\"0\"", "null"] {
        let text = format!(r#"{{"gateways": [{{"id": "g", "cache_ttl": {zero}}}]}}"#);
        let config = parse(text.as_bytes(), &environment).unwrap();
        assert_eq!(config.gateway("", "g").unwrap().cache_ttl, None, "{zero}");
    }
}

#[test]
fn a_byte_order_mark_and_white_space_do_not_matter() {
    let text = format!("\u{FEFF}\n {} \n", with(json!({})));
    assert_eq!(parse(text.as_bytes(), &environment), load(&with(json!({}))));
    let text = format!(
        "\n{{\n {}",
        with(json!({})).to_string().trim_start_matches('{')
    );
    assert_eq!(parse(text.as_bytes(), &environment), load(&with(json!({}))));
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
            "colour: is unknown: remove it, or write one of gateways, attempt_cluster, direct_attempts, cache, \
             custom_providers, providers, limits, outside_paths, cluster_header, log, console, log_store, prices, \
             export, dynamic_routes",
        ]
    );
}
