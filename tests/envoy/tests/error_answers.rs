//! Issue: with `retry_error_answers` an answer of 200 that begins with an error counts as failed, before any of it is
//! released; what begins well is released as soon as that is known.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lease, Reply, Shared, sample};

use super::hop::{start_with, step_of};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    start_with(&json!([
        {"id": "strict", "retry_error_answers": true, "retry_delay": 0},
        {"id": "open", "retry_delay": 0}
    ]))
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// Errors in the guise of an answer: provider and path, and the answer's events or its only document.
const DISGUISED: &str = r#"
openai/chat/completions data: {"error":{"message":"no","type":"server_error"}}
openai/chat/completions : waiting | data: {"error":{"message":"no","type":"server_error"}} | data: [DONE]
openai/chat/completions data: {"id":"","model":"","choices":[],"prompt_filter_results":[]} | data: {"error":{"message":"no","type":"server_error"}}
openai/chat/completions data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]} | data: {"error":{"message":"no","type":"server_error"}}
openai/chat/completions {"error":{"message":"no","type":"server_error","code":null}}
custom-one/chat/completions data: {"error":{"message":"no"}}
custom-one/anything {"error":"no"}
openai/responses data: {"type":"response.created","response":{"id":"r"}} | data: {"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"server_error","message":"no"}}}
openai/responses data: {"type":"response.created","response":{"id":"r"}} | data: {"type":"error","code":"server_error","message":"no"}
anthropic/v1/messages event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}
anthropic/v1/messages event: message_start\ndata: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}} | event: ping\ndata: {"type":"ping"} | event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}
anthropic/v1/messages {"type":"error","error":{"type":"overloaded_error","message":"no"}}
workers-ai/@cf/meta/m {"success":false,"result":null,"messages":[],"errors":[{"code":3040,"message":"no"}]}"#;

/// An error in the guise of an answer.
struct Disguised {
    provider: &'static str,
    endpoint: &'static str,
    answer: Answer,
    is_stream: bool,
}

fn disguised() -> impl Iterator<Item = Disguised> {
    DISGUISED.trim().lines().map(|row| {
        let (path, said) = row.split_once(' ').unwrap();
        let (provider, endpoint) = path.split_once('/').unwrap();
        let is_stream = !said.starts_with('{');
        let answer = if is_stream {
            let events = said.split(" | ").map(|event| event.replace("\\n", "\n"));
            Answer::events(events)
        } else {
            Answer::json(200, &serde_json::from_str(said).unwrap())
        };
        Disguised {
            provider,
            endpoint,
            answer,
            is_stream,
        }
    })
}

/// A step of that provider, which is to answer by that case.
fn step(provider: &str, endpoint: &str, case: &Case, is_stream: bool) -> Value {
    let mut step = sample::step(provider, case);
    step["endpoint"] = json!(endpoint);
    step["query"]["stream"] = json!(is_stream);
    step
}

/// A single call with two attempts, which is its own event.
fn single(gateway: &Gateway, id: &str, path: &str, case: &Case, is_stream: bool) -> Call {
    let mut body = sample::ask(case.id());
    body["stream"] = json!(is_stream);
    let call = gateway.post(&format!("/v1/0123/{id}/{path}")).case(case);
    let call = call.header("cf-aig-event-id", case.id());
    call.header("cf-aig-max-attempts", "2").json(&body)
}

#[tokio::test]
async fn an_error_in_the_guise_of_an_answer_is_followed_by_the_next_step() {
    let gateway = gateway();
    for Disguised {
        provider,
        endpoint,
        answer: bad,
        is_stream,
    } in disguised()
    {
        let bad = gateway.fake.case(bad);
        let [good, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
        let steps = [
            step(provider, endpoint, &bad, is_stream),
            sample::step("custom-two", &good),
        ];
        let reply = gateway.universal("strict", &event, &steps).complete().await;
        let what = format!("{provider} {endpoint}, stream {is_stream}");
        assert_eq!(
            (step_of(&reply).as_deref(), reply.json()),
            (Some("1"), sample::chat_body()),
            "{what}"
        );
        assert_eq!((bad.seen().len(), good.seen().len()), (1, 1), "{what}");
        let records = gateway.steps(&event, 2).await;
        assert_eq!(
            (&records[0]["status_code"], &records[1]["success"]),
            (&json!(200), &json!(true)),
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_error_in_the_guise_of_an_answer_is_tried_again() {
    let gateway = gateway();
    for Disguised {
        provider,
        endpoint,
        answer: bad,
        is_stream,
    } in disguised()
    {
        let case = gateway.fake.cases([bad, sample::chat()]);
        let path = format!("{provider}/{endpoint}");
        let reply = single(&gateway, "strict", &path, &case, is_stream)
            .complete()
            .await;
        assert_eq!(
            reply.json(),
            sample::chat_body(),
            "{path}, stream {is_stream}"
        );
        assert_eq!(case.seen().len(), 2);
        let record = gateway.steps(&case, 1).await.remove(0);
        let failed = &record["failed_attempts"];
        assert_eq!(
            (failed.as_array().unwrap().len(), &failed[0]["status_code"]),
            (1, &json!(200))
        );
        assert_eq!(
            (&record["error_type"], &record["success"]),
            (&json!(null), &json!(true)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_last_attempts_error_passes_as_it_is() {
    let gateway = gateway();
    for Disguised {
        provider,
        endpoint,
        answer: bad,
        is_stream,
    } in disguised()
    {
        let path = format!("{provider}/{endpoint}");
        // Without the setting it is an answer like any other.
        for (id, attempts) in [("strict", 2), ("open", 1)] {
            let case = gateway.fake.case(bad.clone());
            let reply = single(&gateway, id, &path, &case, is_stream)
                .complete()
                .await;
            let text = String::from_utf8_lossy(&reply.body);
            assert_eq!(
                (reply.status, &*text),
                (200, &*String::from_utf8_lossy(&bad.body()))
            );
            assert_eq!(case.seen().len(), attempts, "{id} {path}");
        }
        let case = gateway.fake.case(bad.clone());
        let [good, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
        let steps = [
            step(provider, endpoint, &case, is_stream),
            sample::step("custom-two", &good),
        ];
        let reply = gateway.universal("open", &event, &steps).complete().await;
        assert_eq!(
            (step_of(&reply).as_deref(), reply.body),
            (Some("0"), bad.body())
        );
        assert!(good.seen().is_empty());
    }
}

/// The answer of a first step that a second one stands behind.
async fn first_of_two(gateway: &Gateway, provider: &str, endpoint: &str, answer: Answer) -> Reply {
    let case = gateway.fake.case(answer);
    let [good, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
    let steps = [
        step(provider, endpoint, &case, true),
        sample::step("custom-two", &good),
    ];
    let reply = gateway.universal("strict", &event, &steps).send().await;
    assert_eq!(
        (reply.status, reply.header("cf-aig-step")),
        (200, Some("0"))
    );
    reply
}

#[tokio::test]
async fn content_is_released_at_once_with_what_came_before_it() {
    let gateway = gateway();
    for (provider, endpoint, events, content) in [
        ("openai", "chat/completions", sample::chat_events(), 1),
        ("openai", "responses", sample::response_events(), 2),
        ("anthropic", "v1/messages", sample::message_events(), 2),
    ] {
        let text = |events: &[String]| {
            events
                .iter()
                .map(|event| format!("{event}\n\n"))
                .collect::<String>()
        };
        let (gate, [first, rest]) = (
            Gate::new(),
            [&events[..content], &events[content..]].map(text),
        );
        let answer = Answer::events(&events[..content])
            .gate(&gate)
            .chunk(rest.clone());
        let mut reply = first_of_two(&gateway, provider, endpoint, answer).await;
        reply.expect_bytes(first.as_bytes()).await;
        gate.open();
        assert_eq!(reply.text().await, rest);
    }
}

#[tokio::test]
async fn an_error_after_content_passes() {
    let gateway = gateway();
    let (gate, first) = (Gate::new(), format!("{}\n\n", sample::chat_events()[0]));
    let late = "data: {\"error\":{\"message\":\"late\"}}\n\n";
    let answer = Answer::events::<&str>([])
        .chunk(first.clone())
        .gate(&gate)
        .chunk(late);
    let mut reply = first_of_two(&gateway, "openai", "chat/completions", answer).await;
    reply.expect_bytes(first.as_bytes()).await;
    gate.open();
    assert_eq!(reply.text().await, late);
}

#[tokio::test]
async fn answers_that_are_no_errors_pass_whole() {
    let gateway = gateway();
    let list = Answer::json(
        200,
        &json!([{"candidates": [{"content": {"parts": [{"text": "x".repeat(200_000)}]}}]}]),
    );
    let mut large = sample::chat_body();
    large["choices"][0]["message"]["content"] = json!("x".repeat(200_000));
    let audio = Answer::new(200)
        .header("content-type", "audio/mpeg")
        .chunk(vec![0; 200_000]);
    for (provider, endpoint, answer) in [
        ("openai", "chat/completions", sample::chat()),
        ("openai", "chat/completions", Answer::json(200, &large)),
        (
            "openai",
            "chat/completions",
            Answer::json(200, &large).in_pieces_of(1000),
        ),
        ("openai", "chat/completions", Answer::new(200).length(0)),
        (
            "openai",
            "chat/completions",
            Answer::events(&sample::chat_events()[..0]),
        ),
        (
            "google-ai-studio",
            "v1beta/models/m:streamGenerateContent",
            list,
        ),
        ("openai", "audio/speech", audio),
    ] {
        let mut reply = first_of_two(&gateway, provider, endpoint, answer.clone()).await;
        assert!(
            reply.bytes().await == answer.body(),
            "{provider} {endpoint}"
        );
    }
}
