//! Issue: identical questions that arrive together are asked once, on all workers.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lease, Reply, Shared, eventually, sample};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let gateway = |id: &str, kind: &str, timeout: u32| json!({"id": id, "cache_ttl": 300, "cache_single_flight": kind, "cache_single_flight_timeout": timeout});
    let config = json!({"gateways": [
        {"id": "default", "cache_ttl": 300},
        gateway("off", "off", 30),
        gateway("all", "all", 30),
        gateway("impatient", "non_streaming", 1)
    ]});
    crate::gateway().config(&config).start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

fn ask(gateway: &Gateway, id: &str, case: &Case) -> Call {
    question(gateway, id, case, false)
}

fn question(gateway: &Gateway, id: &str, case: &Case, streams: bool) -> Call {
    let path = format!("/v1/0123/{id}/openai/chat/completions");
    let text = case.id();
    let body = if streams {
        sample::ask_stream(text)
    } else {
        sample::ask(text)
    };
    gateway.post(&path).case(case).json(&body)
}

fn is_hit(reply: &Reply) -> bool {
    reply.header("cf-aig-cache-status") == Some("HIT")
}

/// The first call, which is at the provider, and `count` identical ones after it, which have all arrived at Envoy.
async fn first_and_followers(
    gateway: &Gateway,
    case: &Case,
    call: impl Fn() -> Call,
    count: usize,
) -> (Pending, Vec<Pending>) {
    let first = tokio::spawn(call().send());
    case.until("the first call", |seen| seen.complete).await;
    let followers = (0..count).map(|_| tokio::spawn(call().send())).collect();
    gateway.arrivals(case, 1 + count).await;
    (first, followers)
}

/// A waiter looks by itself when the lease that it saw ends: after a second, or three quarters of one. So many times
/// that something must happen at once, and a time in which that many waits cannot have passed: whoever is within it was
/// woken.
const TURNS: usize = 4;
const WOKEN: Duration = Duration::from_millis(2500);

type Pending = tokio::task::JoinHandle<Reply>;

async fn all_get(answer: &[u8], calls: Vec<Pending>) -> usize {
    let mut hits = 0;
    for call in calls {
        let mut reply = call.await.unwrap();
        assert_eq!(reply.status, 200);
        hits += usize::from(is_hit(&reply));
        assert_eq!(reply.bytes().await, answer);
    }
    hits
}

#[tokio::test]
async fn identical_calls_in_flight_make_one_call_to_the_provider() {
    let gateway = gateway();
    for round in 0..3 {
        let gate = Gate::new();
        let case = gateway.fake.case(sample::chat().hold(&gate));
        let (first, followers) =
            first_and_followers(&gateway, &case, || ask(&gateway, "default", &case), 19).await;
        assert_eq!(case.seen().len(), 1, "round {round}");
        gate.open();
        let hits = all_get(
            &sample::chat().body(),
            [vec![first], followers].concat_pending(),
        )
        .await;
        assert_eq!((case.seen().len(), hits), (1, 19), "round {round}");
        let records = gateway.records(&case, 20).await;
        assert_eq!(
            records
                .iter()
                .filter(|record| record["cached"] == true)
                .count(),
            19
        );
    }
}

#[tokio::test]
async fn followers_are_answered_as_soon_as_the_first_is() {
    let gateway = gateway();
    let mut waited = Duration::ZERO;
    for _ in 0..TURNS {
        let gate = Gate::new();
        let case = gateway.fake.case(sample::chat().hold(&gate));
        let (first, followers) =
            first_and_followers(&gateway, &case, || ask(&gateway, "default", &case), 6).await;
        let opened = Instant::now();
        gate.open();
        let calls = [vec![first], followers].concat_pending();
        all_get(&sample::chat().body(), calls).await;
        waited += opened.elapsed();
    }
    assert!(waited < WOKEN, "{waited:?}");
}

#[tokio::test]
async fn calls_do_not_wait_where_it_is_off_or_they_stream() {
    let gateway = gateway();
    for (id, streams) in [("off", false), ("off", true), ("default", true)] {
        let gate = Gate::new();
        let answer = if streams {
            Answer::events(sample::chat_events())
        } else {
            sample::chat()
        };
        let case = gateway.fake.case(answer.clone().hold(&gate));
        let call = || question(&gateway, id, &case, streams);
        let calls: Vec<_> = (0..4).map(|_| tokio::spawn(call().send())).collect();
        eventually("four calls at the provider", || {
            (case.seen().len() == 4).then_some(())
        })
        .await;
        gate.open();
        assert_eq!(all_get(&answer.body(), calls).await, 0);
    }
}

#[tokio::test]
async fn streamed_calls_wait_where_it_is_configured() {
    let gateway = gateway();
    let gate = Gate::new();
    let answer = Answer::events(sample::chat_events());
    let case = gateway.fake.case(answer.clone().hold(&gate));
    let (first, followers) = first_and_followers(
        &gateway,
        &case,
        || question(&gateway, "all", &case, true),
        5,
    )
    .await;
    gate.open();
    let hits = all_get(&answer.body(), [vec![first], followers].concat_pending()).await;
    assert_eq!((case.seen().len(), hits), (1, 5));
}

#[tokio::test]
async fn different_questions_do_not_wait_for_each_other() {
    let gateway = gateway();
    let gate = Gate::new();
    let case = gateway.fake.case(sample::chat().hold(&gate));
    let call = |text: &str| {
        let path = "/v1/0123/default/openai/chat/completions";
        gateway
            .post(path)
            .case(&case)
            .json(&sample::ask(&format!("{}{text}", case.id())))
    };
    let calls: Vec<_> = ["a", "b", "c"]
        .map(|text| tokio::spawn(call(text).send()))
        .into();
    eventually("three calls at the provider", || {
        (case.seen().len() == 3).then_some(())
    })
    .await;
    gate.open();
    all_get(&sample::chat().body(), calls).await;
}

#[tokio::test]
async fn a_first_caller_that_leaves_hands_over_at_once() {
    let gateway = gateway();
    let mut waited = Duration::ZERO;
    for _ in 0..TURNS {
        let case = gateway
            .fake
            .cases([sample::chat().hold(&Gate::new()), sample::chat()]);
        let (first, followers) =
            first_and_followers(&gateway, &case, || ask(&gateway, "default", &case), 5).await;
        let left = Instant::now();
        first.abort();
        let hits = all_get(&sample::chat().body(), followers).await;
        waited += left.elapsed();
        assert_eq!((case.seen().len(), hits), (2, 4));
    }
    assert!(waited < WOKEN, "{waited:?}");
}

#[tokio::test]
async fn a_first_caller_that_dies_hands_over_at_once_and_a_living_one_does_not() {
    let config = json!({"gateways": [{"id": "default", "cache_ttl": 300}]});
    let gateway = crate::gateway().config(&config).tickless_twin().start();
    let path = "/v1/0123/default/openai/chat/completions";
    let dying = |case: &Case| {
        let call = Call::new(gateway.twin(), "POST", path).case(case);
        call.json(&sample::ask(case.id()))
    };
    // Both listeners have one cache.
    let case = gateway.fake.case(sample::chat());
    dying(&case).complete().await;
    assert!(is_hit(&ask(&gateway, "default", &case).send().await));

    let gate = Gate::new();
    let (late, timely) = (json!({"choices": []}), sample::chat());
    let living = gateway.fake.case(sample::chat().hold(&gate));
    let (first, followers) =
        first_and_followers(&gateway, &living, || ask(&gateway, "default", &living), 2).await;
    let dead = gateway
        .fake
        .cases([Answer::json(200, &late).hold(&gate), timely.clone()]);
    let dead_first = tokio::spawn(dying(&dead).send());
    dead.until("the first call", |seen| seen.complete).await;
    let begun = Instant::now();
    let mut second = ask(&gateway, "default", &dead).send().await;
    let waited = begun.elapsed();
    // A second and a beat of the clock; the rest is the load of the machine.
    assert!(waited < Duration::from_secs(3), "{waited:?}");
    assert_eq!((is_hit(&second), dead.seen().len()), (false, 2));
    assert_eq!(second.bytes().await, timely.body());
    // The same time has passed for these.
    assert_eq!(living.seen().len(), 1);
    gate.open();
    all_get(
        &sample::chat().body(),
        [vec![first], followers].concat_pending(),
    )
    .await;
    // What comes late goes to its caller and nowhere else.
    assert_eq!(dead_first.await.unwrap().json().await, late);
    let mut third = ask(&gateway, "default", &dead).send().await;
    assert!(is_hit(&third));
    assert_eq!(third.bytes().await, timely.body());
}

#[tokio::test]
async fn a_first_answer_that_is_cut_hands_over_at_once() {
    let gateway = gateway();
    let mut waited = Duration::ZERO;
    for _ in 0..TURNS {
        let gate = Gate::new();
        let json = Answer::new(200).header("content-type", "application/json");
        let cut = json.hold(&gate).chunk("{").cut();
        let case = gateway.fake.cases([cut, sample::chat()]);
        let (first, followers) =
            first_and_followers(&gateway, &case, || ask(&gateway, "default", &case), 5).await;
        let opened = Instant::now();
        gate.open();
        let hits = all_get(&sample::chat().body(), followers).await;
        waited += opened.elapsed();
        assert_eq!((case.seen().len(), hits), (2, 4));
        drop(first.await);
    }
    assert!(waited < WOKEN, "{waited:?}");
}

#[tokio::test]
async fn a_first_answer_that_cannot_be_stored_keeps_nobody_waiting() {
    let gateway = gateway();
    let mut waited = Duration::ZERO;
    for _ in 0..TURNS {
        let gate = Gate::new();
        let refused = Answer::json(503, &json!({"error": "overloaded"})).hold(&gate);
        let case = gateway.fake.cases([refused, sample::chat()]);
        let (first, followers) =
            first_and_followers(&gateway, &case, || ask(&gateway, "default", &case), 3).await;
        let opened = Instant::now();
        gate.open();
        assert_eq!(first.await.unwrap().status, 503);
        all_get(&sample::chat().body(), followers).await;
        waited += opened.elapsed();
    }
    assert!(waited < WOKEN, "{waited:?}");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_keeps_nobody_waiting() {
    let gateway = crate::gateway()
        .config(&json!({
            "gateways": [{"id": "default", "cache_ttl": 300}],
            "providers": [{"slug": "openai", "cluster": "dead"}]
        }))
        .cluster("dead", sluice_e2e::Upstream::Dead)
        .start();
    let begun = Instant::now();
    for _ in 0..TURNS {
        let case = gateway.fake.case(sample::chat());
        let calls: Vec<_> = (0..8)
            .map(|_| tokio::spawn(ask(&gateway, "default", &case).send()))
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().status, 400);
        }
    }
    let waited = begun.elapsed();
    assert!(waited < WOKEN, "{waited:?}");
}

#[tokio::test]
async fn after_the_time_limit_a_waiter_goes_on_alone() {
    let gateway = gateway();
    let gate = Gate::new();
    let case = gateway
        .fake
        .cases([sample::chat().hold(&gate), sample::chat()]);
    let first = tokio::spawn(ask(&gateway, "impatient", &case).send());
    case.until("the first call", |seen| seen.complete).await;
    let begun = Instant::now();
    let second = ask(&gateway, "impatient", &case).send().await;
    let waited = begun.elapsed();
    assert_eq!(
        (second.status, is_hit(&second), case.seen().len()),
        (200, false, 2)
    );
    // A second, and not before; later only by the beat of the clock and the load of the machine.
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(5)).contains(&waited),
        "{waited:?}"
    );
    gate.open();
    assert_eq!(first.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_waiter_that_leaves_disturbs_nobody() {
    let gateway = gateway();
    let gate = Gate::new();
    let case = gateway.fake.case(sample::chat().hold(&gate));
    let (first, mut followers) =
        first_and_followers(&gateway, &case, || ask(&gateway, "default", &case), 5).await;
    followers.remove(0).abort();
    followers.remove(0).abort();
    gateway.entries(&case, 2).await;
    gate.open();
    let hits = all_get(
        &sample::chat().body(),
        [vec![first], followers].concat_pending(),
    )
    .await;
    assert_eq!((case.seen().len(), hits), (1, 3));
}

/// `concat` for values that cannot be cloned.
trait ConcatPending {
    fn concat_pending(self) -> Vec<Pending>;
}

impl ConcatPending for [Vec<Pending>; 2] {
    fn concat_pending(self) -> Vec<Pending> {
        self.into_iter().flatten().collect()
    }
}
