//! What a call cost: by whose word, for whom, and how often.

mod fact;
mod once;
mod price;

use serde_json::json;

use super::*;

const PREDICTIONS: &str = "/v1/acc/my-gateway/replicate/predictions";
const PREDICTION: &[u8] =
    br#"{"id":"p1","model":"meta/llama-2-13b","status":"succeeded","error":null,
    "metrics":{"input_token_count":1000000,"output_token_count":2000000,"predict_time":0.5}}"#;

fn priced(prices: &str, answer: &[u8]) -> Value {
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[("cf-aig-custom-cost", prices)], QUESTION);
    call.answer("200", JSON, &[answer]);
    call.done(0, false).clone()
}

/// An answer with these header fields.
fn headed(status: &str, fields: &[(&str, &str)], body: &[u8]) -> Value {
    let mut call = Proxy::new().stream();
    call.ask(OPENAI, &[], QUESTION);
    let fixed = [(":status", status), ("content-type", JSON)];
    call.on(Event::ResponseHead {
        headers: list(fixed.iter().chain(fields)),
        end: false,
        local: false,
    });
    call.on(answer_event(body, true));
    call.done(0, false).clone()
}
