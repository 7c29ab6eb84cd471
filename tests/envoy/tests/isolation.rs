//! Issue: nothing of one step, and nothing of the request around the steps, ever reaches a provider that it is not for.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gateway, Seen, Upstream, sample};

use super::hop::{assert_own, gateway, single};

/// What stands in the place of a secret.
const OWN: &str = "own-secret";
const OTHERS: &str = "others-secret";
const REQUESTS: &str = "requests-secret";

/// Whether any of it, in whichever part of the request, is in what the provider saw.
fn holds(seen: &Seen, secret: &str) -> bool {
    let parts = [&seen.path.as_bytes().to_vec(), &seen.body];
    let fields = seen
        .headers
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), value]);
    let mut parts = parts.into_iter().map(Vec::as_slice).chain(fields);
    parts.any(|part| String::from_utf8_lossy(part).contains(secret))
}

/// Two steps that each hold a secret by `fill`, the first of them failing like this; whether the providers get the secret
/// of their own step is what `reaches` says.
async fn keeps_apart(fill: fn(&mut Value, &str), reaches: bool) {
    let gateway = gateway();
    for (failing, answer) in [
        ("custom-one", Answer::json(503, &json!({"error": {}}))),
        ("custom-one", Answer::json(401, &json!({"error": {}}))),
        ("custom-raw", Answer::wire().cut()),
    ] {
        let (one, two) = (gateway.fake.case(answer), gateway.fake.case(sample::chat()));
        let mut steps = [
            sample::step(failing, &one),
            sample::step("custom-two", &two),
        ];
        fill(&mut steps[0], OTHERS);
        fill(&mut steps[1], OWN);
        steps[0]["config"] = json!({"maxAttempts": 2, "retryDelay": 0});
        // With secrets of its own in the request, and without.
        for given in [false, true] {
            let event = gateway.fake.case(sample::chat());
            let mut call = gateway.universal("open", &event, &steps);
            if given {
                let fields = [
                    "authorization",
                    "x-api-key",
                    "x-goog-api-key",
                    "api-key",
                    "cookie",
                    "x-custom",
                    "openai-organization",
                ];
                call = fields
                    .into_iter()
                    .fold(call, |call, name| call.header(name, REQUESTS));
                call = call.header("cf-aig-metadata", format!("{{\"{REQUESTS}\": 1}}"));
                call = call.header("cf-aig-not-yet-invented", REQUESTS);
            }
            assert_eq!(call.complete().await.status, 200);
            assert_eq!(event.seen().len(), 0, "the request's own case");
        }
        for (case, own, others) in [(&one, OTHERS, OWN), (&two, OWN, OTHERS)] {
            assert!(case.seen().len() >= 2, "{failing}");
            for seen in case.seen() {
                assert_eq!(holds(&seen, own), reaches, "{failing}: {seen:#?}");
                assert!(
                    !holds(&seen, others) && !holds(&seen, REQUESTS),
                    "{seen:#?}"
                );
                assert!(
                    !seen.headers.iter().any(|(name, _)| name.starts_with("cf-")),
                    "{seen:#?}"
                );
            }
        }
    }
}

/// A test for each field, named after it; `reaches`: its provider gets it.
macro_rules! fields {
    ($($name:ident: $fill:expr, $reaches:literal;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                keeps_apart($fill, $reaches).await;
            }
        )+
    };
}

fields! {
    an_authorization_is_for_its_own_step: |step, it| step["headers"]["Authorization"] = json!(it), true;
    the_older_authorization_is_for_its_own_step: |step, it| {
        step["headers"].as_object_mut().unwrap().remove("Authorization");
        step["authorization"] = json!(it);
    }, true;
    an_x_api_key_is_for_its_own_step: |step, it| step["headers"]["x-api-key"] = json!(it), true;
    a_custom_header_is_for_its_own_step: |step, it| step["headers"]["X-Custom"] = json!(it), true;
    the_name_of_a_header_is_for_its_own_step: |step, it| step["headers"][it] = json!("1"), true;
    a_shared_header_is_for_its_own_step: |step, it| step["headers"]["user-agent"] = json!(it), true;
    a_cookie_is_for_its_own_step: |step, it| step["headers"]["cookie"] = json!(it), true;
    a_body_is_for_its_own_step: |step, it| step["query"]["messages"][0]["content"] = json!(it), true;
    a_query_string_is_for_its_own_step: |step, it| step["endpoint"] = json!(format!("chat?key={it}")), true;
    a_path_is_for_its_own_step: |step, it| step["endpoint"] = json!(format!("{it}/chat")), true;
    a_host_header_is_for_nobody: |step, it| step["headers"]["Host"] = json!(it), false;
    a_setting_is_for_nobody: |step, it| {
        step["headers"]["cf-aig-metadata"] = json!(format!("{{\"k\": \"{it}\"}}"));
        step["headers"]["cf-aig-not-yet-invented"] = json!(it);
    }, false;
    a_gateway_credential_is_for_nobody: |step, it| {
        step["headers"]["cf-aig-authorization"] = json!(format!("Bearer {it}"));
    }, false;
    a_word_to_the_proxy_is_for_nobody: |step, it| {
        step["headers"]["x-envoy-upstream-rq-timeout-ms"] = json!(it);
        step["headers"]["x-sluice-call"] = json!(it);
        step["headers"]["x-sluice-cluster"] = json!(it);
        step["headers"]["connection"] = json!(it);
        step["headers"]["transfer-encoding"] = json!(it);
    }, false;
}

#[tokio::test]
async fn every_step_has_its_own_host_and_path() {
    let gateway = gateway();
    let bad = || Answer::json(500, &json!({"error": {}}));
    let cases = [bad(), bad(), sample::chat()].map(|answer| gateway.fake.case(answer));
    let slugs = ["one", "two", "three"];
    let steps: Vec<_> = slugs
        .iter()
        .zip(&cases)
        .map(|(slug, case)| sample::step(&format!("custom-{slug}"), case))
        .collect();
    let event = gateway.fake.case(sample::chat());
    assert_eq!(
        gateway
            .universal("open", &event, &steps)
            .complete()
            .await
            .status,
        200
    );
    for ((slug, case), step) in slugs.iter().zip(&cases).zip(&steps) {
        let seen = case.only();
        let host = seen.header("host").unwrap();
        assert_eq!(
            (host, seen.path.clone()),
            (
                format!("{slug}.test"),
                format!("/base-{slug}/chat/completions")
            )
        );
        assert_own(&seen, case, &step["query"]);
    }
}

#[tokio::test]
async fn a_steps_settings_are_in_its_own_record_only() {
    let gateway = gateway();
    let one = gateway.fake.case(Answer::json(500, &json!({"error": {}})));
    let two = gateway.fake.case(sample::chat());
    let mut steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    steps[0]["headers"]["cf-aig-metadata"] = json!({"team": "a"});
    let event = gateway.fake.case(sample::chat());
    let call = gateway
        .universal("open", &event, &steps)
        .header("cf-aig-metadata", "{\"team\": \"b\"}");
    assert_eq!(call.complete().await.status, 200);
    let records = gateway.steps(&event, 2).await;
    let teams = records
        .iter()
        .map(|record| record["metadata"]["team"].clone());
    assert_eq!(teams.collect::<Vec<_>>(), [json!("a"), json!("b")]);
}

#[tokio::test]
async fn every_attempt_is_the_same_request() {
    let gateway = gateway();
    let bad = Answer::json(503, &json!({"error": {}}));
    let check = |case: &Case, body: &Value| {
        let seen = case.seen();
        assert_eq!(seen.len(), 3);
        for seen in &seen {
            assert_own(seen, case, body);
        }
        let same =
            |one: &Seen, other: &Seen| (&one.path, &one.headers) == (&other.path, &other.headers);
        assert!(
            same(&seen[0], &seen[1]) && same(&seen[1], &seen[2]),
            "{seen:#?}"
        );
    };
    let case = gateway
        .fake
        .cases([bad.clone(), bad.clone(), sample::chat()]);
    let body = json!({"model": "m", "fill": "x".repeat(1 << 20)});
    for framed in [None, Some(50_000)] {
        let case = gateway
            .fake
            .cases([bad.clone(), bad.clone(), sample::chat()]);
        let call = single(&gateway, "keen", "openai", &case)
            .header("x-custom", "1")
            .header("cookie", "a=b");
        let call = call
            .header("content-type", "application/json")
            .framed(body.to_string().into_bytes(), framed);
        assert_eq!(call.complete().await.status, 200);
        if framed.is_none() {
            check(&case, &body);
        } else {
            assert!(
                case.seen()
                    .iter()
                    .all(|seen| seen.body == body.to_string().as_bytes())
            );
        }
    }
    let mut step = sample::step("custom-one", &case);
    step["config"] = json!({"maxAttempts": 3, "retryDelay": 0});
    let event = gateway.fake.case(sample::chat());
    assert_eq!(
        gateway
            .universal("open", &event, &[step.clone()])
            .complete()
            .await
            .status,
        200
    );
    check(&case, &step["query"]);
}

#[tokio::test]
async fn a_client_cannot_speak_to_the_hop() {
    let gateway: Gateway = crate::gateway()
        .config(&super::hop::config(&json!([{"id": "open"}])))
        .cluster("one", Upstream::Plain)
        .start();
    let case = gateway.fake.case(sample::chat());
    for (name, value) in [
        ("x-sluice-call", "1"),
        ("x-sluice-cluster", "sluice-attempts"),
        ("x-sluice-retry", "1"),
        ("x-envoy-retry-on", "5xx"),
    ] {
        let call = single(&gateway, "open", "openai", &case).header(name, value);
        assert_eq!(call.json(&sample::ask("hi")).complete().await.status, 200);
    }
    // An answer cannot make the gateway ask again either.
    let case = gateway
        .fake
        .case(sample::chat().header("x-sluice-retry", "1"));
    let call = single(&gateway, "open", "openai", &case).header("cf-aig-max-attempts", "2");
    let reply = call.json(&sample::ask("hi")).complete().await;
    assert_eq!((reply.status, reply.header("x-sluice-retry")), (200, None));
    assert_eq!(case.seen().len(), 1);
}
