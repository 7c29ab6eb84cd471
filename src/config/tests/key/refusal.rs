//! Stored keys that are refused, and in which words.

use super::*;

#[test]
fn a_bad_list_of_keys_is_refused() {
    let variable = "environment_variable";
    let many: Value = (0..65)
        .map(|key| json!({"alias": format!("k{key}"), variable: format!("K{key}")}))
        .collect();
    check([
        (json!("A"), ": must be a list, found text"),
        (
            json!([{}]),
            "[0].environment_variable: is missing: write the variable of the VM's environment that holds the key",
        ),
        (
            json!([{variable: "A"}, {variable: "B"}]),
            "[1]: has the alias of providers[0].keys[0]: give it its own alias or gateway_id",
        ),
        (
            json!([{variable: "A"}, {"alias": "b", variable: "A"}]),
            "[1]: is the same key as providers[0].keys[0]: remove one of them",
        ),
        (
            json!([{variable: "A", "alias": "a b", "weight": 101, "priority": -1}]),
            "[0].weight: 101 is above the maximum of 100 shares\n\
             [0].priority: -1 is below the minimum of 0 levels\n\
             [0].alias: must be 1 to 64 of A-Z, a-z, 0-9, _ and -",
        ),
        (
            json!([{variable: "A", "cluster": "a b", "host": "a/b"}]),
            "[0].cluster: must be the name of a cluster: 1 to 512 visible ASCII characters\n\
             [0].host: must be a host such as api.example.com or api.example.com:8443",
        ),
        (
            json!([{variable: "A", "secret": "sk"}]),
            "[0].secret: is unknown: remove it, or write one of alias, environment_variable, weight, priority, \
             gateway_id, cluster, host",
        ),
        (many, ": has more than 64 keys: use fewer"),
    ]);
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_without_its_text() {
    let unfit = "holds no key that a header can carry: one word of visible ASCII is; what signs (SigV4) or is \
                 exchanged (a service account) is not supported";
    for (variable, wanted) in [
        (
            "UNSET",
            "is not set in the VM's environment: add it to vm_config.environment_variables",
        ),
        (
            "EMPTY",
            "is empty in the VM's environment: give it the text of the key",
        ),
        ("TWO_WORDS", unfit),
        ("ACCOUNT", unfit),
        (
            "sk-secret",
            "must be the name of an environment variable: A-Z, a-z, 0-9 and _, without a leading digit",
        ),
    ] {
        let found = faults(openai(json!([{"environment_variable": variable}])));
        let path = "providers[0].keys[0].environment_variable";
        assert_eq!(found, [format!("{path}: {wanted}")]);
        assert!(!found[0].contains("secret"));
    }
}

#[test]
fn bad_rests_are_refused() {
    let put = |rest: Value| {
        let keys = json!([{"environment_variable": "A"}]);
        faults(json!({"providers": [{"slug": "openai", "keys": keys, "key_rest": rest}]}))
    };
    let path = "providers[0].key_rest";
    assert_eq!(
        put(json!({"rate_limited": 0, "longest": 86_401, "forever": true})),
        [
            format!("{path}.longest: 86401 is above the maximum of 86400 seconds"),
            format!("{path}.rate_limited: 0 is below the minimum of 1 second"),
            format!(
                "{path}.forever: is unknown: remove it, or write one of longest, rate_limited, refused"
            ),
        ]
    );
    assert_eq!(
        put(json!({"refused": 61, "longest": 60})),
        [format!(
            "{path}.refused: 61 is above longest, which is 60: lower it"
        )]
    );
    let alone =
        json!({"providers": [{"slug": "openai", "cluster": "c", "key_rest": {"longest": 9}}]});
    assert_eq!(
        faults(alone),
        [format!("{path}: means nothing without keys: remove it")]
    );
}

#[test]
fn a_lower_longest_rest_lowers_the_usual_ones() {
    let config = good(json!({"providers": [{
        "slug": "openai", "keys": [{"environment_variable": "A"}], "key_rest": {"longest": 10},
    }]}));
    let rest = config.key_pool("openai", "my-gateway").unwrap().rest;
    assert_eq!(
        (rest.rate_limited, rest.refused),
        (rest.longest, rest.longest)
    );
}

#[test]
fn a_header_that_does_not_look_like_one_for_keys_is_refused() {
    for header in [
        "accept",
        "cookie",
        "x-envoy-auth",
        "Sec-WebSocket-Key",
        "x key",
        "cf-aig-token",
        "",
    ] {
        let found = faults(custom(json!({"key_header": header})));
        assert_eq!(
            found,
            [
                "custom_providers[0].key_header: must be the name of a header for a key, such as x-api-key: 1 to 64 \
              of a-z, 0-9, _ and -, with auth, key, secret or token in it"
            ],
            "{header}"
        );
    }
    assert_eq!(
        faults(custom(json!({"key_scheme": "Token "}))),
        [
            "custom_providers[0].key_scheme: must be the word before the key, such as Token: up to 32 letters, digits \
          and -"
        ]
    );
}

#[test]
fn no_text_of_a_key_is_shown_with_the_configuration() {
    let config = good(openai(json!([{"environment_variable": "A"}])));
    let shown = format!("{config:?}");
    assert!(shown.contains("secret: ***"));
    assert!(!shown.contains("secret-of-A"));
}
