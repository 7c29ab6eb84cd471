//! Issue: cache, rate limit, usage, cost and log hold for each step as if it had been called alone.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, Case, Gateway, RawReply, sample};

use super::hop::{gateway, single, step_of};

fn failing() -> Answer {
    Answer::json(503, &json!({"error": {"message": "not now"}}))
}

/// Calls with these steps; step, cache status and records of the answer, which must be a chat completion.
async fn asked(
    gateway: &Gateway,
    id: &str,
    steps: &[Value],
    records: usize,
) -> (RawReply, Vec<Value>) {
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal(id, &event, steps).complete().await;
    assert_eq!((reply.status, reply.json()), (200, sample::chat_body()));
    (reply, gateway.steps(&event, records).await)
}

fn told(reply: &RawReply) -> (Option<String>, Option<String>) {
    (step_of(reply), reply.header("cf-aig-cache-status"))
}

fn saying(step: &str, status: &str) -> (Option<String>, Option<String>) {
    (Some(step.to_owned()), Some(status.to_owned()))
}

fn two_steps(one: &Case, two: &Case) -> [Value; 2] {
    [
        sample::step("custom-one", one),
        sample::step("custom-two", two),
    ]
}

#[tokio::test]
async fn the_second_steps_kept_answer_serves_when_the_first_step_has_failed() {
    let gateway = gateway();
    let (one, two) = (
        gateway.fake.case(failing()),
        gateway.fake.case(sample::chat()),
    );
    let steps = two_steps(&one, &two);
    let (reply, _) = asked(&gateway, "cached", &steps, 2).await;
    assert_eq!(told(&reply), saying("1", "MISS"));
    for turn in 2..4 {
        let (reply, records) = asked(&gateway, "cached", &steps, 2).await;
        assert_eq!(told(&reply), saying("1", "HIT"));
        assert_eq!(
            (one.seen().len(), two.seen().len()),
            (turn, 1),
            "a failure is not kept"
        );
        let cached: Vec<_> = records
            .iter()
            .map(|record| record["cached"] == true)
            .collect();
        assert_eq!(cached, [false, true]);
    }
}

#[tokio::test]
async fn a_kept_answer_of_the_first_step_asks_nobody() {
    let gateway = gateway();
    let (one, two) = (
        gateway.fake.case(sample::chat()),
        gateway.fake.case(sample::chat()),
    );
    let steps = two_steps(&one, &two);
    asked(&gateway, "cached", &steps, 1).await;
    let (reply, records) = asked(&gateway, "cached", &steps, 1).await;
    assert_eq!(told(&reply), saying("0", "HIT"));
    assert_eq!((one.seen().len(), two.seen().len()), (1, 0));
    assert_eq!(
        (&records[0]["outcome"], &records[0]["step"]),
        (&json!("cached"), &json!(0))
    );
    // The other way about it is the second step's question.
    let turned = two_steps(&gateway.fake.case(failing()), &one);
    let (reply, _) = asked(&gateway, "cached", &turned, 2).await;
    assert_eq!(
        told(&reply),
        saying("1", "MISS"),
        "another provider's answer"
    );
}

#[tokio::test]
async fn a_step_and_a_call_of_its_own_share_what_is_kept() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let step = sample::step("custom-one", &case);
    asked(&gateway, "cached", std::slice::from_ref(&step), 1).await;
    let alone = || single(&gateway, "cached", "custom-one", &case).json(&step["query"]);
    let reply = alone().complete().await;
    assert_eq!(told(&reply), saying("0", "HIT"));
    let retried = alone().header("cf-aig-max-attempts", "3").complete().await;
    assert_eq!(told(&retried), saying("0", "HIT"));
    assert_eq!(case.seen().len(), 1);
}

#[tokio::test]
async fn a_steps_own_word_on_caching_beats_the_requests() {
    let gateway = gateway();
    for (name, of_step, of_request, status) in [
        ("cf-aig-cache-ttl", "0", "3600", None),
        ("cf-aig-cache-ttl", "3600", "0", Some("HIT")),
        ("cf-aig-skip-cache", "true", "false", None),
        ("cf-aig-skip-cache", "false", "true", Some("HIT")),
    ] {
        let case = gateway.fake.case(sample::chat());
        let mut step = sample::step("custom-one", &case);
        step["headers"][name] = json!(of_step);
        let ask = || async {
            let event = gateway.fake.case(sample::chat());
            let call = gateway.universal("cached", &event, std::slice::from_ref(&step));
            call.header(name, of_request).complete().await
        };
        ask().await;
        let kept = ask()
            .await
            .header("cf-aig-cache-status")
            .filter(|status| status == "HIT");
        assert_eq!(kept.as_deref(), status, "{name}: {of_step}, {of_request}");
    }
}

#[tokio::test]
async fn a_call_counts_once_against_the_limit_whatever_it_took() {
    let gateway = gateway();
    let one = gateway.fake.case(failing());
    let two = gateway
        .fake
        .cases([failing(), sample::chat(), sample::chat()]);
    let mut steps = two_steps(&one, &two);
    for step in &mut steps {
        step["config"] = json!({"maxAttempts": 3, "retryDelay": 0});
    }
    asked(&gateway, "limited", &steps, 2).await;
    assert_eq!((one.seen().len(), two.seen().len()), (3, 2));
    let single_call = || {
        let call = single(&gateway, "limited", "openai", &one).header("cf-aig-max-attempts", "3");
        call.header("cf-aig-retry-delay", "0")
            .json(&sample::ask("hi"))
    };
    assert_eq!(single_call().complete().await.status, 503);
    assert_eq!(one.seen().len(), 6);
    // Two calls were let in, of seven and more attempts; the third is refused, alone or in steps.
    let event = gateway.fake.case(sample::chat());
    let refused = gateway
        .universal("limited", &event, &steps)
        .complete()
        .await;
    assert_refused(&refused, 429, 2003);
    let refused = single_call().complete().await;
    assert_refused(&refused, 429, 2003);
    assert_eq!((one.seen().len(), two.seen().len()), (6, 2));
}

#[tokio::test]
async fn usage_and_cost_are_those_of_the_step_that_had_them() {
    let gateway = gateway();
    let one = gateway.fake.case(Answer::json(
        500,
        &json!({"error": {"type": "server_error"}}),
    ));
    let two = gateway.fake.case(sample::message());
    let mut second = sample::step("anthropic", &two);
    second["endpoint"] = json!("v1/messages");
    second["query"]["model"] = json!("claude-haiku-4-5");
    let event = gateway.fake.case(sample::chat());
    let steps = [sample::step("openai", &one), second];
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    let records = gateway.steps(&event, 2).await;
    let [failed, answered] = [&records[0], &records[1]];
    for (record, expected) in [
        (
            failed,
            json!({"provider": "openai", "status_code": 500, "success": false, "tokens_in": null, "cost": null}),
        ),
        (
            answered,
            json!({"provider": "anthropic", "status_code": 200, "success": true, "tokens_in": 21, "tokens_out": 9}),
        ),
    ] {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&record[name], value, "{name}");
        }
    }
    assert!(answered["cost"].as_f64().unwrap() > 0.0);
    assert_eq!(answered["model"], "claude-haiku-4-5-20251001");
    assert_eq!(
        reply.header("cf-aig-log-id").as_deref(),
        answered["id"].as_str()
    );
    assert_ne!(failed["id"], answered["id"]);
}

#[tokio::test]
async fn a_record_of_several_attempts_is_of_the_last_one_and_is_printed_once() {
    let gateway = gateway();
    let case = gateway
        .fake
        .cases([failing(), Answer::json(429, &json!({})), sample::chat()]);
    let body = sample::ask("hi");
    let reply = single(&gateway, "keen", "openai", &case)
        .json(&body)
        .complete()
        .await;
    let record = gateway.steps(&case, 1).await.remove(0);
    let expected = json!({
        "status_code": 200, "success": true, "step": 0, "tokens_in": 11, "tokens_out": 7, "complete": true,
        "outcome": "answered", "request_size": body.to_string().len(),
        "response_size": sample::chat_body().to_string().len(), "error_code": null, "error_type": null
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name}");
    }
    assert_eq!(
        reply.header("cf-aig-log-id").as_deref(),
        record["id"].as_str()
    );
    let lines = gateway.record_lines(record["id"].as_str().unwrap()).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

#[tokio::test]
async fn a_step_that_shall_not_be_logged_is_not() {
    let gateway = gateway();
    let (one, two) = (
        gateway.fake.case(failing()),
        gateway.fake.case(sample::chat()),
    );
    let mut steps = two_steps(&one, &two);
    steps[0]["headers"]["cf-aig-collect-log"] = json!("false");
    let (_, records) = asked(&gateway, "open", &steps, 1).await;
    assert_eq!(records[0]["step"], 1);
}
