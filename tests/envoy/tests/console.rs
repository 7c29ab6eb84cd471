//! The control API in Envoy: what workers log is what its clients see, and what they change is what stays.

use serde_json::{Value, json};
use sluice_e2e::{Call, Gateway, Lease, Shared, sample};

const LOGS: &str = "/gateways/my-gateway/logs";

static GATEWAY: Shared = Shared::new(|| {
    crate::gateway()
        .config(&json!({
            "console": {"open": true, "gateway_url": "http://ai.test"},
            "gateways": [{"id": "my-gateway", "collect_log_payload": true}, {"id": "other"}],
        }))
        .start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A request to the control API.
fn api(gateway: &Gateway, method: &str, path: &str) -> Call {
    let path = format!("/client/v4/accounts/0123/ai-gateway{path}");
    gateway.console(method, &path)
}

async fn get(gateway: &Gateway, path: &str) -> Value {
    let mut reply = api(gateway, "GET", path).send().await;
    assert_eq!(reply.status, 200, "{path}");
    reply.json().await
}

/// Makes a call that is logged, and returns the log's id once the log is there.
async fn call(gateway: &Gateway, metadata: &str, prompt: &str) -> String {
    let case = gateway.fake.case(sample::chat());
    let call = gateway.post("/v1/0123/my-gateway/openai/v1/chat/completions");
    let call = call.header("cf-aig-metadata", metadata).case(&case);
    let mut reply = call.json(&sample::ask(prompt)).send().await;
    let id = reply.header("cf-aig-log-id").unwrap().to_owned();
    assert_eq!((reply.status, reply.rest().await.1), (200, true));
    let path = format!("{LOGS}/{id}");
    sluice_e2e::until_status(|| api(gateway, "GET", &path), 200).await;
    id
}

/// The ids of the logs with this value in their metadata.
async fn of_value(gateway: &Gateway, value: &str) -> Vec<String> {
    let filter = format!("filters.key=metadata.value&filters.operator=eq&filters.value={value}");
    let found = get(gateway, &format!("{LOGS}?{filter}")).await;
    let ids = found["result"].as_array().unwrap().iter();
    ids.map(|log| log["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_call_is_found_by_its_filters_and_read_with_its_bodies() {
    let gateway = gateway();
    let id = call(&gateway, r#"{"case":"read"}"#, "What is a sluice?").await;
    assert_eq!(of_value(&gateway, "read").await, std::slice::from_ref(&id));
    let log = get(&gateway, &format!("{LOGS}/{id}")).await["result"].take();
    assert_eq!(
        (&log["provider"], &log["status_code"], &log["success"]),
        (&json!("openai"), &json!(200), &json!(true))
    );
    assert_eq!(log["request_head_complete"], true);
    let request = get(&gateway, &format!("{LOGS}/{id}/request")).await;
    assert_eq!(request, sample::ask("What is a sluice?"));
    let response = get(&gateway, &format!("{LOGS}/{id}/response")).await;
    assert_eq!(response, sample::chat_body());
    let other = get(&gateway, "/gateways/other/logs").await;
    assert_eq!(other["result_info"]["total_count"], 0);
}

#[tokio::test]
async fn a_patch_and_a_deletion_hold_as_soon_as_they_are_answered() {
    let gateway = gateway();
    let (one, two) = (
        call(&gateway, r#"{"case":"change"}"#, "one").await,
        call(&gateway, r#"{"case":"change"}"#, "two").await,
    );
    let path = format!("{LOGS}/{one}");
    for feedback in [1, -1] {
        let body = json!({"feedback": feedback, "score": 50});
        assert_eq!(
            api(&gateway, "PATCH", &path)
                .json(&body)
                .send()
                .await
                .status,
            200
        );
        let log = get(&gateway, &path).await["result"].take();
        assert_eq!(
            (&log["feedback"], &log["score"]),
            (&json!(feedback), &json!(50))
        );
    }
    let filter = format!("{LOGS}?filters.key=id&filters.operator=eq&filters.value={one}");
    assert_eq!(api(&gateway, "DELETE", &filter).send().await.status, 200);
    assert_eq!(api(&gateway, "GET", &path).send().await.status, 404);
    assert_eq!(of_value(&gateway, "change").await, [two]);
}

#[tokio::test]
async fn what_one_worker_keeps_the_other_has() {
    let gateway = gateway();
    let path = "/gateways/my-gateway/datasets";
    let make = |n: usize| {
        let body = json!({"name": format!("set {n}"), "enable": true, "filters": []});
        // Consecutive connections go to different workers.
        api(&gateway, "POST", path).json(&body).send()
    };
    let (a, b, c, d) = tokio::join!(make(1), make(2), make(3), make(4));
    assert!([a, b, c, d].iter().all(|reply| reply.status == 200));
    for _ in 0..4 {
        assert_eq!(
            get(&gateway, path).await["result"]
                .as_array()
                .unwrap()
                .len(),
            4
        );
    }
}

#[tokio::test]
async fn a_body_in_pieces_and_of_unknown_length_is_read_whole() {
    let gateway = gateway();
    let id = call(&gateway, r#"{"case":"pieces"}"#, "x").await;
    for round in [1, 2] {
        let body = json!({"metadata": {"case": "pieces", "round": round}});
        let call = api(&gateway, "PATCH", &format!("{LOGS}/{id}"));
        let call = call.framed(body.to_string().into_bytes(), Some(3));
        assert_eq!(call.send().await.status, 200);
        let log = get(&gateway, &format!("{LOGS}/{id}")).await["result"].take();
        assert_eq!(log["metadata"], body["metadata"]);
    }
    let long = vec![b' '; 3 << 20];
    let reply = api(&gateway, "PATCH", &format!("{LOGS}/{id}"))
        .body(long)
        .send()
        .await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn an_open_console_answers_no_name_but_its_own_and_no_forwarded_client() {
    let gateway = gateway();
    let path = "/gateways";
    for name in ["evil.example.com", "localhost.evil.example.com"] {
        let reply = api(&gateway, "GET", path).host(name).send().await;
        assert_eq!(reply.status, 403, "{name}");
    }
    let forwarded = api(&gateway, "GET", path).header("x-forwarded-for", "127.0.0.1");
    assert_eq!(forwarded.send().await.status, 403);
    let foreign = api(&gateway, "GET", path).header("origin", "http://evil.example.com");
    assert_eq!(foreign.send().await.status, 403);
    assert_eq!(
        get(&gateway, path).await["result"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        get(&gateway, "/gateways/other/url/openai").await["result"],
        "http://ai.test/v1/0123/other/openai"
    );
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_only_once() {
    let gateway = gateway();
    let reply = gateway.console("GET", "/").send().await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(
        reply
            .header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let etag = reply.header("etag").unwrap().to_owned();
    let again = gateway.console("GET", "/").header("if-none-match", &etag);
    assert_eq!(again.send().await.status, 304);
    let head = gateway.console("HEAD", "/").complete().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn an_export_of_many_is_whole_and_sums_agree_with_it() {
    let gateway = gateway();
    for n in 0..20 {
        call(&gateway, r#"{"case":"export"}"#, &format!("number {n}")).await;
    }
    let filter = "filters.key=metadata.value&filters.operator=eq&filters.value=export";
    let mut export = api(&gateway, "GET", &format!("{LOGS}?format=ndjson&{filter}"))
        .send()
        .await;
    assert_eq!((export.status, export.header("x-sluice-next")), (200, None));
    let lines = export.text().await;
    let tokens = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["tokens_in"]
            .as_u64()
            .unwrap()
    };
    let sum: u64 = lines.lines().map(tokens).sum();
    let sums = get(
        &gateway,
        &format!("/gateways/my-gateway/analytics?{filter}"),
    )
    .await["result"]
        .take();
    assert_eq!(
        (lines.lines().count(), &sums["totals"]["requests"]),
        (20, &json!(20))
    );
    assert_eq!(sums["totals"]["tokens_in"], sum);
}
