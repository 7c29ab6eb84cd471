//! Issue: `envoy/envoy.yaml` as it stands tries calls again and falls back.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gateway, eventually, sample};

use crate::hop::{assert_own, step_of};
use crate::shipped::served;

/// The records of that event in the order of their steps, by the file's own log format.
async fn records(gateway: &Gateway, event: &Case, count: usize) -> Vec<Value> {
    let mark = format!("\"event_id\":\"{}\"", event.id());
    eventually("the records", || {
        let records = gateway.output.entries(|entry| {
            let record = entry["record"].as_str();
            record.is_some_and(|record| record.contains(&mark))
        });
        let read = |entry: &Value| serde_json::from_str(entry["record"].as_str()?).ok();
        let mut records: Vec<Value> = records.iter().filter_map(read).collect();
        records.sort_by_key(|record| record["step"].as_u64());
        Some(records).filter(|records| records.len() == count)
    })
    .await
}

#[tokio::test]
async fn a_universal_call_falls_back_and_streams_and_each_step_is_logged() {
    let gateway = served();
    let failing = Answer::json(503, &json!({"error": {"message": "not now"}}));
    let one = gateway.fake.case(failing);
    let two = gateway.fake.case(Answer::events(sample::chat_events()));
    let mut steps = [sample::step("openai", &one), sample::step("groq", &two)];
    steps[0]["config"] = json!({"maxAttempts": 3, "retryDelay": 10});
    steps[1]["query"] = sample::ask_stream(two.id());
    let event = gateway.fake.case(sample::chat());
    let reply = gateway
        .universal("my-gateway", &event, &steps)
        .complete()
        .await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    assert_eq!(reply.body, Answer::events(sample::chat_events()).body());
    assert_eq!((one.seen().len(), two.seen().len()), (3, 1));
    for (case, step) in [(&one, &steps[0]), (&two, &steps[1])] {
        for seen in case.seen() {
            assert_own(&seen, case, &step["query"]);
            let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert!(
                !names.contains(&"x-forwarded-proto") && !names.contains(&"x-request-id"),
                "{names:?}"
            );
        }
    }
    let records = records(&gateway, &event, 2).await;
    let facts = |record: &Value| (record["provider"].clone(), record["status_code"].clone());
    let facts: Vec<_> = records.iter().map(facts).collect();
    assert_eq!(
        facts,
        [(json!("openai"), json!(503)), (json!("groq"), json!(200))]
    );
}

#[tokio::test]
async fn a_call_of_one_provider_is_tried_again_and_its_answer_is_what_it_would_have_been() {
    let gateway = served();
    let failing = Answer::json(429, &json!({"error": {"message": "not now"}}));
    let case = gateway.fake.cases([failing, sample::chat()]);
    let call = |attempts: &str| {
        let path = "/v1/0123/my-gateway/openai/chat/completions";
        let call = gateway
            .post(path)
            .case(&case)
            .header("cf-aig-event-id", case.id());
        let call = call
            .header("cf-aig-skip-cache", "true")
            .header("cf-aig-max-attempts", attempts);
        call.header("cf-aig-retry-delay", "0")
            .json(&sample::ask("hi"))
            .complete()
    };
    let (tried, direct) = (call("2").await, call("1").await);
    let names = |reply: &sluice_e2e::RawReply| {
        let mut names: Vec<_> = reply.headers.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!((tried.status, &tried.body), (200, &direct.body));
    assert_eq!(names(&tried), names(&direct));
    let seen = case.seen();
    assert_eq!(seen.len(), 3);
    let fields = |at: usize| {
        let mut fields = seen[at].headers.clone();
        fields.sort();
        fields
    };
    assert_eq!(fields(0), fields(2));
    assert_eq!(fields(1), fields(2));
    assert_eq!(records(&gateway, &case, 2).await.len(), 2);
}
