//! Who is refused, and in which words.

use super::*;

#[test]
fn refusals_say_why_and_are_recorded() {
    for (path, code) in [
        ("/", 2901),
        ("/v1/acc/my-gateway/openai/../x", 2901),
        ("/v1/acc/nope/openai/chat/completions", 2001),
        ("/v1/acc/my-gateway/nope/chat/completions", 2008),
        ("/v1/acc/my-gateway/custom-nope/chat", 2008),
        (
            "/v1/acc/my-gateway/aws-bedrock/bedrock-runtime/evil.example/model/x/invoke",
            2902,
        ),
        ("/v1/acc/locked/openai/chat/completions", 2009),
        ("/v1/acc/my-gateway", 2904),
    ] {
        let mut call = Proxy::new().stream();
        call.head(path, &[]);
        assert_eq!(call.error_code(), code, "{path}");
        assert!(call.upstream.is_none());
        let record = call.done(0, false);
        assert_eq!(
            (&record["outcome"], &record["error_code"]),
            (&json!("refused"), &json!(code))
        );
    }
}

#[test]
fn a_gateway_credential_opens_the_gateway_and_goes_no_further() {
    let path = "/v1/acc/locked/openai/chat/completions";
    for (name, value) in [
        ("cf-aig-authorization", "Bearer demo-token"),
        ("authorization", "Bearer demo-token"),
        ("x-goog-api-key", "demo-token"),
        ("x-api-key", "demo-token"),
        (
            "sec-websocket-protocol",
            "chat, cf-aig-authorization.demo-token",
        ),
    ] {
        let mut call = Proxy::new().stream();
        call.head(path, &[(name, value)]);
        let edits = call
            .upstream
            .clone()
            .unwrap_or_else(|| panic!("{name} is accepted"));
        let kept = Edit::Set(name.into(), b"chat".to_vec());
        assert!(
            edits.contains(&Edit::Remove(name.into())) || edits.contains(&kept),
            "{name}"
        );
        assert_eq!(call.done(0, true)["authentication_name"], "demo");
    }
    for (name, value) in [
        ("cf-aig-authorization", "Bearer wrong"),
        ("authorization", "Bearer sk-provider"),
    ] {
        let mut call = Proxy::new().stream();
        call.head(path, &[(name, value)]);
        assert_eq!(call.error_code(), 2009);
        assert_eq!(call.told("x-should-retry").as_deref(), Some("false"));
    }
}

#[test]
fn beside_the_gateways_own_header_authorization_belongs_to_the_provider() {
    let mut call = Proxy::new().stream();
    let headers = [
        ("cf-aig-authorization", "Bearer demo-token"),
        ("authorization", "Bearer sk-provider"),
    ];
    call.head("/v1/acc/locked/openai/chat/completions", &headers);
    let edits = call.upstream.unwrap();
    assert!(edits.contains(&Edit::Remove("cf-aig-authorization".into())));
    assert!(!edits.contains(&Edit::Remove("authorization".into())));
}

#[test]
fn the_limit_refuses_with_the_time_to_wait() {
    let proxy = Proxy::new();
    let path = "/v1/acc/limited/openai/chat/completions";
    for _ in 0..2 {
        let mut call = proxy.stream();
        call.head(path, &[]);
        assert!(call.upstream.is_some());
    }
    let mut third = proxy.stream();
    third.head(path, &[]);
    assert_eq!(third.error_code(), 2003);
    let wait: u64 = third.told("retry-after").unwrap().parse().unwrap();
    assert!((10..=11).contains(&wait));
    proxy.host.advance(Duration::from_secs(wait));
    let mut later = proxy.stream();
    later.head(path, &[]);
    assert!(later.upstream.is_some());
}

#[test]
fn gateways_of_one_id_and_two_accounts_have_limits_of_their_own() {
    let proxy = Proxy::new();
    let admitted = |account: &str, gateway: &str| {
        let mut call = proxy.stream();
        call.head(
            &format!("/v1/{account}/{gateway}/openai/chat/completions"),
            &[],
        );
        call.upstream.is_some()
    };
    assert!(admitted("one", "team") && admitted("two", "team"));
    assert!(!admitted("one", "team") && !admitted("two", "team"));
    // Nobody escapes the limit of a gateway that is open to every account by inventing accounts.
    assert!(admitted("a", "limited") && admitted("b", "limited") && !admitted("c", "limited"));
}
