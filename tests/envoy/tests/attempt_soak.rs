//! Issue: under load, with faults at random, every answer comes from the right step, no key reaches another provider,
//! nothing hangs, and each step tried has exactly one record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::gateway::records_of;
use sluice_e2e::{Call, Case, Gateway, eventually, sample};

use super::deeds::{Numbers, Planned};
use super::hop::{assert_own, single, start_with};

const CALLS: usize = 2000;
const CONCURRENCY: usize = 32;
/// Milliseconds to the first byte; no answer but a hanging one takes that long.
const TIMEOUT: u64 = 6000;

/// Calls that the gateway `limited` lets through.
const LIMIT: usize = 40;

/// One call that was made: its event, and the step and status of each record that there must be; `None`: its client has
/// left at some moment.
type Made = (String, Option<Vec<(u64, u64)>>);

/// Plans a call, makes it, and checks its answer and what the providers saw.
async fn make(gateway: &Gateway, seed: usize) -> Made {
    let numbers = &mut Numbers(u64::try_from(seed).unwrap());
    let count = 1 + numbers.below(4);
    let steps = (1..=count).map(|at| Planned::new(gateway, numbers, at == count));
    let steps: Vec<_> = steps.collect();
    let is_single = count == 1 && numbers.below(2) == 0;
    let id = ["open", "cached", "limited", "open"][seed % 4];
    let (call, event) = if is_single {
        alone(gateway, id, &steps[0])
    } else {
        listed(gateway, id, &steps)
    };
    let call = call.over_http2(numbers.below(2) == 0);
    if seed % 16 == 7 {
        let call = tokio::spawn(call.try_send());
        tokio::time::sleep(Duration::from_micros(
            50 * u64::try_from(seed % 400).unwrap(),
        ))
        .await;
        call.abort();
        return (event.id().to_owned(), None);
    }
    let mut reply = call.send().await;
    let (body, whole) = reply.rest().await;
    if id == "limited" && body.windows(4).any(|part| part == b"2003") {
        assert_eq!(reply.status, 429);
        assert!(steps.iter().all(|step| step.case.seen().is_empty()));
        return (event.id().to_owned(), Some(vec![(0, 429)]));
    }
    let step = reply.header("cf-aig-step").map(str::to_owned);
    let end = steps
        .iter()
        .position(|step| !step.told().moves)
        .unwrap_or(count - 1);
    let told = steps[end].told();
    let deeds = steps
        .iter()
        .map(|step| (step.deed, step.attempts, step.provider));
    let what = format!("{:?}", deeds.collect::<Vec<_>>());
    let body = String::from_utf8(body).unwrap();
    let expected = (told.status, Some(end.to_string()), told.whole);
    assert_eq!(
        (reply.status, step, whole),
        expected,
        "{what} {}: {body}",
        event.id()
    );
    let refused = told.text.is_empty() && body.contains("\"code\":2005");
    assert!(refused || body == told.text, "{what}: {body}, not {told:?}");
    for (at, planned) in steps.iter().enumerate() {
        let seen = planned.case.seen();
        let wanted = if at <= end { planned.seen() } else { 0 };
        assert_eq!(seen.len(), wanted, "step {at} of {what}");
        for seen in seen {
            assert_own(&seen, &planned.case, &sample::ask(planned.case.id()));
        }
    }
    let record = |at: usize| (u64::try_from(at).unwrap(), steps[at].told().status.into());
    (event.id().to_owned(), Some((0..=end).map(record).collect()))
}

/// A call of one provider, and the case that is its event.
fn alone(gateway: &Gateway, id: &str, planned: &Planned) -> (Call, Case) {
    let call = single(gateway, id, planned.provider, &planned.case)
        .header("cf-aig-max-attempts", planned.attempts.to_string())
        .header("cf-aig-retry-delay", "1");
    (
        call.json(&sample::ask(planned.case.id())),
        planned.case.clone(),
    )
}

/// A universal call, and the case that is its event.
fn listed(gateway: &Gateway, id: &str, steps: &[Planned]) -> (Call, Case) {
    let event = gateway.fake.case(sample::chat());
    let step = |planned: &Planned| {
        let mut step = sample::step(planned.provider, &planned.case);
        step["config"] =
            json!({"maxAttempts": planned.attempts, "retryDelay": 1, "requestTimeout": TIMEOUT});
        step
    };
    let steps: Vec<Value> = steps.iter().map(step).collect();
    (gateway.universal(id, &event, &steps), event)
}

/// One of the clients, each of which takes the next call as long as there is one.
async fn client(gateway: Arc<Gateway>, next: Arc<AtomicUsize>) -> Vec<Made> {
    let mut made = Vec::new();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= CALLS {
            return made;
        }
        made.push(make(&gateway, seed).await);
    }
}

/// Step and status of each record so far, by event.
fn recorded(gateway: &Gateway) -> BTreeMap<String, Vec<(u64, u64)>> {
    let entries = gateway.output.entries(|entry| entry["record"].is_string());
    let mut events: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in entries.iter().flat_map(records_of) {
        let number = |name: &str| record[name].as_u64().unwrap();
        let event = record["event_id"].as_str().unwrap().to_owned();
        let facts = (number("step"), number("status_code"));
        events.entry(event).or_default().push(facts);
    }
    // Whoever asked whether the gateway is ready had no case.
    events.retain(|event, _| event.starts_with("case-"));
    events
        .values_mut()
        .for_each(|records| records.sort_unstable());
    events
}

#[tokio::test]
async fn two_thousand_calls_with_faults_at_random_are_answered_and_recorded_one_by_one() {
    let gateway = Arc::new(start_with(&json!([
        {"id": "open"},
        {"id": "cached", "cache_ttl": 300},
        {"id": "limited", "rate_limiting_limit": LIMIT, "rate_limiting_interval": 3600,
            "rate_limiting_technique": "sliding"}
    ])));
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CONCURRENCY {
        clients.spawn(client(Arc::clone(&gateway), Arc::clone(&next)));
    }
    let mut expected = BTreeMap::new();
    while let Some(made) = clients.join_next().await {
        expected.extend(made.unwrap());
    }
    assert_eq!(expected.len(), CALLS);
    for gauge in [
        "http.gateway.downstream_rq_active",
        "http.hop.downstream_rq_active",
    ] {
        eventually(gauge, || (gateway.stat(gauge) == 0).then_some(())).await;
    }
    let wanted: usize = expected.values().flatten().map(Vec::len).sum();
    let got = eventually("a record of each step", || {
        let got = recorded(&gateway);
        let stayed = got.iter().filter(|(event, _)| expected[*event].is_some());
        let count: usize = stayed.map(|(_, records)| records.len()).sum();
        (count >= wanted).then_some(got)
    });
    let got = got.await;
    let refused = expected
        .values()
        .flatten()
        .filter(|records| records[..] == [(0, 429)]);
    assert!(refused.count() > 0, "the limit was reached");
    for (event, records) in &expected {
        let got = got.get(event);
        match records {
            Some(records) => assert_eq!(got, Some(records), "{event}"),
            // Each step once, in their order, as far as they were tried.
            None => {
                let mut steps = got.into_iter().flatten().map(|(step, _)| *step);
                assert!(
                    (0..).zip(&mut steps).all(|(at, step)| at == step),
                    "{got:?}"
                );
            }
        }
    }
    let now = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    assert_eq!(now, machines, "a VM died");
}
