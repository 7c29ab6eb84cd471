//! Deletions delete what was meant and nothing more.

use std::time::Duration;

use serde_json::json;

use super::{API, Console, KEEPER, filter};
use crate::exchange::cx::{Event, Output};
use crate::keeper::queue;

const LOGS: &str = "/gateways/gw/logs";

fn total(console: &Console) -> u64 {
    let body = console.get("/gateways/_/logs").json();
    body["result_info"]["total_count"].as_u64().unwrap()
}

#[test]
fn a_deletion_refuses_what_it_does_not_know_and_what_is_empty() {
    let console = Console::new();
    console.store(&[json!({}), json!({})]);
    for query in [
        "search=x",
        "provider=openai",
        "start_date=2026-01-01T00:00:00Z",
        "end_date=2026-01-01T00:00:00Z",
        "filter=x",
        "Filters=x",
        "filters.name=x",
        "filters=",
        "filters=%5B%5D",
        "filters=%5B%5D&limit=1",
        "filters",
        "limit=",
        "limit=1&limit=",
        "order_by=",
        "page=1",
        "per_page=1",
        "format=csv",
        "=",
        "filters=%5B%5D&provider=openai",
    ] {
        let (status, code, message) = console.delete(&format!("{LOGS}?{query}")).refusal();
        assert_eq!((status, code), (400, 7001), "{query}: {message}");
        assert_eq!(total(&console), 2, "{query}");
    }
    let sdk = "filters.key=provider&filters.operator=eq&filters.value=openai&limit=1&order_by=cost";
    assert_eq!(
        console.delete(&format!("{LOGS}?{sdk}")).result(),
        json!({"deleted": 1})
    );
}

#[test]
fn every_log_is_deleted_of_one_gateway_and_account_only() {
    let console = Console::new();
    let store = || {
        console.store(&[
            json!({}),
            json!({"gateway_id": "other"}),
            json!({"account_id": "else"}),
        ])
    };
    store();
    let all = [
        "/client/v4/accounts/_/ai-gateway/gateways/gw/logs",
        "/client/v4/accounts/acc/ai-gateway/gateways/_/logs",
        "/client/v4/accounts/_/ai-gateway/gateways/_/logs",
    ];
    for path in all {
        let refusal = console.call("DELETE", path, &[], None).refusal();
        assert_eq!((refusal.0, refusal.1), (400, 7001), "{path}");
        let order = format!("{path}?order_by=cost&order_by_direction=asc");
        assert_eq!(console.call("DELETE", &order, &[], None).refusal().0, 400);
        assert_eq!(total(&console), 2, "{path}");
    }
    assert_eq!(console.delete(LOGS).result(), json!({"deleted": 1}));
    let filters = filter("provider", "eq", &json!(["openai"]));
    for (query, deleted) in [("limit=1", 1), (filters.as_str(), 1)] {
        let path = format!("{}?{query}", all[2]);
        let answer = console.call("DELETE", &path, &[], None);
        assert_eq!(answer.result(), json!({"deleted": deleted}), "{query}");
    }
}

#[test]
fn a_limit_of_many_takes_the_first_in_the_order() {
    let console = Console::new();
    let changes: Vec<_> = (0..3000)
        .map(|n| json!({"cost": (n * 7) % 3000, "model": "m"}))
        .collect();
    console.store(&changes);
    let query = "order_by=cost&order_by_direction=asc&limit=2990";
    let answer = console.delete(&format!("{LOGS}?{query}"));
    assert_eq!(answer.result(), json!({"deleted": 2990}));
    let left = console.list("order_by=cost&order_by_direction=asc");
    let costs: Vec<_> = left.iter().map(|it| it["cost"].as_u64().unwrap()).collect();
    assert_eq!(costs, (2990..3000).collect::<Vec<_>>());
}

#[test]
fn a_deletion_is_told_when_every_segment_is_written() {
    let console = Console::new();
    let changes: Vec<_> = (0..3000).map(|n| json!({"success": n % 2 == 0})).collect();
    console.store(&changes);
    let query = filter("success", "eq", &json!([false]));
    let path = format!("{}{LOGS}?{query}", super::API);
    let task = console.begin("DELETE", &path, &[], None);
    // A keeper that writes one portion at each turn.
    let mut outputs = Vec::new();
    while outputs.is_empty() {
        console.keep_some();
        console.host.clock.set(task.cx.deadline().unwrap());
        task.on(crate::exchange::cx::Event::Deadline);
        outputs = task.cx.take_outputs();
    }
    assert_eq!(console.list(&query).len(), 0);
}

#[test]
fn a_deletion_for_which_the_keeper_needs_long_is_answered_when_it_is_done() {
    let console = Console::new();
    let count = 17_000;
    console.store(&vec![json!({}); count]);
    let target = format!("{API}{LOGS}");
    let task = console.begin("DELETE", &target, &[], None);
    let (mut steps, mut most) = (0, 0);
    let reply = loop {
        if let Some(Output::Reply(reply)) = task.cx.take_outputs().pop() {
            break reply;
        }
        let is_sent = !console.host.queues.borrow()[&KEEPER].is_empty();
        if is_sent || !console.desk.borrow().is_settled() {
            steps += 1;
            console.host.advance(Duration::from_millis(600));
            let waiting = queue::account(&*console.host).unwrap().waiting;
            most = most.max(waiting);
            console.keep_some();
        }
        console.host.advance(Duration::from_millis(5));
        task.on(Event::Deadline);
    };
    assert_eq!((reply.status, steps >= 4), (200, true), "{steps} steps");
    assert!(most < 300_000, "the keeper gets it in parts: {most} bytes");
    let body = console.get(LOGS).json();
    assert_eq!(body["result_info"]["total_count"], 0);
}
