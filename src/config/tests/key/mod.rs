//! Stored keys: what loads, and for whom.

mod refusal;

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
