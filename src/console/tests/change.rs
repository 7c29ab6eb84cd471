//! One record, changes of it, and deletions.

use serde_json::{Value, json};

use super::{Console, filter};

#[test]
fn a_detail_has_the_heads_of_the_bodies_and_the_bodies_have_their_paths() {
    let console = Console::new();
    let request = r#"{"messages":[{"role":"user","content":"hé"}]}"#;
    let response = "data: {\"a\":1}\n\ndata: [DONE]\n\n";
    let complete = json!({"request_head_complete": true, "response_head_complete": true});
    let id = console
        .store_with(&[complete], Some(request), Some(response))
        .remove(0);
    let detail = console.get(&format!("/gateways/gw/logs/{id}")).result();
    assert_eq!(
        (
            &detail["id"],
            &detail["request_head"],
            &detail["response_head"]
        ),
        (&json!(id), &json!(request), &json!(response))
    );
    assert_eq!(
        (
            &detail["request_head_complete"],
            &detail["response_head_complete"]
        ),
        (&json!(true), &json!(true))
    );
    assert_eq!(console.list("")[0].get("request_head"), None);
    let body = console.get(&format!("/gateways/gw/logs/{id}/request"));
    assert_eq!(
        (body.text().as_str(), body.header("content-type")),
        (request, "application/json")
    );
    let body = console.get(&format!("/gateways/gw/logs/{id}/response"));
    assert_eq!(
        (body.text().as_str(), body.header("content-type")),
        (response, "text/plain; charset=utf-8")
    );
}

#[test]
fn a_long_body_is_cut_in_the_detail_only_and_between_characters() {
    let console = Console::new();
    let long = format!("x{}", "é".repeat(60_000));
    let id = console
        .store_with(&[json!({"request_head_complete": true})], Some(&long), None)
        .remove(0);
    let detail = console.get(&format!("/gateways/gw/logs/{id}")).result();
    assert_eq!(detail["request_head_complete"], false);
    let head = detail["request_head"].as_str().unwrap();
    assert!(long.starts_with(head) && head.len() == (64 << 10) - 1);
    assert_eq!(
        console
            .get(&format!("/gateways/gw/logs/{id}/request"))
            .text(),
        long
    );
}

#[test]
fn what_is_not_there_is_7002() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    let upper = id.to_uppercase();
    assert_eq!(
        console.get(&format!("/gateways/gw/logs/{upper}")).status,
        200
    );
    for path in [
        format!("/gateways/gw/logs/{id}/request"),
        format!("/gateways/gw/logs/{id}/response"),
        format!("/gateways/other/logs/{id}"),
        format!("/gateways/nowhere/logs/{id}"),
        format!("/gateways/gw/logs/{id}/elsewhere"),
        "/gateways/gw/logs/019a0000-0000-7000-8000-000000000009".to_owned(),
        "/gateways/gw/logs/x".to_owned(),
        "/gateways/gw/logs/%2e%2e".to_owned(),
        format!("/gateways/gw/logs/{}", id.replace('-', "é")),
        "/gateways/gw/nothing".to_owned(),
        "/nothing".to_owned(),
    ] {
        let (status, code, _) = console.get(&path).refusal();
        assert_eq!((status, code), (404, 7002), "{path}");
    }
    let (status, code, _) = console
        .send("PATCH", "/gateways/gw/logs/x", &json!({"feedback": 1}))
        .refusal();
    assert_eq!((status, code), (404, 7002));
}

#[test]
fn a_patch_changes_what_it_names_and_is_seen_when_it_is_answered() {
    let console = Console::new();
    let ids = console.store(&[json!({}), json!({})]);
    let path = format!("/gateways/gw/logs/{}", ids[0]);
    let shown = |name: &str| console.get(&path).result()[name].take();
    for (body, name, value) in [
        (json!({"feedback": 1}), "feedback", json!(1)),
        (
            json!({"feedback": -1.0, "score": 0.5}),
            "feedback",
            json!(-1),
        ),
        (json!({}), "score", json!(0.5)),
        (json!({"score": 99}), "score", json!(99)),
        (
            json!({"metadata": {"a": 1, "b": "x", "c": true}}),
            "metadata",
            json!({"a": 1, "b": "x", "c": true}),
        ),
        (
            json!({"feedback": null, "score": null, "metadata": null}),
            "metadata",
            Value::Null,
        ),
        (json!({"unknown": 1}), "feedback", Value::Null),
    ] {
        let answer = console.send("PATCH", &path, &body);
        assert_eq!(answer.result(), json!({}), "{body}");
        assert_eq!(shown(name), value, "{body}");
    }
    let other = console
        .get(&format!("/gateways/gw/logs/{}", ids[1]))
        .result();
    assert_eq!(
        (&other["feedback"], &other["metadata"]),
        (&Value::Null, &json!({"team": "red"}))
    );
}

#[test]
fn a_patch_that_makes_no_sense_is_refused() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    let path = format!("/gateways/gw/logs/{id}");
    for body in [
        json!({"feedback": 2}),
        json!({"feedback": 0}),
        json!({"feedback": "1"}),
        json!({"score": "high"}),
        json!({"metadata": [1]}),
        json!({"metadata": {"a": {}}}),
        json!({"metadata": {"a": null}}),
        json!({"metadata": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}}),
        json!({"metadata": "x"}),
        json!([1]),
        json!("x"),
    ] {
        let (status, code, message) = console.send("PATCH", &path, &body).refusal();
        assert_eq!((status, code), (400, 7001), "{body} {message}");
    }
    let target = format!("{}{path}", super::API);
    for (body, status) in [
        (b"{".to_vec(), 400),
        (Vec::new(), 400),
        (vec![b' '; 100_000], 413),
        (vec![0xFF, b'}'], 400),
    ] {
        let answer = console.call("PATCH", &target, &[], Some(&body));
        assert_eq!(answer.refusal().0, status);
    }
    assert_eq!(console.call("PATCH", &target, &[], None).refusal().0, 400);
}

#[test]
fn a_deletion_takes_what_it_names_and_nothing_else() {
    let console = Console::new();
    let store = || {
        console.store(&[
            json!({"model": "a", "cost": 3}),
            json!({"model": "b", "cost": 1}),
            json!({"model": "c", "cost": 2}),
            json!({"model": "x", "gateway_id": "other"}),
        ])
    };
    store();
    let delete = |query: &str| console.delete(&format!("/gateways/gw/logs?{query}"));
    assert_eq!(
        delete(&filter("model", "eq", &json!(["none"]))).result(),
        json!({"deleted": 0})
    );
    assert_eq!(
        delete(&filter("model", "eq", &json!(["b"]))).result(),
        json!({"deleted": 1})
    );
    assert_eq!(console.models("").concat(), "ca");
    assert_eq!(
        delete("order_by=cost&order_by_direction=asc&limit=1").result(),
        json!({"deleted": 1})
    );
    assert_eq!(console.models("").concat(), "a");
    assert_eq!(delete("").result(), json!({"deleted": 1}));
    assert_eq!(console.models("").concat(), "");
    assert_eq!(
        console.get("/gateways/other/logs").json()["result_info"]["total_count"],
        1
    );
    for query in ["limit=0", "limit=x", "limit=-1", "order_by=x", "filters=x"] {
        let (status, code, _) = delete(query).refusal();
        assert_eq!((status, code), (400, 7001), "{query}");
    }
}

#[test]
fn a_deletion_of_many_is_whole_when_it_is_answered() {
    let console = Console::new();
    let changes: Vec<_> = (0..9000).map(|n| json!({"success": n % 3 == 0})).collect();
    console.store(&changes);
    let deleted = console.delete(&format!(
        "/gateways/gw/logs?{}",
        filter("success", "eq", &json!([false]))
    ));
    assert_eq!(deleted.result(), json!({"deleted": 6000}));
    let body = console.get("/gateways/gw/logs").json();
    assert_eq!(body["result_info"]["total_count"], 3000);
}

#[test]
fn without_a_keeper_nothing_claims_to_be_changed() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    let path = format!("/gateways/gw/logs/{id}");
    // It is there and does not answer.
    console.has_keeper.set(false);
    assert_eq!(
        console
            .send("PATCH", &path, &json!({"feedback": 1}))
            .refusal()
            .0,
        503
    );
    assert_eq!(console.delete("/gateways/gw/logs").refusal().0, 503);
    // It is not there.
    console.host.names.borrow_mut().clear();
    assert_eq!(
        console
            .send("PATCH", &path, &json!({"feedback": 1}))
            .refusal()
            .0,
        503
    );
    assert_eq!(console.delete("/gateways/gw/logs").refusal().0, 503);
}

#[test]
fn a_method_that_has_no_meaning_names_those_that_have() {
    let console = Console::new();
    for (method, path, allow) in [
        ("POST", "/gateways/gw/logs", "GET, DELETE"),
        ("DELETE", "/gateways/gw/logs/x", "GET, PATCH"),
        ("POST", "/gateways/gw/logs/x/request", "GET"),
        ("PUT", "/gateways/gw/datasets", "GET, POST"),
        ("PATCH", "/gateways/gw/datasets/x", "GET, PUT, DELETE"),
        ("PUT", "/gateways/gw/evaluations", "GET, POST"),
        ("PATCH", "/gateways/gw/evaluations/x", "GET, DELETE"),
        ("POST", "/evaluation-types", "GET"),
        ("POST", "/gateways/gw/url/openai", "GET"),
        ("POST", "/gateways/gw/analytics", "GET"),
        ("POST", "/gateways/gw/limits", "GET"),
        ("OPTIONS", "/gateways/gw/logs", "GET, DELETE"),
    ] {
        let answer = console.send(method, path, &json!({}));
        let (status, code, _) = answer.refusal();
        assert_eq!(
            (status, code, answer.header("allow")),
            (405, 7001, allow),
            "{method} {path}"
        );
    }
}
