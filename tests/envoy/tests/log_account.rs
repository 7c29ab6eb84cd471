//! Issue: whatever the sinks do, the log store, the control API, the metrics, the sinks and the clients count alike.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};
use sluice_e2e::metrics::Metrics;
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lane, RawReply, eventually, sample};

use super::export::tally;
use super::logbook::stored;

const CONCURRENCY: usize = 64;
/// How many calls there are where `SLUICE_CALLS` does not say otherwise; the full run has 20000.
const CALLS: usize = 4_000;
const GATEWAYS: [&str; 2] = ["open", "cached"];

/// Of a record, as in the metrics: gateway, outcome and class of status.
type Kind = (&'static str, &'static str, &'static str);
/// What the record of a call was to say, and its answer, which ended cleanly or not.
type Made = (Option<Kind>, (RawReply, bool));
type Numbers = Arc<Mutex<Range<usize>>>;

/// The scripts of the provider.
struct Cases {
    good: Case,
    stream: Case,
    broken: Case,
    busy: Case,
    down: Case,
    cut: Case,
}

/// What the clients saw.
#[derive(Default)]
struct Account {
    records: BTreeMap<Kind, u32>,
    retries: u32,
    /// The ids of the records that they were told.
    ids: BTreeSet<String>,
}

fn start() -> Gateway {
    let sink = |name: &str, queue: usize| {
        json!({"name": name, "type": "http", "cluster": "outside", "authority": "sink.test", "timeout": 1,
            "headers": {"x-case": name}, "queue_bytes": queue, "batch": {"records": 1000, "seconds": 0}})
    };
    let config = json!({
        "attempt_cluster": "sluice-attempts",
        "direct_attempts": super::DIRECT,
        "console": {"open": true},
        "log": {"line": false},
        "log_store": {"max_bytes": 512 << 20},
        "gateways": [{"id": "open"}, {"id": "cached", "cache_ttl": 600}],
        "export": [sink("good", 128 << 20), sink("bad", 512 << 10)],
    });
    crate::gateway().config(&config).start()
}

/// What the bad sink answers one after the other (the last one repeats), and whether it then has the batch.
fn moods() -> Vec<(Answer, bool)> {
    let stalls = || (Answer::new(200).hold(&Gate::new()), false);
    let cuts = || (Answer::new(200).cut(), false);
    let fails = |status| (Answer::new(status), false);
    let takes = || (Answer::new(200), true);
    vec![
        fails(500),
        fails(503),
        stalls(),
        takes(),
        takes(),
        cuts(),
        stalls(),
        fails(500),
        takes(),
        fails(502),
        takes(),
    ]
}

impl Cases {
    fn new(gateway: &Gateway) -> Self {
        let fake = &gateway.fake;
        let refusal = |status| Answer::json(status, &json!({"error": {"message": "no"}}));
        Self {
            good: fake.case(sample::chat()),
            stream: fake.case(Answer::events(sample::chat_events())),
            broken: fake.case(refusal(500)),
            busy: fake.case(refusal(429)),
            down: fake.case(refusal(503)),
            cut: fake.case(Answer::new(200).chunk("{").cut()),
        }
    }
}

/// The call of that number, and what its only record says unless it comes from the cache; `None`: it is a planned one.
fn plan(gateway: &Gateway, cases: &Cases, number: usize) -> (Call, Option<Kind>) {
    let ask = |id: &str, case: &Case, body: Value| {
        let path = format!("/v1/0123/{id}/openai/chat/completions");
        gateway.post(&path).case(case).json(&body)
    };
    let open = |case: &Case| ask("open", case, sample::ask("hello"));
    let own = sample::ask(&number.to_string());
    match number % 20 {
        0..=7 => (open(&cases.good), Some(("open", "answered", "2xx"))),
        8 | 9 => (
            ask("cached", &cases.good, sample::ask("hello")),
            Some(("cached", "answered", "2xx")),
        ),
        10 => (
            ask("cached", &cases.good, own),
            Some(("cached", "answered", "2xx")),
        ),
        11 | 12 => {
            let path = "/v1/0123/open/nobody/chat/completions";
            let call = gateway.post(path).json(&own);
            (call, Some(("open", "refused", "4xx")))
        }
        13 => (open(&cases.broken), Some(("open", "answered", "5xx"))),
        14 => (open(&cases.busy), Some(("open", "answered", "429"))),
        15..=17 => (
            ask("open", &cases.stream, sample::ask_stream("hello")),
            Some(("open", "answered", "2xx")),
        ),
        18 => (open(&cases.cut), Some(("open", "cut", "2xx"))),
        _ => {
            let mut down = sample::step("openai", &cases.down);
            down["config"] = json!({"maxAttempts": 2, "retryDelay": 1});
            let steps = json!([down, sample::step("groq", &cases.good)]);
            (gateway.post("/v1/0123/cached").json(&steps), None)
        }
    }
}

impl Account {
    fn add(&mut self, planned: Option<Kind>, reply: &RawReply, is_whole: bool) {
        let kind = planned.unwrap_or(("cached", "answered", "2xx"));
        let is_hit = reply.header("cf-aig-cache-status").as_deref() == Some("HIT");
        let kind = if is_hit {
            (kind.0, "cached", kind.2)
        } else {
            kind
        };
        let class = match reply.status {
            429 => "429".to_owned(),
            status => format!("{}xx", status / 100),
        };
        assert_eq!((class.as_str(), is_whole), (kind.2, kind.1 != "cut"));
        *self.records.entry(kind).or_default() += 1;
        let is_new = self.ids.insert(reply.header("cf-aig-log-id").unwrap());
        assert!(is_new, "one id twice");
        if planned.is_none() {
            // The step that failed, after it was tried twice.
            *self.records.entry((kind.0, "answered", "5xx")).or_default() += 1;
            self.retries += 1;
        }
    }

    fn sum(&self, gateway: &str) -> u32 {
        let of = self.records.iter().filter(|(kind, _)| kind.0 == gateway);
        of.map(|(_, count)| count).sum()
    }

    /// Whether the metrics say the same.
    fn agrees(&self, metrics: &Metrics) -> bool {
        let requests = |labels: &[_]| metrics.sum("sluice_requests_total", labels);
        let kinds = self.records.iter().all(|(kind, count)| {
            let labels = [("gateway", kind.0), ("outcome", kind.1), ("status", kind.2)];
            requests(&labels) == f64::from(*count)
        });
        let sums = GATEWAYS
            .iter()
            .all(|id| requests(&[("gateway", id)]) == f64::from(self.sum(id)));
        kinds && sums && metrics.sum("sluice_retries_total", &[]) == f64::from(self.retries)
    }
}

/// One of the clients, each of which makes the next call as long as there is one.
async fn client(gateway: Arc<Gateway>, cases: Arc<Cases>, numbers: Numbers) -> Vec<Made> {
    let (mut lane, mut made) = (Lane::new(gateway.address()), Vec::new());
    loop {
        let Some(number) = numbers.lock().unwrap().next() else {
            return made;
        };
        let (call, planned) = plan(&gateway, &cases, number);
        made.push((planned, lane.complete(call).await));
    }
}

async fn make_all(gateway: &Arc<Gateway>, calls: usize) -> Account {
    let cases = Arc::new(Cases::new(gateway));
    let numbers = Arc::new(Mutex::new(0..calls));
    let clients = (0..CONCURRENCY).map(|_| {
        let (gateway, cases) = (Arc::clone(gateway), Arc::clone(&cases));
        tokio::spawn(client(gateway, cases, Arc::clone(&numbers)))
    });
    let clients: Vec<_> = clients.collect();
    let mut account = Account::default();
    for client in clients {
        for (planned, (reply, is_whole)) in client.await.unwrap() {
            account.add(planned, &reply, is_whole);
        }
    }
    account
}

/// Waits until the metrics say what the clients do, and nothing waits for a sink.
async fn settled(gateway: &Gateway, account: &Account) -> Metrics {
    eventually("the metrics agree and the sinks have all", || {
        let metrics = gateway.metrics();
        let export =
            |name: &str, sink| metrics.sum(&format!("sluice_export_{name}"), &[("sink", sink)]);
        let came = |sink| export("sent_total", sink) + export("dropped_total", sink);
        let all = metrics.sum("sluice_requests_total", &[]);
        let is_done = |sink| export("queued", sink) == 0.0 && came(sink) == all;
        // The harness's own calls are over before the others begin.
        let is_stored = all > 0.0 && metrics.sum("sluice_log_records", &[]) == all;
        let is_all = account.agrees(&metrics) && is_stored && is_done("good") && is_done("bad");
        is_all.then_some(metrics)
    })
    .await
}

#[tokio::test]
async fn store_api_metrics_sinks_and_clients_count_alike_while_a_sink_fails_stalls_and_recovers() {
    let calls = std::env::var("SLUICE_CALLS").map_or(CALLS, |calls| calls.parse().unwrap());
    let gateway = Arc::new(start());
    let [good, bad] = ["good", "bad"].map(|name| gateway.fake.named(name, Answer::new(200)));
    // The calls by which the harness learns that the gateway is ready have records too.
    let metrics = settled(&gateway, &Account::default()).await;
    let ready = metrics.sum("sluice_requests_total", &[]);
    let (answers, takes): (Vec<_>, Vec<_>) = moods().into_iter().unzip();
    let first = bad.seen().len();
    bad.answers(vec![Answer::new(200); first].into_iter().chain(answers));
    let begun = Instant::now();
    let account = make_all(&gateway, calls).await;
    let made = begun.elapsed();
    let workers = gateway.connections_by_worker();
    assert!(workers.len() == 2 && workers.iter().all(|count| *count > 0));
    let metrics = settled(&gateway, &account).await;
    let is_settled = begun.elapsed();

    let (all, none) = tally(&good.seen());
    let mut requests = bad.seen();
    let tries = requests.len() - first;
    let mut number = 0..;
    requests.retain(|_| {
        let mood = number.next().and_then(|at: usize| at.checked_sub(first));
        mood.is_none_or(|at| takes.get(at).copied().unwrap_or(true))
    });
    let (some, missed) = tally(&requests);
    let missed = u32::try_from(missed).unwrap();
    let is_once = |sink: &BTreeMap<_, usize>| sink.values().all(|times| *times == 1);
    assert!(is_once(&all) && is_once(&some), "no record comes twice");
    let mut known = some.keys().chain(&account.ids);
    assert!(known.all(|id| all.contains_key(id)));
    let count = |ids: &BTreeMap<_, _>| u32::try_from(ids.len()).unwrap();
    let total = count(&all);
    let metric = |name| metrics.sum(name, &[]);
    assert_eq!(f64::from(total), metric("sluice_requests_total"));
    assert_eq!((none, metric("sluice_log_dropped")), (0, 0.0));
    assert!(missed > 0, "the bad sink missed some");
    assert_eq!(count(&some) + missed, total);
    assert_eq!(f64::from(missed), metric("sluice_export_dropped_total"));
    let mut distinct = BTreeSet::new();
    for id in GATEWAYS {
        let listed = stored(&gateway, id, account.sum(id).into()).await;
        assert_eq!(listed.len(), usize::try_from(account.sum(id)).unwrap());
        distinct.extend(listed);
    }
    assert!(distinct.iter().all(|id| all.contains_key(id)));
    let listed = f64::from(u32::try_from(distinct.len()).unwrap());
    assert_eq!(f64::from(total), listed + ready);
    let figures =
        format!("{calls} calls, {total} records, {missed} missed by the bad sink in {tries} tries");
    told(&format!(
        "{figures}; {:?}; {:?}",
        account.records,
        [made, is_settled, begun.elapsed()]
    ));
}

#[expect(
    clippy::print_stderr,
    reason = "figures, for whoever asks for them with --nocapture"
)]
fn told(figures: &str) {
    eprintln!("{figures}");
}
