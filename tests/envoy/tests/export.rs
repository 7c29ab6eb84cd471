//! Promise: every record comes to the sinks outside, in order, whatever they do; what does not is counted, and told.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::miniz_oxide::inflate::decompress_to_vec;
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Seen, Upstream, eventually, sample};

const PATH: &str = "/v1/0123/g/openai/chat/completions";

/// A gateway with one sink, whose requests name no case.
fn start(sink: &Value) -> Gateway {
    let mut export = json!({"name": "sink", "type": "http", "cluster": "sink", "authority": "sink.test",
        "batch": {"records": 20, "seconds": 0}});
    let fields = sink.as_object().unwrap().clone();
    export.as_object_mut().unwrap().extend(fields);
    start_with(&json!({"gateways": [{"id": "g", "collect_log_payload": true}], "export": [export]}))
}

pub(crate) fn start_with(configuration: &Value) -> Gateway {
    let builder = crate::gateway().config(configuration).keeper();
    let clusters = [
        ("sink", Upstream::Plain),
        ("dead", Upstream::Dead),
        ("empty", Upstream::Empty),
    ];
    let builder = clusters
        .into_iter()
        .fold(builder, |it, (name, upstream)| it.cluster(name, upstream));
    builder.environment("TOKEN", "Bearer secret-token").start()
}

/// Makes that many calls at once, and returns the ids of their records.
async fn calls(gateway: &Gateway, count: usize) -> Vec<String> {
    let case = gateway.fake.case(sample::chat());
    let ask = || gateway.post(PATH).case(&case).json(&sample::ask(case.id()));
    let calls: Vec<_> = (0..count).map(|_| tokio::spawn(id_of(ask()))).collect();
    let mut ids = Vec::new();
    for call in calls {
        ids.push(call.await.unwrap());
    }
    ids
}

pub(crate) async fn id_of(call: Call) -> String {
    let mut reply = call.send().await;
    reply.rest().await;
    assert_eq!(reply.status, 200);
    reply.header("cf-aig-log-id").unwrap().to_owned()
}

fn lines_of(request: &Seen) -> Vec<Value> {
    let text = std::str::from_utf8(&request.body).unwrap();
    // A request that is still coming has no end.
    let lines = text.split_inclusive('\n').filter(|it| it.ends_with('\n'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// How often each record came in these requests, and how many were told of as dropped: a notice that came twice counts
/// once.
pub(crate) fn tally(requests: &[Seen]) -> (BTreeMap<String, usize>, u64) {
    let (mut ids, mut dropped) = (BTreeMap::new(), BTreeMap::new());
    for line in requests.iter().flat_map(lines_of) {
        let id = line["id"].as_str().unwrap().to_owned();
        match line["type"].as_str() {
            Some("dropped") => drop(dropped.insert(id, line["count"].as_u64().unwrap())),
            _ => *ids.entry(id).or_default() += 1,
        }
    }
    (ids, dropped.into_values().sum())
}

/// Every record that was made, also of the calls by which the harness learns that the gateway is ready.
fn made(gateway: &Gateway) -> Vec<String> {
    let log = gateway.output.log(0);
    let records = log
        .iter()
        .filter_map(|line| line.split_once("sluice record {\"id\":\""));
    records
        .filter_map(|(_, rest)| Some(rest.get(..36)?.to_owned()))
        .collect()
}

/// Waits until each record, these among them, came to the sink in a request from this one on, or was told of.
async fn all_of(
    gateway: &Gateway,
    sink: &Case,
    from: usize,
    ids: &[String],
) -> (BTreeMap<String, usize>, u64) {
    eventually("all records at the sink", || {
        let seen = sink.seen();
        let (known, dropped) = tally(seen.get(from..).unwrap_or_default());
        let made = made(gateway);
        let missing = made.iter().filter(|id| !known.contains_key(*id));
        let missing = u64::try_from(missing.count()).unwrap();
        let is_all = ids.iter().all(|id| made.contains(id)) && missing == dropped;
        is_all.then_some((known, dropped))
    })
    .await
}

#[tokio::test]
async fn every_record_comes_once_from_all_workers() {
    let gateway = start(&json!({"path": "/?query=INSERT", "headers": {
        "x-user": "u", "authorization": {"environment_variable": "TOKEN"}}}));
    let sink = gateway.fake.unnamed(Answer::new(200));
    let ids = calls(&gateway, 200).await;
    let (known, dropped) = all_of(&gateway, &sink, 0, &ids).await;
    assert!(known.len() >= 200 && known.values().all(|count| *count == 1));
    assert_eq!(dropped, 0);
    let request = &sink.seen()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/?query=INSERT")
    );
    for (name, value) in [
        ("host", "sink.test"),
        ("content-type", "application/x-ndjson"),
        ("x-user", "u"),
        ("authorization", "Bearer secret-token"),
    ] {
        assert_eq!(request.header(name).as_deref(), Some(value), "{name}");
    }
    let log = gateway.output.log(0).join("\n");
    assert!(!log.contains("secret-token"), "{log}");
}

#[tokio::test]
async fn a_line_is_the_record_of_the_access_log() {
    let gateway = start(&json!({"payloads": true}));
    let sink = gateway.fake.unnamed(Answer::new(204));
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post(PATH).case(&case).json(&sample::ask(case.id()));
    let id = id_of(call).await;
    let is_it = |line: &Value| line["id"] == id.as_str();
    let line = eventually("the record", || {
        sink.seen().iter().flat_map(lines_of).find(is_it)
    })
    .await;
    assert_eq!(line, gateway.record(&case).await);
    assert!(line["response_head"].as_str().unwrap().contains("Hello"));
}

#[tokio::test]
async fn a_sink_that_fails_stalls_and_recovers_misses_nothing() {
    let gateway = start(&json!({"timeout": 2}));
    let bad = [
        Answer::new(503),
        Answer::new(500),
        Answer::new(200).hold(&Gate::new()),
        Answer::new(200).cut(),
    ];
    let sink = gateway.fake.unnamed(Answer::new(200));
    sink.answers(bad.into_iter().chain([Answer::new(200)]));
    let ids = calls(&gateway, 100).await;
    let (_, dropped) = all_of(&gateway, &sink, 4, &ids).await;
    assert_eq!(dropped, 0);
    let seen = sink.seen();
    assert!(
        seen[..4].iter().all(|it| it.body == seen[4].body),
        "the same batch again"
    );
}

#[tokio::test]
async fn a_sink_that_asks_for_time_gets_it() {
    let gateway = start(&json!({}));
    let sink = gateway.fake.unnamed(Answer::new(200));
    sink.answers([
        Answer::new(429).header("retry-after", "2"),
        Answer::new(200),
    ]);
    let ids = calls(&gateway, 1).await;
    all_of(&gateway, &sink, 1, &ids).await;
    let seen = sink.seen();
    let waited = seen[1].at.unwrap() - seen[0].at.unwrap();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
}

#[tokio::test]
async fn what_does_not_fit_while_a_sink_is_down_is_told_of_exactly() {
    let gateway = start(&json!({"queue_bytes": 65536, "timeout": 60}));
    let sink = gateway.fake.unnamed(Answer::new(200));
    let gate = Gate::new();
    let bad = [
        Answer::new(503),
        Answer::new(503),
        Answer::new(200).hold(&gate),
    ];
    sink.answers(bad.into_iter().chain([Answer::new(200)]));
    let mut ids = calls(&gateway, 150).await;
    ids.extend(calls(&gateway, 150).await);
    eventually("the third try", || (sink.seen().len() == 3).then_some(())).await;
    let last = calls(&gateway, 1).await;
    gate.open();
    ids.extend(last.clone());
    let (known, dropped) = all_of(&gateway, &sink, 2, &ids).await;
    assert!(dropped > 100, "{dropped} dropped");
    assert!(known.values().all(|count| *count == 1));
    assert!(known.contains_key(&last[0]), "the newest is kept");
}

#[tokio::test]
async fn a_batch_that_a_sink_refuses_is_given_up_and_told_of() {
    let gateway = start(&json!({"batch": {"records": 10, "seconds": 60}}));
    let sink = gateway.fake.unnamed(Answer::new(200));
    sink.answers([Answer::new(400), Answer::new(200)]);
    // Whole batches, with the record of the call by which the harness learned that the gateway is ready.
    let ids = calls(&gateway, 39).await;
    let (known, dropped) = all_of(&gateway, &sink, 1, &ids).await;
    assert_eq!((known.len(), dropped), (30, 10));
}

#[tokio::test]
async fn bodies_come_compressed_where_it_is_asked_for() {
    let gateway = start(&json!({"gzip": true}));
    let sink = gateway.fake.unnamed(Answer::new(200));
    let ids = calls(&gateway, 50).await;
    let unpacked = |mut request: Seen| {
        assert_eq!(request.header("content-encoding").as_deref(), Some("gzip"));
        request.body = decompress_to_vec(&request.body[10..request.body.len() - 8]).unwrap();
        request
    };
    eventually("the records", || {
        let complete = sink.seen().into_iter().filter(|it| it.complete);
        let (known, _) = tally(&complete.map(unpacked).collect::<Vec<_>>());
        ids.iter().all(|id| known.contains_key(id)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn sinks_that_nobody_is_at_harm_nobody() {
    for cluster in ["dead", "empty", "nowhere"] {
        let lost = json!({"name": "lost", "type": "http", "cluster": cluster, "authority": "a.test",
            "batch": {"seconds": 0}});
        let good = json!({"name": "good", "type": "http", "cluster": "sink", "authority": "a.test",
            "batch": {"seconds": 0}});
        let gateway = start_with(&json!({"gateways": [{"id": "g"}], "export": [lost, good]}));
        let sink = gateway.fake.unnamed(Answer::new(200));
        for _ in 0..3 {
            let ids = calls(&gateway, 5).await;
            all_of(&gateway, &sink, 0, &ids).await;
        }
        let said = gateway.output.after("the sink lost");
        assert!(said.is_some(), "{cluster}: the operator is told");
        let log = gateway.output.log(0).join("\n");
        assert!(!log.contains("panicked") && !log.contains("trap"), "{log}");
    }
}
