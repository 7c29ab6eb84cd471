//! Dynamic routes: what loads, in either spelling, and what is refused with which words.

use serde_json::{Value, json};

use super::{environment, with};
use crate::config::{
    Condition, Config, ElementKind, Limit, Order, Source, Split, Technique, Test, parse,
    parse_ahead,
};
use crate::llm::price::Picodollars;

fn good(value: &Value) -> Config {
    parse_ahead(value.to_string().as_bytes(), &environment).unwrap()
}

fn faults(text: &[u8]) -> Vec<String> {
    let errors = parse_ahead(text, &environment).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_configuration_with_routes_is_refused_for_now() {
    let config = routes(json!([full()]));
    assert!(
        good(&config)
            .dynamic_route("my-gateway", "support")
            .is_some()
    );
    for config in [config, routes(json!([{"name": 5}])), routes(json!("x"))] {
        let errors = parse(config.to_string().as_bytes(), &environment).unwrap_err();
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            ["dynamic_routes: is not supported by this version: remove it"]
        );
    }
    assert!(parse(routes(json!([])).to_string().as_bytes(), &environment).is_ok());
}

/// A route with every kind of element.
fn full() -> Value {
    json!({"name": "support", "elements": [
        {"id": "start", "type": "start", "outputs": {"next": to("plan")}},
        {"id": "plan", "type": "conditional",
         "properties": {"conditions": {"metadata.plan": {"$in": ["free", "trial"]}}},
         "outputs": {"true": to("quota"), "false": to("canary")}},
        {"id": "quota", "type": "rate",
         "properties": {"limitType": "count", "key": "metadata.user_id", "limit": 100, "window": 3600},
         "outputs": {"success": to("small")}},
        {"id": "canary", "type": "percentage", "properties": {"key": "metadata.user_id"},
         "outputs": {"10%": to("large"), "else": to("small")}},
        {"id": "large", "type": "model",
         "properties": {"provider": "anthropic", "model": "claude-opus-4-8", "timeout": 30000, "retries": 1},
         "outputs": {"success": to("end"), "fallback": to("small")}},
        {"id": "small", "type": "model", "properties": {"provider": "openai", "model": "gpt-5-mini"},
         "outputs": {"success": to("end")}},
        {"id": "end", "type": "end"},
    ]})
}

fn to(id: &str) -> Value {
    json!({ "elementId": id })
}

fn start(next: &str) -> Value {
    json!({"id": "start", "type": "start", "outputs": {"next": to(next)}})
}

fn model(id: &str, fallback: Option<&str>) -> Value {
    let outputs = json!({"success": to("end"), "fallback": fallback.map(to)});
    json!({"id": id, "type": "model", "properties": {"provider": "openai", "model": "gpt-5"}, "outputs": outputs})
}

fn end() -> Value {
    json!({"id": "end", "type": "end"})
}

fn routes(routes: Value) -> Value {
    with(json!({ "dynamic_routes": routes }))
}

/// A route that begins at `a`.
fn route(elements: impl IntoIterator<Item = Value>) -> Value {
    let mut all = vec![start("a"), end()];
    all.extend(elements);
    routes(json!([{"name": "r", "elements": all}]))
}

fn kind(config: &Value, id: &str) -> ElementKind {
    let config = good(config);
    let route = config.dynamic_route("my-gateway", "r").unwrap();
    let mut elements = route.elements().iter();
    elements
        .find(|element| element.id == id)
        .unwrap()
        .kind
        .clone()
}

/// The faults of a configuration, without the path of the first route's elements.
fn refused(config: &Value) -> Vec<String> {
    let faults = faults(config.to_string().as_bytes());
    let short = |fault: &String| fault.replace("dynamic_routes[0].elements", "");
    faults.iter().map(short).collect()
}

#[test]
fn a_pasted_route_loads() {
    let config = good(&routes(json!([{
        "id": "0198", "name": "support", "gateway_id": "my-gateway", "account_tag": "a", "created_at": "2026-01-01",
        "modified_at": "2026-01-01", "version": {"active": "true"}, "deployment": {},
        "elements": [
            {"id": "start", "type": "start", "outputs": {"next": {"elementId": "m"}}},
            {"id": "m", "type": "model",
             "properties": {"provider": "xai", "model": "grok-4", "timeout": 60000, "retries": 4},
             "outputs": {"success": {"elementId": "end"}, "fallback": {"elementId": "end"}}},
            {"id": "end", "type": "end", "outputs": {}},
        ],
    }])));
    let route = config.dynamic_route("my-gateway", "support").unwrap();
    let call = route
        .elements()
        .iter()
        .find_map(|element| element.model())
        .unwrap();
    assert_eq!(
        (call.provider.as_str(), call.model.as_str()),
        ("grok", "grok-4")
    );
    assert_eq!(call.timeout.unwrap().as_secs(), 60);
    assert_eq!(call.retries, Some(4));
    assert!(config.dynamic_route("other", "support").is_none());
    assert!(config.dynamic_route("my-gateway", "none").is_none());
}

#[test]
fn a_gateways_own_route_comes_before_the_one_of_all() {
    let elements = json!([start("a"), model("a", None), end()]);
    let config = good(&routes(json!([
        {"name": "r", "gateway_id": "my-gateway", "elements": elements},
        {"name": "r", "elements": elements},
        {"name": "a", "elements": elements},
    ])));
    let own = config.dynamic_route("my-gateway", "r").unwrap();
    assert_eq!(own.gateway_id.as_deref(), Some("my-gateway"));
    assert_eq!(config.dynamic_route("other", "r").unwrap().gateway_id, None);
    assert!(config.dynamic_route("my-gateway", "a").is_some());
}

#[test]
fn the_older_spellings_mean_the_same() {
    let limit = |kind: &str, window: &str| {
        let properties =
            json!({"limitType": "cost", "key": "metadata.user_id", "limit": "2.5", window: 60});
        let outputs = json!({"success": to("b"), "fallback": to("end")});
        route([
            json!({"id": "a", "type": kind, "properties": properties, "outputs": outputs}),
            model("b", None),
        ])
    };
    let newer = kind(&limit("rate", "window"), "a");
    assert_eq!(newer, kind(&limit("rate_limit", "interval"), "a"));
    let ElementKind::Rate(quota, _, Some(_)) = newer else {
        panic!()
    };
    assert_eq!(quota.limit, Limit::Cost(Picodollars(2_500_000_000_000)));
    assert_eq!(quota.technique, Technique::Fixed);
    assert_eq!(quota.key.unwrap().source, Source::Metadata);

    let conditional = |name: &str| {
        let properties = json!({name: {"metadata.plan": {"$eq": "free"}}});
        let outputs = json!({"true": to("b"), "false": to("end")});
        route([
            json!({"id": "a", "type": "conditional", "properties": properties, "outputs": outputs}),
            model("b", None),
        ])
    };
    assert_eq!(
        kind(&conditional("conditions"), "a"),
        kind(&conditional("condition"), "a")
    );
}

fn split(outputs: &Value) -> Value {
    let element = json!({"id": "a", "type": "percentage", "outputs": outputs, "properties": {"key": "headers.X-User"}});
    route([element, model("b", None), model("c", None)])
}

#[test]
fn shares_total_the_whole_in_one_order() {
    let ElementKind::Percentage(one) = kind(
        &split(&json!({"33.3%": to("b"), "else": to("c"), "0.5%": to("end")})),
        "a",
    ) else {
        panic!()
    };
    let shares: Vec<_> = one.shares.iter().map(|share| share.parts).collect();
    assert_eq!(shares, [662_000, 5_000, 333_000]);
    assert_eq!(shares.iter().sum::<u32>(), Split::WHOLE);
    assert_eq!(one.key.unwrap().name, "x-user");
}

#[test]
fn shares_that_are_not_the_whole_are_refused() {
    for (outputs, wanted) in [
        (
            json!({"10%": to("b"), "80%": to("c")}),
            "[2]: has outputs of 90% together: they must total 100",
        ),
        (
            json!({"60%": to("b"), "60%%": to("c")}),
            "[2].outputs.\"60%%\": is not a share: name it like 10% or 12.5%, or else",
        ),
        (
            json!({"60%": to("b"), "50%": to("c")}),
            "[2]: has outputs of 110% together: they must total 100",
        ),
        (
            json!({"60%": to("b"), "40%": to("c"), "else": to("b")}),
            "[2]: has outputs of 100% together: leave something for else",
        ),
        (
            json!({}),
            "[2]: has outputs of 0% together: they must total 100",
        ),
        (
            json!({"10%": to("b"), "11%": to("b"), "12%": to("b"), "13%": to("b"), "14%": to("c"), "40%": to("c")}),
            "[2]: has more than 5 shares: merge some",
        ),
        (
            json!({"100.00001%": to("b"), "else": to("c")}),
            "[2].outputs.\"100.00001%\": is not a share: name it like 10% or 12.5%, or else",
        ),
    ] {
        assert_eq!(refused(&split(&outputs)), [wanted], "{outputs}");
    }
}

fn conditional(conditions: &Value) -> Value {
    let outputs = json!({"true": to("b"), "false": to("end")});
    let properties = json!({ "conditions": conditions });
    route([
        json!({"id": "a", "type": "conditional", "properties": properties, "outputs": outputs}),
        model("b", None),
    ])
}

#[test]
fn conditions_are_read_with_all_their_operators() {
    let ElementKind::Conditional(condition, ..) = kind(
        &conditional(&json!({
            "$or": [{"metadata.plan": "free"}, {"body.max_tokens": {"$gt": 5, "$lte": 10.5}}],
            "headers.X-Beta": {"$exists": false},
        })),
        "a",
    ) else {
        panic!()
    };
    let Condition::All(all) = condition else {
        panic!()
    };
    let [Condition::Any(any), Condition::Not(not)] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert!(matches!(&**not, Condition::Test(path, Test::Exists) if path.name == "x-beta"));
    let [Condition::Test(_, Test::In(values)), Condition::All(range)] = any.as_slice() else {
        panic!("{any:?}")
    };
    assert_eq!(values, &[json!("free")]);
    assert!(matches!(
        range.as_slice(),
        [
            Condition::Test(_, Test::Order(Order::Above, _)),
            Condition::Test(_, Test::Order(Order::AtMost, _)),
        ]
    ));
}

#[test]
fn conditions_that_say_nothing_are_refused() {
    let at = "[2].properties.conditions";
    let nothing = "must say something in each member: null is not compared, use $exists";
    for (conditions, wanted) in [
        (json!({}), format!("{at}: {nothing}")),
        (json!({"metadata.a": null}), format!("{at}: {nothing}")),
        (
            json!({"metadata.a": {"$eq": null, "$ne": 1}}),
            format!("{at}.\"metadata.a\": {nothing}"),
        ),
        (
            json!({"$and": []}),
            format!("{at}.\"$and\": is empty: write at least one condition"),
        ),
        (
            json!({"metadata.a": {"$in": []}}),
            format!("{at}.\"metadata.a\".\"$in\": is empty: write at least one value"),
        ),
        (
            json!({"metadata.a": {"$eq": [1]}}),
            format!("{at}.\"metadata.a\".\"$eq\": must be text, a number, true or false"),
        ),
        (
            json!({"metadata.a": {"$gtt": 1}}),
            format!(
                "{at}.\"metadata.a\".\"$gtt\": \"$gtt\" is not an operator here: did you mean $gt?"
            ),
        ),
        (
            json!({"$xor": []}),
            format!("{at}.\"$xor\": \"$xor\" is not an operator here: did you mean $nor?"),
        ),
        (
            json!({"plan": "free"}),
            format!(
                "{at}.plan: must be named like a field of the call, such as metadata.plan, body.model or headers.x-team"
            ),
        ),
    ] {
        let found = refused(&conditional(&conditions));
        assert_eq!(found.first(), Some(&wanted), "{conditions}");
    }
}

/// Checks that each configuration has these faults.
fn check(cases: impl IntoIterator<Item = (Value, Vec<&'static str>)>) {
    for (config, wanted) in cases {
        assert_eq!(refused(&config), wanted, "{config}");
    }
}

#[test]
fn every_fault_of_a_graph_has_its_place() {
    check([
        (
            route([model("a", Some("a"))]),
            vec!["[2]: leads back to itself: every way must lead to an end"],
        ),
        (
            route([
                model("a", Some("b")),
                model("b", Some("c")),
                model("c", Some("b")),
            ]),
            vec!["[3]: leads back to itself: every way must lead to an end"],
        ),
        (
            route([model("a", None), model("b", None)]),
            vec!["[3]: is unreachable: no output leads to it from the start"],
        ),
        (
            route([model("a", None), model("a", None)]),
            vec![
                "[3]: has the id of [2]: give it its own id",
                "[3]: is unreachable: no output leads to it from the start",
            ],
        ),
        (
            route([model("a", Some("missing"))]),
            vec![
                "[2].outputs.fallback.elementId: is not an element of the route: write the id of one of the route's elements",
            ],
        ),
        (
            route([
                model("a", None),
                json!({"id": "s2", "type": "start", "outputs": {"next": to("a")}}),
            ]),
            vec![
                "[3]: is a second start: a route has one",
                "[3]: is unreachable: no output leads to it from the start",
            ],
        ),
    ]);
}

#[test]
fn an_element_is_refused_with_the_place_of_its_fault() {
    let no_end = json!({"id": "a", "type": "model", "properties": {"provider": "openai", "model": "m"}, "outputs": {"success": to("b")}});
    check([
        (
            route([no_end, model("b", None)]),
            vec!["[2]: must have an end as its outputs.success: the answer is on its way by then"],
        ),
        (
            route([
                json!({"id": "a", "type": "model", "properties": {"provider": "openai", "model": "m"}}),
            ]),
            vec!["[2].outputs.success: is missing: write {elementId: …}"],
        ),
        (
            route([json!({"id": "a", "type": "modal"})]),
            vec![
                "[2].type: must be one of start, conditional, percentage, rate, rate_limit, model, end, found \"modal\"",
            ],
        ),
    ]);
}

#[test]
fn a_route_that_could_do_nothing_is_refused() {
    check([
        (
            routes(json!([{"name": "r", "elements": []}])),
            vec![": has no start: write an element of type start"],
        ),
        (
            routes(json!([{"name": "r", "elements": [start("end"), end()]}])),
            vec![": has no model: write an element of type model"],
        ),
        (
            routes(
                json!([{"name": "r", "gateway_id": "no", "elements": [start("a"), model("a", None), end()]}]),
            ),
            vec!["dynamic_routes[0].gateway_id: is not the id of a gateway: write one of gateways"],
        ),
        (
            routes(json!([{"name": "r"}])),
            vec![
                ": is missing: write the route's elements (of a pasted route: those in version.data)",
            ],
        ),
    ]);
}

#[test]
fn a_model_that_cannot_be_called_is_refused_with_the_remedy() {
    let at = "[2].properties.provider: ";
    let unknown = "is not a provider: write the slug of a built-in provider, or custom- and one of custom_providers";
    for (provider, wanted) in [
        ("opneai", format!("{at}\"opneai\" {unknown}")),
        ("custom-none", format!("{at}\"custom-none\" {unknown}")),
        ("dynamic", format!("{at}\"dynamic\" {unknown}")),
        (
            "deepgram",
            format!(
                "{at}cannot be called here: This provider has no chat completions: call it at its own endpoint"
            ),
        ),
        (
            "azure-openai",
            format!(
                "{at}cannot be called here: azure-openai needs a resource: configure providers: [{{slug: azure-openai, resource: …}}]"
            ),
        ),
    ] {
        let mut element = model("a", None);
        element["properties"]["provider"] = json!(provider);
        assert_eq!(refused(&route([element])), [wanted]);
    }
    let mut element = model("a", None);
    element["properties"] =
        json!({"provider": "azure-openai", "model": "m", "timeout": 0, "retries": 6});
    let mut config = route([element]);
    config["providers"] = json!([{"slug": "azure-openai", "resource": "mine"}]);
    assert_eq!(
        refused(&config),
        [
            "[2].properties.timeout: 0 is below the minimum of 1 millisecond",
            "[2].properties.retries: 6 is above the maximum of 5 attempts",
        ]
    );
}

#[test]
fn a_limit_needs_its_parts() {
    let limit = |properties: Value| {
        let outputs = json!({"success": to("b")});
        refused(&route([
            json!({"id": "a", "type": "rate", "properties": properties, "outputs": outputs}),
            model("b", None),
        ]))
    };
    assert_eq!(
        limit(json!({})),
        [
            "[2].properties.limitType: is missing: write count or cost",
            "[2].properties.limit: is missing: write how much is admitted",
            "[2].properties.window: is missing: write the seconds in which it is admitted",
        ]
    );
    assert_eq!(
        limit(json!({"limitType": "cost", "limit": 0, "window": 1, "interval": 2, "key": "user"})),
        [
            "[2].properties.key: must be a field of the call, such as metadata.plan, body.model or headers.x-team",
            "[2].properties.interval: is the older spelling of window: keep one",
            "[2].properties.limit: must be an amount of USD above 0, found \"0\"",
        ]
    );
    assert_eq!(
        limit(json!({"limitType": "count", "limit": 1.5, "window": 1})),
        ["[2].properties.limit: 1.5 is not a whole number of calls"]
    );
}

#[test]
fn the_places_of_unified_calls_are_checked() {
    let with_places =
        |fields: Value| faults(with(json!({"providers": [fields]})).to_string().as_bytes());
    let config = good(&with(json!({"providers": [
        {"slug": "google-vertex-ai", "project": "my-project", "region": "europe-west4"},
        {"slug": "azure-openai", "resource": "mine"},
        {"slug": "aws-bedrock", "region": "eu-central-1"},
    ]})));
    assert_eq!(
        config
            .override_of("azure-openai")
            .unwrap()
            .location()
            .resource,
        Some("mine")
    );
    for (fields, wanted) in [
        (
            json!({"slug": "openai", "region": "eu"}),
            "providers[0].region: means nothing here: it is for aws-bedrock and google-vertex-ai",
        ),
        (
            json!({"slug": "aws-bedrock", "region": "eu"}),
            "providers[0].region: is not one that aws-bedrock can have: write it as its console does",
        ),
        (
            json!({"slug": "azure-openai", "resource": "a.b"}),
            "providers[0].resource: is not one that azure-openai can have: write it as its console does",
        ),
        (
            json!({"slug": "google-vertex-ai", "project": "A/B"}),
            "providers[0].project: must be 1 to 64 of a-z, 0-9, -, . and :",
        ),
        (
            json!({"slug": "google-vertex-ai", "project": "p", "region": "x"}),
            "providers[0].region: is not one that google-vertex-ai can have: write it as its console does",
        ),
    ] {
        assert_eq!(with_places(fields), [wanted]);
    }
}

#[test]
fn the_list_names_what_can_be_called_and_nothing_else() {
    let mut config = route([model("a", None)]);
    config["custom_providers"] = json!([{"slug": "neon", "base_url": "https://ai.example.com"}]);
    config["prices"] = json!({
        "custom-neon": [{"id": "Small", "match": ["smalls-*"], "free": true}],
        "perplexity-ai": [{"id": "sonar-own", "free": true}],
        "azure-openai": [{"id": "mine", "free": true}],
        "elevenlabs": [{"id": "voice", "free": true}],
    });
    let config = good(&config);
    let all = config.models("my-gateway", None).unwrap();
    let ids: Vec<_> = all.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "custom-neon/small",
            "dynamic/r",
            "openai/gpt-5",
            "perplexity/sonar-own"
        ]
    );
    assert_eq!(all["perplexity/sonar-own"], "perplexity-ai");

    let embedded = config.models("my-gateway", Some("perplexity")).unwrap();
    assert!(
        embedded.len() > 1
            && embedded.contains_key("perplexity/sonar-own")
            && embedded.contains_key("perplexity/sonar")
    );
    assert!(
        embedded
            .keys()
            .all(|id| id.starts_with("perplexity/") && !id.contains('*'))
    );
    assert!(
        config
            .models("my-gateway", Some("openai"))
            .unwrap()
            .contains_key("openai/gpt-5")
    );
    assert!(
        config
            .models("my-gateway", Some("azure-openai"))
            .unwrap()
            .is_empty()
    );
    for unknown in ["none", "dynamic", ""] {
        assert!(
            config.models("my-gateway", Some(unknown)).is_err(),
            "{unknown}"
        );
    }
}
