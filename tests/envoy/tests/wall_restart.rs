//! Issue: a hot restart loses no call. What the old Envoy kept in its memory, answers and records, goes with it.

use serde_json::json;
use sluice_e2e::{Answer, Gate, Gateway, eventually, sample};

use super::load::Load;

const PATH: &str = "/v1/0123/g/openai/chat/completions";

#[tokio::test]
async fn a_hot_restart_under_load_loses_no_call() {
    let config = json!({"gateways": [{"id": "g", "cache_ttl": 300}]});
    let old = Gateway::builder().config(&config).keeper().restartable();
    let old = old.start();
    let gate = Gate::new();
    let events = sample::chat_events();
    let [first, rest] = [&events[..1], &events[1..]].map(Answer::events);
    let streamed = old.fake.case(first.clone().gate(&gate).chunk(rest.body()));
    let call = old.post(PATH).case(&streamed);
    let mut stream = call.json(&sample::ask_stream(streamed.id())).send().await;
    stream.expect_bytes(&first.body()).await;
    let case = old.fake.case(sample::chat());
    let load = Load::start(&old, PATH, &case);
    load.more(50).await;
    let new = old.restart();
    load.more(50).await;
    gate.open();
    assert_eq!(stream.bytes().await, rest.body());
    let outcomes = load.end().await;
    let kinds: Vec<_> = outcomes.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["200"], "{outcomes:?}");
    assert_eq!(new.address(), old.address());
    let served = new.fake.case(sample::chat());
    let call = new.post(PATH).case(&served).json(&sample::ask(served.id()));
    assert_eq!(call.complete().await.status, 200);
    assert_eq!(new.record(&served).await["outcome"], "answered");
    eventually("the end of the old Envoy", || {
        (!old.is_alive()).then_some(())
    })
    .await;
}
