//! Issue: tokens and cost are read from the answer as it passes.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Gateway, Lease, Shared, sample};

const CHAT: &str = "/v1/0123/open/openai/chat/completions";
const RESPONSES: &str = "/v1/0123/open/openai/responses";
const MESSAGES: &str = "/v1/0123/open/anthropic/v1/messages";

static GATEWAY: Shared = Shared::new(|| {
    crate::gateway()
        .config(&json!({"gateways": [{"id": "open"}]}))
        .start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// The record of one call with that answer.
async fn record(gateway: &Gateway, path: &str, answer: Answer) -> Value {
    let case = gateway.fake.case(answer.clone());
    let body = if path == MESSAGES {
        json!({"model": "claude-haiku-4-5"})
    } else {
        json!({"model": "gpt-4o-mini"})
    };
    let mut reply = gateway.post(path).case(&case).json(&body).send().await;
    assert_eq!(reply.bytes().await, answer.body());
    gateway.record(&case).await
}

fn assert_usage(record: &Value, input: u64, output: u64, picodollars: f64) {
    assert_eq!(
        (&record["tokens_in"], &record["tokens_out"]),
        (&json!(input), &json!(output)),
        "{record}"
    );
    let cost = record["cost"]
        .as_f64()
        .unwrap_or_else(|| panic!("no cost in {record}"));
    assert!((cost * 1e12 - picodollars).abs() < 1.0, "cost {cost}");
}

#[tokio::test]
async fn whole_and_streamed_answers_of_the_three_formats_are_metered() {
    let gateway = gateway();
    // Prices per million tokens: gpt-4o-mini 0.15 in and 0.6 out; claude-haiku-4-5 1 in, 5 out, 0.1 read, 1.25 written.
    assert_usage(
        &record(&gateway, CHAT, sample::chat()).await,
        11,
        7,
        5_850_000.0,
    );
    assert_usage(
        &record(&gateway, CHAT, Answer::events(sample::chat_events())).await,
        11,
        7,
        5_850_000.0,
    );
    assert_usage(
        &record(&gateway, RESPONSES, sample::response()).await,
        13,
        8,
        6_750_000.0,
    );
    assert_usage(
        &record(
            &gateway,
            RESPONSES,
            Answer::events(sample::response_events()),
        )
        .await,
        13,
        8,
        6_750_000.0,
    );
    assert_usage(
        &record(&gateway, MESSAGES, sample::message()).await,
        21,
        9,
        63_000_000.0,
    );
    assert_usage(
        &record(&gateway, MESSAGES, Answer::events(sample::message_events())).await,
        10,
        9,
        55_000_000.0,
    );
}

#[tokio::test]
async fn the_cut_of_the_chunks_makes_no_difference() {
    let gateway = gateway();
    for (path, answer) in [
        (CHAT, Answer::events(sample::chat_events())),
        (MESSAGES, Answer::events(sample::message_events())),
        (RESPONSES, Answer::events(sample::response_events())),
        (MESSAGES, sample::message()),
    ] {
        let whole = facts(&record(&gateway, path, answer.clone()).await);
        for size in [1, 3, 64] {
            let cut = facts(&record(&gateway, path, answer.in_pieces_of(size)).await);
            assert_eq!(cut, whole, "pieces of {size}");
        }
    }
}

fn facts(record: &Value) -> [Value; 8] {
    [
        "tokens_in",
        "tokens_out",
        "cost",
        "model",
        "usage_metadata",
        "finish_reason",
        "complete",
        "response_size",
    ]
    .map(|name| record[name].clone())
}

#[tokio::test]
async fn the_parts_of_the_usage_are_told() {
    let gateway = gateway();
    let usage = record(&gateway, MESSAGES, sample::message()).await["usage_metadata"].clone();
    assert_eq!(usage["input_tokens"], 21);
    assert_eq!(usage["output_tokens"], 9);
    assert_eq!(usage["input_cached_tokens"], 5);
    assert_eq!(usage["input_cache_write_tokens"], 6);
    let mut body = sample::chat_body();
    body["usage"]["prompt_tokens_details"] = json!({"cached_tokens": 4});
    body["usage"]["completion_tokens_details"] = json!({"reasoning_tokens": 3});
    let usage = record(&gateway, CHAT, Answer::json(200, &body)).await["usage_metadata"].clone();
    assert_eq!(
        (
            &usage["input_cached_tokens"],
            &usage["output_reasoning_tokens"]
        ),
        (&json!(4), &json!(3))
    );
}

#[tokio::test]
async fn what_is_not_known_is_null_and_never_zero() {
    let gateway = gateway();
    let mut stranger = sample::chat_body();
    stranger["model"] = json!("nobody-knows-me-1");
    let case = gateway.fake.case(Answer::json(200, &stranger));
    let call = gateway
        .post(CHAT)
        .case(&case)
        .json(&json!({"model": "nobody-knows-me-1"}));
    assert_eq!(call.complete().await.status, 200);
    let record_of_stranger = gateway.record(&case).await;
    assert_eq!(
        (
            &record_of_stranger["tokens_in"],
            &record_of_stranger["cost"]
        ),
        (&json!(11), &json!(null))
    );
    let silent = [
        "data: {\"model\": \"gpt-4o-mini\", \"choices\": []}",
        "data: [DONE]",
    ];
    for answer in [
        Answer::events(silent),
        Answer::json(200, &json!({"data": []})),
        Answer::json(400, &json!({})),
    ] {
        let record = record(&gateway, CHAT, answer).await;
        for name in ["tokens_in", "tokens_out", "cost", "usage_metadata"] {
            assert_eq!(record[name], json!(null), "{name} in {record}");
        }
    }
}

#[tokio::test]
async fn a_compressed_answer_passes_unread() {
    let gateway = gateway();
    let bytes = b"\x1f\x8b\x08\x00 not really gzip {\"usage\": {\"prompt_tokens\": 1}}".to_vec();
    let answer = Answer::new(200)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    let record = record(&gateway, CHAT, answer.chunk(bytes).sized()).await;
    assert_eq!(
        (&record["tokens_in"], &record["cost"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(record["success"], true);
}

#[tokio::test]
async fn the_model_that_answered_is_the_one_recorded() {
    let gateway = gateway();
    assert_eq!(
        record(&gateway, CHAT, sample::chat()).await["model"],
        "gpt-4o-mini-2024-07-18"
    );
    let case = gateway.fake.case(Answer::json(
        500,
        &json!({"error": {"type": "server_error"}}),
    ));
    gateway
        .post(CHAT)
        .case(&case)
        .json(&sample::ask("hi"))
        .complete()
        .await;
    let failed = gateway.record(&case).await;
    assert_eq!(
        (&failed["model"], &failed["error_type"]),
        (&json!("gpt-4o-mini"), &json!("server_error"))
    );
}

#[tokio::test]
async fn a_stream_is_not_asked_for_more_than_the_client_asked_for() {
    let gateway = gateway();
    let case = gateway.fake.case(Answer::events(sample::chat_events()));
    let body = "{\"model\": \"gpt-4o-mini\", \"stream\": true, \"messages\": []}";
    let call = gateway
        .post(CHAT)
        .case(&case)
        .header("content-type", "application/json")
        .body(body);
    assert_eq!(call.complete().await.status, 200);
    assert_eq!(case.only().body, body.as_bytes());
}

#[tokio::test]
async fn a_form_that_streams_through_tells_which_model_was_asked_for() {
    let gateway = gateway();
    // The answer to a transcription names no model. Prices per million tokens: 1.25 for text in, 3 for audio in, 5 out.
    let usage = json!({"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10}});
    let case = gateway.fake.case(Answer::json(
        200,
        &json!({"text": "Imagine.", "usage": usage}),
    ));
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n\
        --x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-4o-mini-transcribe\r\n--x--\r\n";
    let call = gateway
        .post("/v1/0123/open/openai/audio/transcriptions")
        .case(&case)
        .header("content-type", "multipart/form-data; boundary=x")
        .framed(form.as_bytes().to_vec(), Some(7));
    assert_eq!(call.complete().await.status, 200);
    assert_eq!(case.only().body, form.as_bytes());
    let record = gateway.record(&case).await;
    assert_eq!(record["model"], "gpt-4o-mini-transcribe");
    assert_usage(
        &record,
        14,
        45,
        4.0 * 1_250_000.0 + 10.0 * 3_000_000.0 + 45.0 * 5_000_000.0,
    );
}
