//! Issue: every record reaches the log store once, from whichever worker, and stays there as long as the budget says.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sluice_e2e::{Answer, Gateway, sample};

const LOGS: &str = "/client/v4/accounts/_/ai-gateway/gateways";

/// A gateway with a console, with these fields beside its gateways.
fn start(gateways: Value, fields: Value) -> Gateway {
    let mut config = json!({"gateways": gateways, "console": {"open": true}, "attempt_cluster": "sluice-attempts"});
    let fields = fields.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    crate::gateway().config(&config).start()
}

/// Makes so many calls at once, with an answer of that many bytes each; their log ids.
async fn call(gateway: &Gateway, id: &str, count: usize, size: usize) -> Vec<String> {
    let mut body = sample::chat_body();
    body["padding"] = json!("x".repeat(size));
    let case = gateway.fake.case(Answer::json(200, &body));
    let path = format!("/v1/0123/{id}/openai/chat/completions");
    let calls = (0..count).map(|_| {
        let call = gateway.post(&path).case(&case);
        tokio::spawn(call.json(&sample::ask("hello")).complete())
    });
    let mut ids = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let reply = call.await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.json());
        ids.push(reply.header("cf-aig-log-id").unwrap());
    }
    ids
}

async fn page(gateway: &Gateway, id: &str, page: usize) -> Value {
    let path = format!("{LOGS}/{id}/logs?per_page=50&page={page}&order_by_direction=asc");
    let mut reply = gateway.console("GET", &path).send().await;
    let answer = reply.json().await;
    assert_eq!(answer["success"], true, "{answer}");
    answer
}

/// How many records there are.
pub(crate) async fn total(gateway: &Gateway, id: &str) -> u64 {
    let answer = page(gateway, id, 1).await;
    answer["result_info"]["total_count"].as_u64().unwrap()
}

/// Makes a call and waits until its record, if it is kept, is in the store: which one is the oldest is a matter of when
/// they come there, and workers bring theirs in turns.
async fn call_once(gateway: &Gateway, name: &str, is_kept: bool) -> String {
    let id = call(gateway, name, 1, 0).await.remove(0);
    let path = format!("{LOGS}/{name}/logs/{id}");
    let deadline = std::time::Instant::now() + sluice_e2e::LIMIT;
    while is_kept && gateway.console("GET", &path).complete().await.status != 200 {
        assert!(std::time::Instant::now() < deadline, "{id} never comes");
    }
    id
}

/// Waits until there are so many records, then reads their ids, the oldest first.
pub(crate) async fn stored(gateway: &Gateway, id: &str, count: u64) -> Vec<String> {
    let deadline = std::time::Instant::now() + sluice_e2e::LIMIT;
    while total(gateway, id).await != count {
        let found = total(gateway, id).await;
        assert!(
            std::time::Instant::now() < deadline,
            "{found} of {count} records"
        );
    }
    let mut ids = Vec::new();
    for number in 1.. {
        let answer = page(gateway, id, number).await;
        let items = answer["result"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        ids.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    ids
}

fn set(ids: &[String]) -> BTreeSet<&str> {
    ids.iter().map(String::as_str).collect()
}

pub(crate) async fn limits(gateway: &Gateway, id: &str) -> Value {
    let path = format!("{LOGS}/{id}/limits");
    gateway.console("GET", &path).send().await.json().await["result"].take()
}

#[tokio::test]
async fn the_records_of_two_workers_all_arrive_once() {
    let gateway = start(json!([{"id": "g"}]), json!({}));
    let ids = call(&gateway, "g", 300, 0).await;
    assert!(gateway.connections_by_worker().iter().all(|it| *it > 0));
    let found = stored(&gateway, "g", 300).await;
    assert_eq!((found.len(), set(&found)), (300, set(&ids)));
}

#[tokio::test]
async fn the_records_of_a_planned_call_arrive_once_each() {
    let gateway = start(json!([{"id": "g", "retry_max_attempts": 2}]), json!({}));
    let bad = gateway.fake.case(Answer::json(401, &json!({"error": {}})));
    let good = gateway.fake.case(sample::chat());
    let steps = [sample::step("openai", &bad), sample::step("groq", &good)];
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("g", &event, &steps).complete().await;
    assert_eq!(reply.status, 200);
    let found = stored(&gateway, "g", 2).await;
    let records = gateway.steps(&event, 2).await;
    let wanted: Vec<_> = records
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(set(&found), set(&wanted));
}

#[tokio::test]
async fn records_survive_an_update() {
    let gateway = start(json!([{"id": "g"}]), json!({}));
    let mut ids = call(&gateway, "g", 20, 0).await;
    let config = json!({"gateways": [{"id": "g", "cache_ttl": 60}], "console": {"open": true},
        "attempt_cluster": "sluice-attempts"});
    assert!(gateway.update(&config).await);
    assert_eq!(set(&stored(&gateway, "g", 20).await), set(&ids));
    ids.extend(call(&gateway, "g", 1, 0).await);
    assert_eq!(set(&stored(&gateway, "g", 21).await), set(&ids));
}

#[tokio::test]
async fn records_survive_the_removal_of_the_listener() {
    let config = json!({"gateways": [{"id": "g"}], "console": {"open": true}});
    let gateway = crate::gateway().config(&config).keeper().start();
    let mut ids = call(&gateway, "g", 20, 0).await;
    gateway.remove_listener().await;
    gateway.restore_listener().await;
    assert_eq!(set(&stored(&gateway, "g", 20).await), set(&ids));
    ids.extend(call(&gateway, "g", 1, 0).await);
    assert_eq!(set(&stored(&gateway, "g", 21).await), set(&ids));
}

/// The records of the last moment are sent when the plugin goes.
#[tokio::test]
async fn a_call_that_ends_with_the_listener_has_its_record() {
    let config = json!({"gateways": [{"id": "g"}], "console": {"open": true}});
    let gateway = crate::gateway().config(&config).keeper().start();
    let case = gateway.fake.case(Answer::new(200).chunk("{").hang());
    let path = "/v1/0123/g/openai/chat/completions";
    let call = gateway.post(path).case(&case).json(&sample::ask("hello"));
    let mut reply = call.send().await;
    gateway.remove_listener().await;
    assert!(!reply.rest().await.1, "the answer is cut");
    gateway.restore_listener().await;
    let id = reply.header("cf-aig-log-id").unwrap().to_owned();
    assert_eq!(stored(&gateway, "g", 1).await, [id]);
}

#[tokio::test]
async fn a_gateway_keeps_as_many_records_as_it_may_and_the_right_ones() {
    let gateways = json!([
        {"id": "newest", "log_management": 10},
        {"id": "oldest", "log_management": 10, "log_management_strategy": "STOP_INSERTING"},
        {"id": "free"},
    ]);
    let gateway = start(gateways, json!({}));
    let mut calls = [const { Vec::new() }; 3];
    for round in 0..25 {
        for (ids, name) in calls.iter_mut().zip(["newest", "oldest", "free"]) {
            let is_kept = name != "oldest" || round < 10;
            ids.push(call_once(&gateway, name, is_kept).await);
        }
    }
    let [newest, oldest, free] = calls;
    assert_eq!(set(&stored(&gateway, "free", 25).await), set(&free));
    assert_eq!(
        set(&stored(&gateway, "newest", 10).await),
        set(&newest[15..])
    );
    assert_eq!(
        set(&stored(&gateway, "oldest", 10).await),
        set(&oldest[..10])
    );
}

#[tokio::test]
async fn the_store_never_holds_more_than_its_budget_and_keeps_the_newest() {
    let gateways = json!([{"id": "g", "collect_log_payload": true}]);
    let gateway = start(gateways, json!({"log_store": {"max_bytes": 400_000}}));
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.extend(call(&gateway, "g", 4, 20_000).await);
        let bytes = limits(&gateway, "g").await["log"]["store"]["bytes"]
            .as_u64()
            .unwrap();
        assert!(bytes <= 400_000, "{bytes}");
    }
    let last = call(&gateway, "g", 1, 20_000).await;
    let path = format!("{LOGS}/g/logs/{}/response", last[0]);
    let deadline = std::time::Instant::now() + sluice_e2e::LIMIT;
    loop {
        let reply = gateway.console("GET", &path).complete().await;
        if reply.status == 200 && reply.body.len() > 20_000 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{}", reply.json());
    }
    let count = total(&gateway, "g").await;
    assert!((15..=19).contains(&count), "{count}");
}

#[tokio::test]
async fn without_payload_logging_no_payload_is_stored() {
    let gateway = start(
        json!([{"id": "g"}]),
        json!({"log_store": {"max_bytes": 1_000_000}}),
    );
    call(&gateway, "g", 5, 50_000).await;
    stored(&gateway, "g", 5).await;
    let bytes = limits(&gateway, "g").await["log"]["store"]["bytes"]
        .as_u64()
        .unwrap();
    assert!(bytes < 5 * 4_000, "{bytes}");
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_stored_whole() {
    let gateways = json!([{"id": "g", "collect_log_payload": true}]);
    let gateway = start(gateways, json!({"log": {"max_payload_bytes": 10_485_760}}));
    let size = 10_000_000;
    let id = call(&gateway, "g", 1, size).await.remove(0);
    stored(&gateway, "g", 1).await;
    let path = format!("{LOGS}/g/logs/{id}/response");
    let reply = gateway.console("GET", &path).complete().await;
    assert!(
        reply.status == 200 && reply.body.len() > size,
        "{}",
        reply.status
    );
}

#[tokio::test]
async fn without_the_line_the_record_is_in_the_access_log_and_in_the_store_alone() {
    let gateway = start(json!([{"id": "g"}]), json!({"log": {"line": false}}));
    let case = gateway.fake.case(sample::chat());
    let path = "/v1/0123/g/openai/chat/completions";
    let call = gateway.post(path).case(&case).json(&sample::ask(case.id()));
    assert_eq!(call.complete().await.status, 200);
    let record = gateway.record(&case).await;
    let id = record["id"].as_str().unwrap().to_owned();
    assert_eq!(stored(&gateway, "g", 1).await, std::slice::from_ref(&id));
    assert!(
        gateway
            .output
            .after(&format!("sluice record {{\"id\":\"{id}"))
            .is_none()
    );
}

#[tokio::test]
async fn without_line_and_filter_state_the_record_is_in_the_store_alone_and_counted() {
    let log = json!({"log": {"line": false, "filter_state": false}});
    let gateway = start(json!([{"id": "g"}]), log);
    let ids = call(&gateway, "g", 40, 10).await;
    let stored: BTreeSet<_> = stored(&gateway, "g", 40).await.into_iter().collect();
    assert_eq!(stored, ids.into_iter().collect());
    let case = gateway.fake.case(sample::chat());
    let path = "/v1/0123/g/openai/chat/completions";
    let call = gateway.post(path).case(&case).json(&sample::ask(case.id()));
    assert_eq!(call.complete().await.status, 200);
    let entry = gateway.entry(&case).await;
    assert!(!entry["record"].is_string(), "{entry}");
    let asked = [("gateway", "g"), ("outcome", "answered")];
    sluice_e2e::eventually("all calls are counted", || {
        (gateway.metrics().sum("sluice_requests_total", &asked) == 41.0).then_some(())
    })
    .await;
}
