//! How much work one request may make of itself, and several together.

use serde_json::json;

use super::slice::{begin, slow, slow_with};
use super::{API, Console, filter};
use crate::exchange::cx::{Event, Output};
use crate::exchange::task::Task;

/// Goes on with it until there is an answer; says how many breaks it took.
fn finish(console: &Console, task: &Task) -> (usize, crate::http::reply::Reply) {
    for breaks in 0..100_000 {
        if let Some(Output::Reply(reply)) = task.cx.take_outputs().into_iter().next() {
            return (breaks, reply);
        }
        console.keep();
        console.host.clock.set(task.cx.deadline().unwrap());
        task.on(Event::Deadline);
    }
    panic!("no answer");
}

#[test]
fn the_clock_is_looked_at_after_every_long_record() {
    let long = "x".repeat(20_000);
    let changes: Vec<_> = (0..100).map(|_| json!({"path": long})).collect();
    let slow = slow_with(&changes);
    let before = slow.console.host.clock.get();
    let task = begin(&slow.console, "/gateways/gw/logs?search=nothing");
    finish(&slow.console, &task);
    // Each look takes 100 microseconds here.
    assert!(slow.console.host.clock.get() - before >= 100 * 100_000);
}

#[test]
fn choosing_what_to_delete_takes_breaks() {
    let breaks = |limit: usize| {
        let slow = slow();
        let path = format!("{API}/gateways/gw/logs?order_by=model&limit={limit}");
        let task = slow.console.begin("DELETE", &path, &[], None);
        let (breaks, reply) = finish(&slow.console, &task);
        assert_eq!(reply.status, 200);
        breaks
    };
    let (one, many) = (breaks(1), breaks(1000));
    assert!(many >= one + 4, "{one} and {many} breaks");
}

#[test]
fn work_that_comes_while_other_work_goes_on_waits_for_its_turn() {
    let slow = slow();
    let first = begin(&slow.console, "/gateways/gw/logs?order_by=model");
    assert!(first.cx.deadline().is_some());
    let before = slow.console.host.clock.get();
    let second = begin(&slow.console, "/gateways/gw/logs?order_by=model");
    assert!(second.cx.deadline().is_some());
    assert!(slow.console.host.clock.get() - before <= 800_000);
    for task in [first, second] {
        assert_eq!(finish(&slow.console, &task).1.status, 200);
    }
    let before = slow.console.host.clock.get();
    let alone = begin(&slow.console, "/gateways/gw/logs?order_by=model");
    assert!(slow.console.host.clock.get() - before >= 1_500_000);
    drop(alone);
}

#[test]
fn a_record_is_looked_for_where_its_time_was() {
    let changes: Vec<_> = (0..4000).map(|_| json!({})).collect();
    let slow = slow_with(&changes);
    for place in [0, 1, 2000, 3999] {
        let id = &slow.ids[place];
        let before = slow.reads.get();
        let task = begin(&slow.console, &format!("/gateways/gw/logs/{id}"));
        assert_eq!(finish(&slow.console, &task).1.status, 200);
        // Of more than sixty segments.
        let reads = slow.reads.get() - before;
        assert!(reads <= 15, "{place}: {reads} reads");
    }
}

#[test]
fn a_long_body_is_known_by_its_ends() {
    let console = Console::new();
    let long = "x".repeat(100_000);
    for (body, content_type) in [
        (format!("{{\"a\":\"{long}\"}}\n"), "application/json"),
        (format!(" [\"{long}\"]"), "application/json"),
        (format!("data: {long}"), "text/plain; charset=utf-8"),
        (format!("{{\"a\":\"{long}"), "text/plain; charset=utf-8"),
        ("{\"a\":}".to_owned(), "text/plain; charset=utf-8"),
    ] {
        let id = console
            .store_with(&[json!({})], Some(&body), None)
            .remove(0);
        let answer = console.get(&format!("/gateways/gw/logs/{id}/request"));
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.text(), body);
    }
}

#[test]
fn the_values_that_records_are_compared_with_are_bounded() {
    let console = Console::new();
    console.store(&[json!({})]);
    let status = |operator: &str, count: usize| {
        let values: Vec<_> = (0..100).map(|n| format!("m{n}")).collect();
        let filters: Vec<_> = values[..count.min(100)]
            .chunks(20)
            .flat_map(|chunk| vec![chunk; if count > 100 { 6 } else { 1 }])
            .map(|chunk| json!({"key": "model", "operator": operator, "value": chunk}))
            .collect();
        let filters = super::encode(&json!(filters).to_string());
        let path = format!("/gateways/gw/logs?filters={filters}");
        console.get(&path).status
    };
    assert_eq!((status("contains", 32), status("contains", 33)), (200, 400));
    assert_eq!((status("eq", 100), status("eq", 600)), (200, 400));
    let found = console.models(&filter("model", "contains", &json!(["GPT-4O"])));
    assert_eq!(found, ["gpt-4o-mini"]);
}

#[test]
fn whose_a_record_is_stands_at_its_beginning() {
    let owner = |line: &str| {
        let entry = crate::logbook::Entry {
            id: [0; 16],
            created_ms: 0,
            line: line.as_bytes(),
            payload: None,
            payload_size: 0,
        };
        let (account, gateway) = crate::console::log::owner(&entry);
        (account.map(str::to_owned), gateway.map(str::to_owned))
    };
    let text = |text: &str| Some(text.to_owned());
    let both = r#""account_id":"a","gateway_id":"g""#;
    let inner = format!("{{{both},\"x\":{{\"account_id\":\"no\",\"gateway_id\":\"no\"}}}}");
    assert_eq!(owner(&inner), (text("a"), text("g")));
    let turned = r#"{"gateway_id":"g","account_id":null,"x":{"account_id":"no"}}"#;
    assert_eq!(owner(turned), (None, text("g")));
    let quoted = r#"{"x":"\"account_id\":\"no\"","account_id":"a"}"#;
    assert_eq!(owner(quoted), (text("a"), None));
    let late = format!("{{\"x\":\"{}\",{both}}}", "y".repeat(5000));
    assert_eq!(owner(&late), (None, None));
}
