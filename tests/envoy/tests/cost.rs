//! Issue: what a call cost, by the client's prices, the provider's word or the price list, and for whom.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Call, Case, Gateway, Lease, Shared, sample};

const CHAT: &str = "/v1/0123/open/openai/chat/completions";
const CACHED: &str = "/v1/0123/cached/anthropic/v1/messages";
const MESSAGES: &str = "/v1/0123/open/anthropic/v1/messages";
const POLL: &str = "/v1/0123/open/replicate/predictions/p1";

static GATEWAY: Shared = Shared::new(|| {
    crate::gateway()
        .config(&json!({"gateways": [{"id": "open"}, {"id": "cached", "cache_ttl": 300}]}))
        .start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

fn ask(gateway: &Gateway, path: &str, case: &Case) -> Call {
    let body =
        json!({"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": case.id()}]});
    gateway.post(path).case(case).json(&body)
}

async fn priced(gateway: &Gateway, path: &str, answer: Answer, prices: &str) -> Value {
    let case = gateway.fake.case(answer);
    let call = ask(gateway, path, &case).header("cf-aig-custom-cost", prices);
    assert_eq!(call.complete().await.status, 200);
    let sent = case.only().headers;
    assert!(sent.iter().all(|(name, _)| name != "cf-aig-custom-cost"));
    gateway.record(&case).await
}

fn assert_fields(record: &Value, expected: &[(&str, Value)]) {
    for (name, value) in expected {
        assert_eq!(record.get(*name), Some(value), "{name} in {record}");
    }
}

#[tokio::test]
async fn the_clients_prices_are_reckoned_to_the_last_digit() {
    let gateway = gateway();
    let prices = r#"{"per_token_in":1.00000000000000000000000001e-6,"per_token_out":0}"#;
    let record = priced(&gateway, CHAT, sample::chat(), prices).await;
    let source = [
        ("custom_cost", json!(true)),
        ("cost_source", json!("custom")),
    ];
    assert_fields(&record, &source);
    let lines = gateway.record_lines(record["id"].as_str().unwrap()).await;
    let cost = "\"cost\":0.00001100000000000000000000000011,";
    assert!(lines[0].contains(cost), "{lines:#?}");
}

#[tokio::test]
async fn cached_tokens_are_priced_alike_whether_they_stand_inside_the_input_or_beside() {
    let gateway = gateway();
    let prices = r#"{"per_token_in":1,"per_token_out":10,"per_cache_read_token":0.25,"per_cache_write_token":2}"#;
    // Anthropic states 10 fresh tokens, and beside them 6 written and 5 read; 9 go out.
    let record = priced(&gateway, MESSAGES, sample::message(), prices).await;
    assert_fields(
        &record,
        &[("tokens_in", json!(21)), ("cost", json!(113.25))],
    );
    let mut body = sample::chat_body();
    body["usage"] = json!({"prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 6}});
    let record = priced(&gateway, CHAT, Answer::json(200, &body), prices).await;
    assert_fields(
        &record,
        &[("tokens_in", json!(21)), ("cost", json!(113.25))],
    );
}

#[tokio::test]
async fn prices_that_are_none_are_ignored_and_marked() {
    let gateway = gateway();
    for (prices, why) in [
        ("nonsense", "not_an_object"),
        (r#"{"per_token_in":-1}"#, "negative"),
    ] {
        let record = priced(&gateway, CHAT, sample::chat(), prices).await;
        let expected = [
            ("custom_cost", json!(false)),
            ("custom_cost_error", json!(why)),
            ("cost_source", json!("prices")),
            ("cost", json!(0.000_005_85)),
        ];
        assert_fields(&record, &expected);
    }
}

#[tokio::test]
async fn a_hit_is_free_whatever_the_prices_and_says_what_it_saved() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::message());
    ask(&gateway, CACHED, &case).complete().await;
    let prices = r#"{"total_cost":5}"#;
    let hit = ask(&gateway, CACHED, &case).header("cf-aig-custom-cost", prices);
    let reply = hit.complete().await;
    assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some("HIT"));
    let records = gateway.records(&case, 2).await;
    // 10 fresh tokens at 1 USD a million, 5 read at 0.1, 6 written at 1.25, 9 out at 5.
    let (cost, model) = (json!(0.000_063), json!("claude-haiku-4-5-20251001"));
    let saved = [
        ("cost", cost.clone()),
        ("saved_cost", json!(null)),
        ("model", model.clone()),
    ];
    assert_fields(&records[0], &saved);
    let expected = [
        ("cached", json!(true)),
        ("cost", json!(0)),
        ("custom_cost", json!(false)),
        ("tokens_in", json!(0)),
        ("saved_cost", cost),
        ("saved_tokens_in", json!(21)),
        ("saved_tokens_out", json!(9)),
        ("model", model),
    ];
    assert_fields(&records[1], &expected);
}

#[tokio::test]
async fn a_cost_that_the_provider_states_is_the_cost() {
    let gateway = gateway();
    let mut body = sample::chat_body();
    body["id"] = json!("gen-7");
    body["usage"]["cost"] = json!(0.012_345);
    let case = gateway.fake.case(Answer::json(200, &body));
    let path = CHAT.replace("openai", "openrouter");
    ask(&gateway, &path, &case).complete().await;
    let expected = [
        ("cost", json!(0.012_345)),
        ("cost_source", json!("provider")),
        ("upstream_request_id", json!("gen-7")),
    ];
    assert_fields(&gateway.record(&case).await, &expected);
}

#[tokio::test]
async fn the_providers_quotas_and_its_name_for_the_call_are_recorded() {
    let gateway = gateway();
    let answer = Answer::json(
        429,
        &json!({"error": {"type": "requests", "message": "slow down"}}),
    );
    let fields = [
        ("x-request-id", "req_42"),
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-reset-requests", "1s"),
        ("retry-after", "1"),
    ];
    let answer = fields
        .iter()
        .fold(answer, |answer, (name, value)| answer.header(name, value));
    let case = gateway.fake.case(answer);
    ask(&gateway, CHAT, &case).complete().await;
    let quotas = json!({"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "1s", "retry-after": "1"});
    let expected = [
        ("upstream_request_id", json!("req_42")),
        ("rate_limits", quotas),
        ("error_type", json!("requests")),
        ("cost", json!(null)),
    ];
    assert_fields(&gateway.record(&case).await, &expected);
    let refused = Answer::json(400, &json!({"message": "no"}));
    let case = gateway
        .fake
        .case(refused.header("x-amzn-errortype", "ValidationException:http://amazon/"));
    let path =
        "/v1/0123/open/aws-bedrock/bedrock-runtime/us-east-1/model/amazon.nova-lite-v1:0/converse";
    ask(&gateway, path, &case).complete().await;
    assert_eq!(
        gateway.record(&case).await["error_type"],
        "ValidationException"
    );
}

#[tokio::test]
async fn a_finished_prediction_counts_once_whoever_asks_on_whatever_worker() {
    let gateway = gateway();
    let prediction = json!({"id": "p1", "model": "meta/llama-2-13b", "status": "succeeded", "error": null,
        "metrics": {"input_token_count": 14, "output_token_count": 3, "predict_time": 0.8}});
    let case = gateway.fake.case(Answer::json(200, &prediction));
    let prices = r#"{"per_token_in":1,"per_token_out":1}"#;
    let polls: Vec<_> = (0..8)
        .map(|_| {
            gateway
                .get(POLL)
                .case(&case)
                .header("cf-aig-custom-cost", prices)
        })
        .map(|call| tokio::spawn(call.complete()))
        .collect();
    for poll in polls {
        assert_eq!(poll.await.unwrap().status, 200);
    }
    let records = gateway.records(&case, 8).await;
    let counted: Vec<_> = records
        .iter()
        .filter(|record| !record["cost"].is_null())
        .collect();
    assert_eq!(counted.len(), 1, "{records:#?}");
    let first = [
        ("tokens_in", json!(14)),
        ("cost", json!(17)),
        ("usage_unread", json!(null)),
    ];
    assert_fields(counted[0], &first);
    let later = [
        ("tokens_in", json!(null)),
        ("usage_metadata", json!(null)),
        ("usage_unread", json!("counted before")),
        ("finish_reason", json!("succeeded")),
    ];
    for record in records.iter().filter(|record| record["cost"].is_null()) {
        assert_fields(record, &later);
    }
    assert!(
        gateway
            .connections_by_worker()
            .iter()
            .all(|count| *count > 0)
    );
}

#[tokio::test]
async fn speech_is_metered_by_the_text_of_the_request() {
    let gateway = gateway();
    let answer = Answer::new(200)
        .header("content-type", "audio/mpeg")
        .chunk(b"\xFF\xFB\x90".to_vec());
    let case = gateway.fake.case(answer.sized());
    let text = "Grüße 😀".repeat(10_000);
    let call = gateway
        .post("/v1/0123/open/elevenlabs/v1/text-to-speech/voice")
        .case(&case);
    call.json(&json!({"text": text, "model_id": "eleven_v3"}))
        .complete()
        .await;
    let record = gateway.record(&case).await;
    // 80 USD a million characters.
    let expected = [("model", json!("eleven_v3")), ("cost", json!(5.6))];
    assert_fields(&record, &expected);
    assert_eq!(record["usage_metadata"]["characters"], 70_000);
}
