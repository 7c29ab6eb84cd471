//! Issue: where there is no more room, calls go on, and what was promised of the rest still holds.

use serde_json::json;
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, Case, Feed, Gateway, RawReply, eventually, rounds, sample, within};
use tokio::task::JoinHandle;

use super::load::Load;
use super::logbook::limits;

const PATH: &str = "/v1/0123/g/openai/chat/completions";
const LIMITED: &str = "/v1/0123/limited/openai/chat/completions";
/// Bytes of the cache and of the log store.
const SMALL: u64 = 100_000;
/// Bytes of a body that are sent at a time.
const PIECE: usize = 1 << 18;

#[tokio::test]
async fn calls_go_on_when_every_store_is_full() {
    let config = json!({
        "console": {"open": true},
        "gateways": [
            {"id": "g", "cache_ttl": 300, "collect_log_payload": true},
            {"id": "limited", "rate_limiting_limit": 7, "rate_limiting_interval": 3600, "rate_limiting_technique": "sliding"}
        ],
        "cache": {"max_bytes": SMALL, "max_object_bytes": 20_000},
        "log": {"line": false},
        "log_store": {"max_bytes": SMALL, "max_records": 50}
    });
    let gateway = crate::gateway().config(&config).start();
    let mut body = sample::chat_body();
    body["padding"] = json!("x".repeat(5000));
    let case = gateway.fake.case(Answer::json(200, &body));
    let (one, two) = (
        Load::start(&gateway, PATH, &case),
        Load::start(&gateway, LIMITED, &case),
    );
    one.more(rounds(400, 5000)).await;
    let outcomes = one.end().await;
    assert_eq!(outcomes.keys().collect::<Vec<_>>(), ["200"], "{outcomes:?}");
    let limited = two.end().await;
    assert_eq!(limited["200"], 7, "{limited:?}");
    assert_eq!(limited.len(), 2, "{limited:?}");
    let shown = limits(&gateway, "g").await;
    assert!(
        shown["cache"]["bytes"].as_u64().unwrap() <= SMALL,
        "{shown}"
    );
    let store = &shown["log"]["store"];
    assert!(store["bytes"].as_u64().unwrap() <= SMALL, "{shown}");
    assert!(store["records"].as_u64().unwrap() <= 50, "{shown}");
    // What was asked last is still there.
    let last = gateway.fake.case(sample::chat());
    for hit in ["MISS", "HIT"] {
        let call = gateway.post(PATH).case(&last).json(&sample::ask(last.id()));
        let reply = call.complete().await;
        assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some(hit));
    }
}

/// Bodies that the filter itself must have: of calls that say in their bodies where they go. A machine has 1 GiB, and twice as
/// much comes.
#[tokio::test]
async fn large_bodies_that_are_held_at_once_kill_no_machine() {
    let size = usize::try_from(rounds(1, 20)).unwrap() << 20;
    let room = usize::try_from(rounds(8, 256)).unwrap() << 20;
    let config = json!({
        "gateways": [{"id": "g"}], "attempt_cluster": "sluice-attempts", "limits": {"held_bytes": room}
    });
    let gateway = crate::gateway().config(&config).workers(1).start();
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    let mut uploads = Vec::new();
    for at in 0..64 {
        uploads.push(Upload::begin(&gateway, at % 2 == 0).await);
    }
    feed(&uploads, size).await;
    serves(&gateway).await;
    let (mut passed, mut told) = (0, 0);
    for upload in uploads {
        let (case, reply) = upload.end().await;
        if let Some(reply) = reply.as_ref().filter(|reply| reply.status == 200) {
            assert_eq!(reply.json(), sample::chat_body());
            assert!(case.only().body.len() >= size);
            passed += 1;
            continue;
        }
        // A connection that is closed while its client still sends may be reset before the client has read.
        if let Some(reply) = reply {
            assert_refused(&reply, 503, 2908);
            assert_eq!(reply.header("retry-after").as_deref(), Some("1"));
            told += 1;
        }
        let record = gateway.record(&case).await;
        assert_eq!(record["error_code"], 2908);
        assert_eq!(record["outcome"], "refused");
    }
    let held = passed * size;
    assert!(held <= room && held * 4 > room, "{passed} were held");
    assert!(told > 0, "nobody was told");
    at_rest(&gateway).await;
    // Their room is free again.
    let mut again = Vec::new();
    for _ in 0..room / size / 3 {
        again.push(Upload::begin(&gateway, true).await);
    }
    feed(&again, size).await;
    for upload in again {
        assert_eq!(upload.end().await.1.map(|reply| reply.status), Some(200));
    }
    still_serves(&gateway).await;
    let now = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    assert_eq!(now, machines, "a machine died");
}

/// A body on its way.
struct Upload {
    case: Case,
    feed: Feed,
    call: JoinHandle<Option<RawReply>>,
    /// What ends it.
    end: &'static str,
}

impl Upload {
    /// A call of the unified or of the universal endpoint, as far as the long text in its body.
    async fn begin(gateway: &Gateway, is_unified: bool) -> Self {
        let case = gateway.fake.case(sample::chat());
        let (path, start, end) = if is_unified {
            let start = r#"{"model":"openai/gpt-4o-mini","fill":""#.to_owned();
            ("/v1/0123/g/compat/chat/completions", start, "\"}")
        } else {
            let mut step = sample::step("openai", &case);
            step["query"] = json!("here");
            let step = json!([step]).to_string();
            let start = step.split("\"here\"").next().unwrap();
            ("/v1/0123/g", format!("{start}{{\"fill\":\""), "\"}}]")
        };
        let (feed, call) = gateway.post(path).case(&case).upload();
        let call = call.header("content-type", "application/json");
        let call = tokio::spawn(async { Some(call.try_send().await.ok()?.raw().await) });
        feed.chunk(start).await;
        Self {
            case,
            feed,
            call,
            end,
        }
    }

    /// Sends the rest. The answer, if one has come.
    async fn end(self) -> (Case, Option<RawReply>) {
        self.feed.chunk(self.end).await;
        drop(self.feed);
        let reply = within("an answer", self.call).await.unwrap();
        (self.case, reply)
    }
}

/// Sends texts of that size, all at once.
async fn feed(uploads: &[Upload], size: usize) {
    for _ in 0..size / PIECE {
        for upload in uploads {
            // Nobody reads on from who is refused.
            within("a piece", upload.feed.chunk(vec![b'x'; PIECE])).await;
        }
    }
}

async fn serves(gateway: &Gateway) {
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post(PATH).case(&case).json(&sample::ask("hello"));
    assert_eq!(call.complete().await.status, 200);
}

async fn still_serves(gateway: &Gateway) {
    serves(gateway).await;
    at_rest(gateway).await;
}

async fn at_rest(gateway: &Gateway) {
    eventually("the end of all calls", || {
        (gateway.stat("http.gateway.downstream_rq_active") == 0).then_some(())
    })
    .await;
}
