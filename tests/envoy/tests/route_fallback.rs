//! Issue: where a model of a dynamic route fails, the next one answers; all that is said of one model's attempts holds
//! there too, the answer streams, and each model that was tried has a record.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, Gate, Gateway, Lease, Shared, sample};

use super::dynamic_routes::{ask, assert_answered_by, element, route, start_with, tried};
use super::hop::assert_unsteered;

static GATEWAY: Shared = Shared::new(start);

/// A route of these models, each of which answers when the one before has failed; the first one has these properties.
fn line(name: &str, mut properties: Value, models: &[&str]) -> Value {
    let elements = models.iter().enumerate().map(|(at, model)| {
        let (id, next) = (format!("m{at}"), format!("m{}", at + 1));
        let outputs = [("success", "end"), ("fallback", next.as_str())];
        let count = if at + 1 < models.len() { 2 } else { 1 };
        element(
            &id,
            model,
            std::mem::replace(&mut properties, json!({})),
            &outputs[..count],
        )
    });
    route(name, &elements.collect::<Vec<_>>())
}

fn start() -> Gateway {
    let [one, two, three] = [
        "custom-one/m-one",
        "custom-two/m-two",
        "custom-three/m-three",
    ];
    let lost = json!({"conditions": {"headers.x-lost": "1"}});
    let nowhere = element(
        "c",
        "conditional",
        lost,
        &[("true", "end"), ("false", "one")],
    );
    let routes = [
        line("plain", json!({}), &[one, two]),
        line("brief", json!({"timeout": 400}), &[one, two]),
        line("raw", json!({}), &["custom-raw/m-raw", two]),
        line("dead", json!({}), &["custom-dead/m-dead", two]),
        line("keen", json!({"retries": 2}), &[one, two]),
        line("resigned", json!({"retries": 0}), &[one, two]),
        line("chain", json!({}), &[one, three, two]),
        line("nobody", json!({}), &["custom-dead/m-dead"]),
        route("nowhere", &[nowhere]),
    ];
    let gateways = json!([{"id": "open", "retry_delay": 0}, {"id": "cached", "cache_ttl": 300}]);
    start_with(&gateways, &routes)
}

pub(crate) fn gateway() -> Lease {
    GATEWAY.lease()
}

/// Late enough for what follows to begin in another millisecond.
pub(crate) fn error(status: u16) -> Answer {
    let error = json!({"error": {"message": format!("of {status}")}});
    Answer::json(status, &error).late(Duration::from_millis(20))
}

/// Of each record the model that was asked, its status, and whether it was a success.
fn facts(records: &[Value]) -> Vec<(String, u64, bool)> {
    let facts = |record: &Value| {
        let model = record["model_asked"].as_str().unwrap().to_owned();
        (
            model,
            record["status_code"].as_u64().unwrap(),
            record["success"] == true,
        )
    };
    records.iter().map(facts).collect()
}

/// Each record is a log entry of its own, with its own beginning.
pub(crate) fn assert_apart(records: &[Value]) {
    for field in ["id", "created_at"] {
        let values = records.iter().map(|record| record[field].as_str().unwrap());
        let values: BTreeSet<_> = values.collect();
        assert_eq!(
            values.len(),
            records.len(),
            "{field} of its own: {values:?}"
        );
    }
}

#[tokio::test]
async fn the_next_model_answers_where_the_first_one_fails() {
    let gateway = gateway();
    for (route, answer, status) in [
        ("plain", error(500), 500),
        ("plain", error(404), 404),
        ("plain", error(429).header("retry-after", "60"), 429),
        ("brief", sample::chat().hold(&Gate::new()), 400),
        (
            "raw",
            Answer::wire().pause(Duration::from_millis(20)).cut(),
            400,
        ),
    ] {
        let answers = [answer, sample::chat()];
        let case = gateway.fake.cases(answers);
        let reply = ask(&gateway, "open", route, &case).complete().await;
        let first = if route == "raw" { "m-raw" } else { "m-one" };
        assert_eq!(tried(&case), [first, "m-two"], "{route} {status}");
        assert_answered_by(&reply, "m-two");
        assert_unsteered(&reply.headers);
        assert_eq!(reply.json(), sample::chat_body());
        let records = gateway.steps(&case, 2).await;
        let expected = [
            (first.to_owned(), status, false),
            ("m-two".to_owned(), 200, true),
        ];
        assert_eq!(facts(&records), expected);
        assert_apart(&records);
        let model = json!("gpt-4o-mini-2024-07-18");
        assert_eq!(
            (&records[1]["model"], &records[1]["tokens_in"]),
            (&model, &json!(11))
        );
        assert_eq!(records[0]["tokens_in"], json!(null));
    }
    let case = gateway.fake.case(sample::chat());
    assert_answered_by(
        &ask(&gateway, "open", "dead", &case).complete().await,
        "m-two",
    );
    assert_eq!(
        facts(&gateway.steps(&case, 2).await)[0],
        ("m-dead".to_owned(), 400, false)
    );
}

#[tokio::test]
async fn what_the_last_model_answers_is_the_answer() {
    let gateway = gateway();
    let case = gateway.fake.cases([error(500), error(503)]);
    let reply = ask(&gateway, "open", "plain", &case).complete().await;
    assert_eq!(
        (reply.status, reply.json()["error"]["message"].as_str()),
        (503, Some("of 503"))
    );
    assert_eq!(tried(&case), ["m-one", "m-two"]);
    // The client's own mistake is told at once.
    let case = gateway.fake.case(error(400));
    let reply = ask(&gateway, "open", "plain", &case).complete().await;
    assert_eq!(
        (reply.status, tried(&case)),
        (400, vec!["m-one".to_owned()])
    );
    assert_eq!(reply.header("cf-aig-model").as_deref(), Some("m-one"));
    assert_eq!(facts(&gateway.steps(&case, 1).await)[0].1, 400);
    let case = gateway.fake.case(sample::chat());
    assert_refused(
        &ask(&gateway, "open", "nobody", &case).complete().await,
        400,
        2005,
    );
    assert_eq!(
        facts(&gateway.steps(&case, 1).await),
        [("m-dead".to_owned(), 400, false)]
    );
    // A way without a model is no way.
    let case = gateway.fake.case(sample::chat());
    let call = ask(&gateway, "open", "nowhere", &case).header("x-lost", "1");
    assert_refused(&call.complete().await, 400, 2005);
    assert_eq!(gateway.record(&case).await["error_code"], 2005);
    assert!(case.seen().is_empty());
}

#[tokio::test]
async fn a_route_leads_over_several_models() {
    let gateway = gateway();
    let case = gateway.fake.cases([error(500), error(503), sample::chat()]);
    let reply = ask(&gateway, "open", "chain", &case).complete().await;
    assert_answered_by(&reply, "m-two");
    assert_eq!(tried(&case), ["m-one", "m-three", "m-two"]);
    // The client's key is for the provider that is tried first.
    let keyed = case.seen().into_iter();
    let keyed = keyed.map(|seen| seen.header("authorization").is_some());
    assert!(keyed.eq([true, false, false]));
    let records = gateway.steps(&case, 3).await;
    assert_apart(&records);
    assert_eq!(
        reply.header("cf-aig-log-id").as_deref(),
        records[2]["id"].as_str()
    );
}

#[tokio::test]
async fn a_models_retries_come_before_the_calls_own() {
    let gateway = gateway();
    for (route, attempts, expected) in [
        ("keen", "", "m-one m-one m-one m-two"),
        ("keen", "5", "m-one m-one m-one m-two"),
        ("resigned", "3", "m-one m-two m-two m-two"),
        ("plain", "2", "m-one m-one m-two m-two"),
        ("plain", "", "m-one m-two"),
    ] {
        let case = gateway.fake.case(error(503));
        let mut call = ask(&gateway, "open", route, &case);
        if !attempts.is_empty() {
            call = call.header("cf-aig-max-attempts", attempts);
        }
        if (route, attempts) == ("keen", "5") {
            // The second model has five attempts, the last of which is good.
            case.answers([error(503), error(503), error(503), sample::chat()]);
        }
        call.complete().await;
        assert_eq!(tried(&case).join(" "), expected, "{route} {attempts}");
    }
}

#[tokio::test]
async fn the_answer_of_the_model_that_wins_streams_through() {
    let gateway = gateway();
    let gates = [Gate::new(), Gate::new()];
    let events = sample::chat_events();
    let good = Answer::events(&events[..1])
        .gate(&gates[0])
        .chunk(format!("{}\n\n", events[1]))
        .gate(&gates[1])
        .chunk("data: [DONE]\n\n");
    let case = gateway.fake.cases([error(500), good]);
    let mut reply = ask(&gateway, "open", "plain", &case).send().await;
    assert_answered_by(&reply.with(Vec::new()), "m-two");
    for (at, gate) in gates.iter().enumerate() {
        reply
            .expect_bytes(format!("{}\n\n", events[at]).as_bytes())
            .await;
        gate.open();
    }
    assert_eq!(reply.text().await, "data: [DONE]\n\n");
}
