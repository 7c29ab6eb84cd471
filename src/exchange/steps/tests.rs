//! The promises of the universal endpoint's body: every spelling is understood, every fault has its place, and nothing
//! of one step or of the request gets into another step's head.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::Backoff;
use crate::exchange::options::Options;
use crate::exchange::url::{self, CallUrl};
use crate::llm::provider::{self, UpstreamCall};

fn headers(fields: &[(&str, &str)]) -> HeaderList {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    fields.collect()
}

fn pairs(head: &HeaderList) -> Vec<(&str, &str)> {
    head.iter()
        .map(|(name, value)| (name, std::str::from_utf8(value).unwrap()))
        .collect()
}

/// The fault of a body, as the client is told.
fn refusal(body: &str) -> String {
    let BodyFault { place, what } = read(body.as_bytes()).unwrap_err();
    format!("{place}: {what}")
}

/// A good step with these members instead.
fn with(members: Value) -> Value {
    let mut step =
        json!({"provider": "openai", "endpoint": "chat/completions", "query": {"model": "m"}});
    let Value::Object(members) = members else {
        panic!("an object")
    };
    step.as_object_mut().unwrap().extend(members);
    step
}

/// The head of a call that has this step only.
fn head_of(members: Value, request: &[(&str, &str)]) -> HeaderList {
    let body = with(members).to_string();
    let steps = read(body.as_bytes()).unwrap();
    steps[0].head(&headers(request))
}

#[test]
fn every_member_of_a_step_is_read_and_the_body_is_the_clients_text() {
    let body = r#" [ {"provider":"workers-ai","endpoint":"@cf/meta/llama-3.1-8b-instruct",
        "headers":{"Authorization":"Bearer T","Content-Type":"application/json"},
        "config":{"requestTimeout":1000,"maxAttempts":2,"retryDelay":0,"backoff":"linear","other":[]},
        "query": {"messages" : [{"role":"user","content":"h\u00e9 \n"}], "n":1.0e0, "a":1, "a":2 } , "extra": {}},
      {"query":"text","provider":"custom-in_house","endpoint":"/v1/x?a=b&c=?"}]"#;
    let steps = read(body.as_bytes()).unwrap();
    let first = Step {
        provider: "workers-ai".into(),
        path: "@cf/meta/llama-3.1-8b-instruct".into(),
        query: None,
        headers: headers(&[
            ("authorization", "Bearer T"),
            ("content-type", "application/json"),
        ]),
        config: Wishes {
            attempts: Some(2),
            delay_ms: Some(0),
            backoff: Some(Backoff::Linear),
            timeout_ms: Some(1000),
        },
        body:
            br#"{"messages" : [{"role":"user","content":"h\u00e9 \n"}], "n":1.0e0, "a":1, "a":2 }"#,
    };
    let second = Step {
        provider: "custom-in_house".into(),
        path: "v1/x".into(),
        query: Some("a=b&c=?".into()),
        headers: HeaderList::default(),
        config: Wishes::default(),
        body: b"\"text\"",
    };
    assert_eq!(steps, [first, second]);
}

#[test]
fn a_step_alone_is_a_list_of_one() {
    let step = with(json!({"headers": {"x-a": "1"}})).to_string();
    let list = format!("[{step}]");
    assert_eq!(read(step.as_bytes()), read(list.as_bytes()));
    assert_eq!(
        refusal(r#"{"provider":"openai","endpoint":"x"}"#),
        "query: missing"
    );
    assert_eq!(
        refusal(r#" {"provider":"p","endpoint":"x","query":1,"headers":{"x":[]}}"#),
        "headers.x: must be a string"
    );
}

#[test]
fn null_is_absent_and_the_last_of_two_members_counts() {
    let body = r#"{"provider":"anthropic","provider":"openai","endpoint":"e","headers":null,"config":null,
        "authorization":null,"query":1,"query":null}"#;
    let step = &read(body.as_bytes()).unwrap()[0];
    assert_eq!(
        (step.provider.as_str(), step.body),
        ("openai", &b"null"[..])
    );
    assert_eq!(step.headers, HeaderList::default());
    let nulls =
        with(json!({"config": {"maxAttempts": null, "backoff": null}, "headers": {"x": null}}));
    let nulls = nulls.to_string();
    let step = &read(nulls.as_bytes()).unwrap()[0];
    assert_eq!(
        (step.config, &step.headers),
        (Wishes::default(), &HeaderList::default())
    );
}

#[test]
fn a_body_that_is_no_list_of_steps_is_refused_with_the_place() {
    let many = Value::from(vec![with(json!({})); MAX_STEPS + 1]).to_string();
    for (body, wanted) in [
        ("", "body: is empty"),
        (" \n", "body: is empty"),
        ("\"x\"", "body: must be a list of steps"),
        ("null", "body: must be a list of steps"),
        ("[]", "body: has no steps"),
        ("[{}\n, {]", "body: is not JSON: line 2, column 4"),
        ("[", "body: is not JSON: line 1, column 1"),
        ("{}]", "body: is not JSON: line 1, column 3"),
        (&many, "body: has more than 16 steps"),
        ("[1]", "[0]: must be an object"),
        ("[{}]", "[0].provider: missing"),
    ] {
        assert_eq!(refusal(body), wanted, "{body}");
    }
    let not_text = read(b"[{\"a\": \"\xff\"}]").unwrap_err();
    assert!(not_text.what.starts_with("is not JSON"), "{not_text:?}");
}

/// Checks the fault of a list whose second step has each of these members, after the place of the step.
fn check(cases: &[(Value, &str)]) {
    for (members, wanted) in cases {
        let list = json!([with(json!({})), with(members.clone())]).to_string();
        assert_eq!(refusal(&list), format!("[1].{wanted}"), "{members}");
    }
}

#[test]
fn a_bad_provider_endpoint_or_query_is_refused_with_the_exact_place() {
    let (slug, control) = (
        "provider: is not the name of a provider",
        "endpoint: the path or query has white space or a control character",
    );
    check(&[
        (json!({"provider": 7}), "provider: must be a string"),
        (json!({"provider": null}), "provider: missing"),
        (json!({"provider": "a/b"}), slug),
        (json!({"provider": ""}), slug),
        (json!({"endpoint": ["x"]}), "endpoint: must be a string"),
        (
            json!({"endpoint": "a/../b"}),
            "endpoint: the path has a segment of dots",
        ),
        (
            json!({"endpoint": "//evil.example"}),
            "endpoint: the path has an empty segment",
        ),
        (json!({"endpoint": "a?b c"}), control),
        (json!({"endpoint": "a\r\nx: y"}), control),
    ]);
    let step = json!({"provider": "p", "endpoint": "e"});
    let list = json!([with(json!({})), with(json!({})), step]).to_string();
    assert_eq!(refusal(&list), "[2].query: missing");
}

#[test]
fn a_bad_header_of_a_step_is_refused_with_the_exact_place() {
    let name = "headers: has a name that is no header's";
    let line = "headers.x: has a control character";
    let crowd: Value = (0..200).map(|n| (format!("x-{n}"), json!("v"))).collect();
    check(&[
        (json!({"headers": "x"}), "headers: must be an object"),
        (
            json!({"headers": {"x-list": ["a"]}}),
            "headers.x-list: must be a string",
        ),
        (
            json!({"headers": {"x-object": {}}}),
            "headers.x-object: must be a string",
        ),
        (json!({"headers": {"x": "a\r\ny: b"}}), line),
        (json!({"headers": {"x": "a\u{0}"}}), line),
        (json!({"headers": {"x\r\ny": "b"}}), name),
        (json!({"headers": {":path": "/"}}), name),
        (json!({"headers": {"": "b"}}), name),
        (json!({"headers": {"ü": "b"}}), name),
        (
            json!({"headers": crowd}),
            "headers: has more than 128 members",
        ),
        (
            json!({"authorization": 1}),
            "authorization: must be a string",
        ),
        (
            json!({"authorization": "a\nb"}),
            "authorization: has a control character",
        ),
    ]);
    let lone = r#"[{"provider":"p","endpoint":"e","query":1,"headers":{"x":"\ud800"}}]"#;
    assert_eq!(refusal(lone), "[0].headers.x: must be a string");
}

#[test]
fn a_bad_config_of_a_step_is_refused_with_the_exact_place() {
    let attempts = "config.maxAttempts: must be a whole number from 1 to 5";
    let delay = "config.retryDelay: must be a whole number from 0 to 60000";
    check(&[
        (json!({"config": []}), "config: must be an object"),
        (json!({"config": {"maxAttempts": 0}}), attempts),
        (json!({"config": {"maxAttempts": 6}}), attempts),
        (json!({"config": {"maxAttempts": "2"}}), attempts),
        (json!({"config": {"retryDelay": 60_001}}), delay),
        (json!({"config": {"retryDelay": 1.5}}), delay),
        (
            json!({"config": {"requestTimeout": -1}}),
            "config.requestTimeout: must be a whole number from 0 to 3600000",
        ),
        (
            json!({"config": {"backoff": "random"}}),
            "config.backoff: must be constant, linear or exponential",
        ),
    ]);
}

#[test]
fn header_fields_keep_their_order_and_a_second_spelling_replaces_the_first() {
    let body = r#"{"provider":"p","endpoint":"e","query":1,
        "headers":{"B":"1","a":" 2 ","X-Api-Key":"old","x-api-key":"new","c":"ü"}}"#;
    let step = &read(body.as_bytes()).unwrap()[0];
    assert_eq!(
        pairs(&step.headers),
        [("b", "1"), ("a", "2"), ("x-api-key", "new"), ("c", "ü")]
    );
}

#[test]
fn the_authorization_member_is_the_header_where_there_is_none() {
    let alias = head_of(json!({"authorization": "Bearer A"}), &[]);
    assert_eq!(alias.text("authorization"), Some("Bearer A"));
    let both = json!({"authorization": "Bearer A", "headers": {"Authorization": "Bearer H"}});
    let both = head_of(both, &[]);
    let values: Vec<_> = both.values("authorization").collect();
    assert_eq!(values, [b"Bearer H"]);
}

#[test]
fn what_the_worker_bindings_types_allow_is_a_header_too() {
    let head = head_of(
        json!({"headers": {"cf-aig-cache-ttl": 60, "cf-aig-skip-cache": true, "cf-aig-metadata": {"team": "a"}}}),
        &[],
    );
    let options = Options::read(&head);
    assert_eq!(
        (options.cache_ttl, options.skip_cache),
        (Some(60), Some(true))
    );
    assert!(options.metadata.is_some());
    let lines = "{\"provider\":\"p\",\"endpoint\":\"e\",\"query\":1,\"headers\":{\"cf-aig-metadata\":{\"b\":1,\n\"a\":2}}}";
    let step = &read(lines.as_bytes()).unwrap()[0];
    assert_eq!(
        pairs(&step.headers),
        [("cf-aig-metadata", "{\"b\":1, \"a\":2}")]
    );
}

/// A request that holds one of everything.
const REQUEST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", "gateway.example.com"),
    (":path", "/v1/acc/gw/?x=y"),
    ("content-type", "application/json"),
    ("content-length", "999"),
    ("content-encoding", "gzip"),
    ("transfer-encoding", "chunked"),
    ("authorization", "Bearer REQUEST"),
    ("cf-aig-authorization", "Bearer GATEWAY"),
    ("x-api-key", "REQUEST"),
    ("api-key", "REQUEST"),
    ("x-goog-api-key", "REQUEST"),
    ("xi-api-key", "REQUEST"),
    ("ocp-apim-subscription-key", "REQUEST"),
    ("x-amz-security-token", "REQUEST"),
    ("x-amz-date", "REQUEST"),
    ("sec-websocket-protocol", "REQUEST"),
    ("proxy-authorization", "REQUEST"),
    ("cf-access-jwt-assertion", "REQUEST"),
    ("cookie", "REQUEST"),
    ("x-custom-secret", "REQUEST"),
    ("anthropic-version", "REQUEST"),
    ("openai-organization", "REQUEST"),
    ("idempotency-key", "REQUEST"),
    ("x-fal-target-url", "REQUEST"),
    ("x-forwarded-for", "REQUEST"),
    ("x-stainless-lang", "REQUEST"),
    ("x-envoy-max-retries", "REQUEST"),
    ("x-sluice-cluster", "REQUEST"),
    ("origin", "REQUEST"),
    ("baggage", "REQUEST"),
    ("expect", "REQUEST"),
    ("te", "REQUEST"),
    ("upgrade", "REQUEST"),
    ("connection", "REQUEST"),
    ("user-agent", "SDK/1"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip"),
    ("accept-language", "de"),
    ("traceparent", "00-1-2-03"),
    ("tracestate", "t"),
    ("x-request-id", "r"),
    ("x-forwarded-proto", "https"),
    ("cf-aig-cache-ttl", "3600"),
    ("cf-aig-event-id", "e"),
    ("cf-skip-cache", "true"),
];

#[test]
fn of_the_request_only_settings_and_what_describes_the_client_go_to_a_step() {
    let head = head_of(
        json!({"headers": {"Authorization": "Bearer STEP"}}),
        REQUEST,
    );
    let wanted = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "gateway.example.com"),
        (":path", "/v1/acc/gw/openai/chat/completions"),
        ("user-agent", "SDK/1"),
        ("accept", "*/*"),
        ("accept-encoding", "gzip"),
        ("accept-language", "de"),
        ("traceparent", "00-1-2-03"),
        ("tracestate", "t"),
        ("x-request-id", "r"),
        ("x-forwarded-proto", "https"),
        ("cf-aig-cache-ttl", "3600"),
        ("cf-aig-event-id", "e"),
        ("cf-skip-cache", "true"),
        ("authorization", "Bearer STEP"),
        ("content-type", "application/json"),
        ("content-length", "13"),
    ];
    assert_eq!(pairs(&head), wanted);
}

#[test]
fn no_field_of_one_step_is_in_the_head_of_another() {
    let own = |mark: &str, fields: &[&str]| -> Value {
        let marked = fields.iter().map(|name| ((*name).to_owned(), json!(mark)));
        marked.collect()
    };
    for (name, _) in REQUEST.iter().filter(|(name, _)| !name.starts_with(':')) {
        let first = with(json!({"authorization": "FIRST", "headers": own("FIRST", &[name])}));
        let second = json!({"provider": "p", "endpoint": "e", "headers": own("SECOND", &[name]), "query": 2});
        let last = json!({"provider": "q", "endpoint": "f?g=h", "query": 3});
        let body = json!([first, second, last]).to_string();
        let steps = read(body.as_bytes()).unwrap();
        for (step, mark) in steps.iter().zip(["FIRST", "SECOND", "none"]) {
            let head = step.head(&headers(&[(":path", "/v1/a/g")]));
            let marks = head
                .iter()
                .filter(|(_, value)| matches!(*value, b"FIRST" | b"SECOND"));
            for (field, value) in marks {
                assert_eq!(value, mark.as_bytes(), "{field}");
            }
        }
        assert_eq!((steps[1].body, steps[2].body), (&b"2"[..], &b"3"[..]));
    }
}

#[test]
fn what_is_not_a_steps_to_say_is_dropped() {
    for name in [
        "Host",
        "Content-Length",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "TE",
        "Trailer",
        "Upgrade",
        "HTTP2-Settings",
        "Expect",
        "X-Envoy-Retry-On",
        "cf-aig-authorization",
    ] {
        let own: Value = [(name.to_owned(), json!("STEP"))].into_iter().collect();
        let head = head_of(json!({"headers": own}), &[]);
        assert!(head.iter().all(|(_, value)| value != b"STEP"), "{name}");
    }
}

#[test]
fn a_steps_settings_beat_the_requests_under_either_name() {
    let ttl = |own: Value, request: &[(&str, &str)]| {
        Options::read(&head_of(json!({"headers": own}), request)).cache_ttl
    };
    let request = [("cf-aig-cache-ttl", "3600")];
    assert_eq!(ttl(json!({}), &request), Some(3600));
    assert_eq!(ttl(json!({"CF-AIG-Cache-TTL": "0"}), &request), Some(0));
    assert_eq!(ttl(json!({"cf-cache-ttl": "0"}), &request), Some(0));
    assert_eq!(
        ttl(
            json!({"cf-aig-cache-ttl": "60"}),
            &[("cf-cache-ttl", "120")]
        ),
        Some(60)
    );
    let own = json!({"headers": {"user-agent": "step", "cf-aig-max-attempts": "2"}});
    let head = head_of(
        own,
        &[("user-agent", "request"), ("cf-aig-max-attempts", "5")],
    );
    assert_eq!(head.values("user-agent").collect::<Vec<_>>(), [b"step"]);
    assert_eq!(Wishes::read(&head).attempts, Some(2));
}

#[test]
fn every_spelling_of_an_endpoint_reaches_the_providers_own_path() {
    for (slug, endpoint, wanted) in [
        ("openai", "chat/completions", "/v1/chat/completions"),
        ("openai", "/v1/chat/completions", "/v1/chat/completions"),
        ("openai", "v1/responses", "/v1/responses"),
        ("anthropic", "v1/messages", "/v1/messages"),
        (
            "google-ai-studio",
            "v1beta/models/m:streamGenerateContent?alt=sse",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
        ),
        ("grok", "v1/chat/completions", "/v1/chat/completions"),
        ("grok", "chat/completions", "/v1/chat/completions"),
        ("groq", "/chat/completions", "/openai/v1/chat/completions"),
        ("replicate", "predictions", "/v1/predictions"),
        ("replicate", "v1/predictions", "/v1/predictions"),
        ("openrouter", "chat/completions", "/api/v1/chat/completions"),
        (
            "fireworks",
            "chat/completions",
            "/inference/v1/chat/completions",
        ),
        (
            "workers-ai",
            "@cf/meta/llama-3.1-8b-instruct",
            "/client/v4/accounts/acc/ai/run/@cf/meta/llama-3.1-8b-instruct",
        ),
        (
            "workers-ai",
            "v1/chat/completions",
            "/client/v4/accounts/acc/ai/v1/chat/completions",
        ),
        (
            "azure-openai",
            "res/dep/chat/completions?api-version=2024-10-21",
            "/openai/deployments/dep/chat/completions?api-version=2024-10-21",
        ),
    ] {
        let members = json!({"provider": slug, "endpoint": endpoint});
        let head = head_of(members, &[(":path", "/v1/acc/gw")]);
        let Ok(CallUrl::Provider {
            account,
            provider,
            path,
            query,
            ..
        }) = url::parse(head.value(":path").unwrap())
        else {
            panic!("{slug}: {endpoint}")
        };
        let call = UpstreamCall {
            account,
            path,
            query,
            fal_target_url: None,
        };
        let upstream = provider::find(provider).unwrap().upstream(&call).unwrap();
        assert_eq!(upstream.path, wanted, "{slug}: {endpoint}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_every_fault_has_a_place(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            r#"\[?\{("(provider|endpoint|query|headers|config)":("\PC{0,4}"|\{"x":[0-9n]\}|null|7),?){0,5}\}\]?"#
                .prop_map(String::into_bytes),
        ],
    ) {
        match read(&body) {
            Ok(steps) => prop_assert!(!steps.is_empty() && steps.len() <= MAX_STEPS),
            Err(fault) => prop_assert!(!fault.place.is_empty() && !fault.what.is_empty()),
        }
    }

    #[test]
    fn any_query_is_kept_byte_for_byte(text in "\\PC{0,20}", number: i64, spaces in "[ \n\t]{0,5}") {
        let query = format!("{{{spaces}{}{spaces}:{spaces}{number}{spaces}}}", json!(text));
        let body = format!(r#"[{spaces}{{"query"{spaces}:{spaces}{query}{spaces},"provider":"p","endpoint":"e"}}{spaces}]"#);
        let steps = read(body.as_bytes()).unwrap();
        prop_assert_eq!(steps[0].body, query.as_bytes());
    }
}
