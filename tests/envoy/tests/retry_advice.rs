//! Issue: what a provider says about asking again is heeded, within the gateway's cap.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::{Answer, sample};

use super::hop::{gateway, single, step_of};

fn limited(fields: &[(&str, &str)], body: &Value) -> Answer {
    let answer = Answer::json(429, body);
    fields
        .iter()
        .fold(answer, |answer, (name, value)| answer.header(name, value))
}

/// The error of Google's APIs that says how long to wait.
fn google(delay: &str) -> Value {
    let info = "type.googleapis.com/google.rpc";
    json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded", "details": [
        {"@type": format!("{info}.QuotaFailure"), "violations": []},
        {"@type": format!("{info}.RetryInfo"), "retryDelay": delay}
    ]}})
}

/// Calls one provider that fails once like this, at a gateway that would ask again at once and waits 1.5 s at most. The
/// status for the client, and the time before the second attempt if there was one.
async fn after(provider: &str, failure: Answer) -> (u16, Option<Duration>) {
    let gateway = gateway();
    let case = gateway.fake.cases([failure, sample::chat()]);
    let call = single(&gateway, "capped", provider, &case).json(&sample::ask("hi"));
    let status = call.complete().await.status;
    let at: Vec<_> = case.seen().iter().filter_map(|seen| seen.at).collect();
    (status, at.get(1).map(|second| *second - at[0]))
}

#[tokio::test]
async fn a_provider_is_asked_again_when_it_wants_to_be() {
    let none = || json!({"error": {"message": "slow down"}});
    let second = Duration::from_secs(1);
    let cases = [
        ("openai", limited(&[("retry-after", "1")], &none()), second),
        (
            "openai",
            limited(&[("retry-after", "0.7")], &none()),
            Duration::from_millis(700),
        ),
        (
            "openai",
            limited(&[("retry-after-ms", "600")], &none()),
            Duration::from_millis(600),
        ),
        (
            "openai",
            limited(
                &[("retry-after-ms", "1100"), ("retry-after", "30")],
                &none(),
            ),
            Duration::from_millis(1100),
        ),
        ("google-ai-studio", limited(&[], &google("1s")), second),
        (
            "google-ai-studio",
            limited(&[], &google("0.8s")),
            Duration::from_millis(800),
        ),
        (
            "google-ai-studio",
            limited(&[], &json!([google("0.9s")])),
            Duration::from_millis(900),
        ),
        (
            "openai",
            limited(&[("retry-after", "nonsense")], &none()),
            Duration::ZERO,
        ),
        (
            "openai",
            limited(&[("retry-after", "0")], &none()),
            Duration::ZERO,
        ),
        (
            "openai",
            Answer::json(503, &none()).header("retry-after", "1"),
            second,
        ),
    ];
    let mut calls = tokio::task::JoinSet::new();
    for (at, (provider, failure, wait)) in cases.into_iter().enumerate() {
        calls.spawn(async move { (at, wait, after(provider, failure).await) });
    }
    for (at, wait, (status, gap)) in calls.join_all().await {
        assert_eq!(status, 200, "{at}");
        let gap = gap.unwrap_or_else(|| panic!("{at}: no second attempt"));
        assert!(gap >= wait, "{at}: {gap:?} and not {wait:?}");
    }
}

#[tokio::test]
async fn a_provider_that_wants_too_much_time_is_not_asked_again() {
    let none = json!({"error": {"message": "slow down"}});
    for (provider, failure) in [
        ("openai", limited(&[("retry-after", "2")], &none)),
        ("openai", limited(&[("retry-after-ms", "1501")], &none)),
        (
            "openai",
            limited(&[("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")], &none),
        ),
        ("google-ai-studio", limited(&[], &google("34s"))),
    ] {
        assert_eq!(after(provider, failure).await, (429, None));
    }
}

#[tokio::test]
async fn a_provider_may_say_whether_to_ask_again() {
    let error = json!({"error": {"message": "no"}});
    let told =
        |status: u16, word: &str| Answer::json(status, &error).header("x-should-retry", word);
    assert_eq!(after("openai", told(503, "false")).await, (503, None));
    assert_eq!(after("openai", told(400, "true")).await.0, 200);
    assert_eq!(after("openai", told(503, "nonsense")).await.0, 200);
    let quota = json!({"error": {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}});
    assert_eq!(after("openai", limited(&[], &quota)).await, (429, None));
}

#[tokio::test]
async fn what_is_of_no_use_to_ask_again_goes_to_the_next_step_at_once() {
    let gateway = gateway();
    let error = json!({"error": {"message": "no"}});
    let quota = json!({"error": {"code": "insufficient_quota"}});
    for failure in [
        limited(&[("retry-after", "3600")], &error),
        limited(&[("x-should-retry", "false")], &error),
        limited(&[], &quota),
        limited(&[], &google("3600s")),
    ] {
        let (one, two) = (
            gateway.fake.case(failure),
            gateway.fake.case(sample::chat()),
        );
        let steps = [
            sample::step("custom-one", &one),
            sample::step("custom-two", &two),
        ];
        let event = gateway.fake.case(sample::chat());
        let reply = gateway.universal("capped", &event, &steps).complete().await;
        assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
        assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
    }
}

#[tokio::test]
async fn a_failure_of_any_size_and_pace_is_passed_on_whole_or_followed_by_another_attempt() {
    let gateway = gateway();
    let large = json!({"error": {"message": "x".repeat(300_000)}});
    let failures = [
        Answer::json(503, &large),
        Answer::json(503, &large).in_pieces_of(10_000),
        Answer::new(503)
            .chunk("{\"error\":")
            .pause(Duration::from_millis(900))
            .chunk("{}}"),
        Answer::new(503),
    ];
    for failure in failures {
        let body = failure.body();
        let (again, vain) = (
            gateway.fake.cases([failure.clone(), sample::chat()]),
            gateway.fake.case(failure),
        );
        let call = |case| single(&gateway, "keen", "openai", case).json(&sample::ask("hi"));
        let (again, vain_reply) = tokio::join!(call(&again).complete(), call(&vain).complete());
        assert_eq!((again.status, again.json()), (200, sample::chat_body()));
        assert!(
            (vain_reply.status, &vain_reply.body) == (503, &body),
            "{} bytes",
            vain_reply.body.len()
        );
        assert_eq!(vain.seen().len(), 3);
    }
}
