//! Issue: a call whose attempts Envoy does not make comes to its end all the same, with an answer of our own; and a provider
//! cannot keep Envoy from making them.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::gateway::records_of;
use sluice_e2e::{Answer, Case, Gateway, RawReply, eventually, sample};

use super::hop::{assert_unsteered, build_with, gateway, single, step_of};

fn failing() -> Answer {
    Answer::json(503, &json!({"error": {"message": "not now"}}))
}

/// What a gateway of the provider's own may say, and what only ours may.
fn steering(answer: Answer) -> Answer {
    [
        ("x-envoy-ratelimited", "true"),
        ("x-envoy-overloaded", "true"),
        ("x-envoy-attempt-count", "7"),
        ("cf-aig-step", "77"),
        ("cf-aig-event-id", "theirs"),
    ]
    .into_iter()
    .fold(answer, |answer, (name, value)| answer.header(name, value))
}

fn limited() -> Answer {
    steering(Answer::json(
        429,
        &json!({"error": {"message": "slow down"}}),
    ))
}

#[tokio::test]
async fn a_provider_behind_an_envoy_of_its_own_is_followed_like_any_other() {
    let gateway = gateway();
    let case = gateway
        .fake
        .cases([limited(), limited(), steering(sample::chat())]);
    let call = single(&gateway, "keen", "openai", &case).json(&sample::ask("hi"));
    let reply = call.complete().await;
    assert_eq!((reply.status, case.seen().len()), (200, 3));
    assert_eq!(step_of(&reply).as_deref(), Some("0"));
    let (one, two) = (gateway.fake.case(limited()), gateway.fake.case(limited()));
    let steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("open", &event, &steps).complete().await;
    // The last one's answer is the client's, in no name but its own.
    assert_eq!((reply.status, step_of(&reply).as_deref()), (429, Some("1")));
    assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
}

fn assert_given_up(reply: &RawReply, step: &str) {
    assert_refused(reply, 400, 2005);
    assert_eq!(step_of(reply).as_deref(), Some(step));
    assert_unsteered(&reply.headers);
}

/// The only record of that event, whoever has made it.
async fn record(gateway: &Gateway, event: &Case) -> Value {
    let records = eventually("the record", || {
        let entries = gateway.output.entries(|entry| entry["record"].is_string());
        let records = entries.iter().flat_map(records_of);
        let own: Vec<_> = records
            .filter(|record| record["event_id"] == event.id())
            .collect();
        Some(own).filter(|own| !own.is_empty())
    });
    let mut records = records.await;
    assert_eq!(records.len(), 1, "{records:#?}");
    records.remove(0)
}

/// A call that is uploaded in pieces, more than Envoy keeps for a repetition.
async fn upload(gateway: &Gateway, id: &str, case: &Case) -> RawReply {
    let body = json!({"model": "m", "fill": "x".repeat(600_000)}).to_string();
    let call = single(gateway, id, "openai", case).header("content-type", "application/json");
    call.framed(body.into_bytes(), Some(20_000))
        .complete()
        .await
}

#[tokio::test]
async fn an_upload_that_is_too_large_to_be_repeated_is_answered() {
    let gateways = json!([{"id": "keen", "retry_max_attempts": 3, "retry_delay": 0}]);
    let gateway = build_with(&gateways).buffer(100_000).start();
    let case = gateway.fake.case(failing());
    assert_given_up(&upload(&gateway, "keen", &case).await, "0");
    assert_eq!(case.seen().len(), 1);
    assert_eq!(record(&gateway, &case).await["error_code"], 2005);
    let said = "a call was not repeated in the cluster";
    eventually("the operator is told", || gateway.output.after(said)).await;
    // What succeeds at once needs no repetition.
    let case = gateway.fake.case(sample::chat());
    assert_eq!(upload(&gateway, "keen", &case).await.status, 200);
}

#[tokio::test]
async fn a_call_is_answered_when_the_circuit_breaker_lets_no_retry_through() {
    let gateways = json!([{"id": "keen", "retry_max_attempts": 3, "retry_delay": 0}]);
    let gateway = build_with(&gateways).retries(0).start();
    for (provider, answer) in [
        ("custom-one", failing()),
        ("custom-raw", Answer::wire().cut()),
        ("custom-dead", failing()),
    ] {
        let case = gateway.fake.case(answer.clone());
        let call = single(&gateway, "keen", provider, &case).json(&sample::ask("hi"));
        assert_given_up(&call.complete().await, "0");
        assert_eq!(record(&gateway, &case).await["error_code"], 2005);
        let (one, two) = (gateway.fake.case(answer), gateway.fake.case(sample::chat()));
        let mut steps = [
            sample::step(provider, &one),
            sample::step("custom-two", &two),
        ];
        for step in &mut steps {
            step["config"] = json!({"maxAttempts": 1});
        }
        let event = gateway.fake.case(sample::chat());
        let reply = gateway.universal("keen", &event, &steps).complete().await;
        assert_given_up(&reply, "0");
        assert_eq!(two.seen().len(), 0);
        assert_eq!(record(&gateway, &event).await["step"], 0);
    }
    assert!(gateway.output.after("mounted").is_none());
}

#[tokio::test]
async fn attempts_without_bodies_are_refused_and_the_operator_told() {
    let gateways = json!([{"id": "open"}]);
    let gateway = build_with(&gateways)
        .attempts_without_stop_iteration()
        .start();
    let case = gateway.fake.case(sample::chat());
    let event = gateway.fake.case(sample::chat());
    let steps: [Value; 1] = [sample::step("custom-one", &case)];
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_given_up(&reply, "0");
    assert_eq!(case.seen().len(), 0);
    let said = "an attempt was held for its body and none came";
    eventually("the operator is told", || gateway.output.after(said)).await;
    // Calls that keep their own body need none of it.
    let call = single(&gateway, "open", "openai", &case).header("cf-aig-max-attempts", "2");
    let reply = call.json(&sample::ask("hi")).complete().await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_head_as_large_as_the_gateway_takes_comes_through() {
    let gateway = gateway();
    let many: Vec<_> = (0..85)
        .map(|at| (format!("x-{at}"), "1".to_owned()))
        .collect();
    let large = vec![("x-large".to_owned(), "x".repeat(57_000))];
    for fields in [many, large] {
        let case = gateway.fake.cases([failing(), sample::chat()]);
        let call = single(&gateway, "keen", "openai", &case);
        let call = fields
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value));
        let call = call.header("cf-aig-request-timeout", "10000");
        let reply = call.json(&sample::ask("hi")).complete().await;
        assert_eq!((reply.status, case.seen().len()), (200, 2));
    }
}

#[tokio::test]
async fn trailers_of_a_list_reach_no_provider() {
    let gateway = gateway();
    for provider in ["custom-one", "custom-h2c"] {
        let cases = [failing(), sample::chat()].map(|answer| gateway.fake.case(answer));
        let steps: Vec<_> = cases
            .iter()
            .map(|case| sample::step(provider, case))
            .collect();
        let event = gateway.fake.case(sample::chat());
        let call = gateway.post("/v1/0123/open").case(&event).http2();
        let (feed, call) = call.header("content-type", "application/json").upload();
        let call = tokio::spawn(call.complete());
        assert!(feed.chunk(json!(steps).to_string()).await);
        let trailer = (
            "x-secret".parse().unwrap(),
            "others-secret".parse().unwrap(),
        );
        feed.trailers([trailer].into_iter().collect()).await;
        drop(feed);
        assert_eq!(call.await.unwrap().status, 200);
        for case in &cases {
            assert_eq!(case.only().trailers, []);
        }
    }
}
