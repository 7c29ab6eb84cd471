//! The walk: which way a call takes, and that every walk ends.

mod count;
mod property;
mod walk;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::{Config, parse};
use crate::http::header::HeaderList;
use crate::llm::compat::ChatBody;
use crate::policy::metadata::Metadata;

fn config(elements: &[Value]) -> Option<Config> {
    let routes = json!([{"name": "r", "elements": elements}]);
    let text = json!({"gateways": [{"id": "g"}], "attempt_cluster": "c", "dynamic_routes": routes});
    parse(text.to_string().as_bytes(), &|_| None).ok()
}

fn element(id: &str, kind: &str, properties: Value, outputs: &[(&str, &str)]) -> Value {
    let outputs: BTreeMap<_, _> = outputs
        .iter()
        .map(|(name, to)| (*name, json!({"elementId": to})))
        .collect();
    json!({"id": id, "type": kind, "properties": properties, "outputs": outputs})
}

fn model(id: &str, fallback: Option<&str>) -> Value {
    let mut outputs = vec![("success", "end")];
    outputs.extend(fallback.map(|to| ("fallback", to)));
    element(
        id,
        "model",
        json!({"provider": "openai", "model": id}),
        &outputs,
    )
}

fn start(next: &str) -> Value {
    element("start", "start", json!({}), &[("next", next)])
}

fn end() -> Value {
    json!({"id": "end", "type": "end"})
}

struct Caller {
    metadata: Metadata,
    headers: HeaderList,
    body: &'static ChatBody<'static>,
    random: u64,
}

impl Caller {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            metadata: self.metadata.entries(),
            headers: &self.headers,
            body: self.body,
            random: self.random,
        }
    }
}

fn caller(metadata: &Value, body: &Value) -> Caller {
    let fields = [("x-team", "search"), ("x-size", "12"), ("x-beta", "true")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Caller {
        metadata: Metadata::parse(metadata.to_string().as_bytes()).unwrap_or_default(),
        headers: HeaderList::new(fields.into()),
        body: chat(body),
        random: 7,
    }
}

/// A body that has a model, for as long as the tests run.
fn chat(members: &Value) -> &'static ChatBody<'static> {
    let mut body = json!({"model": "dynamic/r"});
    let members = members.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    let text = Box::leak(body.to_string().into_boxed_str());
    Box::leak(Box::new(ChatBody::read(text.as_bytes()).unwrap()))
}

/// The models that a call meets when each fails, and how the walk ends.
fn walked(
    config: &Config,
    caller: &Caller,
    count: &mut Counter<'_>,
) -> (Vec<String>, Step<'static>) {
    let route = config.dynamic_route("g", "r").unwrap();
    let mut walk = Walk::new(route);
    let mut models = Vec::new();
    for _ in 0..1000 {
        match walk.step(&caller.inputs(), count) {
            Step::Call(call) => models.push(call.model.clone()),
            Step::Limited(wait) => return (models, Step::Limited(wait)),
            Step::End => return (models, Step::End),
        }
    }
    panic!("no end")
}

fn free(_: &Counted<'_>) -> Result<(), Duration> {
    Ok(())
}

fn holds_for(conditions: &Value, caller: &Caller) -> bool {
    let check = element(
        "c",
        "conditional",
        json!({ "conditions": conditions }),
        &[("true", "yes"), ("false", "end")],
    );
    let config = config(&[start("c"), check, model("yes", None), end()]).unwrap();
    walked(&config, caller, &mut free).0 == ["yes"]
}
