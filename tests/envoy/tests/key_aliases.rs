//! Issue: a client may ask for one stored key by its alias and never learns or leaks the key itself: it is in no record and
//! no log, whatever its provider says.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, sample};

use crate::stored_keys::{OWN, STORED, ask, assert_sent, gateway, step};

#[tokio::test]
async fn an_alias_picks_a_key_and_a_gateway_may_have_its_own() {
    let gateway = gateway();
    for (id, alias, key, host, cluster) in [
        ("open", "spare", "spare", "api.openai.com", "openai"),
        ("open", "far", "far", "eu.test:8443", "groq"),
        ("open", "default", "openai", "api.openai.com", "openai"),
        ("team", "", "team", "api.openai.com", "openai"),
    ] {
        let case = gateway.fake.case(sample::chat());
        let mut call = ask(&gateway, id, "openai/chat/completions", &case);
        if !alias.is_empty() {
            call = call.header("cf-aig-byok-alias", alias);
        }
        assert_eq!(call.complete().await.status, 200, "{id} {alias}");
        let seen = case.only();
        assert_sent(&seen, "authorization", &format!("Bearer {STORED}{key}"));
        assert_eq!(seen.header("host").as_deref(), Some(host));
        assert_eq!(gateway.entry(&case).await["cluster"], cluster);
    }
}

#[tokio::test]
async fn an_alias_that_nobody_has_is_refused_and_nothing_is_sent() {
    let gateway = gateway();
    let known = "'default', 'spare', 'far'";
    for (id, path, provider, configured) in [
        ("open", "openai/chat/completions", "openai", known),
        ("open", "compat/chat/completions openai/m", "openai", known),
        ("team", "openai/chat/completions", "openai", "'team'"),
        ("open", "groq/chat/completions", "groq", "none"),
    ] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, id, path, &case).header("cf-aig-byok-alias", "nobody");
        let reply = call.complete().await;
        assert_refused(&reply, 400, 2040);
        let message = format!(
            "Provider '{provider}' has no BYOK credential named 'nobody'. Configured aliases: {configured}"
        );
        assert_eq!(reply.json()["message"], message);
        assert!(case.seen().is_empty());
        let record = gateway.record(&case).await;
        assert_eq!(
            (&record["error_code"], &record["byok"]),
            (&json!(2040), &json!(false))
        );
    }
    // Of a list, before the first step is sent.
    let [one, two, event] = [(); 3].map(|()| gateway.fake.case(sample::chat()));
    let mut steps = [
        step("openai", "chat/completions", &one),
        step("openai", "chat/completions", &two),
    ];
    steps[1]["headers"]["cf-aig-byok-alias"] = json!("nobody");
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_refused(&reply, 400, 2040);
    assert!(one.seen().is_empty() && two.seen().is_empty());
}

#[tokio::test]
async fn answers_to_the_stored_key_are_shared_among_those_who_use_it_only() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let body = sample::ask(case.id());
    let ask = || {
        let call = gateway.post("/v1/0123/cached/openai/chat/completions");
        call.case(&case).json(&body)
    };
    for (own, status) in [
        (false, "MISS"),
        (false, "HIT"),
        (true, "MISS"),
        (true, "HIT"),
    ] {
        let mut call = ask();
        if own {
            call = call.header("authorization", OWN);
        }
        let reply = call.complete().await;
        assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some(status));
    }
    assert_eq!(case.seen().len(), 2);
}

#[tokio::test]
async fn a_key_is_in_no_record_and_no_log_whatever_its_provider_says() {
    let gateway = gateway();
    for (path, key) in [
        ("openai/chat/completions", "openai"),
        ("anthropic/v1/messages", "anthropic"),
    ] {
        let told = format!("Incorrect API key provided: {STORED}{key}");
        let error = json!({"error": {"message": told, "type": "invalid"}});
        let json = Answer::new(200).header("content-type", "application/json");
        let half = json
            .chunk(told.trim_end_matches(char::is_alphanumeric))
            .chunk(key.chars().take(1).collect::<String>());
        for (attempts, answer) in [
            ("1", Answer::json(401, &error)),
            ("2", Answer::json(401, &error)),
            ("1", Answer::json(200, &error)),
            ("2", Answer::json(200, &error)),
            // Cut in the middle of the key.
            ("1", half.clone().length(900).cut()),
            ("2", half.length(900).cut()),
        ] {
            let case = gateway.fake.case(answer);
            let call = ask(&gateway, "telling", path, &case);
            let call = call.header("cf-aig-event-id", case.id());
            let call = call.header("cf-aig-retry-delay", "0");
            let call = call.header("cf-aig-max-attempts", attempts);
            call.send().await.rest().await;
            match attempts {
                "1" => drop(gateway.record(&case).await),
                _ => drop(gateway.steps(&case, 1).await),
            }
        }
    }
    let mut leaks: Vec<_> = gateway.output.log(0);
    leaks.extend(gateway.output.access().iter().map(Value::to_string));
    leaks.retain(|line| line.contains(STORED));
    assert!(leaks.is_empty(), "{leaks:#?}");
}
