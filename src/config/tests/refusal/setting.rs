//! Bad providers and settings.

use super::*;

#[test]
fn bad_custom_providers_are_refused() {
    let good = "https://ai.example.com";
    let address = "[0].base_url: is missing: write the https:// address of its API";
    check(
        with_custom,
        "custom_providers",
        [
            (
                json!([{}]),
                &format!("[0].slug: is missing: write a name, such as neon\n{address}"),
            ),
            (
                json!([{"slug": "custom-neon", "base_url": good}]),
                "[0].slug: must be 1 to 57 of a-z, 0-9 and -, \
                 without the custom- that clients put before it",
            ),
            (
                json!([{"slug": "a", "base_url": good}, {"slug": "a", "base_url": good, "enable": false}]),
                "[1]: has the slug of custom_providers[0]: give it its own slug",
            ),
            (
                json!([{"slug": "a", "base_url": good, "headers": "x-a: b", "cluster": "a b"}]),
                "[0].cluster: must be the name of a cluster: 1 to 512 visible ASCII characters\n\
                 [0].headers: is not supported by this version: remove it",
            ),
            (
                json!([{"slug": "a", "baseUrl": good}]),
                &format!("{address}\n[0].baseUrl: is unknown: did you mean base_url?"),
            ),
        ],
    );
    check(
        with_base_url,
        "custom_providers[0].base_url: ",
        [
            (
                json!("http://a.example"),
                "must be a valid HTTPS URL starting with https://",
            ),
            (
                json!("https://user:pass@a.example"),
                "remove the user name: clients send their own credential",
            ),
            (
                json!(7),
                "must be an https:// address, found a number: put it in quotes",
            ),
        ],
    );
}

#[test]
fn bad_overrides_of_providers_are_refused() {
    let unknown = |slug, remedy| format!(".slug: \"{slug}\" is not a built-in provider: {remedy}");
    let host = ".host: must be a host such as api.example.com or api.example.com:8443";
    check(
        with_override,
        "providers[0]",
        [
            (
                json!({"slug": "opnai", "cluster": "c"}),
                &unknown("opnai", "did you mean openai?"),
            ),
            (
                json!({"slug": "custom-neon", "cluster": "c"}),
                &unknown("custom-neon", "set its cluster under custom_providers"),
            ),
            (
                json!({"slug": "quite-another", "cluster": "c"}),
                &unknown(
                    "quite-another",
                    "a provider of your own belongs under custom_providers",
                ),
            ),
            (
                json!({"slug": "openai"}),
                ": changes nothing: write keys, cluster, host or where it is",
            ),
            (
                json!({"slug": "openai", "host": "https://api.openai.com"}),
                host,
            ),
            (json!({"slug": "openai", "host": "api.openai.com:0"}), host),
            (json!({"slug": "openai", "host": "evil.example/x"}), host),
            (json!({"slug": "openai", "host": "user@evil.example"}), host),
            (json!({"slug": "openai", "host": "a..b"}), host),
        ],
    );
    check(
        with,
        "providers[1]: ",
        [(
            json!({"providers": [{"slug": "groq", "cluster": "c"}, {"slug": "groq", "host": "h"}]}),
            "has the slug of providers[0]: write both changes there",
        )],
    );
}

#[test]
fn bad_settings_are_refused() {
    let header = "cluster_header: must be a header name such as x-sluice-cluster: \
                  x- and up to 62 of a-z, 0-9, _ and -";
    check(
        with,
        "",
        [
            (
                json!({"cache": []}),
                "cache: must be an object, found a list",
            ),
            (
                json!({"cache": {"max_bytes": 0}}),
                "cache.max_bytes: 0 is below the minimum of 1 byte",
            ),
            (
                json!({"cache": {"max_bytes": 1000, "max_object_bytes": 1001}}),
                "cache.max_object_bytes: 1001 is above cache.max_bytes, which is 1000: lower it",
            ),
            (
                json!({"outside_paths": true}),
                "outside_paths: must be one of reject, pass, found true",
            ),
            (json!({"cluster_header": "authorization"}), header),
            (json!({"cluster_header": ":path"}), header),
            (json!({"cluster_header": "x-"}), header),
            (
                json!({"direct_attempts": true}),
                "direct_attempts: needs attempt_cluster: see envoy/envoy.yaml",
            ),
            (
                json!({"attempt_cluster": "c", "direct_attempts": "yes"}),
                "direct_attempts: must be true or false, found text",
            ),
            (
                json!({"attempt_cluster": "", "cluster_header": null}),
                "attempt_cluster: must be the name of a cluster: 1 to 512 visible ASCII characters",
            ),
            (
                json!({"log": {"max_payload_bytes": 10_485_761}}),
                "log.max_payload_bytes: 10485761 is above the maximum of 10485760 bytes",
            ),
            (
                json!({"log": {"payload": 1}}),
                "log.payload: is unknown: remove it, or write one of max_payload_bytes, line, filter_state",
            ),
        ],
    );
}

#[test]
fn bad_limits_are_refused() {
    check(
        with,
        "",
        [
            (
                json!({"limits": {"request_body_bytes": 1_073_741_825, "over_limit": "drop"}}),
                "limits.request_body_bytes: 1073741825 is above the maximum of 1073741824 bytes\n\
                 limits.over_limit: must be one of reject, pass, found \"drop\"",
            ),
            (
                json!({"limits": {"held_bytes": 0, "request_body_bytes": "much"}}),
                "limits.request_body_bytes: must be a whole number of bytes, found text\n\
                 limits.held_bytes: 0 is below the minimum of 1 byte",
            ),
            (
                json!({"limits": {"held_bytes": 402_653_185, "max_held_bytes": 1}}),
                "limits.held_bytes: 402653185 is above the maximum of 402653184 bytes\n\
                 limits.max_held_bytes: is unknown: did you mean held_bytes?",
            ),
        ],
    );
}
