//! The promises of the universal endpoint's body: every spelling is understood, every fault has its place, and nothing
//! of one step or of the request gets into another step's head.

mod body;
mod endpoint;
mod head;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::Backoff;
use crate::exchange::options::Options;
use crate::exchange::url::{self, CallUrl};
use crate::llm::provider::{self, UpstreamCall};

fn headers(fields: &[(&str, &str)]) -> HeaderList {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    fields.collect()
}

fn pairs(head: &HeaderList) -> Vec<(&str, &str)> {
    head.iter()
        .map(|(name, value)| (name, std::str::from_utf8(value).unwrap()))
        .collect()
}

/// The fault of a body, as the client is told.
fn refusal(body: &str) -> String {
    let BodyFault { place, what } = read(body.as_bytes()).unwrap_err();
    format!("{place}: {what}")
}

/// A good step with these members instead.
fn with(members: Value) -> Value {
    let mut step =
        json!({"provider": "openai", "endpoint": "chat/completions", "query": {"model": "m"}});
    let Value::Object(members) = members else {
        panic!("an object")
    };
    step.as_object_mut().unwrap().extend(members);
    step
}

/// The head of a call that has this step only.
fn head_of(members: Value, request: &[(&str, &str)]) -> HeaderList {
    let body = with(members).to_string();
    let steps = read(body.as_bytes()).unwrap();
    steps[0].head(&headers(request))
}

/// Checks the fault of a list whose second step has each of these members, after the place of the step.
fn check(cases: &[(Value, &str)]) {
    for (members, wanted) in cases {
        let list = json!([with(json!({})), with(members.clone())]).to_string();
        assert_eq!(refusal(&list), format!("[1].{wanted}"), "{members}");
    }
}
