//! Answers of providers, as small as they can be and with usage in them.

use serde_json::{Value, json};

use crate::fake::answer::Answer;
use crate::fake::{CASE_HEADER, Case};

/// A chat request in OpenAI's form, told from others by its text.
pub fn ask(text: &str) -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]})
}

/// The same, asking for a stream with usage.
pub fn ask_stream(text: &str) -> Value {
    let mut request = ask(text);
    request["stream"] = json!(true);
    request["stream_options"] = json!({"include_usage": true});
    request
}

/// A step of a universal call that asks this provider, which answers by that script, with a credential of its own.
pub fn step(provider: &str, case: &Case) -> Value {
    json!({
        "provider": provider,
        "endpoint": "chat/completions",
        "headers": {
            "Authorization": format!("Bearer sk-{}", case.id()),
            "Content-Type": "application/json",
            CASE_HEADER: case.id()
        },
        "query": ask(case.id())
    })
}

/// An OpenAI chat completion of 11 tokens in and 7 out.
pub fn chat() -> Answer {
    Answer::json(200, &chat_body())
}

/// The body of [`chat`].
pub fn chat_body() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    })
}

/// The events of a streamed OpenAI chat completion of 11 tokens in and 7 out.
pub fn chat_events() -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "gpt-4o-mini-2024-07-18", "choices": choices, "usage": usage});
        format!("data: {chunk}")
    };
    let delta =
        |text: &str| json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]);
    let usage = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18});
    vec![
        chunk(delta("Hel"), Value::Null),
        chunk(delta("lo"), Value::Null),
        chunk(
            json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]),
            Value::Null,
        ),
        chunk(json!([]), usage),
        "data: [DONE]".to_owned(),
    ]
}

/// An Anthropic message of 21 tokens in (5 of them from the cache, 6 written to it) and 9 out.
pub fn message() -> Answer {
    Answer::json(
        200,
        &json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
            "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 10, "cache_creation_input_tokens": 6, "cache_read_input_tokens": 5,
                "output_tokens": 9}
        }),
    )
}

/// The events of a streamed Anthropic message of 10 tokens in and 9 out.
pub fn message_events() -> Vec<String> {
    let event = |data: Value| {
        format!(
            "event: {}\ndata: {data}",
            data["type"].as_str().unwrap_or_default()
        )
    };
    let usage = json!({"input_tokens": 10, "output_tokens": 1});
    let text = |text: &str| {
        event(
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        )
    };
    vec![
        event(
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "claude-haiku-4-5-20251001", "content": [], "usage": usage}}),
        ),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        text("Hel"),
        text("lo"),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}),
        ),
        event(json!({"type": "message_stop"})),
    ]
}

/// An OpenAI Responses answer of 13 tokens in and 8 out.
pub fn response() -> Answer {
    Answer::json(200, &response_body())
}

/// The body of [`response`].
pub fn response_body() -> Value {
    json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o-mini-2024-07-18",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}],
        "usage": {"input_tokens": 13, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 8,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 21}
    })
}

/// The events of a streamed OpenAI Responses answer of 13 tokens in and 8 out; there is no `[DONE]`.
pub fn response_events() -> Vec<String> {
    let event = |data: Value| {
        format!(
            "event: {}\ndata: {data}",
            data["type"].as_str().unwrap_or_default()
        )
    };
    let begun = json!({"id": "resp_1", "status": "in_progress", "model": "gpt-4o-mini-2024-07-18", "usage": null});
    vec![
        event(json!({"type": "response.created", "sequence_number": 0, "response": begun})),
        event(
            json!({"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hello"}),
        ),
        event(
            json!({"type": "response.completed", "sequence_number": 2, "response": response_body()}),
        ),
    ]
}
