//! Stored keys: what loads, for whom, and what is refused.

use super::*;

/// Every variable is set but `UNSET`; its text says its name.
fn environment(name: &str) -> Option<String> {
    match name {
        "UNSET" => None,
        "EMPTY" => Some(" \n".to_owned()),
        "TWO_WORDS" => Some("top secret".to_owned()),
        "ACCOUNT" => Some(r#"{"top":"secret"}"#.to_owned()),
        _ => Some(format!(" secret-of-{name}\n")),
    }
}

fn load(value: &Value) -> Result<Config, Vec<ConfigError>> {
    parse(value.to_string().as_bytes(), &environment)
}

fn good(fields: Value) -> Config {
    load(&with(fields)).unwrap()
}

fn faults(fields: Value) -> Vec<String> {
    let errors = load(&with(fields)).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn openai(keys: Value) -> Value {
    json!({"providers": [{"slug": "openai", "keys": keys}]})
}

fn custom(fields: Value) -> Value {
    let mut provider = json!({"slug": "neon", "base_url": "https://ai.example.com"});
    merge(&mut provider, fields);
    json!({"custom_providers": [provider]})
}

/// Checks that each list of keys has these faults, one a line, whose paths begin with that of the list.
fn check<const N: usize>(cases: [(Value, &str); N]) {
    for (keys, wanted) in cases {
        let wanted: Vec<_> = wanted
            .lines()
            .map(|line| format!("providers[0].keys{line}"))
            .collect();
        assert_eq!(faults(openai(keys.clone())), wanted, "{keys}");
    }
}

#[test]
fn the_least_key_has_the_documented_defaults() {
    let config = good(openai(json!([{"environment_variable": "A"}])));
    let pool = config.key_pool("openai", "my-gateway").unwrap();
    assert_eq!(pool.provider, "openai");
    assert_eq!(pool.gateway_id, None);
    let [key] = &*pool.keys else {
        panic!("one key")
    };
    assert_eq!((key.weight, key.priority), (1, 0));
    assert_eq!((&key.cluster, &key.host), (&None, &None));
    assert_eq!(key.alias, "default");
    assert_eq!(key.secret.reveal(), "secret-of-A");
    let rest = KeyRest {
        rate_limited: Duration::from_secs(30),
        refused: Duration::from_secs(300),
        longest: Duration::from_secs(3600),
    };
    assert_eq!(pool.rest, rest);
    let override_of = config.override_of("openai").unwrap();
    assert_eq!((&override_of.cluster, &override_of.host), (&None, &None));
    assert!(config.key_pool("groq", "my-gateway").is_none());
    assert!(config.key_pool("custom-openai", "my-gateway").is_none());
}

#[test]
fn every_field_of_a_key_arrives_where_it_belongs() {
    let config = good(json!({"providers": [{
        "slug": "openai", "cluster": "c", "key_rest": {"rate_limited": 1, "refused": 2, "longest": 86_400},
        "keys": [
            {"alias": "b", "environment_variable": "B", "weight": "0", "priority": 9},
            {"alias": "a", "environment_variable": "A", "weight": 100, "priority": 2,
             "cluster": "outbound|443||eu", "host": "EU.example.com:8443"},
        ],
    }]}));
    let pool = config.key_pool("openai", "my-gateway").unwrap();
    let [first, second] = &*pool.keys else {
        panic!("two keys")
    };
    assert_eq!(
        (first.alias.as_str(), first.weight, first.priority),
        ("a", 100, 2)
    );
    assert_eq!(first.cluster.as_deref(), Some("outbound|443||eu"));
    assert_eq!(first.host.as_deref(), Some("eu.example.com:8443"));
    assert_eq!(
        (second.alias.as_str(), second.weight, second.priority),
        ("b", 0, 9)
    );
    assert_eq!(pool.rest.rate_limited, Duration::from_secs(1));
    assert_eq!(pool.rest.refused, Duration::from_secs(2));
    assert_eq!(pool.rest.longest, Duration::from_hours(24));
}

#[test]
fn a_custom_provider_has_keys_and_says_where_they_go() {
    let header = |fields: Value| {
        let mut all = json!({"keys": [{"environment_variable": "A"}]});
        merge(&mut all, fields);
        let config = good(custom(all));
        let pool = config.key_pool("custom-neon", "my-gateway").unwrap();
        assert_eq!(pool.provider, "custom-neon");
        let place = pool.placement("v1/chat/completions");
        let value = place.value(pool.keys[0].secret.reveal());
        format!("{}: {}", place.header(), String::from_utf8(value).unwrap())
    };
    assert_eq!(header(json!({})), "authorization: Bearer secret-of-A");
    assert_eq!(
        header(json!({"key_header": "X-Team-Token"})),
        "x-team-token: secret-of-A"
    );
    assert_eq!(
        header(json!({"key_header": "authorization", "key_scheme": "Token"})),
        "authorization: Token secret-of-A"
    );
    assert_eq!(
        header(json!({"key_scheme": ""})),
        "authorization: secret-of-A"
    );
}

#[test]
fn a_gateways_own_keys_come_before_those_of_all() {
    let mut config = openai(json!([
        {"alias": "a", "environment_variable": "A"},
        {"alias": "a", "environment_variable": "B", "gateway_id": "other"},
    ]));
    merge(
        &mut config,
        json!({"gateways": [{"id": "my-gateway"}, {"id": "other"}]}),
    );
    let config = good(config);
    let secret = |gateway: &str| {
        let pool = config.key_pool("openai", gateway).unwrap();
        pool.keys[0].secret.reveal().to_owned()
    };
    assert_eq!(secret("my-gateway"), "secret-of-A");
    assert_eq!(secret("other"), "secret-of-B");

    let own = good(openai(
        json!([{"environment_variable": "A", "gateway_id": "my-gateway"}]),
    ));
    assert!(own.key_pool("openai", "my-gateway").is_some());
    assert!(own.key_pool("openai", "other").is_none());
}

#[test]
fn a_key_is_for_one_gateway_that_exists() {
    let keys = json!([{"environment_variable": "A", "gateway_id": "elsewhere"}]);
    check([(
        keys,
        "[0].gateway_id: is not the id of a gateway: write one of gateways",
    )]);
    let mut two = openai(json!([{"environment_variable": "A", "gateway_id": "g"}]));
    merge(
        &mut two,
        json!({"gateways": [{"id": "g", "account_id": "1"}, {"id": "g"}]}),
    );
    assert_eq!(
        faults(two),
        [
            "providers[0].keys[0].gateway_id: is the id of several gateways: give them ids of their own"
        ]
    );
}

#[test]
fn one_secret_may_lead_to_several_targets() {
    let keys = json!([
        {"alias": "a", "environment_variable": "A"},
        {"alias": "b", "environment_variable": "A", "cluster": "b"},
        {"alias": "c", "environment_variable": "A", "cluster": "b", "host": "c.example.com"},
    ]);
    let config = good(openai(keys));
    assert_eq!(
        config.key_pool("openai", "my-gateway").unwrap().keys.len(),
        3
    );
}

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
