//! Unified calls: who is meant, where they go, and what of the body changes.

mod body;
mod target;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::llm::format::Format;
use crate::llm::provider::{BaseUrl, UpstreamCall};

fn model<'a>(provider: &'a str, model: &'a str) -> ChatModel<'a> {
    ChatModel { provider, model }
}

fn written(body: &str, provider: &str) -> String {
    let body = ChatBody::read(body.as_bytes()).unwrap();
    String::from_utf8(body.written_for(&model(provider, "m"))).unwrap()
}
