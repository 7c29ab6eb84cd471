//! Issue: whoever looks through the logs does not hold up the calls of the same worker.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gateway, LIMIT, Lane, rounds, sample};

use super::logbook::total;

const RECORDS: u64 = 10_000;
const CLIENTS: u64 = 20;
/// Calls whose delay is measured, of each view and try.
const CALLS: usize = 200;
/// What the delay may be, in milliseconds: where other tests run too, and in the long form, for a quiet machine.
const MOST: (u64, u64) = (100, 10);
/// What else the machine does may slow a try, but not all of them.
const TRIES: usize = 6;
const PATH: &str = "/v1/0123/g/openai/chat/completions";
/// What reads the whole store, each in a way of its own.
const VIEWS: [(&str, &str); 9] = [
    ("list", "logs?per_page=50"),
    ("last page", "logs?per_page=50&page=200"),
    ("order", "logs?per_page=50&order_by=cost&meta_info=true"),
    ("search", "logs?search=nowhere-to-be-found"),
    (
        "filter",
        "logs?filters=%5B%7B%22key%22:%22metadata.value%22,%22operator%22:%22contains%22,%22value%22:%5B%22x%22%5D%7D%5D",
    ),
    ("ndjson", "logs?format=ndjson"),
    ("csv", "logs?format=csv"),
    ("overview", "analytics?buckets=60&group_by=metadata.team"),
    (
        "a log that is not there",
        "logs/01a20fb2-10ca-7de1-ae37-2150f2d70d37",
    ),
];

fn start() -> Gateway {
    let config = json!({
        "console": {"open": true},
        "log": {"line": false},
        "gateways": [{"id": "g", "collect_log_payload": true}],
    });
    crate::gateway().config(&config).workers(1).start()
}

/// The provider, whose answers are a few kilobytes.
fn provider(gateway: &Gateway) -> Case {
    let mut body = sample::chat_body();
    body["choices"][0]["message"]["content"] = json!("A sluice is a water channel. ".repeat(100));
    gateway.fake.case(Answer::json(200, &body))
}

/// Makes a call, and says how long it took.
async fn call(gateway: &Gateway, lane: &mut Lane, case: &Case, number: u64) -> Duration {
    let metadata = format!(r#"{{"team":"team {}","user":"user {number}"}}"#, number % 7);
    let call = gateway
        .post(PATH)
        .case(case)
        .header("cf-aig-metadata", &metadata);
    let call = call.json(&sample::ask("What is a sluice?"));
    let begun = Instant::now();
    let (reply, is_whole) = lane.complete(call).await;
    assert_eq!((reply.status, is_whole), (200, true));
    begun.elapsed()
}

/// Fills the store.
async fn fill(gateway: &Arc<Gateway>, case: &Case) {
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let (gateway, case) = (Arc::clone(gateway), case.clone());
        clients.push(tokio::spawn(async move {
            let mut lane = Lane::new(gateway.address());
            for number in 0..RECORDS / CLIENTS {
                call(&gateway, &mut lane, &case, client + number * CLIENTS).await;
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let deadline = Instant::now() + LIMIT;
    while total(gateway, "g").await < RECORDS {
        assert!(Instant::now() < deadline, "the records did not all come");
    }
}

/// How long calls take, the fastest first.
async fn times(gateway: &Gateway, case: &Case) -> Vec<Duration> {
    let mut lane = Lane::new(gateway.address());
    let mut times = Vec::new();
    for phase in (0..17).cycle().take(CALLS) {
        // At every phase of what else the worker does.
        tokio::time::sleep(Duration::from_micros(700 + 137 * phase)).await;
        times.push(call(gateway, &mut lane, case, 0).await);
    }
    times.sort_unstable();
    times
}

/// The same while somebody looks at this view again and again; and how often that was.
async fn times_beside(gateway: &Arc<Gateway>, case: &Case, view: &str) -> (Vec<Duration>, usize) {
    let path = format!("/client/v4/accounts/_/ai-gateway/gateways/g/{view}");
    let (is_over, views) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let looks = tokio::spawn({
        let (gateway, is_over, views) = (
            Arc::clone(gateway),
            Arc::clone(&is_over),
            Arc::clone(&views),
        );
        async move {
            let mut cursor = String::new();
            while !is_over.load(Ordering::Relaxed) {
                let path = format!("{path}{cursor}");
                let mut reply = gateway.console("GET", &path).send().await;
                assert!(
                    matches!(reply.status, 200 | 404),
                    "{path}: {}",
                    reply.status
                );
                let next = reply.header("x-sluice-next");
                cursor = next.map_or_else(String::new, |next| format!("&cursor={next}"));
                reply.rest().await;
                views.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let times = times(gateway, case).await;
    is_over.store(true, Ordering::Relaxed);
    looks.await.unwrap();
    (times, views.load(Ordering::Relaxed))
}

/// How much longer the longest call takes beside the view than most calls do alone.
async fn delay(gateway: &Arc<Gateway>, case: &Case, name: &str, view: &str) -> Duration {
    let alone = times(gateway, case).await;
    let (beside, views) = times_beside(gateway, case, view).await;
    told(name, "alone", &alone, 0);
    told(name, "beside", &beside, views);
    assert!(views > 0, "{name} was seen");
    beside[CALLS - 1].saturating_sub(alone[CALLS / 2])
}

#[tokio::test]
async fn a_look_through_ten_thousand_records_is_whole_and_holds_up_no_call() {
    let most = Duration::from_millis(rounds(MOST.0, MOST.1));
    let gateway = Arc::new(start());
    let case = provider(&gateway);
    fill(&gateway, &case).await;
    for (name, view) in VIEWS {
        let mut delays = Vec::new();
        while delays.len() < TRIES && delays.iter().all(|delay| *delay > most) {
            delays.push(delay(&gateway, &case, name, view).await);
        }
        assert!(
            delays.iter().any(|delay| *delay <= most),
            "{name}: {delays:?}"
        );
    }
    whole(&gateway).await;
}

/// The export has every record, and so has the deletion.
async fn whole(gateway: &Gateway) {
    let path = "/client/v4/accounts/0123/ai-gateway/gateways/g/logs";
    // The last records are on their way for some ticks of the worker and of the keeper.
    let mut stored = 0;
    loop {
        let now = usize::try_from(total(gateway, "g").await).unwrap();
        if std::mem::replace(&mut stored, now) == now {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let mut part = gateway
            .console("GET", &format!("{path}?format=ndjson{cursor}"))
            .send()
            .await;
        let next = part.header("x-sluice-next").map(str::to_owned);
        let text = part.text().await;
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].to_string();
        ids.extend(text.lines().map(id));
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(ids.len(), stored);
    let begun = Instant::now();
    let mut deletion = gateway.console("DELETE", path).send().await;
    let deleted = deletion.json().await["result"]["deleted"].take();
    told(
        "deletion of all",
        &deleted.to_string(),
        &[begun.elapsed(); CALLS],
        1,
    );
    assert_eq!((deletion.status, deleted), (200, json!(stored)));
    assert_eq!(total(gateway, "g").await, 0);
}

#[expect(
    clippy::print_stderr,
    reason = "figures, for whoever asks for them with --nocapture"
)]
fn told(name: &str, when: &str, times: &[Duration], views: usize) {
    let [half, most, all] = [CALLS / 2, CALLS * 99 / 100, CALLS - 1].map(|at| times[at]);
    eprintln!("{name}, {when}: p50 {half:?}, p99 {most:?}, max {all:?}; {views} times");
}
