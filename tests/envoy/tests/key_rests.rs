//! Issue: a stored key that its provider turns away is rested on every worker, then tried gently again; what is not the
//! key's making changes nothing.

use std::time::Duration;

use serde_json::json;
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lease, Shared, eventually, sample, within};

static GATEWAY: Shared = Shared::new(start);

/// A provider of its own for each case, since what becomes of its keys is remembered. Key `a` is used before `b`.
const POOLS: &str = "turned-401 turned-402 turned-403 turned-429 retried-401 retried-402 retried-403 retried-429 kept own \
    stepped routed named moved exhausted";

fn start() -> Gateway {
    let pool = |slug: &str, seconds: u32, weights: [u32; 2], priorities: [u32; 2]| {
        let key = |at: usize, name: &str| json!({"alias": name, "environment_variable": name, "weight": weights[at], "priority": priorities[at]});
        json!({
            "slug": slug, "base_url": format!("https://{slug}.test"), "cluster": "outside",
            "key_rest": {"refused": seconds, "rate_limited": seconds, "longest": 3600},
            "keys": [key(1, "b"), key(0, "a")]
        })
    };
    let ordered = |slug, seconds| pool(slug, seconds, [1, 1], [0, 1]);
    let mut custom: Vec<_> = POOLS
        .split_whitespace()
        .map(|slug| ordered(slug, 600))
        .collect();
    custom.extend(["tried", "tried-in-vain"].map(|slug| ordered(slug, 1)));
    custom.push(pool("weighed", 600, [1, 3], [0, 0]));
    let single = json!({"slug": "single", "base_url": "https://single.test", "cluster": "outside",
        "keys": [{"environment_variable": "a"}]});
    custom.push(single);
    let moved = custom
        .iter_mut()
        .find(|provider| provider["slug"] == "moved");
    let b = &mut moved.unwrap()["keys"][0];
    (b["cluster"], b["host"]) = (json!("groq"), json!("eu.test:8443"));
    let route = json!({"name": "routed", "elements": [
        {"id": "start", "type": "start", "outputs": {"next": {"elementId": "m"}}},
        {"id": "m", "type": "model", "properties": {"provider": "custom-routed", "model": "m", "retries": 1},
            "outputs": {"success": {"elementId": "end"}}},
        {"id": "end", "type": "end"}
    ]});
    let config = json!({
        "attempt_cluster": "sluice-attempts", "direct_attempts": super::DIRECT, "gateways": [{"id": "open"}], "custom_providers": custom,
        "dynamic_routes": [route]
    });
    let builder = crate::gateway().config(&config);
    let builder = builder
        .environment("a", "sk-stored-a")
        .environment("b", "sk-stored-b");
    builder.start()
}

pub(crate) fn gateway() -> Lease {
    GATEWAY.lease()
}

pub(crate) fn ask(gateway: &Gateway, slug: &str, case: &Case) -> Call {
    let call = gateway.post(&format!("/v1/0123/open/custom-{slug}/chat/completions"));
    let call = call.header("cf-aig-event-id", case.id());
    call.case(case).json(&sample::ask("hi"))
}

pub(crate) fn error(status: u16) -> Answer {
    Answer::json(status, &json!({"error": {"message": "no", "type": "no"}}))
}

/// The keys that the provider was shown, one letter each.
pub(crate) fn keys(case: &Case) -> String {
    let seen = case.seen();
    let key = |value: Option<String>| value.unwrap_or_default().replace("Bearer sk-stored-", "");
    seen.iter()
        .map(|seen| key(seen.header("authorization")))
        .collect()
}

/// Two calls at once, and so on both workers, are sent with `key`.
async fn assert_used(gateway: &Gateway, slug: &str, key: &str) {
    let (one, two) = (
        gateway.fake.case(sample::chat()),
        gateway.fake.case(sample::chat()),
    );
    let (first, second) = tokio::join!(
        ask(gateway, slug, &one).send(),
        ask(gateway, slug, &two).send()
    );
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(
        (keys(&one).as_str(), keys(&two).as_str()),
        (key, key),
        "{slug}"
    );
}

/// A call that is sent with the key `a` and gets this answer.
async fn turn_away(gateway: &Gateway, slug: &str, answer: Answer) {
    let case = gateway.fake.case(answer.clone());
    let reply = ask(gateway, slug, &case).complete().await;
    assert_eq!(
        (reply.body, keys(&case).as_str()),
        (answer.body(), "a"),
        "{slug}"
    );
}

#[tokio::test]
async fn a_key_that_is_turned_away_rests_on_every_worker() {
    let gateway = gateway();
    for status in [401, 402, 403, 429] {
        let slug = format!("turned-{status}");
        assert_used(&gateway, &slug, "a").await;
        turn_away(&gateway, &slug, error(status)).await;
        for _ in 0..3 {
            assert_used(&gateway, &slug, "b").await;
        }
    }
    assert!(
        gateway
            .connections_by_worker()
            .iter()
            .all(|count| *count > 0)
    );
}

#[tokio::test]
async fn what_is_not_the_keys_making_is_no_reason_to_rest_it() {
    let gateway = gateway();
    for status in [400, 404, 408, 413, 422, 500, 503, 529] {
        turn_away(&gateway, "kept", error(status)).await;
        assert_used(&gateway, "kept", "a").await;
    }
    let case = gateway.fake.case(Answer::new(200).hang());
    ask(&gateway, "kept", &case).send().await.hang_up();
    assert_used(&gateway, "kept", "a").await;
    // A credential of the client's own says nothing about ours.
    let case = gateway.fake.case(error(401));
    let call = ask(&gateway, "own", &case).header("authorization", "Bearer sk-own");
    assert_eq!(call.complete().await.status, 401);
    assert_used(&gateway, "own", "a").await;
}

#[tokio::test]
async fn one_call_tries_a_key_when_its_rest_is_over() {
    let gateway = gateway();
    turn_away(&gateway, "tried", error(401)).await;
    let (trial, gate) = trial(&gateway, "tried", sample::chat()).await;
    // While it is being tried, others leave it alone.
    for _ in 0..3 {
        assert_used(&gateway, "tried", "b").await;
    }
    gate.open();
    assert_eq!(within("the trial", trial).await.unwrap(), 200);
    for _ in 0..3 {
        assert_used(&gateway, "tried", "a").await;
    }
}

#[tokio::test]
async fn a_key_that_fails_its_trial_rests_again() {
    let gateway = gateway();
    // The provider's own word beats the configured time, here and there.
    turn_away(&gateway, "tried-in-vain", error(429)).await;
    let answer = error(429).header("retry-after", "600");
    let (trial, gate) = trial(&gateway, "tried-in-vain", answer).await;
    gate.open();
    assert_eq!(within("the trial", trial).await.unwrap(), 429);
    for _ in 0..3 {
        assert_used(&gateway, "tried-in-vain", "b").await;
    }
}

/// Calls until one is sent with the key `a`, whose answer waits for the gate.
async fn trial(
    gateway: &Gateway,
    slug: &str,
    answer: Answer,
) -> (tokio::task::JoinHandle<u16>, Gate) {
    for _ in 0..1000 {
        let gate = Gate::new();
        let case = gateway.fake.case(answer.clone().hold(&gate));
        let call = ask(gateway, slug, &case);
        let call = tokio::spawn(async move { call.send().await.status });
        eventually("the call at its provider", || case.seen().pop()).await;
        if keys(&case) == "a" {
            return (call, gate);
        }
        // The other key gets no verdict.
        call.abort();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the key is never tried")
}

#[tokio::test]
async fn when_all_keys_rest_the_one_whose_rest_ends_first_is_used() {
    let gateway = gateway();
    turn_away(&gateway, "exhausted", error(401)).await;
    let case = gateway.fake.case(error(429).header("retry-after", "60"));
    assert_eq!(
        ask(&gateway, "exhausted", &case).complete().await.status,
        429
    );
    assert_eq!(keys(&case), "b");
    assert_used(&gateway, "exhausted", "b").await;
}
