//! Issue: a configuration is taken whole or refused with every error, and a refused one changes nothing.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gate, Gateway, Lease, Shared, eventually, sample, until_status};

static GATEWAY: Shared = Shared::new(|| {
    let builder = crate::gateway().config(&config());
    builder
        .environment("APP_CREDENTIAL", "app-credential")
        .start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// One of everything, with numbers that a `Struct` turns into something else.
fn config() -> Value {
    json!({
        "gateways": [
            {
                "id": "full", "account_id": "0123", "authentication": true,
                "credentials": [{"name": "app", "environment_variable": "APP_CREDENTIAL"}],
                "cache_ttl": 300, "cache_single_flight": "all", "cache_single_flight_timeout": 30,
                "collect_logs": true, "collect_log_payload": true,
                "rate_limiting_limit": 2, "rate_limiting_interval": 2_592_000, "rate_limiting_technique": "sliding"
            },
            {"id": "open", "cache_ttl": null, "rate_limiting_limit": 0, "rate_limiting_interval": 0}
        ],
        "cache": {"max_bytes": 67_108_864, "max_object_bytes": 1_048_576},
        "custom_providers": [{"slug": "neon", "base_url": "https://ai.example.com/v1", "cluster": "openai"}],
        "providers": [{"slug": "openai", "host": "openai.internal"}],
        "limits": {"request_body_bytes": 26_214_400, "over_limit": "pass"},
        "outside_paths": "pass",
        "cluster_header": "x-sluice-cluster",
        "log": {"max_payload_bytes": 100}
    })
}

#[tokio::test]
async fn native_yaml_and_json_text_give_the_same_gateway() {
    let text = crate::gateway()
        .config(&config())
        .environment("APP_CREDENTIAL", "app-credential")
        .start();
    let structure = crate::gateway()
        .structure(&config())
        .environment("APP_CREDENTIAL", "app-credential")
        .start();
    assert_eq!(behaviour(&text).await, behaviour(&structure).await);
}

const FULL: &str = "/v1/0123/full/openai/chat/completions";

/// Path, text and credential of calls that between them meet every setting in [`config`].
const PROBES: [(&str, &str, &str); 9] = [
    (FULL, "one", "app-credential"),
    (FULL, "one", "app-credential"),
    (FULL, "two", "app-credential"),
    (FULL, "three", "app-credential"),
    (FULL, "one", "wrong"),
    (
        "/v1/other/full/openai/chat/completions",
        "one",
        "app-credential",
    ),
    ("/v1/other/open/custom-neon/chat/completions", "one", ""),
    ("/v1/other/open/openai/chat/completions", "one", ""),
    ("/outside", "one", ""),
];

/// What a client, the provider and the log see of the probes.
async fn behaviour(gateway: &Gateway) -> Vec<Value> {
    let mut facts = Vec::new();
    for (path, text, credential) in PROBES {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .post(path)
            .case(&case)
            .header("cf-aig-authorization", format!("Bearer {credential}"));
        let reply = call.json(&sample::ask(&text.repeat(200))).complete().await;
        let entry = gateway.entry(&case).await;
        let record: Value =
            serde_json::from_str(entry["record"].as_str().unwrap_or("null")).unwrap();
        let kept = [
            "status_code",
            "cached",
            "authentication_name",
            "request_head",
            "error_code",
            "cost",
            "outcome",
        ];
        facts.push(json!({
            "path": path, "status": reply.status, "cache": reply.header("cf-aig-cache-status"),
            "seen": case.seen().iter().map(|seen| (seen.header("host"), seen.path.clone())).collect::<Vec<_>>(),
            "record": kept.map(|name| record[name].clone())
        }));
    }
    facts
}

#[tokio::test]
async fn a_refused_configuration_names_every_error_with_its_path_and_remedy() {
    let bad = json!({
        "gateways": [
            {"id": "a", "cache_ttl": 5, "authentication": true},
            {"id": "a", "rate_limiting_limit": 3},
            {"id": "white space", "cache_tll": 300, "collect_logs": "yes"}
        ],
        "custom_providers": [{"slug": "neon", "base_url": "http://ai.example.com"}],
        "providers": [{"slug": "nonesuch", "cluster": "x"}],
        "surprise": 1
    });
    let log = crate::gateway()
        .config(&bad)
        .try_start()
        .map(drop)
        .unwrap_err();
    for mark in [
        "gateways[0].cache_ttl: 5 is below the minimum of 60 seconds",
        "gateways[0].credentials",
        "gateways[1]: has the id of gateways[0]",
        "gateways[1].rate_limiting_interval",
        "gateways[2].id",
        "gateways[2].cache_tll",
        "gateways[2].collect_logs",
        "custom_providers[0].base_url",
        "providers[0].slug",
        "surprise",
    ] {
        assert!(log.contains(mark), "{mark} is not in:\n{log}");
    }
}

#[tokio::test]
async fn a_refused_update_leaves_the_running_configuration_in_force() {
    let gateway = gateway();
    let cases = [
        json!({}),
        json!({"gateways": []}),
        json!({"gateways": [{"id": "open", "guardrails": {"prompt": {"P1": "BLOCK"}}}]}),
        json!({"gateways": [{"id": "open", "cache_ttl": "soon"}]}),
        json!({"gateways": [{"id": "open", "authentication": true, "credentials": [{"name": "a", "environment_variable": "NOT_SET"}]}]}),
        json!({"gateways": [{"id": "open"}], "cache": {"max_bytes": 10, "max_object_bytes": 20}}),
    ];
    for bad in cases {
        assert!(!gateway.update(&bad).await, "{bad} was taken");
        let case = gateway.fake.case(sample::chat());
        let reply = gateway
            .post("/v1/other/open/openai/x")
            .case(&case)
            .json(&json!({}))
            .send()
            .await;
        assert_eq!(reply.status, 200, "after {bad}");
        assert_eq!(
            case.only().header("host").as_deref(),
            Some("openai.internal")
        );
    }
}

#[tokio::test]
async fn an_update_takes_effect_and_lets_running_streams_end() {
    let gateway = crate::gateway()
        .config(&json!({"gateways": [{"id": "old"}]}))
        .start();
    let gate = Gate::new();
    let case = gateway.fake.case(
        Answer::events(["data: one"])
            .gate(&gate)
            .chunk("data: [DONE]\n\n"),
    );
    let mut stream = gateway
        .post("/v1/0123/old/openai/chat/completions")
        .case(&case)
        .json(&json!({}))
        .send()
        .await;
    stream.expect_bytes(b"data: one\n\n").await;
    assert!(gateway.update(&json!({"gateways": [{"id": "new"}]})).await);
    for (id, status) in [("new", 200), ("old", 400)] {
        let path = format!("/v1/0123/{id}/openai/x");
        until_status(|| gateway.post(&path).json(&json!({})), status).await;
    }
    gate.open();
    assert_eq!(stream.text().await, "data: [DONE]\n\n");
    assert_eq!(gateway.record(&case).await["complete"], true);
}

#[tokio::test]
async fn many_updates_under_load_lose_no_call() {
    let gateway = crate::gateway()
        .config(&json!({"gateways": [{"id": "open", "cache_ttl": 300}]}))
        .start();
    let case = gateway.fake.case(sample::chat());
    for round in 0..5 {
        let config = json!({"gateways": [{"id": "open", "cache_ttl": 300 + round}]});
        let (taken, ()) = tokio::join!(
            gateway.update(&config),
            twenty_calls(&gateway, &case, round)
        );
        assert!(taken);
    }
}

async fn twenty_calls(gateway: &Gateway, case: &Case, round: u32) {
    for call in 0..20 {
        let body = sample::ask(&format!("{round} {call}"));
        let path = "/v1/0123/open/openai/chat/completions";
        assert_eq!(
            gateway
                .post(path)
                .case(case)
                .json(&body)
                .complete()
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn an_object_of_the_control_api_can_be_pasted() {
    let pasted = json!({
        "id": "pasted", "account_id": "0123", "authentication": false,
        "cache_invalidate_on_update": false, "cache_ttl": 0, "collect_logs": true, "created_at": "2026-01-01T00:00:00Z",
        "modified_at": "2026-01-01T00:00:00Z", "is_default": false, "rate_limiting_interval": null,
        "rate_limiting_limit": null, "rate_limiting_technique": null, "log_management": null,
        "log_management_strategy": null, "logpush": false, "logpush_public_key": null, "otel": [], "spend_limits": null,
        "dlp": null, "guardrails": null, "store_id": "", "stripe": null, "zdr": false, "byok_only": false,
        "retry_max_attempts": null, "retry_delay": null, "retry_backoff": null, "wholesale": false, "internal": false,
        "workers_ai_billing_mode": "postpaid", "log_classification": false
    });
    let gateway = crate::gateway()
        .config(&json!({"gateways": [pasted]}))
        .start();
    let reply = gateway
        .post("/v1/0123/pasted/openai/x")
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn text_that_is_no_json_is_refused_with_its_place() {
    for (text, place) in [
        ("", "configuration: is empty: write at least gateways"),
        ("[]", "configuration: must be an object"),
        ("gateways: []", "at line 1 column 1: write JSON text"),
        ("{\"gateways\": [", "at line 1 column 14: write JSON text"),
        (
            "{\"gateways\": [\n  {\"id\": \"a\"},\n  {\"id\": }\n]}",
            "at line 3 column 10: write JSON text",
        ),
    ] {
        let log = crate::gateway()
            .text(text)
            .try_start()
            .map(drop)
            .unwrap_err();
        assert!(log.contains(place), "{place} is not in:\n{log}");
    }
}

#[tokio::test]
async fn a_credential_never_shows_in_the_log_of_a_refused_configuration() {
    let bad = json!({"gateways": [{"id": "a", "credentials": [{"name": "a", "sha256": "my-plain-credential"}]}]});
    let log = crate::gateway()
        .config(&bad)
        .try_start()
        .map(drop)
        .unwrap_err();
    assert!(log.contains("gateways[0].credentials[0].sha256"), "{log}");
    assert!(!log.contains("my-plain-credential"), "{log}");
}

#[tokio::test]
async fn the_log_says_once_that_a_configuration_was_refused() {
    let gateway = crate::gateway()
        .config(&json!({"gateways": [{"id": "open"}]}))
        .start();
    let from = gateway.output.len();
    assert!(
        !gateway
            .update(&json!({"gateways": [{"id": "open", "cache_ttl": 7}]}))
            .await
    );
    let mark = "gateways[0].cache_ttl: 7 is below the minimum of 60 seconds";
    let lines = eventually("the reason", || {
        let log = gateway.output.log(from);
        let lines = log.into_iter().filter(|line| line.contains(mark)).count();
        (lines > 0).then_some(lines)
    });
    assert_eq!(lines.await, 1);
}
