//! Issue: whatever clients do, others are served, nothing of theirs stays behind, and no machine dies of it.

use std::time::Duration;

use serde_json::json;
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{
    Answer, Builder, Call, Case, Gate, Gateway, Reply, Streams, Wire, allow_files, eventually,
    rounds, sample, within,
};
use tokio::task::JoinHandle;

const OPEN: &str = "/v1/0123/open/openai/chat/completions";
const CACHED: &str = "/v1/0123/cached/openai/chat/completions";
/// The largest body that is held.
const HELD: usize = 65_536;

fn build() -> Builder {
    let config = json!({
        "attempt_cluster": "sluice-attempts",
        "gateways": [{"id": "open"}, {"id": "cached", "cache_ttl": 300}],
        "limits": {"request_body_bytes": HELD}
    });
    crate::gateway().config(&config)
}

/// Nothing is under way, no machine was made since there were `machines`, and calls are answered.
async fn assert_at_rest(gateway: &Gateway, machines: u64) {
    for active in ["gateway", "hop"].map(|name| format!("http.{name}.downstream_rq_active")) {
        eventually(&active, || (gateway.stat(&active) == 0).then_some(())).await;
    }
    assert_eq!(made(gateway), machines, "a machine died");
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post(CACHED).case(&case);
    let reply = call.json(&sample::ask(case.id())).complete().await;
    assert_eq!((reply.status, reply.json()), (200, sample::chat_body()));
}

/// How many virtual machines were made.
fn made(gateway: &Gateway) -> u64 {
    gateway.stat("wasm.envoy.wasm.runtime.v8.created")
}

/// A POST with that body, as it stands on the wire.
fn request(path: &str, case: &Case, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nx-case: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        case.id(),
        body.len()
    )
}

#[tokio::test]
async fn idle_connections_keep_nobody_waiting() {
    let count = rounds(500, 10_000);
    allow_files(count + 1000);
    let gateway = build().start();
    let case = gateway.fake.case(sample::chat());
    let mut idle = Vec::new();
    for number in 0..count {
        let mut wire = Wire::connect(gateway.address()).await;
        match number % 3 {
            0 => {}
            1 => {
                wire.send("POST /v1/0123/open/openai/x HTTP/1.1\r\nhost: ")
                    .await;
            }
            _ => {
                wire.send(request(OPEN, &case, "{}")).await;
                wire.read_until("\"total_tokens\":18").await;
            }
        }
        idle.push(wire);
    }
    let active = "http.gateway.downstream_cx_active";
    eventually("all connections", || {
        (gateway.stat(active) >= count).then_some(())
    })
    .await;
    for path in [OPEN, CACHED].repeat(10) {
        let call = gateway.post(path).case(&case).json(&sample::ask("hello"));
        assert_eq!(call.complete().await.status, 200);
    }
    drop(idle);
    eventually("the end of the connections", || {
        (gateway.stat(active) == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn calls_that_are_sent_in_one_piece_are_answered_in_their_order() {
    let gateway = build().start();
    let mut sent = String::new();
    let mut cases = Vec::new();
    for number in 0..30 {
        let mut body = sample::chat_body();
        body["id"] = json!(format!("answer-{number}."));
        let late = Duration::from_millis(if number % 5 == 0 { 20 } else { 0 });
        let case = gateway.fake.case(Answer::json(200, &body).late(late));
        let path = if number % 2 == 0 { OPEN } else { CACHED };
        sent += &request(path, &case, &sample::ask(case.id()).to_string());
        cases.push(case);
    }
    sent += "POST /v1/0123/open/nobody/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let reply = Wire::exchange(gateway.address(), sent).await;
    let text = String::from_utf8_lossy(&reply.bytes).into_owned();
    let places: Vec<_> = (0..30)
        .map(|number| text.find(&format!("\"answer-{number}.\"")).expect(&text))
        .chain(text.find("\"internalCode\":2008"))
        .collect();
    assert!(places.len() == 31 && places.is_sorted(), "{places:?}");
    for case in cases {
        assert_eq!(gateway.record(&case).await["outcome"], "answered");
    }
}

/// A call over that connection, which a test can give up.
fn spawn(streams: &Streams, call: Call) -> JoinHandle<Result<Reply, hyper::Error>> {
    let streams = streams.clone();
    tokio::spawn(async move { streams.send(call).await })
}

/// A streamed call whose answer never begins, never ends, or comes late.
fn unfinished(gateway: &Gateway, number: usize) -> (Case, Call) {
    let events = Answer::events(["data: 1", "data: 2"]);
    let case = gateway.fake.case(match number % 3 {
        0 => events.hold(&Gate::new()),
        1 => events.hang(),
        _ => sample::chat().late(Duration::from_millis(5)),
    });
    let path = [OPEN, CACHED][number % 2];
    let call = gateway.post(path).case(&case);
    let call = call.json(&sample::ask_stream(case.id()));
    (case, call)
}

#[tokio::test]
async fn streams_that_are_reset_at_any_moment_leave_nothing_behind() {
    let gateway = build().start();
    let machines = made(&gateway);
    let mut cases = Vec::new();
    for round in 0..rounds(8, 80) {
        // Envoy ends connections on which too many streams were reset early, so each round has its own.
        let streams = Streams::connect(gateway.address()).await;
        let calls: Vec<_> = (0..30)
            .map(|number| {
                let (case, call) = unfinished(&gateway, number);
                cases.push(case);
                spawn(&streams, call)
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(round % 8)).await;
        calls.iter().for_each(JoinHandle::abort);
    }
    assert_at_rest(&gateway, machines).await;
    eventually("the end at the provider", || {
        let seen = cases.iter().flat_map(Case::seen);
        let mut left = seen.filter(|seen| !seen.abandoned && !seen.answered);
        left.next().is_none().then_some(())
    })
    .await;
}

/// Sends so much of a call, and goes.
async fn leave(gateway: &Gateway, path: &str, (point, points): (u64, u64)) {
    let case = gateway
        .fake
        .case(sample::chat().late(Duration::from_millis(20)));
    let body = match path {
        OPEN | CACHED => sample::ask(case.id()).to_string(),
        _ => json!([sample::step("openai", &case)]).to_string(),
    };
    let bytes = request(path, &case, &body).into_bytes();
    let share = bytes.len() * usize::try_from(point).unwrap() / usize::try_from(points).unwrap();
    let mut wire = Wire::connect(gateway.address()).await;
    wire.send(&bytes[..share]).await;
    if point % 2 == 0 {
        let connections = "http.gateway.downstream_cx_active";
        eventually("its arrival", || {
            (gateway.stat(connections) > 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_at_any_byte_leaves_nothing_behind() {
    let gateway = build().start();
    let machines = made(&gateway);
    let points = rounds(16, 150);
    for path in [OPEN, CACHED, "/v1/0123/open"] {
        for point in 0..=points {
            leave(&gateway, path, (point, points)).await;
        }
    }
    assert_at_rest(&gateway, machines).await;
}

/// HTTP/2 says a field that it has said before in one byte.
#[tokio::test]
async fn a_bomb_of_header_fields_is_refused_and_others_on_its_connection_are_served() {
    let gateway = build().start();
    let machines = made(&gateway);
    let streams = Streams::connect(gateway.address()).await;
    let case = gateway.fake.case(sample::chat());
    for (count, size) in [(2000, 1), (90, 3000), (20_000, 30)] {
        let gate = Gate::new();
        let held = gateway.fake.case(sample::chat().hold(&gate));
        let call = gateway.post(OPEN).case(&held).json(&json!({}));
        let neighbour = spawn(&streams, call);
        held.until("the neighbour", |seen| seen.complete).await;
        let bomb = (0..count).fold(gateway.post(OPEN).case(&case), |call, _| {
            call.header("x-bomb", "a".repeat(size))
        });
        let bomb = within("the bomb", streams.send(bomb.json(&json!({})))).await;
        let status = bomb.map_or(431, |reply| reply.status);
        assert_eq!(status, 431, "{count} of {size}");
        gate.open();
        let reply = neighbour.await.unwrap().map(|reply| reply.status);
        assert_eq!(reply.unwrap(), 200, "{count} of {size}");
    }
    for (count, size) in [(2000, 1), (90, 3000)] {
        let bomb = (0..count).fold(gateway.post(OPEN).case(&case), |call, _| {
            call.header("x-bomb", "a".repeat(size))
        });
        assert_eq!(bomb.json(&json!({})).send().await.status, 431);
    }
    assert!(case.seen().is_empty());
    assert_at_rest(&gateway, machines).await;
}

#[tokio::test]
async fn a_body_without_an_end_is_refused_at_the_limit() {
    let gateway = build().start();
    for path in [
        CACHED,
        "/v1/0123/open",
        "/v1/0123/open/compat/chat/completions",
    ] {
        let case = gateway.fake.case(sample::chat());
        let (feed, call) = gateway.post(path).case(&case).upload();
        let call = call.header("content-type", "application/json");
        let call = tokio::spawn(call.complete());
        let mut sent = 0;
        while feed.chunk("[".repeat(4096)).await {
            sent += 4096;
            assert!(sent < 50 << 20, "it is taken for ever");
        }
        assert_refused(&call.await.unwrap(), 413, 2903);
        assert!(case.seen().is_empty());
    }
}

#[tokio::test]
async fn a_slow_body_is_waited_for_and_one_that_stops_is_not() {
    let gateway = build().stream_idle(Duration::from_secs(1)).start();
    for path in [CACHED, OPEN] {
        let case = gateway.fake.case(sample::chat());
        let (feed, call) = gateway.post(path).case(&case).upload();
        let call = call.header("content-type", "application/json");
        let call = tokio::spawn(call.complete());
        for byte in "{\"a\":[1,2]}".bytes() {
            assert!(feed.chunk(vec![byte]).await);
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        drop(feed);
        assert_eq!(call.await.unwrap().status, 200);
        let stops = gateway.fake.case(sample::chat());
        let (feed, call) = gateway.post(path).case(&stops).upload();
        let call = call.header("content-type", "application/json");
        let call = tokio::spawn(call.send());
        assert!(feed.chunk("{").await);
        let reply = call.await.unwrap();
        assert_eq!(reply.status, 408, "{path}");
        let record = gateway.record(&stops).await;
        assert_eq!(record["success"], false, "{record}");
    }
}
