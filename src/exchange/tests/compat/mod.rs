//! The unified endpoint: the body names the provider, and the call is that provider's.

mod call;
mod credential;
mod list;
mod refusal;

use serde_json::json;

use super::encoding::gzip;
use super::*;

const CHAT: &str = "/v1/acc/my-gateway/compat/chat/completions";
const COMPLETION: &[u8] = br#"{"id":"c","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;
const HI: &str = r#"{ "messages" : [{"role":"user","content":"hi"}], "model" : "openai/gpt-4o-mini", "seed": 7 }"#;
const SENT: &str =
    r#"{ "messages" : [{"role":"user","content":"hi"}], "model" : "gpt-4o-mini", "seed": 7 }"#;

/// What the request's field was set to on its way.
fn set<'a>(call: &'a Stream, name: &str) -> Option<&'a str> {
    let edits = call.upstream.as_ref().unwrap();
    edits.iter().find_map(|edit| match edit {
        Edit::Set(field, value) if field == name => std::str::from_utf8(value).ok(),
        Edit::Set(..) | Edit::Remove(_) => None,
    })
}

fn target(call: &Stream) -> (&str, &str, &str) {
    let field = |name| set(call, name).unwrap();
    (
        field("x-sluice-cluster"),
        field(":authority"),
        field(":path"),
    )
}
