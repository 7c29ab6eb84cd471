//! Faults of elements and of the graph they make.

use super::*;

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
fn an_output_that_is_missing_is_named() {
    let is_free = json!({"conditions": {"metadata.plan": "free"}});
    let limit = json!({"limitType": "count", "limit": 1, "window": 60});
    let element = |kind: &str, properties: &Value, outputs: Value| json!({"id": "a", "type": kind, "properties": properties, "outputs": outputs});
    let missing =
        |output: &str| format!("[2].outputs.{output}: is missing: write {{elementId: …}}");
    for (kind, properties, outputs, wanted) in [
        (
            "conditional",
            &is_free,
            json!({"false": to("b")}),
            vec!["true"],
        ),
        (
            "conditional",
            &is_free,
            json!({"true": to("b")}),
            vec!["false"],
        ),
        ("conditional", &is_free, json!({}), vec!["true", "false"]),
        (
            "rate",
            &limit,
            json!({"fallback": to("b")}),
            vec!["success"],
        ),
        ("rate_limit", &limit, json!(null), vec!["success"]),
    ] {
        let config = route([element(kind, properties, outputs), model("b", None)]);
        let wanted: Vec<_> = wanted.into_iter().map(missing).collect();
        assert_eq!(refused(&config), wanted, "{config}");
    }
    let start = json!({"id": "start", "type": "start"});
    let config = routes(json!([{"name": "r", "elements": [start, model("a", None), end()]}]));
    assert_eq!(
        refused(&config),
        ["[0].outputs.next: is missing: write {elementId: …}"]
    );
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
