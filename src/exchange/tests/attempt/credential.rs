//! Whose credential reaches which provider.

use super::*;

/// Everything that the provider of the latest attempt was sent but the body.
fn sent(call: &Call<'_>) -> String {
    let head = call.seen().head;
    let lines = head
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)));
    lines.collect()
}

#[test]
fn a_gateways_credential_in_a_steps_own_fields_reaches_no_provider() {
    let proxy = proxy();
    let fields = [("cf-aig-authorization", "Bearer demo-token")];
    for gateway in ["locked", "open"] {
        for (name, value) in [
            ("authorization", "Bearer demo-token"),
            ("authorization", "Token demo-token"),
            ("x-api-key", "demo-token"),
            ("x-goog-api-key", "demo-token"),
            ("api-key", " demo-token "),
            ("xi-api-key", "demo-token"),
            (
                "sec-websocket-protocol",
                "json, cf-aig-authorization.demo-token",
            ),
        ] {
            let mut steps = ["one", "two"].map(|name| step(name, json!({})));
            steps[1]["provider"] = json!("compat");
            steps[1]["query"]["model"] = json!("custom-two/m");
            for step in &mut steps {
                step["headers"] = json!({ name: value });
            }
            let mut call = universal_with(&proxy, gateway, &steps, &fields);
            for _ in &steps {
                assert!(!sent(&call).contains("demo-token"), "{}", sent(&call));
                call.answer("503", &[], FAILED);
            }
            call.finish();
        }
    }
}

#[test]
fn a_step_that_shows_only_the_gateways_credential_is_sent_with_a_stored_key() {
    let proxy = proxy();
    let mut step = step("four", json!({}));
    step["headers"] = json!({"authorization": "Bearer demo-token"});
    let mut call = universal(&proxy, "open", &[step]);
    assert_eq!(call.seen().text("x-four-key"), "four-stored");
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(
        (&records[0]["byok"], &records[0]["byok_alias"]),
        (&json!(true), &json!("stored"))
    );
}

const SECRETS: [(&str, &str); 4] = [
    ("authorization", "Bearer sk-client"),
    ("x-api-key", "sk-client"),
    ("cookie", "session=sk-client"),
    ("x-my-token", "sk-client"),
];

fn ask<'p>(proxy: &'p Proxy, route: &str) -> Call<'p> {
    let body = json!({"model": format!("dynamic/{route}"), "messages": []}).to_string();
    let path = "/v1/acc/open/compat/chat/completions?key=sk-client&a=1";
    Call::ask(proxy, path, &SECRETS, &body)
}

#[test]
fn a_route_shows_the_clients_credential_to_the_provider_it_tries_first_alone() {
    let proxy = proxy();
    let mut call = ask(&proxy, "guarded");
    assert_eq!(call.seen().text("authorization"), "Bearer sk-client");
    assert!(call.seen().text(":path").ends_with("?key=sk-client&a=1"));
    call.answer("503", &[], FAILED);
    assert_eq!(call.asked(), ["one", "four"]);
    assert!(!sent(&call).contains("sk-client"), "{}", sent(&call));
    assert!(call.seen().text(":path").ends_with("?a=1"));
    assert_eq!(call.seen().text("x-four-key"), "four-stored");
    call.answer("200", &[], DONE);
    let byok = call.finish();
    let byok = byok.iter().map(|record| record["byok"].clone());
    assert_eq!(byok.collect::<Vec<_>>(), [json!(false), json!(true)]);
}

#[test]
fn another_model_of_the_first_provider_gets_the_clients_credential_too() {
    let proxy = proxy();
    let mut call = ask(&proxy, "onward");
    call.answer("503", &[], FAILED);
    call.answer("503", &[], FAILED);
    assert_eq!(call.asked(), ["one", "four", "one"]);
    assert_eq!(call.seen().text("authorization"), "Bearer sk-client");
    call.answer("200", &[], DONE);
    call.finish();
}

#[test]
fn a_key_for_another_provider_stays_behind_in_a_compat_step() {
    let proxy = proxy();
    let headers = json!({"x-api-key": "sk-client", "x-four-key": "sk-own"});
    for (model, own) in [("custom-four/m", "sk-own"), ("custom-two/m", "")] {
        let mut step = step("two", json!({}));
        step["provider"] = json!("compat");
        step["query"]["model"] = json!(model);
        step["headers"] = headers.clone();
        let call = universal(&proxy, "open", &[step]);
        assert_eq!(call.seen().text("x-four-key"), own, "{model}");
        assert!(!sent(&call).contains("sk-client"), "{model}");
    }
}

#[test]
fn what_a_client_left_empty_is_not_sent_beside_a_stored_key() {
    for value in ["Bearer", "Bearer ", "Token", ""] {
        let proxy = proxy();
        let mut call = proxy.stream();
        let path = "/v1/acc/open/custom-four/chat/completions";
        call.ask(path, &[("authorization", value)], "{}");
        let edits = call.upstream.as_ref().unwrap();
        let key = Edit::Set("x-four-key".into(), b"four-stored".to_vec());
        assert!(edits.contains(&key), "{value}");
        assert!(edits.contains(&Edit::Remove("authorization".into())));
    }
}
