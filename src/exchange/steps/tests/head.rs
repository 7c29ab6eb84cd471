//! The head of a step.

use super::*;

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
fn a_steps_fields_are_not_larger_than_any_provider_takes() {
    let step = |fields: Value| with(json!({ "headers": fields })).to_string();
    let large = "x".repeat(40_000);
    let fits = step(json!({"x-a": large, "x-b": "y".repeat(25_000)}));
    assert!(read(fits.as_bytes()).is_ok());
    assert_eq!(
        refusal(&step(json!({"x-a": large, "x-b": large}))),
        "headers.x-b: makes the header fields larger than 65536 bytes"
    );
    let alias = with(json!({"authorization": "x".repeat(70_000)})).to_string();
    assert_eq!(refusal(&alias), "authorization: is larger than 65536 bytes");
}
