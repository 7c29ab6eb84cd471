//! Gateways and what belongs to them: read from the configuration, written there only.

use serde_json::{Value, json};

use super::{Console, filter};

#[test]
fn an_account_sees_its_own_gateways_and_those_of_every_account() {
    let console = Console::new();
    let ids = |account: &str, query: &str| {
        let target = format!("/client/v4/accounts/{account}/ai-gateway/gateways?{query}");
        let result = console.call("GET", &target, &[], None).result();
        let ids = result
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids("acc", ""), "gw mine other");
    assert_eq!(ids("else", ""), "gw other theirs");
    assert_eq!(ids("_", ""), "gw mine other theirs");
    assert_eq!(ids("acc", "search=OTH"), "other");
    assert_eq!(ids("acc", "per_page=2"), "gw mine");
    assert_eq!(ids("acc", "per_page=2&page=2"), "other");
    assert_eq!(console.get("/gateways/theirs").refusal().0, 404);
    assert_eq!(console.get("/gateways?per_page=101").refusal().1, 7001);
}

#[test]
fn a_gateway_is_the_contracts_object() {
    let gateway = Console::new().get("/gateways/gw").result();
    for (name, value) in [
        ("id", json!("gw")),
        ("is_default", json!(false)),
        ("cache_ttl", json!(300)),
        ("cache_invalidate_on_update", json!(false)),
        ("collect_logs", json!(true)),
        ("authentication", json!(false)),
        ("rate_limiting_limit", json!(5)),
        ("rate_limiting_interval", json!(10)),
        ("rate_limiting_technique", json!("fixed")),
        ("log_management", json!(10000)),
        ("log_management_strategy", json!("STOP_INSERTING")),
        ("retry_max_attempts", json!(3)),
        ("retry_backoff", json!("exponential")),
        ("retry_delay", json!(500)),
        ("otel", json!([])),
        ("zdr", json!(false)),
        ("created_at", json!("1970-01-01T00:00:00.000Z")),
        ("modified_at", json!("1970-01-01T00:00:00.000Z")),
    ] {
        assert_eq!(gateway[name], value, "{name}");
    }
    let plain = Console::new().get("/gateways/other").result();
    assert_eq!(
        (&plain["rate_limiting_limit"], &plain["log_management"]),
        (&json!(0), &Value::Null)
    );
}

#[test]
fn no_secret_of_the_configuration_is_shown() {
    let console = Console::new();
    let text = console.get("/gateways").text() + &console.get("/custom-providers").text();
    assert!(
        !text.contains(&"00".repeat(32)) && !text.contains("ci"),
        "{text}"
    );
}

#[test]
fn writes_to_what_is_configured_name_the_field_to_change() {
    let console = Console::new();
    for (method, path, field) in [
        ("POST", "/gateways", "`gateways`"),
        ("PUT", "/gateways/gw", "`gateways` with `id: gw`"),
        ("PATCH", "/gateways/gw", "cache_ttl"),
        (
            "DELETE",
            "/gateways/gw",
            "remove the entry of `gateways` with `id: gw`",
        ),
        ("POST", "/custom-providers", "`custom_providers`"),
        ("DELETE", "/custom-providers/own", "`custom_providers`"),
        ("POST", "/gateways/gw/provider_configs", "`keys`"),
        ("POST", "/gateways/gw/routes", "`dynamic_routes`"),
    ] {
        let answer = console.send(method, path, &json!({"id": "x", "cache_ttl": 60}));
        let (status, code, message) = answer.refusal();
        assert_eq!(
            (status, code, answer.header("allow")),
            (405, 7001, "GET"),
            "{method} {path}"
        );
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn what_is_not_a_part_of_this_product_says_so() {
    let console = Console::new();
    for path in [
        "/policies",
        "/policies/commit",
        "/billing/credit-balance",
        "/gateways/gw/custom-domains",
        "/gateways/gw/policies",
        "/gateways/gw/routes/x/versions",
    ] {
        assert_eq!(console.get(path).refusal().0, 501, "{path}");
    }
}

#[test]
fn an_url_leads_to_the_provider_through_the_gateway() {
    let console = Console::new();
    let url = |path: &str| console.get(path).result();
    assert_eq!(
        url("/gateways/gw/url/openai"),
        json!("http://localhost:10001/v1/acc/gw/openai")
    );
    assert_eq!(
        url("/gateways/gw/url/compat"),
        json!("http://localhost:10001/v1/acc/gw/compat")
    );
    assert_eq!(
        url("/gateways/gw/url/custom-own"),
        json!("http://localhost:10001/v1/acc/gw/custom-own")
    );
    assert_eq!(
        console.get("/gateways/gw/url/custom-none").refusal().1,
        7001
    );
    assert_eq!(console.get("/gateways/gw/url/nothing").refusal().1, 7001);
    let told = Console::with(&json!({"open": true, "gateway_url": "https://ai.example.com/"}));
    assert_eq!(
        told.get("/gateways/gw/url/openai").result(),
        json!("https://ai.example.com/v1/acc/gw/openai")
    );
}

#[test]
fn custom_providers_are_listed_and_read() {
    let console = Console::new();
    let own = console.get("/custom-providers/own").result();
    assert_eq!(
        (&own["slug"], &own["base_url"]),
        (&json!("own"), &json!("https://llm.example.com/v1"))
    );
    for (query, count) in [
        ("", 1),
        ("search=ow", 1),
        ("search=x", 0),
        ("enable=true", 1),
        ("enable=false", 0),
        ("beta=true", 0),
    ] {
        let result = console.get(&format!("/custom-providers?{query}")).result();
        assert_eq!(result.as_array().unwrap().len(), count, "{query}");
    }
    let (status, code, message) = console.get("/custom-providers/none").refusal();
    assert_eq!(
        (status, code, message.as_str()),
        (404, 1004, "Custom Provider not found")
    );
    assert_eq!(console.get("/custom-providers/a/b").refusal().1, 7002);
}

#[test]
fn keys_and_routes_are_listed_without_their_secrets() {
    let config = json!({
        "console": {"open": true}, "attempt_cluster": "hop", "gateways": [{"id": "gw"}],
        "providers": [{"slug": "openai", "keys": [{"alias": "blue", "environment_variable": "KEY"}]}],
        "dynamic_routes": [{"name": "support", "elements": [
            {"id": "s", "type": "start", "outputs": {"next": {"elementId": "m"}}},
            {"id": "m", "type": "model", "properties": {"provider": "openai", "model": "gpt-4o"},
             "outputs": {"success": {"elementId": "e"}}},
            {"id": "e", "type": "end", "outputs": {}},
        ]}],
    });
    let parsed = crate::config::parse(config.to_string().as_bytes(), &|_| {
        Some("sk-secret".to_owned())
    });
    let mut console = Console::new();
    std::rc::Rc::get_mut(&mut console.worker).unwrap().config = std::rc::Rc::new(parsed.unwrap());
    let answer = console.get("/gateways/gw/provider_configs");
    assert!(!answer.text().contains("sk-secret"));
    let keys = answer.result();
    assert_eq!(
        (&keys[0]["alias"], &keys[0]["provider_slug"]),
        (&json!("blue"), &json!("openai"))
    );
    let routes = console.get("/gateways/gw/routes").json();
    assert_eq!(
        (&routes["success"], &routes["data"]["routes"][0]["name"]),
        (&json!(true), &json!("support"))
    );
    let elements = &routes["data"]["routes"][0]["elements"];
    assert_eq!(
        *elements,
        json!([{"id": "s", "type": "start"}, {"id": "m", "type": "model"}, {"id": "e", "type": "end"}])
    );
}

#[test]
fn the_limits_say_how_full_a_gateway_is() {
    let console = Console::new();
    console.store(&[json!({}), json!({}), json!({"gateway_id": "other"})]);
    let limits = console.get("/gateways/gw/limits").result();
    let expected =
        json!({"limit": 5, "interval": 10, "technique": "fixed", "used": 0, "resets_in": 0.0});
    assert_eq!(limits["rate_limit"], expected);
    assert_eq!(
        (&limits["log"]["records"], &limits["log"]["limit"]),
        (&json!(2), &json!(10000))
    );
    assert_eq!(
        (
            &limits["log"]["strategy"],
            &limits["log"]["store"]["records"]
        ),
        (&json!("STOP_INSERTING"), &json!(3))
    );
    assert_eq!(
        (&limits["cache"]["bytes"], &limits["dropped"]),
        (&json!(0), &json!(0))
    );
    let gateway = console.worker.config.gateway("acc", "gw").unwrap();
    let limit = gateway.rate_limit.as_ref().unwrap();
    crate::store::window::admit(&*console.host, "gw", limit).unwrap();
    assert_eq!(
        console.get("/gateways/gw/limits").result()["rate_limit"]["used"],
        1
    );
    assert_eq!(
        console.get("/gateways/other/limits").result()["rate_limit"],
        Value::Null
    );
    assert_eq!(
        console
            .models(&filter("gateway_id", "eq", &json!(["gw"])))
            .len(),
        2
    );
}

#[test]
fn without_an_account_no_sum_stands_beside_the_limit_of_one() {
    let console = Console::new();
    console.store(&[
        json!({}),
        json!({"account_id": "else"}),
        json!({"gateway_id": "theirs", "account_id": "else"}),
    ]);
    let limits = |account: &str, gateway: &str| {
        let path = format!("/client/v4/accounts/{account}/ai-gateway/gateways/{gateway}/limits");
        console.call("GET", &path, &[], None).result()["log"].take()
    };
    let all = limits("_", "gw");
    assert_eq!((&all["records"], &all["limit"]), (&json!(2), &Value::Null));
    assert_eq!(all["limit_per_account"], 10_000);
    let one = limits("else", "gw");
    assert_eq!(
        (&one["records"], &one["limit"]),
        (&json!(1), &json!(10_000))
    );
    assert_eq!(limits("_", "theirs")["records"], 1);
}

#[test]
fn the_path_that_traces_go_to_is_not_shown() {
    let sink = json!({"url": "https://otel.test/secret-tenant/v1/traces?k=v", "cluster": "c"});
    let console = Console::configured(&json!({
        "console": {"open": true},
        "gateways": [{"id": "gw", "otel": [sink]}],
    }));
    let shown = console.get("/gateways/gw").result()["otel"].take();
    assert_eq!(shown[0]["url"], "//otel.test/***");
}
