//! Requests that nobody means well with, and records in which calls say what they like.

use proptest::prelude::*;
use serde_json::json;

use super::{API, Console};

#[test]
fn a_path_that_leads_nowhere_is_404_and_never_more() {
    let console = Console::new();
    for target in [
        "/client",
        "/client/v4",
        "/client/v4/",
        "/client/v4/accounts",
        "/client/v4/accounts//ai-gateway/gateways",
        "/client/v4/accounts/acc/ai-gateway",
        "/client/v4/accounts/acc/ai-gateway/",
        "/client/v4/accounts/acc/other/gateways",
        "/client/v4/accounts/acc/ai-gateway/gateways/",
        "/client/v4/accounts/acc/ai-gateway/gateways/gw/",
        "/client/v4/accounts/acc/ai-gateway/gateways/gw/../../x",
        "/client/v4/accounts/acc/ai-gateway/gateways/%2e%2e",
        "/client/v4/accounts/acc/ai-gateway/gateways/gw%00",
        "/client/v4/accounts/acc/ai-gateway/gateways/%zz",
        "/client/v4/accounts/acc/ai-gateway/gateways/%ff",
        "/client/v4/accounts/acc/ai-gateway/gateways/_/limits",
        "/client/v4/accounts/acc/ai-gateway/gateways/_/datasets",
        "/console/../index.html",
        "/console/x/y",
        "/console/none.js",
        "/index.html",
        "//",
        "/console/%2e%2e/mod.rs",
        "/favicon.ico",
        "*",
        "http://x/",
    ] {
        assert_eq!(
            console.call("GET", target, &[], None).status,
            404,
            "{target}"
        );
    }
    assert_eq!(
        console
            .call(
                "GET",
                &format!("{API}/gateways?{}", "x".repeat(40_000)),
                &[],
                None
            )
            .status,
        404
    );
}

#[test]
fn a_query_that_cannot_be_decoded_is_refused() {
    let console = Console::new();
    let many = "a=1&".repeat(600);
    for query in ["a=%zz", "a=%f", "%ff=1", "a=%C3", &many] {
        let (status, code, _) = console.get(&format!("/gateways/gw/logs?{query}")).refusal();
        assert_eq!((status, code), (400, 7001));
    }
}

#[test]
fn what_a_refusal_repeats_of_a_request_is_short() {
    let console = Console::new();
    let long = "y".repeat(5000);
    for query in [
        format!("order_by={long}"),
        format!("page={long}"),
        format!("filters=[{{\"key\":\"{long}\",\"operator\":\"eq\",\"value\":[1]}}]"),
    ] {
        let text = console.get(&format!("/gateways/gw/logs?{query}")).text();
        assert!(text.len() < 1000, "{text}");
    }
}

#[test]
fn every_answer_says_that_it_is_what_it_is_and_nobody_elses() {
    let console = Console::new();
    let id = console
        .store_with(
            &[json!({})],
            Some("<script>alert(1)</script>"),
            Some("<html>"),
        )
        .remove(0);
    for path in [
        "/gateways".to_owned(),
        "/nothing".to_owned(),
        "/gateways/gw/logs".to_owned(),
        "/gateways/gw/logs?format=csv".to_owned(),
        "/gateways/gw/logs?format=ndjson".to_owned(),
        format!("/gateways/gw/logs/{id}"),
        format!("/gateways/gw/logs/{id}/request"),
        format!("/gateways/gw/logs/{id}/response"),
    ] {
        let answer = console.get(&path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
        assert!(!answer.header("content-type").contains("html"), "{path}");
    }
}

#[test]
fn a_call_that_writes_other_fields_into_its_own_stays_where_it_is() {
    let console = Console::new();
    let fake = r#"","gateway_id":"other","account_id":"else","cost":null,"x":""#;
    console.store(&[json!({
        "event_id": fake, "user_agent": fake, "path": fake, "model": fake,
        "metadata": {"gateway_id": "other", "account_id": "else", "cost": "null", "provider": "null"},
    })]);
    assert_eq!(console.list("").len(), 1);
    assert_eq!(
        console.get("/gateways/other/logs").json()["result_info"]["total_count"],
        0
    );
    let item = &console.list("")[0];
    assert_eq!(
        (&item["event_id"], &item["metadata"]["cost"]),
        (&json!(fake), &json!("null"))
    );
}

#[test]
fn a_record_of_no_gateway_is_nobodys_whatever_is_in_it() {
    let console = Console::new();
    let metadata = json!({"account_id": "acc", "gateway_id": "gw"});
    console.store(&[json!({"account_id": null, "gateway_id": null, "metadata": metadata})]);
    assert_eq!(console.list("").len(), 0);
    let all = "/client/v4/accounts/_/ai-gateway/gateways/_/logs";
    let all = console.call("GET", all, &[], None).json();
    assert_eq!(all["result_info"]["total_count"], 1);
}

#[test]
fn a_line_that_is_no_record_hides_no_other() {
    let console = Console::new();
    console.store(&[
        json!({"model": "a", "duration": "long", "cached": 7}),
        json!({"model": "b"}),
        json!({"model": "c", "success": null}),
    ]);
    assert_eq!(console.models("model=b").concat(), "b");
    assert_eq!(
        console
            .get("/gateways/gw/logs?format=csv")
            .text()
            .lines()
            .count(),
        2
    );
}

#[test]
fn a_store_that_fails_is_said_to_fail() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    for path in [
        "/gateways/gw/logs".to_owned(),
        format!("/gateways/gw/logs/{id}"),
        "/gateways/gw/analytics".to_owned(),
        "/gateways/gw/limits".to_owned(),
        "/gateways/gw/datasets".to_owned(),
    ] {
        for call in 0..2 {
            console.host.fail_at.set(Some(call));
            let status = console.get(&path).status;
            assert!(status == 503 || call > 0, "{path} {status}");
        }
        console.host.fail_at.set(None);
    }
}

proptest! {
    // Each case makes a console and its keeper.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_in_a_request_brings_it_down(
        method in "GET|POST|PUT|PATCH|DELETE|HEAD|[A-Z]{1,8}",
        path in prop::collection::vec("gateways|gw|_|logs|datasets|evaluations|analytics|limits|url|openai|routes|[a-z0-9%_.-]{0,12}", 0..6),
        query in "[ -~]{0,80}",
        body in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
    ) {
        let console = Console::new();
        console.store(&[json!({})]);
        let target = format!("{API}/{}?{query}", path.join("/"));
        let answer = console.call(&method, &target, &[], body.as_deref());
        prop_assert!((200..=599).contains(&answer.status));
    }

    #[test]
    fn a_body_of_json_brings_nothing_down(body in "[\\[\\]{}\",:a-z0-9.e-]{0,60}", what in 0_usize..4) {
        let console = Console::new();
        let id = console.store(&[json!({})]).remove(0);
        let (method, path) = [
            ("PATCH", format!("/gateways/gw/logs/{id}")),
            ("POST", "/gateways/gw/datasets".to_owned()),
            ("POST", "/gateways/gw/evaluations".to_owned()),
            ("PUT", "/gateways/gw/datasets/x".to_owned()),
        ][what].clone();
        let answer = console.call(method, &format!("{API}{path}"), &[], Some(body.as_bytes()));
        prop_assert!([200, 400, 404].contains(&answer.status), "{}", answer.text());
    }
}
