//! Issue: `envoy.yaml` sets bounds on what clients may cost: on time, connections and memory. Here with small ones.

use std::time::Duration;

use serde_json::json;
use sluice_e2e::{Call, Case, Gateway, Wire, eventually, sample};

use crate::shipped::{entry, envoy_yaml, serving};

const PATH: &str = "/v1/0123/my-gateway/openai/chat/completions";

/// `envoy.yaml` with one setting changed.
fn with(setting: &str, other: &str) -> Gateway {
    let yaml = envoy_yaml();
    assert_eq!(yaml.matches(setting).count(), 1, "{setting}");
    serving(&yaml.replace(setting, other))
}

fn ask(gateway: &Gateway, case: &Case) -> Call {
    let call = gateway.post(PATH).case(case);
    let call = call.header("cf-aig-event-id", case.id());
    call.json(&sample::ask(case.id()))
}

#[tokio::test]
async fn a_head_that_does_not_come_is_ended() {
    let timeouts = envoy_yaml().replace(
        "request_headers_timeout: 30s",
        "request_headers_timeout: 1s",
    );
    let gateway = serving(&timeouts);
    let mut wire = Wire::connect(gateway.address()).await;
    wire.send("POST /v1/0123/my-gateway/openai/x HTTP/1.1\r\nhost: a\r\n")
        .await;
    for _ in 0..30 {
        wire.send("x-a: 1\r\n").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(wire.reply().await.status, 408);
}

#[tokio::test]
async fn a_body_that_trickles_is_ended_and_a_provider_that_thinks_is_waited_for() {
    let gateway = with("request_timeout: 900s", "request_timeout: 1s");
    let thinks = Duration::from_millis(2500);
    let case = gateway.fake.case(sample::chat().late(thinks));
    let reply = ask(&gateway, &case).complete().await;
    assert_eq!((reply.status, reply.json()), (200, sample::chat_body()));
    for path in [PATH, "/v1/0123/my-gateway"] {
        let case = gateway.fake.case(sample::chat());
        let (feed, call) = gateway.post(path).case(&case).upload();
        let call = call.header("content-type", "application/json");
        let call = call.header("cf-aig-event-id", case.id());
        let call = tokio::spawn(call.complete());
        while feed.chunk(" ").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(call.await.unwrap().status, 408, "{path}");
        assert_eq!(entry(&gateway, &case).await["status"], 408);
        assert!(case.seen().is_empty());
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_and_the_others_served() {
    let gateway = with("connections: 50000", "connections: 12");
    let case = gateway.fake.case(sample::chat());
    let mut idle = Vec::new();
    let refused = "listener.127.0.0.1_0.downstream_global_cx_overflow";
    eventually("a refused connection", || {
        idle.push(std::net::TcpStream::connect(gateway.address()).unwrap());
        (idle.len() > 12).then_some(())
    })
    .await;
    assert!(ask(&gateway, &case).try_send().await.is_err(), "{refused}");
    idle.truncate(4);
    let begun = std::time::Instant::now();
    while ask(&gateway, &case)
        .try_send()
        .await
        .map_or(0, |reply| reply.status)
        != 200
    {
        assert!(begun.elapsed() < sluice_e2e::LIMIT, "nobody is served");
    }
}

#[tokio::test]
async fn calls_beyond_the_bound_on_memory_are_refused_at_once() {
    let yaml = envoy_yaml();
    let small = yaml.replace(
        "max_heap_size_bytes: 2147483648",
        "max_heap_size_bytes: 100000000",
    );
    assert_ne!(small, yaml);
    let gateway = serving(&small);
    let case = gateway.fake.case(sample::chat());
    assert_eq!(ask(&gateway, &case).send().await.status, 200);
    // Bodies that are held until their ends come.
    let mut held = Vec::new();
    for _ in 0..8 {
        let case = gateway.fake.case(sample::chat());
        let (feed, call) = gateway.post(PATH).case(&case).upload();
        let call = call.header("content-type", "application/json");
        held.push((tokio::spawn(call.try_send()), feed));
    }
    for (_, feed) in &held {
        for _ in 0..20 {
            feed.chunk(vec![b' '; 1 << 20]).await;
        }
    }
    let begun = std::time::Instant::now();
    loop {
        let refused = gateway.post(PATH).json(&json!({})).complete().await;
        if refused.status == 503 {
            break;
        }
        assert!(begun.elapsed() < sluice_e2e::LIMIT, "{}", refused.status);
    }
    for (call, feed) in held {
        feed.cut().await;
        drop(call.await.unwrap());
    }
    let begun = std::time::Instant::now();
    while ask(&gateway, &case).send().await.status != 200 {
        assert!(begun.elapsed() < sluice_e2e::LIMIT, "it does not recover");
    }
}
