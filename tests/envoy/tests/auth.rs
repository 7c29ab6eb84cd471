//! Issue: a gateway with authentication serves those who show a credential of it, and nobody else learns it.

use serde_json::json;
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Gateway, Lease, Shared, sample};

const LOCKED: &str = "/v1/0123/locked/openai/chat/completions";

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    // SHA-256 of `first-credential`.
    let sha256 = "e1df97a3f4843580946a3bcc301f52b216eda97a07dbcdd3b94891f952d0ece1";
    let credentials = json!([
        {"name": "first", "sha256": sha256},
        {"name": "second", "environment_variable": "SECOND_CREDENTIAL"}
    ]);
    let config = json!({"gateways": [
        {"id": "open"},
        {"id": "locked", "authentication": true, "credentials": credentials}
    ]});
    crate::gateway()
        .config(&config)
        .environment("SECOND_CREDENTIAL", "second-credential")
        .start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

#[tokio::test]
async fn without_a_credential_or_with_a_wrong_one_nothing_is_served() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    for (name, value) in [
        ("x-none", ""),
        ("cf-aig-authorization", ""),
        ("cf-aig-authorization", "Bearer "),
        ("cf-aig-authorization", "Bearer wrong"),
        ("cf-aig-authorization", "Bearer first-credentia"),
        ("cf-aig-authorization", "Bearer first-credential2"),
        ("cf-aig-authorization", "Basic first-credential"),
        ("cf-aig-authorization", "first-credential"),
        ("authorization", "Bearer sk-of-the-provider"),
        ("x-goog-api-key", "key-of-the-provider"),
        ("sec-websocket-protocol", "cf-aig-authorization.wrong"),
    ] {
        let call = gateway
            .post(LOCKED)
            .case(&case)
            .header(name, value)
            .json(&sample::ask("hi"));
        let reply = call.complete().await;
        assert_eq!(reply.status, 401, "{name}: {value}");
        assert_refused(&reply, 401, 2009);
    }
    assert_eq!(case.seen().len(), 0);
}

#[tokio::test]
async fn the_refusal_is_worded_as_clients_compare_it() {
    let gateway = gateway();
    let body = gateway
        .post(LOCKED)
        .json(&json!({}))
        .send()
        .await
        .json()
        .await;
    assert_eq!(
        body["error"],
        json!([{"code": 2009, "message": "Unauthorized"}])
    );
}

#[tokio::test]
async fn every_credential_of_the_gateway_opens_it_and_is_named_in_the_record() {
    let gateway = gateway();
    for name in ["first", "second"] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway.post(LOCKED).case(&case).json(&sample::ask("hi"));
        let reply = call
            .header("cf-aig-authorization", format!("Bearer {name}-credential"))
            .send()
            .await;
        assert_eq!(reply.status, 200);
        let record = gateway.record(&case).await;
        assert_eq!(
            (&record["authentication"], &record["authentication_name"]),
            (&json!(true), &json!(name))
        );
        assert_eq!(case.only().header("cf-aig-authorization"), None);
    }
}

#[tokio::test]
async fn a_credential_is_accepted_where_sdks_put_it_and_goes_no_further() {
    let gateway = gateway();
    for (name, value) in [
        ("authorization", "Bearer first-credential"),
        ("x-goog-api-key", "first-credential"),
        (
            "sec-websocket-protocol",
            "cf-aig-authorization.first-credential",
        ),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .post(LOCKED)
            .case(&case)
            .header(name, value)
            .json(&sample::ask("hi"));
        assert_eq!(call.complete().await.status, 200, "{name}");
        let seen = case.only();
        let leaks = |value: &[u8]| String::from_utf8_lossy(value).contains("first-credential");
        assert!(
            !seen.headers.iter().any(|(_, value)| leaks(value)),
            "{:?}",
            seen.headers
        );
    }
}

#[tokio::test]
async fn the_other_sub_protocols_of_a_websocket_go_on() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let protocols = "realtime, cf-aig-authorization.first-credential, openai-insecure-api-key.sk-1";
    let call = gateway
        .get("/v1/0123/locked/openai/realtime")
        .case(&case)
        .header("sec-websocket-protocol", protocols);
    assert_eq!(call.complete().await.status, 200);
    let sent = case
        .only()
        .header("sec-websocket-protocol")
        .unwrap_or_default()
        .replace(' ', "");
    assert_eq!(sent, "realtime,openai-insecure-api-key.sk-1");
}

#[tokio::test]
async fn the_providers_credential_passes_beside_the_gateways() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let call = gateway
        .post(LOCKED)
        .case(&case)
        .header("cf-aig-authorization", "Bearer first-credential");
    let call = call
        .header("authorization", "Bearer sk-of-the-provider")
        .header("x-api-key", "sk-other");
    assert_eq!(call.json(&sample::ask("hi")).complete().await.status, 200);
    let seen = case.only();
    assert_eq!(
        seen.header("authorization").as_deref(),
        Some("Bearer sk-of-the-provider")
    );
    assert_eq!(seen.header("x-api-key").as_deref(), Some("sk-other"));
}

#[tokio::test]
async fn an_open_gateway_serves_everybody_and_still_keeps_what_is_meant_for_it() {
    let gateway = gateway();
    for value in ["Bearer first-credential", "Bearer whatever", "nonsense"] {
        let case = gateway.fake.case(sample::chat());
        let call = gateway
            .post("/v1/0123/open/openai/chat/completions")
            .case(&case)
            .json(&sample::ask("hi"));
        assert_eq!(
            call.header("cf-aig-authorization", value)
                .complete()
                .await
                .status,
            200
        );
        assert_eq!(case.only().header("cf-aig-authorization"), None);
        let record = gateway.record(&case).await;
        assert_eq!(
            (&record["authentication"], &record["authentication_name"]),
            (&json!(false), &json!(null))
        );
    }
}

#[tokio::test]
async fn a_credential_is_checked_before_the_provider_is_looked_at() {
    let gateway = gateway();
    let reply = gateway
        .post("/v1/0123/locked/nonesuch/x")
        .json(&json!({}))
        .complete()
        .await;
    assert_refused(&reply, 401, 2009);
}
