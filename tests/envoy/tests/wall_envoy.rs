//! Issue: what an operator does to Envoy while it serves loses no call, no stored answer and no record that need not be lost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::{Answer, Builder, Case, Gate, Gateway, eventually, rounds, sample};

use super::load::Load;
use super::logbook::total;

const PATH: &str = "/v1/0123/g/openai/chat/completions";
/// What Envoy may have grown by, in bytes, while it was updated again and again.
const GROWTH: u64 = 64 << 20;

fn config(ttl: u64) -> Value {
    json!({"console": {"open": true}, "log": {"line": false}, "gateways": [{"id": "g", "cache_ttl": ttl}]})
}

fn build() -> Builder {
    crate::gateway().config(&config(300)).keeper()
}

/// A question that is answered from the cache from now on.
async fn stored(gateway: &Gateway) -> Case {
    let case = gateway.fake.case(sample::chat());
    assert!(!is_hit(gateway, &case).await);
    case
}

async fn is_hit(gateway: &Gateway, case: &Case) -> bool {
    let call = gateway.post(PATH).case(case).json(&sample::ask(case.id()));
    let reply = call.complete().await;
    assert_eq!(reply.status, 200);
    reply.header("cf-aig-cache-status").as_deref() == Some("HIT")
}

/// Nothing but answers of status 200.
fn assert_all_answered(outcomes: &BTreeMap<String, u64>) {
    let kinds: Vec<_> = outcomes.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["200"], "{outcomes:?}");
}

/// Every call has its record.
async fn assert_all_recorded(gateway: &Gateway, count: u64) {
    let begun = std::time::Instant::now();
    loop {
        let found = total(gateway, "g").await;
        if found == count {
            return;
        }
        assert!(
            begun.elapsed() < sluice_e2e::LIMIT,
            "{found} records of {count} calls"
        );
    }
}

#[tokio::test]
async fn an_update_every_second_loses_no_call_no_answer_and_no_record() {
    let gateway = build().start();
    let case = gateway.fake.case(sample::chat());
    let load = Load::start(&gateway, PATH, &case);
    load.more(100).await;
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.active");
    let before = gateway.resident();
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    // More would not fit into the log store.
    let updates = rounds(5, 20);
    for round in 0..updates {
        clock.tick().await;
        // Of each update its own: in time the answers of the load fill the cache.
        let kept = stored(&gateway).await;
        assert!(gateway.update(&config(301 + round)).await);
        load.more(20).await;
        assert!(is_hit(&gateway, &kept).await);
    }
    let outcomes = load.end().await;
    assert_all_answered(&outcomes);
    assert_all_recorded(&gateway, outcomes["200"] + 2 * updates).await;
    // Old configurations have gone.
    eventually("the end of old machines", || {
        (gateway.stat("wasm.envoy.wasm.runtime.v8.active") <= machines).then_some(())
    })
    .await;
    if let (Some(before), Some(after)) = (before, gateway.resident()) {
        assert!(after < before + GROWTH, "{before} bytes grew to {after}");
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_under_load_and_the_old_one_serves_on() {
    let gateway = build().start();
    let kept = stored(&gateway).await;
    let case = gateway.fake.case(sample::chat());
    let load = Load::start(&gateway, PATH, &case);
    for round in 0..rounds(5, 60) {
        let mut wrong = config(300);
        wrong["gateways"][0]["cache_ttl"] = json!(round);
        wrong["surprise"] = json!(round);
        assert!(!gateway.update(&wrong).await);
        load.more(20).await;
    }
    let outcomes = load.end().await;
    assert_all_answered(&outcomes);
    assert!(is_hit(&gateway, &kept).await);
    assert_all_recorded(&gateway, outcomes["200"] + 2).await;
}

#[tokio::test]
async fn a_listener_that_is_removed_under_load_cuts_no_short_call() {
    let gateway = build().start();
    let kept = stored(&gateway).await;
    let case = gateway.fake.case(sample::chat());
    let load = Load::start(&gateway, PATH, &case);
    load.more(50).await;
    gateway.remove_listener().await;
    let outcomes = load.end().await;
    let mut ended = outcomes.clone();
    ended.retain(|kind, _| !matches!(kind.as_str(), "200" | "unreached"));
    // A connection that Envoy had not taken yet when it closed the port.
    let untaken = ended.remove("unanswered").unwrap_or(0);
    assert!(ended.is_empty() && untaken <= 6, "{outcomes:?}");
    gateway.restore_listener().await;
    assert!(is_hit(&gateway, &kept).await);
    assert_all_recorded(&gateway, outcomes["200"] + 2).await;
}

#[tokio::test]
async fn draining_listeners_let_streams_end_and_tell_clients_to_go() {
    let gateway = build().start();
    let gate = Gate::new();
    let events = sample::chat_events();
    let [first, rest] = [&events[..1], &events[1..]].map(Answer::events);
    let case = gateway
        .fake
        .case(first.clone().gate(&gate).chunk(rest.body()));
    let call = gateway
        .post(PATH)
        .case(&case)
        .json(&sample::ask_stream(case.id()));
    let mut stream = call.send().await;
    stream.expect_bytes(&first.body()).await;
    let other = gateway.fake.case(sample::chat());
    let load = Load::start(&gateway, PATH, &other);
    load.more(20).await;
    gateway.drain();
    eventually("the end of the listeners", || {
        (gateway.stat("listener_manager.listener_stopped") > 0).then_some(())
    })
    .await;
    let outcomes = load.end().await;
    assert!(!outcomes.contains_key("cut"), "{outcomes:?}");
    gate.open();
    assert_eq!(stream.bytes().await, rest.body());
    assert_eq!(gateway.record(&case).await["outcome"], "answered");
}
