//! Issue: a provider that breaks off while its answer is held, because something may follow it, has failed like one that gave
//! none: something follows.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gateway, Lease, Shared, sample};

use super::hop::{single, start_with, step_of};

static GATEWAY: Shared = Shared::new(|| {
    let strict = |id: &str| json!({"id": id, "retry_error_answers": true, "retry_delay": 0});
    let (mut asks, mut cached) = (strict("asks"), strict("cached"));
    (asks["stream_usage"], cached["cache_ttl"]) = (json!(true), json!(300));
    let open = json!({"id": "open", "retry_delay": 0});
    start_with(&json!([open, strict("strict"), asks, cached]))
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// Answers that are cut before anything of them can be let go, at once or after their beginnings have been read: gateway,
/// provider and answer.
fn cuts() -> Vec<(&'static str, &'static str, Answer)> {
    let json = |status| Answer::new(status).header("content-type", "application/json");
    let half = |status| json(status).chunk("{\"error\":").length(900);
    let late = |answer: Answer| answer.pause(Duration::from_millis(50)).cut();
    let prelude = || Answer::events([&sample::message_events()[0]]);
    let nothing = Answer::events::<&str>([]).chunk(": ");
    vec![
        ("open", "custom-one", half(503).cut()),
        ("open", "custom-one", late(half(503))),
        ("open", "custom-raw", late(half(503)).on_wire()),
        ("open", "custom-h2c", late(half(503))),
        ("strict", "custom-one", late(half(200))),
        ("strict", "custom-raw", half(200).cut().on_wire()),
        ("strict", "anthropic", late(prelude())),
        ("strict", "custom-h2c", late(prelude())),
        ("strict", "custom-one", late(nothing)),
    ]
}

fn step(provider: &str, case: &Case) -> Value {
    let mut step = sample::step(provider, case);
    if provider == "anthropic" {
        step["endpoint"] = json!("v1/messages");
    }
    step
}

/// The call of two steps, the first of which has so many attempts.
async fn falls(gateway: &Gateway, attempts: usize) {
    for (at, (id, provider, bad)) in cuts().into_iter().enumerate() {
        let case = gateway.fake.case(bad);
        let [good, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
        let mut steps = [step(provider, &case), sample::step("custom-two", &good)];
        steps[0]["config"] = json!({"maxAttempts": attempts});
        let reply = gateway.universal(id, &event, &steps).complete().await;
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(
            (reply.status, step_of(&reply).as_deref()),
            (200, Some("1")),
            "{at}: {text}"
        );
        assert_eq!(reply.json(), sample::chat_body());
        assert_eq!(
            (case.seen().len(), good.seen().len()),
            (attempts, 1),
            "{at}"
        );
        let records = gateway.steps(&event, 2).await;
        let facts = records
            .iter()
            .map(|record| (record["complete"] == true, record["success"] == true));
        assert_eq!(
            facts.collect::<Vec<_>>(),
            [(false, false), (true, true)],
            "{at}"
        );
        assert_eq!(
            records[0]["failed_attempts"].as_array().unwrap().len(),
            attempts - 1
        );
    }
}

#[tokio::test]
async fn the_next_step_follows_a_cut_of_what_is_held() {
    falls(&gateway(), 1).await;
}

#[tokio::test]
async fn the_steps_attempts_are_spent_before_the_next_step() {
    falls(&gateway(), 2).await;
}

#[tokio::test]
async fn another_attempt_follows_a_cut_of_what_is_held() {
    let gateway = gateway();
    for (at, (id, provider, bad)) in cuts().into_iter().enumerate() {
        let good = if provider == "custom-raw" {
            sample::chat().on_wire()
        } else {
            sample::chat()
        };
        let case = gateway.fake.cases([bad, good]);
        let call = single(&gateway, id, provider, &case).header("cf-aig-max-attempts", "2");
        let reply = call.json(&sample::ask("hi")).complete().await;
        assert_eq!(
            (reply.status, reply.json()),
            (200, sample::chat_body()),
            "{at}"
        );
        assert_eq!(reply.header("cf-aig-event-id").as_deref(), Some(case.id()));
        let record = gateway.steps(&case, 1).await.remove(0);
        assert_eq!(
            (
                &record["success"],
                record["failed_attempts"].as_array().unwrap().len()
            ),
            (&json!(true), 1),
            "{at}"
        );
    }
}

#[tokio::test]
async fn an_error_is_none_to_store_and_what_followed_it_is() {
    let gateway = gateway();
    let bad = Answer::json(200, &json!({"error": {"message": "overloaded"}}));
    let case = gateway.fake.cases([bad, sample::chat()]);
    for status in ["MISS", "HIT"] {
        let call = single(&gateway, "cached", "openai", &case).header("cf-aig-max-attempts", "2");
        let reply = call.json(&sample::ask(case.id())).complete().await;
        assert_eq!(reply.json(), sample::chat_body());
        assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some(status));
    }
    assert_eq!(case.seen().len(), 2);
}

#[tokio::test]
async fn an_error_is_seen_also_in_a_stream_whose_usage_is_hidden() {
    let gateway = gateway();
    let bad = Answer::events(["data: {\"error\":{\"message\":\"overloaded\"}}"]);
    let good = Answer::events(sample::chat_events());
    let case = gateway.fake.cases([bad, good]);
    let mut body = sample::ask("hi");
    body["stream"] = json!(true);
    let call = single(&gateway, "asks", "openai", &case).header("cf-aig-max-attempts", "2");
    let reply = call.json(&body).complete().await;
    assert_eq!(case.seen().len(), 2);
    let text = String::from_utf8_lossy(&reply.body);
    assert!(
        text.contains("Hel") && !text.contains("usage\":{"),
        "{text}"
    );
}
