//! Issue: when a virtual machine dies, its call is answered, the worker serves again at once, other workers' streams go
//! on, and what all workers share is as it was. The filter here dies by a request with trailers, and by nothing else.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::{
    Answer, Builder, Call, Case, Gate, Gateway, RawReply, Reply, Wire, eventually, sample, within,
};

use super::logbook::limits;

const PATH: &str = "/v1/0123/g/openai/chat/completions";
const LIMITED: &str = "/v1/0123/limited/openai/chat/completions";
/// How long a silent stream lives here: a stream that waits for something can be silent for ever when its virtual machine
/// has died.
const IDLE: Duration = Duration::from_secs(2);
/// When a worker has a machine again at the latest: the back-off, its jitter, and the load of this machine.
const BACK_OFF: Duration = Duration::from_secs(2);
/// How often a machine dies in a row.
const DEATHS: u64 = 10;

fn config() -> Value {
    json!({
        "console": {"open": true},
        "gateways": [
            {"id": "g", "cache_ttl": 300, "cache_single_flight": "all"},
            {"id": "limited", "rate_limiting_limit": 4, "rate_limiting_interval": 3600}
        ]
    })
}

fn build() -> Builder {
    let builder = crate::gateway().config(&config()).stream_idle(IDLE);
    builder.dying_at("proxy_on_request_trailers")
}

fn ask(gateway: &Gateway, path: &str, case: &Case) -> Call {
    gateway.post(path).case(case).json(&sample::ask(case.id()))
}

fn ask_stream(gateway: &Gateway, case: &Case) -> Call {
    let body = sample::ask_stream(case.id());
    gateway.post(PATH).case(case).json(&body)
}

/// The call of which a worker's machine dies.
async fn kill(gateway: &Gateway) -> RawReply {
    let head = "host: gateway.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n";
    let request = format!("POST {PATH} HTTP/1.1\r\n{head}\r\n2\r\n{{}}\r\n0\r\nx-end: 1\r\n\r\n");
    Wire::exchange(gateway.address(), request).await
}

/// The answer to a call, made again where Envoy gives the worker no new machine yet: when the last one is younger than
/// the back-off (0.1 s).
async fn served(call: impl Fn() -> Call) -> RawReply {
    let begun = Instant::now();
    loop {
        let reply = call().complete().await;
        if reply.status != 503 {
            return reply;
        }
        assert!(begun.elapsed() < BACK_OFF, "no machine after {BACK_OFF:?}");
    }
}

/// Waits for so many records of a gateway.
async fn until_stored(gateway: &Gateway, id: &str, count: u64) {
    let path = format!("/client/v4/accounts/_/ai-gateway/gateways/{id}/logs");
    let begun = Instant::now();
    loop {
        let answer = served(|| gateway.console("GET", &path)).await.json();
        if answer["result_info"]["total_count"] == count {
            return;
        }
        assert!(
            begun.elapsed() < sluice_e2e::LIMIT,
            "{count} of {id}: {answer}"
        );
    }
}

/// How many machines died and were replaced.
fn reloads(gateway: &Gateway) -> u64 {
    gateway.stat("wasm.sluice.vm_reload_success")
}

/// A stream whose first event has come, and whose rest comes when the gate is open.
async fn stream(gateway: &Gateway, gate: &Gate) -> (Case, Reply) {
    let events = sample::chat_events();
    let [first, rest] = [&events[..1], &events[1..]].map(Answer::events);
    let case = gateway
        .fake
        .case(first.clone().gate(gate).chunk(rest.body()));
    let mut reply = ask_stream(gateway, &case).send().await;
    reply.expect_bytes(&first.body()).await;
    (case, reply)
}

#[tokio::test]
async fn the_call_of_which_a_machine_dies_is_answered_and_soon_all_are_served() {
    let gateway = build().workers(1).start();
    for deaths in 1..=DEATHS {
        let case = gateway.fake.case(sample::chat());
        let reply = served(|| ask(&gateway, PATH, &case)).await;
        assert_eq!(reply.json(), sample::chat_body());
        assert_eq!(reloads(&gateway), deaths - 1);
        let reply = kill(&gateway).await;
        assert_eq!(
            reply.status,
            503,
            "{}",
            String::from_utf8_lossy(&reply.bytes)
        );
    }
    let log = gateway.output.after("proxy_on_request_trailers");
    assert!(log.is_some(), "the operator is told");
    // The main thread's, the worker's, and the one that both were copied from; the keeper's.
    assert!(gateway.stat("wasm.envoy.wasm.runtime.v8.active") <= 8);
}

#[tokio::test]
async fn a_death_takes_the_streams_of_its_worker_and_no_others() {
    let gateway = build().start();
    let gate = Gate::new();
    let mut streams = Vec::new();
    for _ in 0..12 {
        streams.push(stream(&gateway, &gate).await);
    }
    kill(&gateway).await;
    gate.open();
    let (mut whole, mut lost) = (0, 0);
    for (case, mut reply) in streams {
        let (_, is_whole) = reply.rest().await;
        let entry = gateway.entry(&case).await;
        assert_eq!(entry["record"].is_string(), is_whole, "{entry}");
        *if is_whole { &mut whole } else { &mut lost } += 1;
    }
    // Connections alternate between the workers.
    assert_eq!((whole, lost), (6, 6));
}

#[tokio::test]
async fn what_all_workers_share_is_as_it_was() {
    let gateway = build().start();
    let kept = gateway.fake.case(sample::chat());
    let limited = gateway.fake.case(sample::chat());
    ask(&gateway, PATH, &kept).complete().await;
    for turn in 0..6 {
        let reply = served(|| ask(&gateway, LIMITED, &limited)).await;
        assert_eq!(
            reply.status,
            if turn < 4 { 200 } else { 429 },
            "call {turn}"
        );
        // What a machine has not sent yet goes with it.
        until_stored(&gateway, "limited", turn + 1).await;
        kill(&gateway).await;
        for _ in 0..2 {
            let reply = served(|| ask(&gateway, PATH, &kept)).await;
            let hit = reply.header("cf-aig-cache-status");
            assert_eq!((reply.status, hit.as_deref()), (200, Some("HIT")));
        }
        until_stored(&gateway, "g", 3 + 2 * turn).await;
    }
    assert!(reloads(&gateway) > 0);
    assert_eq!((kept.seen().len(), limited.seen().len()), (1, 4));
}

/// The first caller's stream ends with its machine; the others wait for its answer.
#[tokio::test]
async fn calls_that_wait_for_one_whose_machine_died_go_on() {
    let gateway = build().workers(1).start();
    let other = Gate::new();
    let first = sample::chat().hold(&other);
    let case = gateway.fake.cases([first, sample::chat()]);
    let dying = tokio::spawn(ask(&gateway, PATH, &case).try_send());
    case.until("the first call", |seen| seen.complete).await;
    kill(&gateway).await;
    let begun = Instant::now();
    let reply = ask(&gateway, PATH, &case).complete().await;
    assert_eq!((reply.status, reply.json()), (200, sample::chat_body()));
    // A second and a beat of the clock; the rest is the load of the machine.
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    dying.abort();
}

/// A call that waits: for its body, and for its provider.
#[tokio::test]
async fn no_stream_of_a_dead_machine_stays_for_ever() {
    let gateway = build().workers(1).start();
    let gate = Gate::new();
    let held = gateway.fake.case(sample::chat());
    let asked = gateway.fake.case(sample::chat().hold(&gate));
    let (feed, upload) = gateway.post(PATH).case(&held).upload();
    let upload = upload.header("content-type", "application/json");
    let uploading = tokio::spawn(upload.try_send());
    assert!(feed.chunk("{").await);
    let asking = tokio::spawn(ask(&gateway, LIMITED, &asked).try_send());
    asked.until("the call", |seen| seen.complete).await;
    eventually("both calls", || {
        (gateway.stat("http.gateway.downstream_rq_active") == 2).then_some(())
    })
    .await;
    kill(&gateway).await;
    for call in [uploading, asking] {
        let status = match within("the end of the call", call).await.unwrap() {
            Ok(reply) => reply.status,
            Err(_) => 0,
        };
        assert!([0, 408, 503, 504].contains(&status), "{status}");
    }
    eventually("the end of all calls", || {
        (gateway.stat("http.gateway.downstream_rq_active") == 0).then_some(())
    })
    .await;
    asked
        .until("the end at the provider", |seen| seen.abandoned)
        .await;
    assert_eq!(held.seen().len(), 0);
}

/// Issue: the build that dies is not the one that is shipped.
#[tokio::test]
async fn the_filter_as_it_is_takes_trailers() {
    let gateway = crate::gateway().config(&config()).start();
    assert_eq!(kill(&gateway).await.status, 200);
    assert_eq!(reloads(&gateway), 0);
}

/// The keeper dies of the first record that it is told of. Envoy makes no new one.
#[tokio::test]
async fn calls_go_on_where_the_keeper_has_died_and_the_operator_is_told() {
    let gateway = crate::gateway().config(&config());
    let gateway = gateway.dying_at("proxy_on_queue_ready").start();
    let case = gateway.fake.case(sample::chat());
    for _ in 0..20 {
        let call = gateway.post(LIMITED).case(&case).json(&json!({}));
        let status = call.complete().await.status;
        assert!([200, 429].contains(&status), "{status}");
    }
    assert_eq!(gateway.records(&case, 20).await.len(), 20);
    eventually("a word in Envoy's log", || {
        gateway.output.after("proxy_on_queue_ready")
    })
    .await;
    assert_eq!(limits(&gateway, "g").await["log"]["records"], 0);
    assert_eq!(gateway.stat("wasm.sluice-keeper.vm_reload_success"), 0);
}
