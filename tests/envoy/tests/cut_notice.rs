//! Issue: a stream that its provider cuts is ended by an error event of its API, and then breaks off; never by anything
//! else, and never a stream that is whole.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lease, Shared, sample};

static GATEWAY: Shared = Shared::new(|| {
    super::hop::start_with(&json!([
        {"id": "told", "stream_errors": "planned", "retry_max_attempts": 2},
        {"id": "asked", "stream_errors": "planned", "retry_max_attempts": 2, "stream_usage": true},
        {"id": "exact", "stream_errors": "off", "retry_max_attempts": 2},
        {"id": "all", "stream_errors": "all"},
        {"id": "default", "stream_errors": null},
        {"id": "one", "stream_errors": "planned"}
    ]))
});

const CHAT: &str = "openai/chat/completions";
const H2C: &str = "custom-h2c/chat/completions";
const RESPONSES: &str = "openai/responses";
const MESSAGES: &str = "anthropic/v1/messages";
const GEMINI: &str =
    "google-ai-studio/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";

fn gateway() -> Lease {
    GATEWAY.lease()
}

fn call(gateway: &Gateway, id: &str, path: &str, case: &Case) -> Call {
    let call = gateway.post(&format!("/v1/0123/{id}/{path}"));
    let call = call.case(case).header("cf-aig-event-id", case.id());
    call.json(&sample::ask_stream(case.id()))
}

/// A stream of these pieces.
fn stream(pieces: &[&str]) -> Answer {
    let head = Answer::new(200).header("content-type", "text/event-stream");
    pieces
        .iter()
        .fold(head, |answer, piece| answer.chunk(*piece))
}

/// A stream of these pieces, which then breaks off.
fn cut(pieces: &[&str]) -> Answer {
    // Later than a busy proxy reads what came before: with a reset, the system throws the unread away.
    stream(pieces).pause(Duration::from_millis(250)).cut()
}

/// What the client gets of a stream that breaks off.
async fn got(gateway: &Gateway, id: &str, path: &str, answer: Answer) -> (String, bool) {
    let case = gateway.fake.case(answer);
    let mut reply = call(gateway, id, path, &case).send().await;
    let (body, whole) = reply.rest().await;
    assert_cut(gateway, &case).await;
    (String::from_utf8(body).unwrap(), whole)
}

/// Told or not, the record of the last step says that the answer was cut.
async fn assert_cut(gateway: &Gateway, event: &Case) {
    let record = gateway.steps(event, 1).await.pop().unwrap();
    let facts = ["complete", "success", "outcome", "status_code"].map(|name| &record[name]);
    let expected = [json!(false), json!(false), json!("cut"), json!(200)];
    assert!(facts.into_iter().eq(&expected), "{record}");
}

/// The data of the event that was added, which breaks off after it.
async fn notice(path: &str, before: &[&str]) -> (String, Value) {
    let gateway = gateway();
    let (body, whole) = got(&gateway, "told", path, cut(before)).await;
    assert!(!whole, "{path}");
    let added = body
        .strip_prefix(&before.concat())
        .unwrap_or_else(|| panic!("{body}"));
    let added = added
        .strip_suffix("\n\n")
        .unwrap_or_else(|| panic!("{body}"));
    let (name, data) = added.split_once("data: ").unwrap();
    (name.to_owned(), serde_json::from_str(data).unwrap())
}

fn events(of: Vec<String>) -> [String; 2] {
    let mut events = of.into_iter().map(|event| format!("{event}\n\n"));
    [events.next().unwrap(), events.next().unwrap()]
}

#[tokio::test]
async fn each_api_has_an_event_of_its_own() {
    let [one, two] = events(sample::chat_events());
    let (name, data) = notice(CHAT, &[&one, &two]).await;
    assert_eq!(
        (name.as_str(), &data["error"]["code"]),
        ("", &json!("upstream_cut"))
    );
    let [one, two] = events(sample::response_events());
    let (name, data) = notice(RESPONSES, &[&one, &two]).await;
    assert_eq!(
        (name.as_str(), &data["type"]),
        ("event: error\n", &json!("error"))
    );
    let [one, two] = events(sample::message_events());
    let (name, data) = notice(MESSAGES, &[&one, &two]).await;
    assert_eq!(
        (name.as_str(), &data["error"]["type"]),
        ("event: error\n", &json!("api_error"))
    );
    let piece = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}]}}]}\r\n\r\n";
    let (name, data) = notice(GEMINI, &[piece]).await;
    assert_eq!((name.as_str(), &data["error"]["code"]), ("", &json!(503)));
}

#[tokio::test]
async fn a_call_of_one_attempt_is_told_where_all_are() {
    let gateway = gateway();
    let [one, two] = events(sample::chat_events());
    for (id, is_told) in [("all", true), ("default", true), ("one", false)] {
        let case = gateway.fake.case(cut(&[&one, &two]));
        let (body, whole) = call(&gateway, id, CHAT, &case).send().await.rest().await;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(
            (body.contains("upstream_cut"), whole),
            (is_told, false),
            "{id}"
        );
        assert_eq!(case.seen().len(), 1);
        if is_told {
            assert_cut(&gateway, &case).await;
        }
    }
}

#[tokio::test]
async fn a_step_of_a_universal_call_is_told_in_the_form_of_its_own_api() {
    let gateway = gateway();
    let [one, two] = events(sample::message_events());
    let event = gateway.fake.case(sample::chat());
    let (bad, good) = (
        gateway.fake.case(Answer::json(503, &json!({}))),
        gateway.fake.case(cut(&[&one, &two])),
    );
    let mut steps = [
        sample::step("openai", &bad),
        sample::step("anthropic", &good),
    ];
    steps[1]["endpoint"] = json!("v1/messages");
    let mut reply = gateway.universal("told", &event, &steps).send().await;
    let (body, whole) = reply.rest().await;
    let body = String::from_utf8(body).unwrap();
    assert!(!whole && body.contains("api_error"), "{body}");
    let record = gateway.steps(&event, 2).await.pop().unwrap();
    let facts = [&record["outcome"], &record["complete"]];
    assert_eq!(facts, [&json!("cut"), &json!(false)]);
}

#[tokio::test]
async fn nothing_is_added_inside_an_event_nor_where_it_is_switched_off_nor_to_anything_else() {
    let gateway = gateway();
    let [one, two] = events(sample::chat_events());
    let (half, _) = two.split_at(two.len() / 2);
    let json = Answer::new(200).header("content-type", "application/json");
    let coded = cut(&[&one]).header("content-encoding", "br");
    for (id, answer, expected) in [
        ("told", cut(&[&one, half]), [one.as_str(), half].concat()),
        ("exact", cut(&[&one, &two]), [one.as_str(), &two].concat()),
        (
            "told",
            json.chunk("{\"id\":")
                .pause(Duration::from_millis(20))
                .cut(),
            "{\"id\":".to_owned(),
        ),
        ("told", coded, one.clone()),
    ] {
        let (body, whole) = got(&gateway, id, CHAT, answer).await;
        assert_eq!((body, whole), (expected, false), "{id}");
    }
}

#[tokio::test]
async fn a_whole_stream_is_unchanged_and_comes_piece_by_piece() {
    let gateway = gateway();
    for (id, over_http2) in [
        ("exact", false),
        ("told", true),
        ("told", false),
        ("asked", false),
    ] {
        let events: Vec<_> = sample::chat_events()
            .into_iter()
            .map(|event| (format!("{event}\n\n"), Gate::new()))
            .collect();
        let head = Answer::new(200).header("content-type", "text/event-stream");
        let answer = events.iter().fold(head, |answer, (event, gate)| {
            answer.gate(gate).chunk(event.as_bytes())
        });
        let case = gateway.fake.case(answer.trailer("x-end", "there"));
        let path = if over_http2 { H2C } else { CHAT };
        let mut reply = call(&gateway, id, path, &case)
            .over_http2(over_http2)
            .send()
            .await;
        if id == "asked" {
            events.iter().for_each(|(_, gate)| gate.open());
            let text = reply.text().await;
            assert!(
                text.ends_with("data: [DONE]\n\n") && !text.contains("upstream_cut"),
                "{text}"
            );
            continue;
        }
        for (event, gate) in &events {
            gate.open();
            reply.expect_bytes(event.as_bytes()).await;
        }
        assert_eq!(reply.text().await, "");
        if over_http2 {
            assert_eq!(reply.trailer("x-end"), Some("there"));
        }
    }
}

#[tokio::test]
async fn a_stream_that_ended_in_an_error_of_the_providers_is_told_nothing_more() {
    let gateway = gateway();
    let [one, _] = events(sample::chat_events());
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n";
    let case = gateway.fake.case(cut(&[&one, error]));
    let mut reply = call(&gateway, "told", CHAT, &case).send().await;
    let (body, _) = reply.rest().await;
    assert_eq!(
        String::from_utf8(body).unwrap(),
        [one.as_str(), error].concat()
    );
}

#[tokio::test]
async fn many_streams_at_once_are_told_each_its_own_end() {
    let gateway = gateway();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200_usize {
        let [one, two] = events(sample::chat_events());
        let filler = format!(": {}\n\n", "x".repeat(number * 97 % 40_000));
        let is_cut = number % 3 > 0;
        let last = if is_cut { &two } else { "data: [DONE]\n\n" };
        let pieces = [&*one, &*filler, last];
        let answer = if is_cut {
            cut(&pieces)
        } else {
            stream(&pieces)
        };
        let case = gateway.fake.case(answer);
        let (call, sent) = (call(&gateway, "told", CHAT, &case), pieces.concat());
        calls.spawn(async move {
            let (body, whole) = call.send().await.rest().await;
            let body = String::from_utf8(body).unwrap();
            let rest = body.strip_prefix(&sent);
            let rest = rest.unwrap_or_else(|| panic!("{number}: {} of {}", body.len(), sent.len()));
            let is_told = rest.contains("upstream_cut");
            assert_eq!((is_told, whole), (is_cut, !is_cut), "{number}: {rest}");
        });
        if calls.len() == 32 {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
}
