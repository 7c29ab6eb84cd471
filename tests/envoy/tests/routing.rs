//! Issue: every provider gets its call as the client meant it, and nothing that was meant for the gateway.

use serde_json::json;
use sluice_e2e::contract::{assert_named, assert_refused};
use sluice_e2e::{Answer, Gateway, Lease, Shared, Upstream, sample};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let config = json!({
        "gateways": [{"id": "open"}, {"id": "mine", "account_id": "0123"}],
        "custom_providers": [
            {"slug": "neon", "base_url": "https://ai.example.com/prefix/v1"},
            {"slug": "plain", "base_url": "https://ai.example.com:8443", "cluster": "elsewhere"},
            {"slug": "tls", "base_url": "https://provider.test", "cluster": "tls"},
            {"slug": "imposter", "base_url": "https://provider.test", "cluster": "imposter"},
            {"slug": "dead", "base_url": "https://provider.test", "cluster": "dead"},
            {"slug": "lost", "base_url": "https://provider.test", "cluster": "no-such-cluster"},
            {"slug": "off", "base_url": "https://provider.test", "enable": false}
        ],
        "providers": [
            {"slug": "mistral", "cluster": "outbound|443||api.mistral.ai", "host": "mistral.internal"},
            {"slug": "cohere", "host": "api.cohere.com"}
        ]
    });
    crate::gateway()
        .config(&config)
        .cluster("custom-neon", Upstream::Plain)
        .cluster("elsewhere", Upstream::H2c)
        .cluster("tls", Upstream::Tls)
        .cluster("imposter", Upstream::TlsOfAnother)
        .cluster("dead", Upstream::Dead)
        .cluster("outbound|443||api.mistral.ai", Upstream::Plain)
        .start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// What the client writes after the gateway's id, and the host and path that the provider gets.
pub(crate) const ROUTES: &[(&str, &str, &str)] = &[
    (
        "anthropic/v1/messages?beta=true",
        "api.anthropic.com",
        "/v1/messages?beta=true",
    ),
    (
        "anthropic/v1/messages/count_tokens",
        "api.anthropic.com",
        "/v1/messages/count_tokens",
    ),
    (
        "aws-bedrock/bedrock-runtime/us-east-1/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
    ),
    (
        "aws-bedrock/bedrock-runtime/eu-west-1/model/arn%3Aaws%3abedrock%3Aeu-west-1%3A1%3Ainference-profile%2feu.m-v1%3A0/invoke",
        "bedrock-runtime.eu-west-1.amazonaws.com",
        "/model/arn%3Aaws%3abedrock%3Aeu-west-1%3A1%3Ainference-profile%2feu.m-v1%3A0/invoke",
    ),
    (
        "aws-bedrock/bedrock-mantle/us-west-2/anthropic/v1/messages",
        "bedrock-mantle.us-west-2.api.aws",
        "/anthropic/v1/messages",
    ),
    (
        "azure-openai/my-resource/my-deployment/chat/completions?api-version=2024-10-21",
        "my-resource.openai.azure.com",
        "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
    ),
    (
        "baseten/v1/chat/completions",
        "inference.baseten.co",
        "/v1/chat/completions",
    ),
    (
        "baseten/model/abcd1234/production/predict",
        "model-abcd1234.api.baseten.co",
        "/production/predict",
    ),
    ("cartesia/tts/bytes", "api.cartesia.ai", "/tts/bytes"),
    (
        "cerebras/chat/completions",
        "api.cerebras.ai",
        "/v1/chat/completions",
    ),
    (
        "cerebras/v1/chat/completions",
        "api.cerebras.ai",
        "/v1/chat/completions",
    ),
    (
        "deepgram/v1/listen?model=nova-3",
        "api.deepgram.com",
        "/v1/listen?model=nova-3",
    ),
    (
        "deepseek/chat/completions",
        "api.deepseek.com",
        "/chat/completions",
    ),
    (
        "deepseek/v1/chat/completions",
        "api.deepseek.com",
        "/v1/chat/completions",
    ),
    (
        "elevenlabs/v1/text-to-speech/voice",
        "api.elevenlabs.io",
        "/v1/text-to-speech/voice",
    ),
    ("fal/fal-ai/flux/dev", "fal.run", "/fal-ai/flux/dev"),
    (
        "fireworks/chat/completions",
        "api.fireworks.ai",
        "/inference/v1/chat/completions",
    ),
    (
        "google/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        "generativelanguage.googleapis.com",
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    ),
    (
        "google-ai-studio/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        "generativelanguage.googleapis.com",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    ),
    (
        "google-ai-studio/v1/models/gemini-2.5-flash:generateContent",
        "generativelanguage.googleapis.com",
        "/v1/models/gemini-2.5-flash:generateContent",
    ),
    (
        "google-vertex-ai/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent",
        "us-central1-aiplatform.googleapis.com",
        "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent",
    ),
    (
        "google-vertex-ai/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent",
        "aiplatform.googleapis.com",
        "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent",
    ),
    ("grok/chat/completions", "api.x.ai", "/v1/chat/completions"),
    (
        "grok/v1/chat/completions",
        "api.x.ai",
        "/v1/chat/completions",
    ),
    (
        "groq/chat/completions",
        "api.groq.com",
        "/openai/v1/chat/completions",
    ),
    (
        "groq/openai/v1/chat/completions",
        "api.groq.com",
        "/openai/v1/chat/completions",
    ),
    (
        "huggingface/v1/chat/completions",
        "router.huggingface.co",
        "/v1/chat/completions",
    ),
    (
        "ideogram/v1/ideogram-v3/generate",
        "api.ideogram.ai",
        "/v1/ideogram-v3/generate",
    ),
    (
        "openai/chat/completions",
        "api.openai.com",
        "/v1/chat/completions",
    ),
    (
        "openai/v1/chat/completions",
        "api.openai.com",
        "/v1/chat/completions",
    ),
    (
        "openai/v1/v1/chat/completions",
        "api.openai.com",
        "/v1/chat/completions",
    ),
    (
        "openai/responses/resp_1?include[]=a",
        "api.openai.com",
        "/v1/responses/resp_1?include[]=a",
    ),
    (
        "openrouter/chat/completions",
        "openrouter.ai",
        "/api/v1/chat/completions",
    ),
    (
        "openrouter/v1/chat/completions",
        "openrouter.ai",
        "/api/v1/chat/completions",
    ),
    (
        "parallel/v1/tasks/runs",
        "api.parallel.ai",
        "/v1/tasks/runs",
    ),
    (
        "perplexity-ai/chat/completions",
        "api.perplexity.ai",
        "/chat/completions",
    ),
    (
        "replicate/predictions",
        "api.replicate.com",
        "/v1/predictions",
    ),
    (
        "replicate/v1/predictions",
        "api.replicate.com",
        "/v1/predictions",
    ),
    (
        "together/v1/chat/completions",
        "api.together.ai",
        "/v1/chat/completions",
    ),
    (
        "workers-ai/@cf/meta/llama-3.1-8b-instruct",
        "api.cloudflare.com",
        "/client/v4/accounts/0123/ai/run/@cf/meta/llama-3.1-8b-instruct",
    ),
    (
        "workers-ai/run/@cf/meta/llama-3.1-8b-instruct",
        "api.cloudflare.com",
        "/client/v4/accounts/0123/ai/run/@cf/meta/llama-3.1-8b-instruct",
    ),
    (
        "workers-ai/v1/chat/completions",
        "api.cloudflare.com",
        "/client/v4/accounts/0123/ai/v1/chat/completions",
    ),
];

#[tokio::test]
async fn every_provider_gets_its_own_host_and_path() {
    let gateway = gateway();
    for (written, host, path) in ROUTES {
        let case = gateway.fake.case(sample::chat());
        let url = format!("/v1/0123/open/{written}");
        let reply = gateway
            .post(&url)
            .case(&case)
            .json(&sample::ask("hi"))
            .complete()
            .await;
        assert_eq!(reply.status, 200, "{written}");
        assert_named(&reply);
        let seen = case.only();
        assert_eq!(
            (seen.header("host").as_deref(), seen.path.as_str()),
            (Some(*host), *path),
            "{written}"
        );
        assert_eq!(
            gateway.entry(&case).await["cluster"],
            written.split('/').next().unwrap()
        );
    }
}

#[tokio::test]
async fn a_provider_can_be_given_another_cluster_and_host() {
    let gateway = gateway();
    for (slug, host, cluster) in [
        (
            "mistral",
            "mistral.internal",
            "outbound|443||api.mistral.ai",
        ),
        ("cohere", "api.cohere.com", "cohere"),
    ] {
        let case = gateway.fake.case(sample::chat());
        let url = format!("/v1/0123/open/{slug}/v1/chat");
        assert_eq!(
            gateway
                .post(&url)
                .case(&case)
                .json(&json!({}))
                .complete()
                .await
                .status,
            200
        );
        assert_eq!(case.only().header("host").as_deref(), Some(host));
        assert_eq!(gateway.entry(&case).await["cluster"], cluster);
    }
}

#[tokio::test]
async fn a_custom_provider_gets_the_path_appended_to_its_base_url() {
    let gateway = gateway();
    for (written, host, path, cluster) in [
        (
            "custom-neon/chat/completions",
            "ai.example.com",
            "/prefix/v1/chat/completions",
            "custom-neon",
        ),
        (
            "custom-neon/v1/chat/completions",
            "ai.example.com",
            "/prefix/v1/chat/completions",
            "custom-neon",
        ),
        (
            "custom-plain/any/path?x=1",
            "ai.example.com:8443",
            "/any/path?x=1",
            "elsewhere",
        ),
    ] {
        let case = gateway.fake.case(sample::chat());
        let url = format!("/v1/0123/open/{written}");
        assert_eq!(
            gateway
                .post(&url)
                .case(&case)
                .json(&json!({}))
                .complete()
                .await
                .status,
            200
        );
        let seen = case.only();
        assert_eq!(
            (seen.header("host").as_deref(), seen.path.as_str()),
            (Some(host), path)
        );
        assert_eq!(gateway.entry(&case).await["cluster"], cluster);
    }
}

#[tokio::test]
async fn method_query_headers_credential_and_body_pass_unchanged() {
    let gateway = gateway();
    let body =
        b"{ \"model\" :\t\"gpt-4o\", \"\\u006dodel2\":1.0e2,\r\n \"x\":\"\xc3\xa9\" }  ".as_slice();
    let sent: &[(&str, &[u8])] = &[
        ("user-agent", b"Test/1.0"),
        ("authorization", b"Bearer sk-Provider_Key="),
        ("x-stainless-retry-count", b"0"),
        ("content-type", b"application/json; charset=utf-8"),
        ("openai-beta", b"one"),
        ("openai-beta", b"two"),
        ("x-bytes", b"\xa1\xff"),
        ("x-empty", b""),
        ("cookie", b"a=b"),
    ];
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .call(
                method,
                "/v1/0123/open/openai/chat/completions?a=%20b&c=d;e&&f",
            )
            .case(&case);
        let call = sent
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value))
            .body(body);
        assert_eq!(call.complete().await.status, 200);
        let seen = case.only();
        assert_eq!((seen.method.as_str(), seen.body.as_slice()), (method, body));
        assert_eq!(seen.path, "/v1/chat/completions?a=%20b&c=d;e&&f");
        let expected: Vec<_> = sent
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect();
        let of_proxy = [
            "host",
            "x-case",
            "content-length",
            "x-forwarded-proto",
            "accept-encoding",
        ];
        let mut got = seen.headers.clone();
        got.retain(|(name, _)| !of_proxy.contains(&name.as_str()));
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn what_is_meant_for_the_gateway_or_the_proxy_never_reaches_the_provider() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let mut call = gateway
        .post("/v1/0123/open/openai/chat/completions")
        .case(&case)
        .json(&sample::ask("hi"));
    let names = [
        "cf-aig-authorization",
        "cf-aig-cache-key",
        "cf-aig-cache-ttl",
        "cf-aig-event-id",
        "cf-aig-metadata",
        "cf-aig-not-yet-invented",
        "cf-aig-skip-cache",
        "cf-cache-ttl",
        "cf-skip-cache",
        "x-envoy-max-retries",
        "x-envoy-original-path",
        "x-envoy-retry-on",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-anything",
        "x-fal-target-url",
        "x-sluice-cluster",
    ];
    for name in names {
        call = call.header(name, "1");
    }
    assert_eq!(call.complete().await.status, 200);
    let seen = case.only();
    for (name, _) in &seen.headers {
        let meant = name.starts_with("cf-")
            || name.starts_with("x-envoy-")
            || names.contains(&name.as_str());
        assert!(!meant, "{name} reached the provider");
    }
}

#[tokio::test]
async fn only_answers_that_can_be_read_are_asked_for_on_json_calls() {
    let gateway = gateway();
    for (kind, expected) in [("application/json", "identity"), ("audio/mpeg", "gzip, br")] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .post("/v1/0123/open/openai/audio")
            .header("accept-encoding", "gzip, br")
            .case(&case);
        assert_eq!(
            call.header("content-type", kind)
                .body("{}")
                .complete()
                .await
                .status,
            200
        );
        assert_eq!(
            case.only().header("accept-encoding").as_deref(),
            Some(expected)
        );
    }
}

#[tokio::test]
async fn an_answer_of_the_provider_passes_unchanged_whatever_its_status() {
    let gateway = gateway();
    for status in [200, 201, 302, 400, 401, 404, 429, 500, 503, 529] {
        let body = json!({"type": "error", "error": {"type": "some_error"}});
        let answer = Answer::json(status, &body)
            .header("x-bytes", b"\xa1")
            .header("set-cookie", "a=1");
        let answer = answer
            .header("set-cookie", "b=2")
            .header("retry-after", "7")
            .header("request-id", "req_1");
        let case = gateway.fake.case(answer);
        let reply = gateway
            .post("/v1/0123/open/anthropic/v1/messages")
            .case(&case)
            .json(&json!({}))
            .send()
            .await;
        let cookies: Vec<_> = reply
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        assert_eq!(cookies, [b"a=1", b"b=2"]);
        assert_eq!(reply.headers["x-bytes"].as_bytes(), b"\xa1");
        assert_eq!(
            (reply.header("retry-after"), reply.header("request-id")),
            (Some("7"), Some("req_1"))
        );
        assert_eq!(reply.header("x-should-retry"), None);
        let reply = reply.raw().await;
        assert_eq!((reply.status, reply.json()), (status, body));
        assert_named(&reply);
    }
}

#[tokio::test]
async fn unknown_providers_gateways_and_urls_are_told_apart() {
    let gateway = gateway();
    for (path, status, code) in [
        ("/v1/0123/open/nonesuch/chat/completions", 400, 2008),
        ("/v1/0123/open/custom-nonesuch/chat/completions", 400, 2008),
        ("/v1/0123/open/custom-off/chat/completions", 400, 2008),
        ("/v1/0123/nonesuch/openai/chat/completions", 400, 2001),
        ("/v1/other/mine/openai/chat/completions", 400, 2001),
        ("/v1", 404, 2901),
        ("/", 404, 2901),
        ("/health", 404, 2901),
        ("/v1/0123/open//chat/completions", 404, 2901),
        ("/v2/0123/open/openai/chat/completions", 404, 2901),
    ] {
        let case = gateway.fake.case(sample::chat());
        let reply = gateway
            .post(path)
            .case(&case)
            .json(&sample::ask("hi"))
            .complete()
            .await;
        assert_refused(&reply, status, code);
        assert_eq!(case.seen().len(), 0, "{path}");
    }
    let head = gateway.call("HEAD", "/").send().await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn a_gateway_of_one_account_serves_that_account() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let reply = gateway
        .post("/v1/0123/mine/openai/chat/completions")
        .case(&case)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(reply.status, 200);
    let reply = gateway
        .post("/v1/any-other_1/open/openai/chat/completions")
        .case(&case)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_told_in_the_contracts_words() {
    let gateway = gateway();
    for slug in ["custom-dead", "custom-imposter", "custom-lost"] {
        let case = gateway.fake.case(sample::chat());
        let path = format!("/v1/0123/open/{slug}/v1/chat/completions");
        let reply = gateway
            .post(&path)
            .case(&case)
            .json(&sample::ask("hi"))
            .complete()
            .await;
        assert_refused(&reply, 400, 2005);
        assert_eq!(case.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_provider_over_tls_is_spoken_to_in_http2() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let reply = gateway
        .post("/v1/0123/open/custom-tls/v1/x")
        .case(&case)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(reply.status, 200);
    let seen = case.only();
    assert_eq!(
        (seen.version.as_str(), seen.sni.as_deref()),
        ("HTTP/2.0", Some("provider.test"))
    );
    assert_eq!(seen.header("host").as_deref(), Some("provider.test"));
}

#[tokio::test]
async fn fals_own_hosts_can_be_chosen_by_header() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let call = gateway
        .post("/v1/0123/open/fal/ignored")
        .case(&case)
        .json(&json!({}));
    let reply = call
        .header("x-fal-target-url", "https://queue.fal.run/fal-ai/flux?a=b")
        .send()
        .await;
    assert_eq!(reply.status, 200);
    let seen = case.only();
    assert_eq!(
        (seen.header("host").as_deref(), seen.path.as_str()),
        (Some("queue.fal.run"), "/fal-ai/flux?a=b")
    );
    assert_eq!(seen.header("x-fal-target-url"), None);
}

#[tokio::test]
async fn the_clients_event_id_comes_back() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let call = gateway
        .post("/v1/0123/open/openai/chat/completions")
        .case(&case)
        .json(&json!({}));
    let reply = call.header("cf-aig-event-id", "my-call-1").send().await;
    assert_eq!(reply.header("cf-aig-event-id"), Some("my-call-1"));
    assert_eq!(gateway.record(&case).await["event_id"], "my-call-1");
}
