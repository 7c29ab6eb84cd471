//! Issue: what an operator does not want to be logged is not in the record, and decisions are made as if it were.

use serde_json::{Value, json};
use sluice_e2e::{Gateway, Lease, Shared, sample};

use super::dynamic_routes::{ask, assert_answered_by, element, route, start_with};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let config = json!({
        "gateways": [
            {"id": "private", "collect_log_payload": true, "log_privacy": {
                "redact": ["email", "card", "ACME-####"], "hash_metadata": ["user"]
            }},
            {"id": "short", "collect_log_payload": true, "log_privacy": {"redact": ["email"]}}
        ],
        "log": {"max_payload_bytes": 600}
    });
    crate::gateway().config(&config).start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

const TOLD: &str = "I am jo@example.org, card 4111 1111 1111 1111, order ACME-1234.";

async fn record(gateway: &Gateway, id: &str, content: &str) -> Value {
    let case = gateway.fake.case(sample::chat());
    let path = format!("/v1/0123/{id}/openai/chat/completions");
    let mut ask = sample::ask(case.id());
    ask["messages"] = json!([{"role": "user", "content": content}]);
    let metadata = json!({"user": "jo@example.org", "mail": "jo@example.org", "n": 1});
    let call = gateway.post(&path).case(&case).json(&ask);
    let call = call.header("cf-aig-metadata", metadata.to_string());
    call.send().await.rest().await;
    let asked = serde_json::from_slice::<Value>(&case.only().body).unwrap();
    assert_eq!(asked["messages"][0]["content"], content);
    gateway.record(&case).await
}

#[tokio::test]
async fn patterns_are_taken_out_of_payloads_and_metadata_but_not_of_the_call() {
    let record = record(&gateway(), "private", TOLD).await;
    let head = record["request_head"].as_str().unwrap();
    let shown = "I am [email], card [card], order [redacted].";
    assert!(head.contains(shown), "{head}");
    assert!(!record.to_string().contains("jo@example.org"), "{record}");
    assert_eq!(record["metadata"]["mail"], "[email]");
    assert_eq!(record["metadata"]["n"], 1);
    let user = record["metadata"]["user"].as_str().unwrap();
    assert!(user.starts_with("sha256:") && user.len() == 39, "{user}");
}

#[tokio::test]
async fn the_beginning_of_an_address_at_the_limit_of_the_payload_is_not_logged() {
    // The limit falls into every place of one of these addresses.
    for length in 0..14 {
        let content = format!("{} {}", "x ".repeat(length), "jo@example.org, ".repeat(60));
        let record = record(&gateway(), "short", &content).await;
        let head = record["request_head"].as_str().unwrap();
        assert_eq!(record["request_head_complete"], false);
        assert!(!head.contains("jo@") && !head.ends_with("jo"), "{head}");
    }
}

static ROUTED: Shared = Shared::new(|| {
    let conditions = json!({"conditions": {"metadata.user": "jo"}});
    let outputs = [("true", "one"), ("false", "two")];
    let choice = element("c", "conditional", conditions, &outputs);
    let gateways = json!([{"id": "private", "log_privacy": {"hash_metadata": ["*"]}}]);
    start_with(&gateways, &[route("by-user", &[choice])])
});

#[tokio::test]
async fn a_route_decides_by_the_metadata_that_is_only_hashed_in_the_log() {
    let gateway = ROUTED.lease();
    for (user, model) in [("jo", "m-one"), ("al", "m-two")] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, "private", "by-user", &case);
        let call = call.header("cf-aig-metadata", json!({"user": user}).to_string());
        assert_answered_by(&call.complete().await, model);
        let records = gateway.steps(&case, 1).await;
        let shown = records[0]["metadata"]["user"].as_str().unwrap();
        assert!(shown.starts_with("sha256:"), "{shown}");
    }
}
