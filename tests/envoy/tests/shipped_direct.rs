//! Issue: `envoy/direct.yaml` as it stands, but for its providers' addresses, tries calls again and falls back.

use std::fs;

use serde_json::{Value, json};
use sluice_e2e::launch::root;
use sluice_e2e::{Answer, Case, Gateway, Lease, Shared, eventually, sample};

use crate::hop::{assert_own, single, step_of};
use crate::shipped::{local, start};

fn direct_yaml() -> String {
    fs::read_to_string(root().join("envoy/direct.yaml")).unwrap()
}

static SERVED: Shared = Shared::new(|| {
    let yaml = direct_yaml();
    let (before, rest) = yaml.split_once("    transport_socket: &tls\n").unwrap();
    let (_, after) = rest
        .split_once("    load_assignment: {cluster_name: openai")
        .unwrap();
    let plain = format!("{before}    load_assignment: {{cluster_name: openai{after}")
        .replace(", transport_socket: *tls", "")
        .replace(" auto_config:", " explicit_http_config:");
    let served = local(&plain).replace("port_value: 1}", "port_value: ${PLAIN}}");
    crate::gateway().bootstrap(&served).start()
});

fn gateway() -> Lease {
    SERVED.lease()
}

/// The record, or the list of records, in the entry of that event.
async fn record(gateway: &Gateway, event: &Case) -> Value {
    let mark = format!("\"event_id\":\"{}\"", event.id());
    eventually("the record", || {
        let entries = gateway.output.entries(|entry| {
            let record = entry["record"].as_str();
            record.is_some_and(|record| record.contains(&mark))
        });
        serde_json::from_str(entries.first()?["record"].as_str()?).ok()
    })
    .await
}

#[tokio::test]
async fn the_configuration_starts_as_it_stands() {
    let gateway = start(&direct_yaml()).unwrap();
    assert_ne!(gateway.get("/").complete().await.status, 503);
}

#[tokio::test]
async fn a_universal_call_falls_back_on_both_ways_and_streams() {
    let gateway = gateway();
    for limit in [0, 10_000] {
        let failing = Answer::json(503, &json!({"error": {"message": "not now"}}));
        let one = gateway.fake.case(failing);
        let two = gateway.fake.case(Answer::events(sample::chat_events()));
        let mut steps = [sample::step("openai", &one), sample::step("groq", &two)];
        steps[0]["config"] = json!({"maxAttempts": 3, "retryDelay": 10, "requestTimeout": limit});
        steps[1]["query"] = sample::ask_stream(two.id());
        let event = gateway.fake.case(sample::chat());
        let call = gateway.universal("my-gateway", &event, &steps);
        let reply = call.complete().await;
        assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
        assert_eq!(reply.body, Answer::events(sample::chat_events()).body());
        assert_eq!((one.seen().len(), two.seen().len()), (3, 1));
        let asked = [(&one, &steps[0]), (&two, &steps[1])];
        let seen =
            asked.map(|(case, step)| case.seen().into_iter().map(move |seen| (seen, case, step)));
        for (seen, case, step) in seen.into_iter().flatten() {
            assert_own(&seen, case, &step["query"]);
            assert_eq!(seen.header("x-forwarded-proto"), None);
        }
        let records = record(&gateway, &event).await;
        let codes = records.as_array().unwrap().iter();
        let codes: Vec<_> = codes.map(|record| record["status_code"].as_u64()).collect();
        assert_eq!(codes, [Some(503), Some(200)]);
    }
}

#[tokio::test]
async fn a_call_of_one_provider_is_tried_again_and_other_calls_pass() {
    let gateway = gateway();
    let failing = Answer::json(429, &json!({"error": {"message": "not now"}}));
    for attempts in ["3", "1"] {
        let good = sample::chat();
        let script = if attempts == "1" {
            vec![good]
        } else {
            vec![failing.clone(), good]
        };
        let case = gateway.fake.cases(script);
        let body = sample::ask(case.id());
        let call = single(&gateway, "my-gateway", "openai", &case)
            .header("cf-aig-max-attempts", attempts)
            .header("cf-aig-retry-delay", "0");
        let reply = call.json(&body).complete().await;
        assert_eq!((reply.status, reply.json()), (200, sample::chat_body()));
        case.seen()
            .iter()
            .for_each(|seen| assert_own(seen, &case, &body));
        let record = record(&gateway, &case).await;
        let failed = record["failed_attempts"].as_array().unwrap().len();
        assert_eq!(failed + 1, case.seen().len());
    }
}
