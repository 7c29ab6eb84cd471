//! Issue: one record per exchange, whatever its end, with what an operator needs and nothing that is secret.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_uuid_v7;
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lease, Shared, Upstream, sample};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let config = json!({
        "gateways": [
            {"id": "open"},
            {"id": "quiet", "collect_logs": false},
            {"id": "payload", "collect_log_payload": true},
            {"id": "cached", "cache_ttl": 300, "collect_log_payload": true},
            {"id": "locked", "authentication": true, "credentials": [{"name": "a", "sha256": "0".repeat(64)}]},
            {"id": "limited", "rate_limiting_limit": 1, "rate_limiting_interval": 600,
                "rate_limiting_technique": "sliding"}
        ],
        "custom_providers": [{"slug": "dead", "base_url": "https://provider.test", "cluster": "dead"}],
        "log": {"max_payload_bytes": 600}
    });
    crate::gateway()
        .config(&config)
        .cluster("dead", Upstream::Dead)
        .start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

fn ask(gateway: &Gateway, id: &str, case: &Case) -> Call {
    let path = format!("/v1/0123/{id}/openai/chat/completions");
    gateway.post(&path).case(case).json(&sample::ask(case.id()))
}

/// Makes the call, reads the answer, and returns its log id and its record.
async fn recorded(gateway: &Gateway, case: &Case, call: Call) -> (Option<String>, Value) {
    let mut reply = call.send().await;
    reply.rest().await;
    (
        reply.header("cf-aig-log-id").map(str::to_owned),
        recorded_once(gateway, case).await,
    )
}

/// The record of the case's only call: once in the access log and once, the same, in Envoy's.
async fn recorded_once(gateway: &Gateway, case: &Case) -> Value {
    let record = gateway.record(case).await;
    let lines = gateway.record_lines(record["id"].as_str().unwrap()).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let (head, json) = lines[0].split_once("sluice record ").unwrap();
    assert!(head.contains("info") && head.contains("wasm"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(json).unwrap(), record);
    assert_eq!(gateway.entries(case, 1).await.len(), 1);
    record
}

#[tokio::test]
async fn a_record_tells_what_happened() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let call = ask(&gateway, "open", &case)
        .header("user-agent", "Test/1.0")
        .header("x-stainless-retry-count", "2");
    let call = call
        .header("cf-aig-event-id", "event-1")
        .header("cf-aig-metadata", "{\"team\": \"a\", \"n\": 1.5}");
    let (log_id, record) = recorded(&gateway, &case, call).await;
    let size = |value: &Value| value.to_string().len();
    let expected = json!({
        "event_id": "event-1", "account_id": "0123", "gateway_id": "open", "provider": "openai",
        "model": "gpt-4o-mini-2024-07-18", "method": "POST", "path": "v1/chat/completions", "stream": false,
        "status_code": 200, "success": true, "cached": false, "outcome": "answered", "complete": true, "tokens_in": 11,
        "tokens_out": 7, "custom_cost": false, "finish_reason": "stop", "error_code": null, "step": 0,
        "metadata": {"team": "a", "n": 1.5}, "authentication": false, "authentication_name": null,
        "user_agent": "Test/1.0", "retry_count": 2, "request_content_type": "application/json",
        "response_content_type": "application/json", "request_size": size(&sample::ask(case.id())),
        "response_size": size(&sample::chat_body()), "response_flags": 0
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name}");
    }
    let id = record["id"].as_str().unwrap();
    assert_uuid_v7(id);
    assert_eq!(log_id.as_deref(), Some(id));
    let created = record["created_at"].as_str().unwrap();
    assert!(
        created.starts_with("20") && created.ends_with('Z') && created.len() >= 20,
        "{created}"
    );
    let (total, latency) = (&record["timings"]["total"], &record["timings"]["latency"]);
    assert!(
        latency.as_u64() <= total.as_u64() && total == &record["duration"] && total.is_u64(),
        "{record}"
    );
}

#[tokio::test]
async fn the_same_record_is_one_line_of_the_log() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let (log_id, record) = recorded(&gateway, &case, ask(&gateway, "open", &case)).await;
    assert_eq!(log_id.as_deref(), record["id"].as_str());
}

#[tokio::test]
async fn latency_is_the_time_to_the_first_byte() {
    let gateway = gateway();
    let gate = Gate::new();
    let events = sample::chat_events();
    let case = gateway.fake.case(
        Answer::events(&events[..1])
            .gate(&gate)
            .chunk("data: [DONE]\n\n"),
    );
    let mut reply = ask(&gateway, "open", &case).send().await;
    reply.chunk().await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    gate.open();
    reply.bytes().await;
    let record = gateway.record(&case).await;
    let millis = |name: &str| record["timings"][name].as_u64().unwrap();
    assert!(
        millis("total") >= 300 && millis("latency") + 250 <= millis("total"),
        "{record}"
    );
}

#[tokio::test]
async fn every_refusal_is_recorded_once() {
    let gateway = gateway();
    let limited = gateway.fake.case(sample::chat());
    ask(&gateway, "limited", &limited).complete().await;
    for (path, status, code) in [
        ("/v1/0123/locked/openai/chat/completions", 401, 2009),
        ("/v1/0123/nonesuch/openai/chat/completions", 400, 2001),
        ("/v1/0123/open/nonesuch/chat/completions", 400, 2008),
        ("/v1/0123/open/openai/../x", 404, 2901),
        ("/v1/0123/limited/openai/chat/completions", 429, 2003),
        ("/v1/0123/open/custom-dead/chat/completions", 400, 2005),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway.post(path).case(&case).json(&sample::ask("hi"));
        let (log_id, record) = recorded(&gateway, &case, call).await;
        assert_eq!(record["status_code"], status, "{path}: {record}");
        assert_eq!(
            (&record["error_code"], &record["outcome"]),
            (&json!(code), &json!("refused")),
            "{path}"
        );
        assert_eq!(
            (&record["success"], &record["cost"]),
            (&json!(false), &json!(null)),
            "{path}"
        );
        assert_eq!(log_id.as_deref(), record["id"].as_str(), "{path}");
    }
}

#[tokio::test]
async fn a_cached_answer_is_recorded_as_free() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    ask(&gateway, "cached", &case).complete().await;
    ask(&gateway, "cached", &case).complete().await;
    let records = gateway.records(&case, 2).await;
    let hit = records
        .iter()
        .find(|record| record["cached"] == true)
        .unwrap();
    assert_eq!(
        (&hit["tokens_in"], &hit["tokens_out"], &hit["outcome"]),
        (&json!(0), &json!(0), &json!("cached"))
    );
    assert_eq!(hit["cost"].as_f64(), Some(0.0));
    assert_eq!(
        (&hit["status_code"], &hit["success"], &hit["complete"]),
        (&json!(200), &json!(true), &json!(true))
    );
    assert_eq!(hit["response_size"], sample::chat_body().to_string().len());
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_whenever_it_does() {
    let gateway = gateway();
    let before = gateway.fake.case(sample::chat().hold(&Gate::new()));
    let call = tokio::spawn(ask(&gateway, "open", &before).try_send());
    before.until("the call", |seen| seen.complete).await;
    call.abort();
    let record = recorded_once(&gateway, &before).await;
    assert_eq!(
        (&record["outcome"], &record["status_code"]),
        (&json!("client_gone"), &json!(499))
    );
    assert_eq!(
        (&record["success"], &record["complete"]),
        (&json!(false), &json!(false))
    );

    let events = sample::message_events();
    let during = gateway.fake.case(Answer::events(&events[..3]).hang());
    let call = gateway
        .post("/v1/0123/open/anthropic/v1/messages")
        .case(&during)
        .json(&json!({"stream": true}));
    let mut reply = call.send().await;
    reply
        .expect_bytes(&Answer::events(&events[..3]).body())
        .await;
    reply.hang_up();
    let record = recorded_once(&gateway, &during).await;
    assert_eq!(
        (&record["outcome"], &record["status_code"]),
        (&json!("client_gone"), &json!(200))
    );
    assert_eq!(
        (&record["complete"], &record["tokens_in"]),
        (&json!(false), &json!(10)),
        "what had been used"
    );
}

#[tokio::test]
async fn a_cut_answer_is_recorded_as_incomplete() {
    let gateway = gateway();
    let case = gateway
        .fake
        .case(Answer::events(&sample::chat_events()[..2]).cut());
    let (_, record) = recorded(&gateway, &case, ask(&gateway, "open", &case)).await;
    assert_eq!(
        (&record["outcome"], &record["complete"]),
        (&json!("cut"), &json!(false))
    );
    assert_eq!(record["success"], false);
    assert_ne!(record["response_flags"], 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_after_the_terminal_event_had_it_all() {
    let gateway = gateway();
    let answer = Answer::events(sample::chat_events());
    let case = gateway.fake.case(answer.clone().hang());
    let mut reply = ask(&gateway, "open", &case).send().await;
    reply.expect_bytes(&answer.body()).await;
    reply.hang_up();
    let record = recorded_once(&gateway, &case).await;
    assert_eq!(
        (&record["complete"], &record["success"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&record["outcome"], &record["tokens_out"]),
        (&json!("answered"), &json!(7))
    );
}

#[tokio::test]
async fn logging_can_be_switched_off_and_on_per_gateway_and_per_call() {
    let gateway = gateway();
    for (id, header, logged) in [
        ("open", None, true),
        ("open", Some("false"), false),
        ("quiet", None, false),
        ("quiet", Some("true"), true),
        ("open", Some("nonsense"), true),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, id, &case);
        let call = header
            .into_iter()
            .fold(call, |call, value| call.header("cf-aig-collect-log", value));
        let reply = call.complete().await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.header("cf-aig-log-id").is_some(),
            logged,
            "{id} {header:?}"
        );
        assert_eq!(
            gateway.entry(&case).await["record"].is_string(),
            logged,
            "{id} {header:?}"
        );
        assert!(reply.header("cf-aig-event-id").is_some());
    }
}

#[tokio::test]
async fn payloads_are_kept_only_when_asked_for() {
    let gateway = gateway();
    for (id, header, kept) in [
        ("open", None, false),
        ("open", Some("true"), true),
        ("payload", None, true),
        ("payload", Some("false"), false),
        ("cached", None, true),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, id, &case);
        let call = header.into_iter().fold(call, |call, value| {
            call.header("cf-aig-collect-log-payload", value)
        });
        let (_, record) = recorded(&gateway, &case, call).await;
        let heads =
            ["request_head", "response_head"].map(|name| record[name].as_str().map(str::to_owned));
        let bodies = [sample::ask(case.id()), sample::chat_body()]
            .map(|body| kept.then(|| body.to_string()));
        assert_eq!(heads, bodies, "{id} {header:?}");
        if kept {
            assert_eq!(
                (
                    &record["request_head_complete"],
                    &record["response_head_complete"]
                ),
                (&json!(true), &json!(true))
            );
        } else {
            assert!(!record.to_string().contains("\"content\""), "{record}");
        }
    }
}

#[tokio::test]
async fn a_payload_is_kept_up_to_its_limit() {
    let gateway = gateway();
    let case = gateway
        .fake
        .case(Answer::json(200, &json!({"fill": "y".repeat(5000)})));
    let body = json!({"model": "gpt-4o", "fill": "x".repeat(5000)});
    let call = gateway
        .post("/v1/0123/payload/openai/chat/completions")
        .case(&case)
        .json(&body);
    let (_, record) = recorded(&gateway, &case, call).await;
    for name in ["request_head", "response_head"] {
        assert_eq!(record[name].as_str().map(str::len), Some(600), "{name}");
        assert_eq!(record[format!("{name}_complete")], false);
    }
}

#[tokio::test]
async fn no_credential_is_ever_logged() {
    let gateway = gateway();
    let secrets = [
        "sk-secret-0123456789",
        "key-secret-0123456789",
        "goog-secret-0123456789",
        "gate-secret-0123456789",
    ];
    let echoed =
        json!({"error": {"message": format!("Incorrect API key provided: {}", secrets.join(" "))}});
    let case = gateway.fake.case(Answer::json(401, &echoed));
    let path = format!(
        "/v1/0123/payload/openai/chat/completions?key={}",
        secrets[2]
    );
    let call = gateway
        .post(&path)
        .case(&case)
        .header("authorization", format!("Bearer {}", secrets[0]));
    let call = call
        .header("x-api-key", secrets[1])
        .header("cf-aig-authorization", format!("Bearer {}", secrets[3]));
    let (_, record) = recorded(
        &gateway,
        &case,
        call.json(&json!({"model": "m", "user": secrets[0]})),
    )
    .await;
    assert!(
        record["response_head"]
            .as_str()
            .unwrap()
            .contains("Incorrect API key")
    );
    let log = gateway.output.log(0).join("\n");
    for secret in secrets {
        assert!(
            !record.to_string().contains(secret) && !log.contains(secret),
            "{secret} was logged"
        );
    }
}

#[tokio::test]
async fn metadata_follows_the_contracts_limits() {
    let gateway = gateway();
    let long = "x".repeat(600);
    let long_metadata = json!({"long": long});
    for (header, expected) in [
        (
            "{\"a\": 1, \"b\": \"two\", \"c\": true}".to_owned(),
            json!({"a": 1, "b": "two", "c": true}),
        ),
        (
            "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7}".to_owned(),
            json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}),
        ),
        (
            "{\"a\": 1, \"cf.user_id\": \"x\"}".to_owned(),
            json!({"a": 1}),
        ),
        ("{\"a\": 1, \"b\": null}".to_owned(), json!(null)),
        ("{\"a\": {\"nested\": 1}}".to_owned(), json!(null)),
        ("[1]".to_owned(), json!(null)),
        ("nonsense".to_owned(), json!(null)),
        (long_metadata.to_string(), long_metadata.clone()),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, "open", &case).header("cf-aig-metadata", &header);
        let (_, record) = recorded(&gateway, &case, call).await;
        assert_eq!(record["status_code"], 200);
        assert_eq!(record["metadata"], expected, "{header}");
    }
}
