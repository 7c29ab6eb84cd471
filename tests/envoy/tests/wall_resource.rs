//! Issue: where there is no more room, calls go on, and what was promised of the rest still holds.

use serde_json::json;
use sluice_e2e::{Answer, Gateway, eventually, rounds, sample, within};

use super::load::Load;
use super::logbook::limits;

const PATH: &str = "/v1/0123/g/openai/chat/completions";
const LIMITED: &str = "/v1/0123/limited/openai/chat/completions";
/// Bytes of the cache and of the log store.
const SMALL: u64 = 100_000;

#[tokio::test]
async fn calls_go_on_when_every_store_is_full() {
    let config = json!({
        "console": {"open": true},
        "gateways": [
            {"id": "g", "cache_ttl": 300, "collect_log_payload": true},
            {"id": "limited", "rate_limiting_limit": 7, "rate_limiting_interval": 3600, "rate_limiting_technique": "sliding"}
        ],
        "cache": {"max_bytes": SMALL, "max_object_bytes": 20_000},
        "log": {"line": false},
        "log_store": {"max_bytes": SMALL, "max_records": 50}
    });
    let gateway = crate::gateway().config(&config).start();
    let mut body = sample::chat_body();
    body["padding"] = json!("x".repeat(5000));
    let case = gateway.fake.case(Answer::json(200, &body));
    let (one, two) = (
        Load::start(&gateway, PATH, &case),
        Load::start(&gateway, LIMITED, &case),
    );
    one.more(rounds(400, 5000)).await;
    let outcomes = one.end().await;
    assert_eq!(outcomes.keys().collect::<Vec<_>>(), ["200"], "{outcomes:?}");
    let limited = two.end().await;
    assert_eq!(limited["200"], 7, "{limited:?}");
    assert_eq!(limited.len(), 2, "{limited:?}");
    let shown = limits(&gateway, "g").await;
    assert!(
        shown["cache"]["bytes"].as_u64().unwrap() <= SMALL,
        "{shown}"
    );
    let store = &shown["log"]["store"];
    assert!(store["bytes"].as_u64().unwrap() <= SMALL, "{shown}");
    assert!(store["records"].as_u64().unwrap() <= 50, "{shown}");
    // What was asked last is still there.
    let last = gateway.fake.case(sample::chat());
    for hit in ["MISS", "HIT"] {
        let call = gateway.post(PATH).case(&last).json(&sample::ask(last.id()));
        let reply = call.complete().await;
        assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some(hit));
    }
}

/// Bodies that the filter itself must have: of calls that say in their bodies where they go. A machine has 1 GiB.
#[tokio::test]
async fn large_bodies_that_are_held_at_once_kill_no_machine() {
    const SIZE: usize = 20 << 20;
    let config = json!({"gateways": [{"id": "g"}], "attempt_cluster": "sluice-attempts"});
    let gateway = crate::gateway().config(&config).workers(1).start();
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    let mut held = Vec::new();
    for _ in 0..rounds(8, 20) {
        let case = gateway.fake.case(sample::chat());
        let path = "/v1/0123/g/compat/chat/completions";
        let (feed, call) = gateway.post(path).case(&case).upload();
        let call = call.header("content-type", "application/json");
        held.push((tokio::spawn(call.try_send()), feed));
    }
    for (_, feed) in &held {
        feed.chunk("{\"model\":\"openai/gpt-4o-mini\",\"fill\":\"")
            .await;
        for _ in 0..SIZE >> 20 {
            within("a piece", feed.chunk(vec![b'x'; 1 << 20])).await;
        }
    }
    for (call, feed) in held {
        feed.chunk("\"}").await;
        drop(feed);
        let reply = within("an answer", call).await.unwrap().unwrap();
        assert!([200, 413, 503].contains(&reply.status), "{}", reply.status);
    }
    still_serves(&gateway).await;
    assert_eq!(
        gateway.stat("wasm.envoy.wasm.runtime.v8.created"),
        machines,
        "a machine died"
    );
}

async fn still_serves(gateway: &Gateway) {
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post(PATH).case(&case).json(&sample::ask("hello"));
    assert_eq!(call.complete().await.status, 200);
    eventually("the end of all calls", || {
        (gateway.stat("http.gateway.downstream_rq_active") == 0).then_some(())
    })
    .await;
}
