//! Issue: no provider's silence keeps the call from its end: neither before an answer nor in the place of its content.

use std::time::Duration;

use serde_json::json;
use sluice_e2e::{Answer, Gate, sample};

use super::hop::{gateway, step_of};

fn failing() -> Answer {
    Answer::json(503, &json!({"error": {"message": "not now"}}))
}

#[tokio::test]
async fn after_the_deadline_only_the_last_step_is_tried_and_that_once() {
    let gateway = gateway();
    let slow = failing().late(Duration::from_millis(2000));
    let last = gateway.fake.cases([failing(), sample::chat()]);
    let cases = [
        gateway.fake.case(slow),
        gateway.fake.case(sample::chat()),
        last.clone(),
    ];
    let steps = ["custom-one", "custom-two", "custom-three"];
    let steps: Vec<_> = steps
        .iter()
        .zip(&cases)
        .map(|(provider, case)| sample::step(provider, case))
        .collect();
    let event = gateway.fake.case(sample::chat());
    let call = gateway.universal("brief", &event, &steps);
    let reply = call.header("cf-aig-retry-delay", "0").complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (503, Some("2")));
    let seen = cases.each_ref().map(|case| case.seen().len());
    assert_eq!(seen, [1, 0, 1]);
    gateway.steps(&event, 2).await;
}

/// Over the hop a provider that never answers is given up; straight to its cluster it is waited for.
#[tokio::test]
async fn a_provider_that_never_answers_does_not_keep_the_last_step_from_being_tried() {
    let gateway = gateway();
    let (one, two) = (
        gateway.fake.case(sample::chat().hold(&Gate::new())),
        gateway
            .fake
            .case(sample::chat().late(Duration::from_millis(500))),
    );
    let mut steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    // Longer than the whole call may take: it leads over the hop in both forms.
    steps[0]["config"] = json!({"requestTimeout": 3_600_000});
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("brief", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
    assert!(one.seen()[0].abandoned);
    if !super::DIRECT {
        let (one, two) = (
            gateway.fake.case(sample::chat().hold(&Gate::new())),
            gateway.fake.case(sample::chat()),
        );
        let steps = [
            sample::step("custom-one", &one),
            sample::step("custom-two", &two),
        ];
        let event = gateway.fake.case(sample::chat());
        let reply = gateway.universal("brief", &event, &steps).complete().await;
        assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    }
}

#[tokio::test]
async fn a_stream_that_says_nothing_is_shown_when_its_time_is_over() {
    let gateway = gateway();
    let gate = Gate::new();
    let start = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    let answer = Answer::new(200)
        .header("content-type", "text/event-stream")
        .chunk(start)
        .gate(&gate)
        .chunk("data: [DONE]\n\n");
    let (one, two) = (gateway.fake.case(answer), gateway.fake.case(sample::chat()));
    let mut steps = [sample::step("openai", &one), sample::step("openai", &two)];
    for step in &mut steps {
        step["query"] = sample::ask_stream("hi");
    }
    steps[0]["config"] = json!({"requestTimeout": 700});
    let event = gateway.fake.case(sample::chat());
    let mut reply = gateway.universal("wary", &event, &steps).send().await;
    reply.expect_bytes(start.as_bytes()).await;
    gate.open();
    assert_eq!(reply.text().await, "data: [DONE]\n\n");
    assert_eq!((one.seen().len(), two.seen().len()), (1, 0));
}
