//! Issue: the filter can be loaded into a mesh that has other traffic, and says so when it is mounted wrongly.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, Gate, Lease, Shared, eventually, sample};

static PASSING: Shared = Shared::new(|| {
    let config = json!({"gateways": [{"id": "open", "cache_ttl": 300}], "outside_paths": "pass"});
    crate::gateway().config(&config).start()
});

/// Mounted as Istio's `WasmPlugin` does it: without `allow_on_headers_stop_iteration`.
static UNFLAGGED: Shared = Shared::new(|| {
    let config = json!({"gateways": [{"id": "open"}, {"id": "cached", "cache_ttl": 300}]});
    crate::gateway()
        .config(&config)
        .without_stop_iteration()
        .start()
});

const CACHED: &str = "/v1/0123/cached/openai/chat/completions";
/// So many that one line a call would be too many.
const CALLS: usize = 16;

const OUTSIDE: [&str; 6] = [
    "/",
    "/healthz",
    "/v1/chat/completions?a=b",
    "/v1/models/gpt-4o",
    "/v2/0123/open/openai/x",
    "/other/%2e%2e//path",
];

fn passing() -> Lease {
    PASSING.lease()
}

#[tokio::test]
async fn a_request_outside_the_url_space_passes_untouched_when_so_configured() {
    let gateway = passing();
    for path in OUTSIDE {
        let case = gateway
            .fake
            .case(Answer::json(203, &json!({"other": "service"})).header("x-own", "1"));
        let call = gateway
            .post(path)
            .case(&case)
            .header("accept-encoding", "gzip")
            .header("cf-aig-event-id", "kept");
        let call = call
            .header("authorization", "Bearer theirs")
            .header("x-byte", b"\xa1")
            .json(&sample::ask("hi"));
        let mut reply = call.send().await;
        assert_eq!(
            (reply.status, reply.header("x-own")),
            (203, Some("1")),
            "{path}"
        );
        assert!(
            reply
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("cf-aig-")),
            "{:?}",
            reply.headers
        );
        assert_eq!(reply.json().await, json!({"other": "service"}));
        let seen = case.only();
        assert_eq!(
            (seen.path.as_str(), seen.header("host").as_deref()),
            (path, Some("gateway.test"))
        );
        for (name, value) in [
            ("accept-encoding", "gzip"),
            ("cf-aig-event-id", "kept"),
            ("authorization", "Bearer theirs"),
        ] {
            assert_eq!(seen.header(name).as_deref(), Some(value));
        }
        let entry = gateway.entry(&case).await;
        assert_eq!(
            (&entry["cluster"], &entry["record"]),
            (&json!("outside"), &Value::Null)
        );
    }
}

#[tokio::test]
async fn bodies_of_outside_requests_stream_both_ways() {
    let gateway = passing();
    let gate = Gate::new();
    let case = gateway
        .fake
        .case(Answer::new(200).chunk("one").gate(&gate).chunk("two"));
    let (feed, call) = gateway
        .post("/upload")
        .case(&case)
        .header("content-type", "application/json")
        .upload();
    let call = tokio::spawn(call.send());
    assert!(feed.chunk("{\"half\"").await);
    case.until("the first half", |seen| seen.body == b"{\"half\"")
        .await;
    assert!(feed.chunk(": 1}").await);
    drop(feed);
    let mut reply = call.await.unwrap();
    reply.expect_bytes(b"one").await;
    gate.open();
    assert_eq!(reply.text().await, "two");
}

#[tokio::test]
async fn an_outside_request_cannot_pick_a_cluster() {
    let gateway = passing();
    let case = gateway.fake.case(sample::chat());
    let reply = gateway
        .get("/")
        .case(&case)
        .header("x-sluice-cluster", "openai")
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(gateway.entry(&case).await["cluster"], "outside");
}

#[tokio::test]
async fn the_cluster_goes_into_the_header_that_is_configured_and_into_no_other() {
    let config = json!({"gateways": [{"id": "open"}], "cluster_header": "x-own-cluster", "outside_paths": "pass"});
    let gateway = crate::gateway()
        .config(&config)
        .cluster_header("x-own-cluster")
        .start();
    for (path, cluster) in [
        ("/v1/0123/open/openai/chat/completions", "openai"),
        ("/elsewhere", "outside"),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .post(path)
            .case(&case)
            .header("x-own-cluster", "groq")
            .header("x-sluice-cluster", "a header like any other");
        assert_eq!(call.json(&json!({})).complete().await.status, 200);
        let seen = case.only();
        assert_eq!(
            (
                seen.header("x-own-cluster"),
                seen.header("x-sluice-cluster").as_deref()
            ),
            (None, Some("a header like any other"))
        );
        assert_eq!(gateway.entry(&case).await["cluster"], cluster);
    }
}

#[tokio::test]
async fn the_gateways_own_urls_are_served_beside_them() {
    let gateway = passing();
    let case = gateway.fake.case(sample::chat());
    let reply = gateway
        .post("/v1/0123/open/openai/chat/completions")
        .case(&case)
        .json(&sample::ask("hi"))
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.header("cf-aig-cache-status")),
        (200, Some("MISS"))
    );
    let unknown = gateway
        .post("/v1/0123/nonesuch/openai/x")
        .json(&json!({}))
        .complete()
        .await;
    assert_refused(&unknown, 400, 2001);
}

#[tokio::test]
async fn a_mount_without_stop_iteration_serves_uncached_and_says_so_loudly() {
    let gateway = UNFLAGGED.lease();
    let case = gateway.fake.case(sample::chat());
    let body = sample::ask(case.id());
    let begun = Instant::now();
    let call = || gateway.post(CACHED).case(&case).json(&body).send();
    let calls: Vec<_> = (0..CALLS).map(|_| tokio::spawn(call())).collect();
    for call in calls {
        let mut reply = call.await.unwrap();
        assert_eq!(reply.status, 200);
        assert_ne!(reply.header("cf-aig-cache-status"), Some("HIT"));
        assert_eq!(reply.json().await, sample::chat_body());
    }
    let seen = case.seen();
    assert_eq!(seen.len(), CALLS);
    assert!(
        seen.iter()
            .all(|seen| seen.body == body.to_string().as_bytes())
    );
    let lines = eventually("a warning in the log", || {
        let lines = gateway.output.log(0);
        let lines = lines
            .iter()
            .filter(|line| line.contains("allow_on_headers_stop_iteration"));
        Some(lines.count()).filter(|lines| *lines > 0)
    })
    .await;
    // One a second on each of the two workers at most.
    let seconds = 1 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!(
        lines <= 2 * seconds && lines < CALLS,
        "{lines} lines in {seconds} s"
    );
}

#[tokio::test]
async fn a_client_that_is_slow_with_its_body_is_served_uncached() {
    let config = json!({"gateways": [{"id": "cached", "cache_ttl": 300}]});
    // Fresh workers: none has seen a body yet.
    let gateway = crate::gateway().config(&config).start();
    let case = gateway.fake.case(sample::chat());
    let body = sample::ask(case.id()).to_string();
    let (feed, call) = gateway
        .post(CACHED)
        .case(&case)
        .header("content-type", "application/json")
        .upload();
    let begun = Instant::now();
    let call = tokio::spawn(call.send());
    case.until("the head at the provider", |seen| !seen.complete)
        .await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(begun.elapsed())).await;
    assert!(feed.chunk(body.clone()).await);
    drop(feed);
    let mut reply = call.await.unwrap();
    assert_eq!(reply.status, 200);
    assert_ne!(reply.header("cf-aig-cache-status"), Some("HIT"));
    assert_eq!(reply.json().await, sample::chat_body());
    assert_eq!(case.only().body, body.as_bytes());
    // Now that the worker has seen a body, it waits for the next one, and the cache is in order.
    for turn in ["first", "second"] {
        let call = gateway.post(CACHED).case(&case).json(&sample::ask("hi"));
        let reply = call.complete().await;
        let hit = reply.header("cf-aig-cache-status").as_deref() == Some("HIT");
        assert_eq!((reply.status, hit), (200, turn == "second"));
    }
}

#[tokio::test]
async fn calls_that_need_no_body_work_without_stop_iteration() {
    let gateway = UNFLAGGED.lease();
    let case = gateway.fake.case(Answer::events(sample::chat_events()));
    let call = gateway
        .post("/v1/0123/open/openai/chat/completions")
        .case(&case);
    let mut reply = call.json(&sample::ask_stream("hi")).send().await;
    assert_eq!(
        reply.bytes().await,
        Answer::events(sample::chat_events()).body()
    );
    assert_eq!(gateway.record(&case).await["tokens_in"], 11);
    assert_eq!(
        gateway
            .get("/v1/0123/cached/openai/models")
            .case(&case)
            .complete()
            .await
            .status,
        200
    );
}
