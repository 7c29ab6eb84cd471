//! Dynamic routes: what loads, in either spelling, and what is refused with which words.

mod choice;
mod graph;
mod loading;
mod unified;

use serde_json::{Value, json};

use super::{environment, with};
use crate::config::{
    Condition, Config, ElementKind, Limit, Order, Source, Split, Technique, Test, parse,
};
use crate::llm::price::Picodollars;

fn good(value: &Value) -> Config {
    parse(value.to_string().as_bytes(), &environment).unwrap()
}

fn faults(text: &[u8]) -> Vec<String> {
    let errors = parse(text, &environment).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
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
    with(json!({"attempt_cluster": "sluice-attempts", "dynamic_routes": routes}))
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

/// Checks that each configuration has these faults.
fn check(cases: impl IntoIterator<Item = (Value, Vec<&'static str>)>) {
    for (config, wanted) in cases {
        assert_eq!(refused(&config), wanted, "{config}");
    }
}
