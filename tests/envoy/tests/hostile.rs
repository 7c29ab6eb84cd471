//! Issue: nothing that a client or a provider sends can steer a call elsewhere or take the filter down.

use serde_json::json;
use sluice_e2e::{Answer, Call, Case, Gateway, Lease, Shared, Upstream, Wire, sample};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let config = json!({
        "gateways": [
            {"id": "open", "collect_log_payload": true},
            {"id": "cached", "cache_ttl": 300},
            {"id": "locked", "authentication": true, "credentials": [{"name": "a", "sha256": "0".repeat(64)}]}
        ],
        "custom_providers": [{"slug": "raw", "base_url": "https://provider.test", "cluster": "raw"}]
    });
    crate::gateway()
        .config(&config)
        .cluster("raw", Upstream::Raw)
        .cluster("evil", Upstream::Plain)
        .start()
}

/// A gateway whose virtual machines must be the same at the end of the test as at its beginning.
struct Unharmed {
    gateway: Lease,
    machines: u64,
}

fn gateway() -> Unharmed {
    let gateway = GATEWAY.lease();
    let machines = gateway.stat("wasm.envoy.wasm.runtime.v8.created");
    Unharmed { gateway, machines }
}

impl Unharmed {
    async fn still_serves(&self) {
        let case = self.gateway.fake.case(sample::chat());
        // Two connections at once: one on each worker.
        let call = || {
            self.gateway
                .post("/v1/0123/open/openai/chat/completions")
                .case(&case)
                .json(&json!({}))
        };
        let (first, second) = tokio::join!(call().send(), call().send());
        assert_eq!((first.status, second.status), (200, 200));
        assert_eq!(
            self.gateway.stat("wasm.envoy.wasm.runtime.v8.created"),
            self.machines,
            "a VM died"
        );
    }

    /// Sends a request target as it is; it must be refused and reach nobody.
    async fn refuses(&self, target: &str) {
        let case = self.gateway.fake.case(sample::chat());
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: gateway.test\r\nx-case: {}\r\ncontent-type: application/json\r\n\
             content-length: 2\r\nconnection: close\r\n\r\n{{}}",
            case.id()
        );
        let reply = Wire::exchange(self.gateway.address(), request).await;
        assert!((400..500).contains(&reply.status), "{target}: {reply:?}");
        assert_eq!(case.seen().len(), 0, "{target} reached {:?}", case.seen());
    }

    async fn refuses_all(&self, targets: &[&str]) {
        for target in targets {
            self.refuses(target).await;
        }
        self.still_serves().await;
    }

    fn call(&self, case: &Case) -> Call {
        self.gateway
            .post("/v1/0123/open/openai/chat/completions")
            .case(case)
    }
}

#[tokio::test]
async fn dot_segments_cannot_leave_the_providers_prefix() {
    gateway()
        .refuses_all(&[
            "/v1/0123/open/openai/../evil",
            "/v1/0123/open/openai/chat/../../../evil",
            "/v1/0123/open/openai/./chat",
            "/v1/0123/open/openai/chat/..",
            "/v1/0123/open/openai/..;/evil",
            "/v1/0123/open/groq/..;x=y/..;/admin",
            "/v1/0123/open/openai//evil.example/x",
        ])
        .await;
}

#[tokio::test]
async fn encoded_dots_and_slashes_cannot_leave_the_providers_prefix() {
    gateway()
        .refuses_all(&[
            "/v1/0123/open/openai/%2e%2e/evil",
            "/v1/0123/open/openai/%2E./evil",
            "/v1/0123/open/openai/.%2e/evil",
            "/v1/0123/open/openai/%252e%252e/evil",
            "/v1/0123/open/openai/..%2fevil",
            "/v1/0123/open/openai/x%2F..%2F..%2Fevil",
            "/v1/0123/open/openai/%2f%2fevil.example",
            "/v1/0123/open/openai/%c0%ae%c0%ae/evil",
            "/v1/0123/open/openai/%ef%bc%8e%ef%bc%8e/evil",
        ])
        .await;
}

#[tokio::test]
async fn backslashes_control_bytes_and_broken_escapes_are_refused() {
    gateway()
        .refuses_all(&[
            "/v1/0123/open/openai/..\\..\\evil",
            "/v1/0123/open/openai/..%5c..%5cevil",
            "/v1/0123/open/openai/a%0d%0ahost:evil.example",
            "/v1/0123/open/openai/a%0ax",
            "/v1/0123/open/openai/a%00b",
            "/v1/0123/open/openai/%zz",
            "/v1/0123/open/openai/%",
        ])
        .await;
}

#[tokio::test]
async fn names_in_the_path_cannot_become_another_host() {
    gateway()
        .refuses_all(&[
            "/v1/0123/open/azure-openai/evil.example%2f/deployment/chat/completions",
            "/v1/0123/open/azure-openai/evil.example/deployment/chat/completions",
            "/v1/0123/open/azure-openai/a@evil.example/deployment/chat/completions",
            "/v1/0123/open/azure-openai/evil.example%23/deployment/chat/completions",
            "/v1/0123/open/azure-openai/evil.example:443/deployment/chat/completions",
            "/v1/0123/open/azure-openai/%2e%2e/deployment/chat/completions",
            "/v1/0123/open/aws-bedrock/bedrock-runtime/us-east-1.evil.example/model/m/invoke",
            "/v1/0123/open/aws-bedrock/bedrock-runtime/x@evil.example/model/m/invoke",
            "/v1/0123/open/aws-bedrock/evil/us-east-1/model/m/invoke",
            "/v1/0123/open/google-vertex-ai/v1/projects/p/locations/evil.example%2f/publishers/google/models/m:x",
            "/v1/0123/open/google-vertex-ai/v1/projects/p/locations/evil.example@/publishers/google/models/m:x",
            "/v1/0123/open/baseten/model/evil.example%2f/predict",
            "/v1/0123/open/openai@evil.example/chat",
            "/v1/0123/open/openai.evil/chat",
            "/v1/0123/op%65n/openai/chat",
            "/v1/..%2f/open/workers-ai/@cf/m",
        ])
        .await;
}

#[tokio::test]
async fn a_target_url_for_fal_leads_nowhere_but_to_fal() {
    let gateway = gateway();
    for url in [
        "https://evil.example/x",
        "http://fal.run/x",
        "https://fal.run.evil.example/x",
        "https://evil-fal.run/x",
        "https://fal.run@evil.example/x",
        "https://user:pw@fal.run/x",
        "https://fal.run:22/x",
        "https://fal.run\\@evil.example/",
        "https://fal.run/../x",
        "//evil.example/x",
        "https://",
        "fal.run/x",
    ] {
        let case = gateway.gateway.fake.case(sample::chat());
        let call = gateway
            .gateway
            .post("/v1/0123/open/fal/fal-ai/x")
            .case(&case)
            .json(&json!({}));
        let reply = call.header("x-fal-target-url", url).send().await;
        assert!(
            (400..500).contains(&reply.status),
            "{url}: {}",
            reply.status
        );
        assert_eq!(case.seen().len(), 0, "{url}");
    }
    gateway.still_serves().await;
}

#[tokio::test]
async fn the_host_and_an_absolute_target_do_not_choose_the_upstream() {
    let gateway = gateway();
    for (target, host) in [
        (
            "http://evil.example/v1/0123/open/openai/chat/completions",
            "evil.example",
        ),
        ("/v1/0123/open/openai/chat/completions", "evil.example"),
    ] {
        let case = gateway.gateway.fake.case(sample::chat());
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: {host}\r\nx-sluice-cluster: evil\r\nx-forwarded-host: {host}\r\nx-case: {}\r\n\
             content-length: 2\r\nconnection: close\r\n\r\n{{}}",
            case.id()
        );
        let reply = Wire::exchange(gateway.gateway.address(), request).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(
            case.only().header("host").as_deref(),
            Some("api.openai.com")
        );
        assert_eq!(gateway.gateway.entry(&case).await["cluster"], "openai");
    }
    gateway.still_serves().await;
}

#[tokio::test]
async fn oversize_targets_and_headers_are_refused() {
    let gateway = gateway();
    let long = "a".repeat(20_000);
    gateway
        .refuses_all(&[
            &format!("/v1/0123/open/openai/{long}"),
            &format!("/v1/0123/open/openai/x?{long}"),
        ])
        .await;
    gateway
        .refuses_all(&[
            &format!("/v1/{long}/open/openai/x"),
            &format!("/v1/0123/{long}/openai/x"),
        ])
        .await;
    let case = gateway.gateway.fake.case(sample::chat());
    let reply = gateway
        .call(&case)
        .header("x-long", "a".repeat(90_000))
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(reply.status, 431);
    gateway.still_serves().await;
}

#[tokio::test]
async fn header_values_that_are_no_text_harm_nobody() {
    let gateway = gateway();
    for name in [
        "authorization",
        "x-api-key",
        "x-goog-api-key",
        "cf-aig-authorization",
        "cf-aig-cache-key",
        "cf-aig-cache-ttl",
        "cf-aig-collect-log",
        "cf-aig-event-id",
        "cf-aig-metadata",
        "cf-aig-skip-cache",
        "content-encoding",
        "content-type",
        "sec-websocket-protocol",
        "user-agent",
        "x-anything",
        "x-fal-target-url",
        "x-stainless-retry-count",
        "accept-encoding",
    ] {
        for (path, value) in [
            (
                "/v1/0123/open/openai/chat/completions",
                b"\xa1\xff\x80".as_slice(),
            ),
            ("/v1/0123/cached/openai/chat/completions", b"\xc3\x28 \xa1"),
            (
                "/v1/0123/locked/openai/chat/completions",
                b"Bearer \xff\xfe",
            ),
        ] {
            let case = gateway.gateway.fake.case(sample::chat());
            let call = gateway
                .gateway
                .post(path)
                .case(&case)
                .header(name, value)
                .body("{}");
            let status = call.complete().await.status;
            assert!(
                status == 200 || (path.contains("locked") && status == 401),
                "{name}: {status}"
            );
        }
    }
    gateway.still_serves().await;
}

#[tokio::test]
async fn bodies_that_are_no_json_harm_nobody() {
    let gateway = gateway();
    let deep = |open: &str, close: &str| {
        format!("{}{}", open.repeat(200_000), close.repeat(200_000)).into_bytes()
    };
    let bodies: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        b"nonsense".to_vec(),
        b"{\"model\": 12, \"stream\": \"yes\"}".to_vec(),
        b"{\"model\": \"a\", \"model\": \"b\", \"stream\": null}".to_vec(),
        b"{\"model\": \"\\ud800\", \"\\u0000\": 1e999999}".to_vec(),
        b"\xef\xbb\xbf{\"model\": \"bom\"}".to_vec(),
        vec![0xff; 10_000],
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("{{\"model\": \"{}\"}}", "m".repeat(1 << 20)).into_bytes(),
    ];
    for body in bodies {
        for id in ["open", "cached"] {
            let case = gateway.gateway.fake.case(sample::chat());
            let path = format!("/v1/0123/{id}/openai/chat/completions");
            let call = gateway
                .gateway
                .post(&path)
                .case(&case)
                .header("content-type", "application/json");
            assert_eq!(call.body(body.clone()).complete().await.status, 200);
            assert_eq!(case.only().body, body);
            gateway.gateway.record(&case).await;
        }
    }
    gateway.still_serves().await;
}

#[tokio::test]
async fn answers_that_lie_harm_nobody_and_pass_unchanged() {
    let gateway = gateway();
    let usage = |text: &str| format!("{{\"model\": \"gpt-4o\", \"usage\": {text}}}");
    for body in [
        "{\"usage\": ".to_owned(),
        usage("null"),
        usage("[1]"),
        usage("{\"prompt_tokens\": -1, \"completion_tokens\": 1e400}"),
        usage(
            "{\"prompt_tokens\": 18446744073709551615, \"completion_tokens\": 18446744073709551615}",
        ),
        usage("{\"prompt_tokens\": \"11\", \"completion_tokens\": {}}"),
        "[".repeat(300_000),
        "{\"usage\":".repeat(100_000),
        "\u{0}\u{1}".repeat(100),
    ] {
        let answer = Answer::new(200)
            .header("content-type", "application/json")
            .chunk(body.clone())
            .sized();
        let case = gateway.gateway.fake.case(answer);
        let mut reply = gateway.call(&case).json(&json!({})).send().await;
        assert_eq!(reply.bytes().await, body.as_bytes());
        gateway.gateway.record(&case).await;
    }
    for events in [
        "data: {",
        "data",
        ": \u{feff}",
        "data: [DONE]\r\rdata: x",
        "event: message_start\ndata: {\"message\":7}",
    ] {
        let case = gateway.gateway.fake.case(Answer::events([events, events]));
        let mut reply = gateway
            .call(&case)
            .json(&json!({"stream": true}))
            .send()
            .await;
        assert_eq!(reply.text().await, format!("{events}\n\n{events}\n\n"));
        gateway.gateway.record(&case).await;
    }
    gateway.still_serves().await;
}

#[tokio::test]
async fn a_provider_cannot_speak_in_the_gateways_name() {
    let gateway = gateway();
    let forged = [
        "cf-aig-log-id",
        "cf-aig-event-id",
        "cf-aig-request-id",
        "cf-aig-step",
    ];
    let answer = forged
        .iter()
        .fold(sample::chat(), |answer, name| answer.header(name, "forged"));
    let case = gateway.gateway.fake.case(answer);
    let reply = gateway.call(&case).json(&json!({})).complete().await;
    for name in forged {
        let values = reply
            .headers
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.as_slice());
        assert!(
            values.clone().count() == 1 && !values.clone().any(|value| value == b"forged"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_provider_cannot_say_what_the_gateway_does_not() {
    let gateway = gateway();
    let forged = ["cf-aig-log-id", "cf-aig-cache-status"];
    for answer in [sample::chat(), Answer::json(429, &json!({}))] {
        let answer = forged
            .iter()
            .fold(answer, |answer, name| answer.header(name, "forged"));
        let case = gateway.gateway.fake.case(answer);
        let call = gateway.call(&case).header("cf-aig-collect-log", "false");
        let reply = call.json(&json!({})).complete().await;
        for name in forged {
            assert_eq!(reply.header(name), None, "{name} of {}", reply.status);
        }
    }
}

#[tokio::test]
async fn answers_that_are_no_http_become_an_orderly_refusal() {
    let gateway = gateway();
    for wire in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: nonsense\r\n\r\nx",
    ] {
        let case = gateway.gateway.fake.case(Answer::wire().chunk(wire));
        let call = gateway
            .gateway
            .post("/v1/0123/open/custom-raw/v1/x")
            .case(&case)
            .json(&json!({}));
        let reply = call.send().await;
        assert_eq!(reply.status, 400, "{wire:?}");
        let body = reply.raw().await.json();
        assert_eq!(body["error"][0]["code"], 2005, "{wire:?}");
    }
    gateway.still_serves().await;
}

#[tokio::test]
async fn bytes_at_random_harm_nobody() {
    let gateway = gateway();
    let case = gateway.gateway.fake.case(sample::chat());
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let template = format!(
        "POST /v1/0123/cached/openai/chat/completions?a=b HTTP/1.1\r\nhost: gateway.test\r\nx-case: {}\r\n\
         authorization: Bearer sk-1\r\ncf-aig-metadata: {{\"a\": 1}}\r\ncf-aig-cache-ttl: 60\r\n\
         content-type: application/json\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{{\"model\": \"gpt-4o\"}} ",
        case.id()
    );
    // What follows stays, so that every request has an end.
    let spoiled = template.find("content-length").unwrap();
    for _ in 0..300 {
        let mut bytes = template.clone().into_bytes();
        for _ in 0..=random(6) {
            bytes[random(spoiled)] = u8::try_from(random(256)).unwrap();
        }
        Wire::exchange(gateway.gateway.address(), bytes).await;
    }
    gateway.still_serves().await;
}
