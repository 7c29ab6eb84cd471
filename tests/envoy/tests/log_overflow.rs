//! Issue: records that come faster than the keeper takes them are dropped one by one in the count, never in silence.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::json;
use sluice_e2e::{Answer, Gate, Gateway, LIMIT, eventually, sample};

use super::logbook::{limits, stored, total};

const PATH: &str = "/v1/0123/g/openai/chat/completions";
/// Bytes of a question and of its answer: a record with both leaves no room for another such one in the keeper's queue of 32 MiB.
const LARGE: usize = 9_000_000;
/// Calls in a burst, and how many of them are large.
const BURST: u64 = 64;
const FEW: u64 = 4;
/// Calls in bursts, of which some are dropped for sure.
const MOST: u64 = 640;
/// Calls when that is over.
const LAST: u64 = 20;

fn start() -> Gateway {
    let config = json!({
        "console": {"open": true},
        "gateways": [{"id": "g", "collect_log_payload": true}],
        "log": {"line": false, "max_payload_bytes": 10_485_760},
        // Nothing goes to make room.
        "log_store": {"max_bytes": 1 << 30},
    });
    crate::gateway().config(&config).start()
}

/// An answer whose end comes when the gate is open.
fn answer(size: usize, gate: &Gate) -> Answer {
    let mut body = sample::chat_body();
    body["padding"] = json!("x".repeat(size));
    let mut text = body.to_string();
    let end = text.split_off(text.len() - 1);
    let head = Answer::new(200).header("content-type", "application/json");
    head.chunk(text).gate(gate).chunk(end)
}

/// Some large answers, and on both workers many small ones that end when the first of the large ones has.
async fn burst(gateway: &Gateway) {
    let gates = [Gate::new(), Gate::new()];
    let mut ends = Vec::new();
    for number in 0..BURST {
        let (size, gate) = if number < FEW {
            (LARGE, &gates[0])
        } else {
            (10, &gates[1])
        };
        let case = gateway.fake.case(answer(size, gate));
        let call = gateway.post(PATH).case(&case);
        let mut reply = call.json(&sample::ask(&"x".repeat(size))).send().await;
        ends.push(tokio::spawn(async move { reply.rest().await.1 }));
    }
    gates[0].open();
    for end in ends {
        assert!(end.await.unwrap(), "the answer is whole");
        gates[1].open();
    }
}

/// How many records were dropped, as the control API says.
async fn dropped(gateway: &Gateway) -> u64 {
    limits(gateway, "g").await["dropped"].as_u64().unwrap()
}

/// Waits until so many records are stored or were dropped; how many were dropped.
async fn settled(gateway: &Gateway, calls: u64) -> u64 {
    let deadline = Instant::now() + LIMIT;
    loop {
        let (kept, lost) = (total(gateway, "g").await, dropped(gateway).await);
        if kept + lost == calls {
            return lost;
        }
        assert!(
            Instant::now() < deadline,
            "{kept} stored and {lost} dropped of {calls}"
        );
    }
}

#[tokio::test]
async fn what_the_keeper_has_no_room_for_is_counted_and_what_comes_later_is_kept() {
    let gateway = start();
    let mut calls = 0;
    let lost = loop {
        assert!(calls < MOST, "nothing was dropped");
        burst(&gateway).await;
        calls += BURST;
        let lost = settled(&gateway, calls).await;
        if lost > 0 {
            break lost;
        }
    };
    let case = gateway.fake.case(sample::chat());
    let mut last = Vec::new();
    for _ in 0..LAST {
        let call = gateway.post(PATH).case(&case).json(&sample::ask("hello"));
        let reply = call.complete().await;
        last.push(reply.header("cf-aig-log-id").unwrap());
    }
    let ids = stored(&gateway, "g", calls + LAST - lost).await;
    assert!(last.iter().all(|id| ids.contains(id)), "{lost} dropped");
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!((distinct.len(), dropped(&gateway).await), (ids.len(), lost));
    let lost = f64::from(u32::try_from(lost).unwrap());
    eventually("the metric", || {
        let shown = gateway.metrics().sum("sluice_log_dropped", &[]);
        (shown == lost).then_some(())
    })
    .await;
}
