//! `GET /compat/models`: what may stand in `model`, in the shape of OpenAI's list.
//!
//! Invariant: the list is sorted and names nothing twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The list of these models, by id; each with who serves it. When a model came to be is not known: `created` is 0.
pub fn list(models: &BTreeMap<String, String>) -> Vec<u8> {
    let data: Vec<Value> = models
        .iter()
        .map(|(id, owner)| json!({"id": id, "object": "model", "created": 0, "owned_by": owner}))
        .collect();
    json!({"object": "list", "data": data})
        .to_string()
        .into_bytes()
}
