//! Issue: under load, with faults at random, every answer comes from the right step, no key reaches another provider,
//! nothing hangs, and each step tried has exactly one record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::gateway::record_of;
use sluice_e2e::{Answer, Case, Gate, Gateway, sample};

use crate::hop::{assert_own, single, start_with};

const CALLS: usize = 2000;
const CONCURRENCY: usize = 32;
/// Milliseconds to the first byte; no answer but a hanging one takes that long.
const TIMEOUT: u64 = 6000;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((z ^ (z >> 31)) % limit).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What a step's provider does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Answers,
    Streams,
    /// It answers with this status.
    Fails(u16),
    /// It answers with that, and then as it should.
    Stumbles(u16),
    Resets,
    Refuses,
    Cuts,
    Hangs,
}

/// One step as it is to be, and what its provider saw.
struct Planned {
    deed: Deed,
    attempts: usize,
    provider: &'static str,
    case: Case,
}

impl Planned {
    fn new(gateway: &Gateway, numbers: &mut Numbers, is_last: bool) -> Self {
        use Deed::{Answers, Cuts, Fails, Hangs, Refuses, Resets, Streams, Stumbles};
        let deeds = [
            Answers,
            Answers,
            Answers,
            Streams,
            Streams,
            Fails(503),
            Fails(429),
            Fails(401),
            Fails(400),
            Stumbles(503),
            Stumbles(429),
            Resets,
            Refuses,
            Cuts,
        ];
        let mut deed = numbers.one(&deeds);
        if !is_last && numbers.below(400) == 0 {
            deed = Hangs;
        }
        let provider = match deed {
            Resets => "custom-raw",
            Refuses => "custom-dead",
            // Over HTTP/2 a reset may overtake what was sent before it.
            Cuts => numbers.one(&["custom-one", "custom-two"]),
            _ => numbers.one(&["custom-one", "custom-two", "custom-three", "custom-h2c"]),
        };
        let attempts = if deed == Hangs {
            1
        } else {
            1 + numbers.below(3)
        };
        let case = gateway.fake.cases([]);
        case.answers(deed.script(case.id()));
        Self {
            deed,
            attempts,
            provider,
            case,
        }
    }

    /// The status and whole text for the client when the step is the end, and whether its end is proper; `None`: the next
    /// step is tried, if there is one.
    fn told(&self) -> (u16, String, bool, bool) {
        let text = |answer: &Answer| String::from_utf8(answer.body()).unwrap();
        let script = self.deed.script(self.case.id());
        let tried = self.seen().max(1) - 1;
        let said = text(&script[tried.min(script.len() - 1)]);
        match self.deed {
            Deed::Answers | Deed::Streams => (200, said, true, false),
            Deed::Stumbles(_) if self.attempts > 1 => (200, said, true, false),
            Deed::Cuts => (200, said, false, false),
            Deed::Fails(400) => (400, said, true, false),
            Deed::Fails(status) | Deed::Stumbles(status) => (status, said, true, true),
            Deed::Resets | Deed::Refuses | Deed::Hangs => (400, String::new(), true, true),
        }
    }

    /// The requests that its provider sees.
    fn seen(&self) -> usize {
        match self.deed {
            Deed::Fails(503 | 429) | Deed::Resets => self.attempts,
            Deed::Stumbles(_) => self.attempts.min(2),
            Deed::Refuses => 0,
            _ => 1,
        }
    }
}

impl Deed {
    fn script(self, id: &str) -> Vec<Answer> {
        let fails = |status| Answer::json(status, &json!({"error": {"message": id}}));
        let answers = || {
            Answer::json(
                200,
                &json!({"id": id, "choices": [], "fill": "x".repeat(id.len() * 100)}),
            )
        };
        let events = Answer::events([
            format!("data: {{\"id\":\"{id}\"}}"),
            "data: [DONE]".to_owned(),
        ]);
        match self {
            Self::Answers => vec![answers()],
            Self::Streams => vec![events],
            Self::Fails(status) => vec![fails(status)],
            Self::Stumbles(status) => vec![fails(status), answers()],
            Self::Resets => vec![Answer::wire().cut()],
            Self::Refuses => vec![answers()],
            Self::Cuts => vec![events.cut()],
            Self::Hangs => vec![answers().hold(&Gate::new())],
        }
    }
}

/// One call that was made: its event, and the step and status of each record that there must be.
type Made = (String, Vec<(u64, u64)>);

async fn make(gateway: &Gateway, numbers: &mut Numbers) -> Made {
    let count = 1 + numbers.below(4);
    let steps: Vec<_> = (1..=count)
        .map(|at| Planned::new(gateway, numbers, at == count))
        .collect();
    let is_single = count == 1 && numbers.below(2) == 0;
    let (event, call) = if is_single {
        let Planned {
            case,
            provider,
            attempts,
            ..
        } = &steps[0];
        let call = single(gateway, "open", provider, case)
            .header("cf-aig-max-attempts", attempts.to_string());
        (
            case.clone(),
            call.header("cf-aig-retry-delay", "1")
                .json(&sample::ask(case.id())),
        )
    } else {
        let event = gateway.fake.case(sample::chat());
        let step = |planned: &Planned| {
            let mut step = sample::step(planned.provider, &planned.case);
            step["config"] = json!({"maxAttempts": planned.attempts, "retryDelay": 1, "requestTimeout": TIMEOUT});
            step
        };
        let listed: Vec<Value> = steps.iter().map(step).collect();
        (event.clone(), gateway.universal("open", &event, &listed))
    };
    let mut reply = call.over_http2(numbers.below(2) == 0).send().await;
    let (body, whole) = reply.rest().await;
    let end = steps
        .iter()
        .position(|step| !step.told().3)
        .unwrap_or(count - 1);
    let (status, text, is_whole, _) = steps[end].told();
    let what = || {
        steps
            .iter()
            .map(|step| (step.deed, step.attempts, step.provider))
            .collect::<Vec<_>>()
    };
    let body = String::from_utf8(body).unwrap();
    let expected = (status, Some(end.to_string()), is_whole);
    let step = reply.header("cf-aig-step").map(str::to_owned);
    assert_eq!(
        (reply.status, step, whole),
        expected,
        "{:?}: {body}",
        what()
    );
    assert!(
        body == text || (text.is_empty() && body.contains("\"code\":2005")),
        "{:?}: {body}, not {text}",
        what()
    );
    for (at, planned) in steps.iter().enumerate() {
        let seen = planned.case.seen();
        let wanted = if at <= end { planned.seen() } else { 0 };
        assert_eq!(seen.len(), wanted, "step {at} of {:?}", what());
        for seen in seen {
            assert_own(&seen, &planned.case, &sample::ask(planned.case.id()));
        }
    }
    let record = |at: usize| (u64::try_from(at).unwrap(), steps[at].told().0.into());
    (event.id().to_owned(), (0..=end).map(record).collect())
}

/// Step and status of each record so far, by event.
fn recorded(gateway: &Gateway) -> BTreeMap<String, Vec<(u64, u64)>> {
    let entries = gateway.output.entries(|entry| entry["record"].is_string());
    let mut events: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in entries.iter().map(record_of) {
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
    let gateway = Arc::new(start_with(&json!([{"id": "open"}])));
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (gateway, next) = (Arc::clone(&gateway), Arc::clone(&next));
        clients.spawn(async move {
            let mut made = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= CALLS {
                    return made;
                }
                made.push(make(&gateway, &mut Numbers(u64::try_from(at).unwrap())).await);
            }
        });
    }
    let mut expected = BTreeMap::new();
    while let Some(made) = clients.join_next().await {
        expected.extend(made.unwrap());
    }
    assert_eq!(expected.len(), CALLS);
    let mut got = recorded(&gateway);
    let begun = Instant::now();
    while got != expected && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        got = recorded(&gateway);
    }
    let wrong = expected
        .iter()
        .filter(|(event, records)| got.get(*event) != Some(records));
    let wrong: Vec<_> = wrong
        .map(|(event, records)| (event, records, got.get(event)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} calls: {:?}",
        wrong.len(),
        wrong.first()
    );
    assert_eq!(got.len(), CALLS);
    for gauge in [
        "http.gateway.downstream_rq_active",
        "http.hop.downstream_rq_active",
    ] {
        assert_eq!(gateway.stat(gauge), 0, "{gauge}");
    }
    let now = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    assert_eq!(now, machines, "a VM died");
}
