//! Calls that may need several attempts, with Envoy's two routers played natively: what each provider is sent, what the
//! client gets, and what is recorded.

mod broken;
mod config_text;
mod credential;
mod disguise;
mod driver;
mod given_up;
mod held;
mod inherited;
mod kept;
mod key;
mod leaving;
mod limit;
mod order;
mod peers;
mod property;
mod refusal;
mod route;
mod route_refused;
mod sharing;
mod single;
mod step;
mod told;
mod view;
mod wait;

use std::time::Duration;

use serde_json::json;

use self::driver::Call;
use super::*;

const UNIVERSAL: &str = "/v1/acc/open";
const DONE: &[u8] = br#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;
const FAILED: &[u8] = br#"{"error":{"message":"not now","type":"server_error"}}"#;

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A worker with the configuration above.
fn proxy() -> Proxy {
    let host = Rc::new(FakeHost::new(&[1]));
    let worker = Worker::alone(
        &host,
        config::parse(
            config_text::config().to_string().as_bytes(),
            &config_text::key,
        )
        .unwrap(),
        QueueId(1),
    );
    Proxy {
        host,
        worker: Rc::new(worker),
        next: Cell::new(100),
    }
}

/// The body of a step for that provider.
fn query(name: &str) -> Value {
    json!({"model": format!("{name}-model"), "messages": [{"role": "user", "content": format!("to {name}")}]})
}

/// A step for the custom provider of that name, with a key of its own.
fn step(name: &str, config: Value) -> Value {
    json!({
        "provider": format!("custom-{name}"),
        "endpoint": format!("chat/completions?for={name}"),
        "headers": {"authorization": format!("Bearer {name}-key"), "x-of": name},
        "config": config,
        "query": query(name),
    })
}

fn universal<'p>(proxy: &'p Proxy, gateway: &str, steps: &[Value]) -> Call<'p> {
    universal_with(proxy, gateway, steps, &[])
}

fn universal_with<'p>(
    proxy: &'p Proxy,
    gateway: &str,
    steps: &[Value],
    fields: &[(&str, &str)],
) -> Call<'p> {
    let body = json!(steps).to_string();
    Call::ask(proxy, &UNIVERSAL.replace("open", gateway), fields, &body)
}

/// (step, status, outcome) of each record.
fn facts(records: &[Value]) -> Vec<(u64, u64, &str)> {
    records
        .iter()
        .map(|record| {
            let number = |name: &str| record[name].as_u64().unwrap();
            (
                number("step"),
                number("status_code"),
                record["outcome"].as_str().unwrap(),
            )
        })
        .collect()
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
