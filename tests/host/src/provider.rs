//! A provider whose answer can be told from any other: it says the prompt back.

use serde_json::{Value, json};

use crate::message::{Answer, Sent};

/// Events of a stream.
const EVENTS: usize = 50;

/// A chat request with that prompt.
pub fn ask(prompt: &str) -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]})
}

/// The same, answered by a body of that many bytes at least.
pub fn ask_for(prompt: &str, bytes: usize) -> Value {
    let mut request = ask(prompt);
    request["max_tokens"] = json!(bytes);
    request
}

/// The same, answered by a stream of events.
pub fn ask_stream(prompt: &str) -> Value {
    let mut request = ask(prompt);
    request["stream"] = json!(true);
    request["stream_options"] = json!({"include_usage": true});
    request
}

/// A request with that prompt, for which the provider has an error only.
pub fn ask_in_vain(prompt: &str) -> Value {
    let mut request = ask(prompt);
    request["model"] = json!("broken");
    request
}

/// The provider.
pub fn provider(sent: &Sent) -> Answer {
    let request: Value = serde_json::from_slice(&sent.body).unwrap_or_default();
    if request["model"] == "broken" {
        return Answer::json(
            500,
            &json!({"error": {"message": "broken", "type": "server_error"}}),
        );
    }
    let prompt = request["messages"][0]["content"].as_str().unwrap_or("");
    if request["stream"] == true {
        return stream(prompt);
    }
    let bytes = request["max_tokens"].as_u64().unwrap_or_default();
    let padding = ".".repeat(usize::try_from(bytes).unwrap());
    let message = json!({"role": "assistant", "content": format!("{prompt}{padding}")});
    Answer::json(
        200,
        &json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage(),
        }),
    )
}

fn usage() -> Value {
    json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18})
}

fn stream(prompt: &str) -> Answer {
    let event = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "gpt-4o-mini-2024-07-18", "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let delta = |_| {
        let delta = json!([{"index": 0, "delta": {"content": prompt}, "finish_reason": null}]);
        event(delta, Value::Null)
    };
    let mut events: Vec<_> = (0..EVENTS - 1).map(delta).collect();
    events.push(event(json!([]), usage()));
    events.push("data: [DONE]\n\n".to_owned());
    Answer::new(200, "text/event-stream", events)
}
