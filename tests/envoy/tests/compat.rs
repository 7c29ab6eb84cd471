//! Issue: one OpenAI client for every provider: `model: "provider/model"` at `/compat` goes to that provider's own
//! compatible endpoint, and nothing else of the body changes.

use serde_json::{Value, json};
use sluice_e2e::contract::{assert_named, assert_refused};
use sluice_e2e::{Answer, Case, Gate, Gateway, Lease, Shared, Upstream, sample};

const CHAT: &str = "/v1/0123/open/compat/chat/completions";
const MODELS: &str = "/v1/0123/open/compat/models";
/// What `request_body_bytes` is here.
const LIMIT: usize = 100_000;

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    // SHA-256 of `first-credential`.
    let sha256 = "e1df97a3f4843580946a3bcc301f52b216eda97a07dbcdd3b94891f952d0ece1";
    let config = json!({
        "gateways": [
            {"id": "open"},
            {"id": "cached", "cache_ttl": 300},
            {"id": "asks", "stream_usage": true},
            {"id": "locked", "authentication": true, "credentials": [{"name": "first", "sha256": sha256}]}
        ],
        "custom_providers": [
            {"slug": "h2c", "base_url": "https://provider.test", "cluster": "h2c"},
            {"slug": "tls", "base_url": "https://provider.test/api/v4", "cluster": "tls"}
        ],
        "providers": [
            {"slug": "azure-openai", "resource": "my-resource"},
            {"slug": "google-vertex-ai", "project": "my-project", "region": "us-central1"}
        ],
        // A unified call cannot be let pass: it is refused all the same.
        "limits": {"request_body_bytes": LIMIT, "over_limit": "pass"}
    });
    crate::gateway()
        .config(&config)
        .cluster("h2c", Upstream::H2c)
        .cluster("tls", Upstream::Tls)
        .start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// The prefix, the provider's slug, and the host and path that it gets.
const TARGETS: &[(&str, &str, &str, &str)] = &[
    ("openai", "openai", "api.openai.com", "/v1/chat/completions"),
    (
        "anthropic",
        "anthropic",
        "api.anthropic.com",
        "/v1/chat/completions",
    ),
    (
        "google-ai-studio",
        "google-ai-studio",
        "generativelanguage.googleapis.com",
        "/v1beta/openai/chat/completions",
    ),
    (
        "google-vertex-ai",
        "google-vertex-ai",
        "us-central1-aiplatform.googleapis.com",
        "/v1/projects/my-project/locations/us-central1/endpoints/openapi/chat/completions",
    ),
    (
        "azure-openai",
        "azure-openai",
        "my-resource.openai.azure.com",
        "/openai/v1/chat/completions",
    ),
    (
        "workers-ai",
        "workers-ai",
        "api.cloudflare.com",
        "/client/v4/accounts/0123/ai/v1/chat/completions",
    ),
    (
        "aws-bedrock",
        "aws-bedrock",
        "bedrock-mantle.us-east-1.api.aws",
        "/v1/chat/completions",
    ),
    (
        "groq",
        "groq",
        "api.groq.com",
        "/openai/v1/chat/completions",
    ),
    ("xai", "grok", "api.x.ai", "/v1/chat/completions"),
    (
        "perplexity",
        "perplexity-ai",
        "api.perplexity.ai",
        "/chat/completions",
    ),
    (
        "openrouter",
        "openrouter",
        "openrouter.ai",
        "/api/v1/chat/completions",
    ),
    (
        "custom-h2c",
        "custom-h2c",
        "provider.test",
        "/v1/chat/completions",
    ),
    (
        "custom-tls",
        "custom-tls",
        "provider.test",
        "/api/v4/chat/completions",
    ),
];

/// A body in a hand of its own: white space, escapes, a number that no parser keeps, another `model` inside.
fn body(model: &str, case: &Case) -> String {
    format!(
        "{{\n  \"messages\" : [{{\"role\":\"user\",\"content\":\"{} \\u00e9\\/\",\"model\":\"no\"}}],\n  \
         \"model\" :\t\"{model}\" , \"temperature\": 1.10e-0 , \"seed\": 12345678901234567890\n}}\n",
        case.id()
    )
}

async fn refused(gateway: &Gateway, path: &str, body: &str, (status, code): (u16, u32)) -> Value {
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post(path).case(&case);
    let call = call.header("content-type", "application/json");
    let reply = call.body(body.to_owned()).complete().await;
    assert_refused(&reply, status, code);
    assert!(case.seen().is_empty());
    gateway.record(&case).await
}

#[tokio::test]
async fn the_prefix_chooses_the_provider_and_every_other_byte_stays() {
    let gateway = gateway();
    for (prefix, slug, host, path) in TARGETS {
        for (http2, piece) in [(false, None), (false, Some(9)), (true, Some(50))] {
            let case = gateway.fake.case(sample::chat());
            let model = "some/org-model:1";
            let body_of = |model: &str| body(model, &case).into_bytes();
            let sent = body_of(&format!("{prefix}/{model}"));
            let call = gateway.post(CHAT).case(&case).over_http2(http2);
            let call = call
                .header("content-type", "application/json")
                .header("authorization", "Bearer sk-theirs")
                .framed(sent.clone(), piece);
            let reply = call.complete().await;
            assert_eq!((reply.status, reply.json()), (200, sample::chat_body()));
            assert_named(&reply);
            let seen = case.only();
            assert_eq!(
                String::from_utf8_lossy(&seen.body),
                String::from_utf8_lossy(&body_of(model)),
                "{prefix}"
            );
            assert_eq!(
                (seen.header("host").as_deref(), seen.path.as_str()),
                (Some(*host), *path)
            );
            assert_eq!(
                seen.header("authorization").as_deref(),
                Some("Bearer sk-theirs")
            );
            let length = piece.is_none().then(|| body_of(model).len().to_string());
            assert_eq!(seen.header("content-length"), length);
            let record = gateway.record(&case).await;
            let facts = [
                "provider",
                "model_asked",
                "tokens_in",
                "tokens_out",
                "request_size",
            ];
            let expected = [
                json!(slug),
                json!(model),
                json!(11),
                json!(7),
                json!(sent.len()),
            ];
            assert_eq!(facts.map(|name| record[name].clone()), expected);
        }
    }
}

#[tokio::test]
async fn a_stream_passes_as_it_comes() {
    let gateway = gateway();
    let events = sample::chat_events();
    let events: Vec<_> = events
        .iter()
        .map(|event| (format!("{event}\n\n"), Gate::new()))
        .collect();
    let head = Answer::new(200).header("content-type", "text/event-stream");
    let answer = events.iter().fold(head, |answer, (event, gate)| {
        answer.gate(gate).chunk(event.as_bytes())
    });
    let case = gateway.fake.case(answer);
    let mut ask = sample::ask_stream(case.id());
    ask["model"] = json!("openai/gpt-4o-mini");
    let mut reply = gateway.post(CHAT).case(&case).json(&ask).send().await;
    for (event, gate) in &events {
        gate.open();
        reply.expect_bytes(event.as_bytes()).await;
    }
    assert_eq!(reply.rest().await, (Vec::new(), true));
    let record = gateway.record(&case).await;
    let facts = ["stream", "complete", "tokens_out", "cost", "model"];
    let expected = [
        json!(true),
        json!(true),
        json!(7),
        json!(0.000_005_85),
        json!("gpt-4o-mini-2024-07-18"),
    ];
    assert_eq!(facts.map(|name| record[name].clone()), expected);
}

#[tokio::test]
async fn a_stream_is_asked_for_its_usage_and_the_client_does_not_see_it() {
    let gateway = gateway();
    let case = gateway.fake.case(Answer::events(sample::chat_events()));
    let ask = json!({"model": "openai/gpt-4o-mini", "stream": true});
    let path = CHAT.replace("open/", "asks/");
    let reply = gateway.post(&path).case(&case).json(&ask).complete().await;
    let sent = case.only();
    let expected =
        json!({"model": "gpt-4o-mini", "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(
        serde_json::from_slice::<Value>(&sent.body).unwrap(),
        expected
    );
    assert_eq!(
        sent.header("content-length"),
        Some(sent.body.len().to_string())
    );
    assert!(!String::from_utf8_lossy(&reply.body).contains("prompt_tokens"));
    assert_eq!(gateway.record(&case).await["tokens_in"], 11);
}

#[tokio::test]
async fn the_second_call_is_a_hit_and_so_is_the_providers_own() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let path = CHAT.replace("open/", "cached/");
    let unified = body("openai/gpt-4o-mini", &case);
    let own = body("gpt-4o-mini", &case);
    for (path, body, status) in [
        (path.as_str(), &unified, "MISS"),
        (&path, &unified, "HIT"),
        (&path.replace("compat", "openai"), &own, "HIT"),
        (&path, &unified.replace("openai/", "groq/"), "MISS"),
    ] {
        let call = gateway.post(path).case(&case);
        let call = call.header("content-type", "application/json");
        let reply = call.body(body.clone()).complete().await;
        assert_eq!(reply.json(), sample::chat_body());
        assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some(status));
    }
    assert_eq!(case.seen().len(), 2);
    let records = gateway.records(&case, 4).await;
    let cached: Vec<_> = records
        .iter()
        .filter(|record| record["cached"] == true)
        .collect();
    assert_eq!(cached.len(), 2);
    for record in cached {
        assert_eq!(record["provider"], "openai");
        assert_eq!(record["saved_cost"], json!(0.000_005_85));
    }
}

#[tokio::test]
async fn parameters_that_a_provider_refuses_do_not_reach_it() {
    let gateway = gateway();
    for (provider, sent) in [
        (
            "mistral",
            r#"{"model":"m","stream":true,"random_seed":7,"max_tokens":5}"#,
        ),
        (
            "cohere",
            r#"{"model":"m","stream":true,"seed":7,"max_completion_tokens":5}"#,
        ),
    ] {
        let case = gateway.fake.case(sample::chat());
        let body = format!(
            r#"{{"model":"{provider}/m","stream":true,"seed":7,"max_completion_tokens":5,"stream_options":{{"include_usage":true}}}}"#
        );
        let call = gateway.post(CHAT).case(&case);
        let call = call.header("content-type", "application/json").body(body);
        assert_eq!(call.complete().await.status, 200);
        let seen = case.only();
        assert_eq!(String::from_utf8_lossy(&seen.body), sent);
        assert_eq!(seen.header("content-length"), Some(sent.len().to_string()));
    }
}

#[tokio::test]
async fn what_has_no_target_is_refused_with_the_contracts_codes_and_recorded() {
    let gateway = gateway();
    for (model, code, provider) in [
        ("gpt-5", 2019, "compat"),
        ("cloudflare/auto", 2008, "compat"),
        ("custom-none/m", 2008, "custom-none"),
        ("replicate/m", 2906, "replicate"),
        ("bedrock/anthropic.claude-haiku-4-5", 2906, "aws-bedrock"),
        ("dynamic/support", 2907, "unknown"),
    ] {
        let body = json!({ "model": model }).to_string();
        let record = refused(&gateway, CHAT, &body, (400, code)).await;
        let facts = ["error_code", "provider", "model", "outcome", "request_size"];
        let expected = [
            json!(code),
            json!(provider),
            json!(model),
            json!("refused"),
            json!(body.len()),
        ];
        assert_eq!(facts.map(|name| record[name].clone()), expected, "{model}");
    }
    for body in ["", "[]", "not json", "{\"model\":5}"] {
        let record = refused(&gateway, CHAT, body, (400, 2019)).await;
        assert_eq!(record["model"], json!(null), "{body}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whatever_the_configuration_lets_pass() {
    let gateway = gateway();
    let body = json!({"model": "openai/m", "user": "x".repeat(LIMIT)}).to_string();
    for piece in [None, Some(30_000)] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway.post(CHAT).case(&case);
        let call = call.header("content-type", "application/json");
        let call = call.framed(body.clone().into_bytes(), piece);
        assert_refused(&call.complete().await, 413, 2903);
        assert!(case.seen().is_empty());
    }
    let large = json!({"model": "openai/m", "user": "x".repeat(LIMIT - 100)}).to_string();
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post(CHAT).case(&case);
    let call = call.header("content-type", "application/json");
    let call = call.framed(large.clone().into_bytes(), Some(10_000));
    assert_eq!(call.complete().await.status, 200);
    let sent = large.replace("openai/m", "m");
    assert_eq!(case.only().body, sent.as_bytes());
}

#[tokio::test]
async fn a_body_that_is_encoded_in_an_unread_way_is_refused() {
    let gateway = gateway();
    for coding in ["br", "zstd", "gzip"] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway.post(CHAT).case(&case);
        let call = call.header("content-encoding", coding);
        let reply = call.json(&json!({"model": "openai/m"})).complete().await;
        assert_refused(&reply, 400, 2905);
        assert!(case.seen().is_empty());
    }
}

#[tokio::test]
async fn only_who_shows_a_credential_is_served_and_the_provider_never_sees_it() {
    let gateway = gateway();
    let locked = |path: &str| path.replace("open/", "locked/");
    let body = json!({"model": "openai/gpt-4o-mini"});
    refused(&gateway, &locked(CHAT), &body.to_string(), (401, 2009)).await;
    let reply = gateway.get(&locked(MODELS)).complete().await;
    assert_refused(&reply, 401, 2009);
    for (name, theirs) in [
        ("authorization", None),
        ("cf-aig-authorization", Some("Bearer sk-theirs")),
    ] {
        let case = gateway.fake.case(sample::chat());
        let mut call = gateway.post(&locked(CHAT)).case(&case);
        call = call.header(name, "Bearer first-credential");
        if let Some(theirs) = theirs {
            call = call.header("authorization", theirs);
        }
        assert_eq!(call.json(&body).complete().await.status, 200);
        let seen = case.only();
        assert_eq!(seen.header("authorization").as_deref(), theirs);
        let leaks = |(_, value): &(String, Vec<u8>)| {
            String::from_utf8_lossy(value).contains("first-credential")
        };
        assert!(!seen.headers.iter().any(leaks));
        assert!(
            seen.header("x-sluice-cluster")
                .is_none_or(|name| name == "openai")
        );
        assert_eq!(gateway.record(&case).await["authentication_name"], "first");
    }
}

#[tokio::test]
async fn nothing_else_below_the_endpoint_is_known() {
    let gateway = gateway();
    for path in [
        "compat",
        "compat/embeddings",
        "compat/v1/responses",
        "compat/models",
    ] {
        let path = format!("/v1/0123/open/{path}");
        let record = refused(&gateway, &path, "{\"model\":\"openai/m\"}", (404, 2901)).await;
        assert_eq!(record["outcome"], "refused");
    }
    for path in [
        "v1/chat/completions",
        "chat/completions/",
        "chat/completion",
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .post(&format!("/v1/0123/open/compat/{path}"))
            .case(&case);
        let reply = call.json(&json!({"model": "openai/m"})).complete().await;
        assert_eq!(
            (reply.status, case.only().path.as_str()),
            (200, "/v1/chat/completions")
        );
    }
}

#[tokio::test]
async fn the_models_of_a_provider_are_listed() {
    let gateway = gateway();
    for path in [MODELS, "/v1/0123/open/compat/v1/models"] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway.get(&format!("{path}?provider=openai")).case(&case);
        let reply = call.complete().await;
        assert_eq!(reply.status, 200);
        assert_named(&reply);
        assert_eq!(reply.header("cf-aig-log-id"), None);
        let list = reply.json();
        assert_eq!(list["object"], "list");
        let models = list["data"].as_array().unwrap();
        let wanted = json!({"id": "openai/gpt-4o-mini", "object": "model", "created": 0, "owned_by": "openai"});
        assert!(models.contains(&wanted));
        assert!(models.iter().all(|model| model["owned_by"] == "openai"));
        assert!(gateway.entry(&case).await["record"].is_null());
        assert!(case.seen().is_empty());
    }
    let reply = gateway
        .get(&format!("{MODELS}?provider=nobody"))
        .complete()
        .await;
    assert_refused(&reply, 400, 2008);
}

#[tokio::test]
async fn a_providers_own_refusal_passes_as_it_is() {
    let gateway = gateway();
    let case = gateway.fake.case(Answer::json(
        429,
        &json!({"error": {"type": "requests", "message": "slow down"}}),
    ));
    let call = gateway.post(CHAT).case(&case);
    let reply = call.json(&json!({"model": "openai/m"})).complete().await;
    assert_eq!(
        (reply.status, reply.json()["error"]["type"].as_str()),
        (429, Some("requests"))
    );
    let record = gateway.record(&case).await;
    assert_eq!(
        (&record["status_code"], &record["error_type"]),
        (&json!(429), &json!("requests"))
    );
}

#[tokio::test]
async fn where_envoy_delivers_no_body_the_call_is_refused_and_the_operator_told() {
    let config = json!({"gateways": [{"id": "open"}]});
    let gateway = crate::gateway().config(&config).without_stop_iteration();
    let gateway = gateway.workers(1).start();
    let body = json!({"model": "openai/m"}).to_string();
    let record = refused(&gateway, CHAT, &body, (400, 2905)).await;
    assert_eq!(record["provider"], "compat");
    let log = gateway.output.log(0).join("\n");
    assert!(log.contains("allow_on_headers_stop_iteration"), "{log}");
}
