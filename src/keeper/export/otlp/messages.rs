//! The bodies of a call as attributes: as they are, and as the messages of the GenAI conventions where their shape is known.
//!
//! Known are the chats of OpenAI and Anthropic; other bodies are only there as they are. A body that was cut is no JSON.
//! Source: opentelemetry.io, "GenAI input messages" and "output messages" schemas.

use serde_json::{Value as Json, json};

use super::attribute::{Attribute, Value};

/// The attributes of what was kept of both bodies.
pub(super) fn attributes(
    request: Option<&[u8]>,
    response: Option<&[u8]>,
) -> impl Iterator<Item = Attribute> {
    let bodies = [
        ("gen_ai.prompt_json", request),
        ("gen_ai.completion_json", response),
    ]
    .map(|(name, body)| text(name, String::from_utf8_lossy(body?).into_owned()));
    let messages = [
        ("gen_ai.input.messages", request.and_then(input)),
        ("gen_ai.output.messages", response.and_then(output)),
    ]
    .map(|(name, messages)| text(name, Json::Array(messages?).to_string()));
    bodies.into_iter().chain(messages).flatten()
}

fn text(name: &'static str, text: String) -> Option<Attribute> {
    Some(Attribute::new(name, Value::Text(text)))
}

fn input(body: &[u8]) -> Option<Vec<Json>> {
    let body: Json = serde_json::from_slice(body).ok()?;
    let system = body.get("system").map(|it| message("system", it));
    let messages = body.get("messages")?.as_array()?.iter().map(|it| {
        let role = it.get("role").and_then(Json::as_str);
        let mut message = message(role.unwrap_or("user"), it.get("content")?);
        calls_of(it, &mut message);
        Some(message)
    });
    let messages: Option<Vec<_>> = messages.collect();
    Some(system.into_iter().chain(messages?).collect())
}

fn output(body: &[u8]) -> Option<Vec<Json>> {
    let body: Json = serde_json::from_slice(body).ok()?;
    let Some(choices) = body.get("choices").and_then(Json::as_array) else {
        // Anthropic's answer is a message itself.
        let content = body.get("content").filter(|it| it.is_array())?;
        return Some(vec![finished(content, body.get("stop_reason"))]);
    };
    let choices = choices.iter().map(|choice| {
        let message = choice.get("message")?;
        let mut found = finished(message.get("content")?, choice.get("finish_reason"));
        calls_of(message, &mut found);
        Some(found)
    });
    choices.collect()
}

fn finished(content: &Json, reason: Option<&Json>) -> Json {
    let mut message = message("assistant", content);
    if let (Some(reason), Json::Object(fields)) = (reason, &mut message) {
        fields.insert("finish_reason".to_owned(), reason.clone());
    }
    message
}

fn message(role: &str, content: &Json) -> Json {
    let parts = match content {
        Json::String(text) => vec![json!({"type": "text", "content": text})],
        Json::Array(parts) => parts.iter().map(part).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    };
    json!({"role": role, "parts": parts})
}

/// Texts and Anthropic's tool calls have a form of their own; the conventions allow any other.
fn part(part: &Json) -> Json {
    let field = |name: &str| part.get(name).cloned().unwrap_or_default();
    match part.get("type").and_then(Json::as_str) {
        Some("text") => json!({"type": "text", "content": field("text")}),
        Some("tool_use") => {
            json!({"type": "tool_call", "id": field("id"), "name": field("name"), "arguments": field("input")})
        }
        Some("tool_result") => {
            json!({"type": "tool_call_response", "id": field("tool_use_id"), "response": field("content")})
        }
        _ => part.clone(),
    }
}

/// OpenAI's tool calls stand beside the content.
fn calls_of(from: &Json, message: &mut Json) {
    let calls = from.get("tool_calls").and_then(Json::as_array);
    let parts = message.get_mut("parts").and_then(Json::as_array_mut);
    let (Some(calls), Some(parts)) = (calls, parts) else {
        return;
    };
    parts.extend(calls.iter().map(|call| {
        let field = |path: &str| call.pointer(path).cloned().unwrap_or_default();
        json!({"type": "tool_call", "id": field("/id"), "name": field("/function/name"),
            "arguments": field("/function/arguments")})
    }));
}
