//! Issue: a call of several attempts comes to its end whatever happens meanwhile: timeouts, a client that leaves, large
//! and slow bodies, trailers.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::gateway::records_of;
use sluice_e2e::{Answer, Gate, eventually, sample};

use super::hop::{gateway, single, start_with, step_of};

fn failing() -> Answer {
    Answer::json(503, &json!({"error": {"message": "not now"}}))
}

fn outcomes(records: &[Value]) -> Vec<(Option<u64>, Option<&str>)> {
    let facts = records
        .iter()
        .map(|record| (record["status_code"].as_u64(), record["outcome"].as_str()));
    facts.collect()
}

#[tokio::test]
async fn the_last_attempt_is_waited_for() {
    let gateway = gateway();
    let late = sample::chat().late(Duration::from_millis(1500));
    let hanging = || sample::chat().hold(&Gate::new());
    // Of one provider.
    let alone = gateway.fake.cases([hanging(), late.clone()]);
    let call = single(&gateway, "keen", "openai", &alone)
        .header("cf-aig-max-attempts", "2")
        .header("cf-aig-request-timeout", "400")
        .json(&sample::ask("hi"));
    // Of the last step.
    let (one, two) = (
        gateway.fake.case(hanging()),
        gateway.fake.cases([hanging(), late]),
    );
    let mut steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    steps[0]["config"] = json!({"requestTimeout": 400});
    steps[1]["config"] = json!({"requestTimeout": 400, "maxAttempts": 2, "retryDelay": 0});
    let event = gateway.fake.case(sample::chat());
    let universal = gateway.universal("open", &event, &steps);
    let (alone_reply, reply) = tokio::join!(call.complete(), universal.complete());
    assert_eq!((alone_reply.status, alone.seen().len()), (200, 2));
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    assert_eq!((one.seen().len(), two.seen().len()), (1, 2));
    let records = gateway.steps(&event, 2).await;
    assert_eq!(
        outcomes(&records),
        [(Some(400), Some("refused")), (Some(200), Some("answered"))]
    );
}

#[tokio::test]
async fn a_timeout_of_the_only_attempt_is_told() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat().hold(&Gate::new()));
    let mut step = sample::step("custom-one", &case);
    step["config"] = json!({"requestTimeout": 400});
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("open", &event, &[step]).complete().await;
    assert_eq!(
        (reply.status, reply.json()["error"][0]["code"].as_u64()),
        (400, Some(2005))
    );
    // And of a call that goes straight to its provider.
    let call = single(&gateway, "open", "openai", &case).header("cf-aig-request-timeout", "400");
    let reply = call.json(&sample::ask("hi")).complete().await;
    assert_eq!(
        (reply.status, reply.json()["error"][0]["code"].as_u64()),
        (400, Some(2005))
    );
    assert_eq!(case.seen().len(), 2);
}

#[tokio::test]
async fn a_stream_that_began_in_time_is_never_cut_by_a_timeout() {
    let gateway = gateway();
    let gate = Gate::new();
    let answer = Answer::events(["data: 1"])
        .gate(&gate)
        .chunk("data: [DONE]\n\n");
    let (case, next) = (
        gateway.fake.case(answer.clone()),
        gateway.fake.case(sample::chat()),
    );
    let mut steps = [
        sample::step("custom-one", &case),
        sample::step("custom-two", &next),
    ];
    steps[0]["config"] = json!({"requestTimeout": 1000, "maxAttempts": 2});
    let event = gateway.fake.case(sample::chat());
    let mut reply = gateway.universal("open", &event, &steps).send().await;
    reply.expect_bytes(b"data: 1\n\n").await;
    tokio::time::sleep(Duration::from_millis(2000)).await;
    gate.open();
    assert_eq!(reply.text().await, "data: [DONE]\n\n");
    assert_eq!((case.seen().len(), next.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_attempts() {
    let gateway = gateway();
    // While an attempt is under way.
    let (case, next) = (
        gateway.fake.case(sample::chat().hold(&Gate::new())),
        gateway.fake.case(sample::chat()),
    );
    let steps = [
        sample::step("custom-one", &case),
        sample::step("custom-two", &next),
    ];
    let event = gateway.fake.case(sample::chat());
    let call = tokio::spawn(gateway.universal("keen", &event, &steps).try_send());
    case.until("the attempt", |seen| seen.complete).await;
    call.abort();
    case.until("its end", |seen| seen.abandoned).await;
    assert_eq!(
        outcomes(&gateway.steps(&event, 1).await),
        [(Some(499), Some("client_gone"))]
    );
    // While the next one is waited for.
    let waiting = gateway.fake.case(failing());
    let call = single(&gateway, "keen", "openai", &waiting).header("cf-aig-retry-delay", "60000");
    let call = tokio::spawn(call.json(&sample::ask("hi")).try_send());
    waiting.until("the failure", |seen| seen.answered).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    call.abort();
    let records = gateway.steps(&waiting, 1).await;
    assert_eq!(records[0]["outcome"], "client_gone");
    // In the middle of the winner's answer.
    let events = sample::chat_events();
    let (bad, good) = (
        gateway.fake.case(failing()),
        gateway.fake.case(Answer::events(&events[..2]).hang()),
    );
    let steps = [
        sample::step("custom-one", &bad),
        sample::step("custom-two", &good),
    ];
    let event = gateway.fake.case(sample::chat());
    let mut reply = gateway.universal("open", &event, &steps).send().await;
    reply
        .expect_bytes(&Answer::events(&events[..2]).body())
        .await;
    reply.hang_up();
    good.until("its end", |seen| seen.abandoned).await;
    let expected = [
        (Some(503), Some("answered")),
        (Some(200), Some("client_gone")),
    ];
    assert_eq!(outcomes(&gateway.steps(&event, 2).await), expected);
    assert_eq!(
        (case.seen().len(), next.seen().len(), waiting.seen().len()),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn an_upload_that_is_still_coming_is_repeated_whole() {
    let gateway = gateway();
    let case = gateway.fake.cases([failing(), sample::chat()]);
    let call = single(&gateway, "keen", "openai", &case).header("content-type", "application/json");
    let (feed, call) = call.upload();
    let call = tokio::spawn(call.complete());
    let pieces = [
        "{\"model\":\"m\",",
        "\"fill\":\"",
        &"x".repeat(200_000),
        "\"}",
    ];
    for piece in pieces {
        assert!(feed.chunk(piece.to_owned()).await);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    drop(feed);
    assert_eq!(call.await.unwrap().status, 200);
    let seen = case.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|seen| seen.body == pieces.concat().as_bytes())
    );
}

#[tokio::test]
async fn a_provider_that_fails_before_it_has_the_whole_upload_is_asked_again() {
    let gateway = gateway();
    let case = gateway.fake.cases([failing().early(), sample::chat()]);
    let body = json!({"model": "m", "fill": "x".repeat(4 << 20)}).to_string();
    let call = single(&gateway, "keen", "openai", &case).header("content-type", "application/json");
    assert_eq!(call.body(body.clone()).complete().await.status, 200);
    let seen = case.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].body == body.as_bytes());
}

#[tokio::test]
async fn trailers_pass_through_an_attempt() {
    let gateway = gateway();
    let good = Answer::new(200).chunk("x").trailer("x-end", "there");
    let case = gateway.fake.cases([failing(), good]);
    let call = single(&gateway, "keen", "custom-h2c", &case).http2();
    let mut reply = call.json(&sample::ask("hi")).send().await;
    assert_eq!((reply.status, reply.text().await.as_str()), (200, "x"));
    assert_eq!(reply.trailer("x-end"), Some("there"));
    // Of a failure too, when it is the last.
    let case = gateway
        .fake
        .case(Answer::new(503).chunk("x").trailer("x-end", "there"));
    let call = single(&gateway, "keen", "custom-h2c", &case).http2();
    let mut reply = call.json(&sample::ask("hi")).send().await;
    assert_eq!((reply.status, reply.text().await.as_str()), (503, "x"));
    assert_eq!(
        (reply.trailer("x-end"), case.seen().len()),
        (Some("there"), 3)
    );
}

#[tokio::test]
async fn methods_without_a_body_are_tried_again_too() {
    let gateway = gateway();
    for method in ["GET", "DELETE"] {
        let case = gateway.fake.cases([failing(), sample::chat()]);
        let path = "/v1/0123/keen/openai/models?limit=1";
        let call = gateway
            .call(method, path)
            .case(&case)
            .header("authorization", "Bearer sk-1");
        assert_eq!(call.complete().await.status, 200);
        for seen in case.seen() {
            assert_eq!(
                (seen.method.as_str(), seen.path.as_str()),
                (method, "/v1/models?limit=1")
            );
            assert_eq!((seen.body.len(), seen.header("content-length")), (0, None));
        }
        assert_eq!(case.seen().len(), 2);
    }
}

#[tokio::test]
async fn clients_that_leave_at_any_moment_leave_nothing_behind() {
    let gateway = start_with(&json!([{"id": "open"}]));
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    let mut events = Vec::new();
    for moment in 0..120 {
        let late = |answer: Answer| answer.late(Duration::from_millis(7));
        let (one, two) = (
            gateway.fake.case(late(failing())),
            gateway.fake.case(late(sample::chat())),
        );
        let mut steps = [
            sample::step("custom-one", &one),
            sample::step("custom-two", &two),
        ];
        steps[0]["config"] = json!({"maxAttempts": 2, "retryDelay": 7});
        let event = gateway.fake.case(sample::chat());
        let call = gateway
            .universal("open", &event, &steps)
            .over_http2(moment % 2 == 0);
        let call = tokio::spawn(call.try_send());
        tokio::time::sleep(Duration::from_millis(moment / 2)).await;
        call.abort();
        events.push(event);
    }
    let active = "http.hop.downstream_rq_active";
    eventually("the end of the attempts", || {
        (gateway.stat(active) == 0).then_some(())
    })
    .await;
    let entries = gateway.output.entries(|entry| entry["record"].is_string());
    for event in events {
        let records = entries
            .iter()
            .flat_map(records_of)
            .filter(|record| record["event_id"] == event.id());
        let steps: Vec<_> = records.map(|record| record["step"].as_u64()).collect();
        let known = [&[][..], &[Some(0)], &[Some(0), Some(1)]];
        assert!(known.contains(&&steps[..]), "{steps:?}");
    }
    assert_eq!(
        gateway.stat("wasm.envoy.wasm.runtime.v8.created"),
        machines,
        "a VM died"
    );
}
