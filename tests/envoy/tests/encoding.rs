//! Issue: a compressed body passes unchanged and its usage is read all the same; Envoy compresses towards the client.

use serde_json::{Value, json};
use sluice_e2e::miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use sluice_e2e::miniz_oxide::inflate::{decompress_to_vec, decompress_to_vec_zlib};
use sluice_e2e::{Answer, Gateway, Lease, RawReply, Shared, sample};

use crate::shipped;

const CHAT: &str = "/v1/0123/open/openai/chat/completions";
const CACHED: &str = "/v1/0123/cached/openai/chat/completions";

static GATEWAY: Shared = Shared::new(|| {
    let gateways = json!([
        {"id": "open", "collect_log_payload": true}, {"id": "cached", "cache_ttl": 300}
    ]);
    crate::gateway()
        .config(&json!({"gateways": gateways}))
        .start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A gzip member, as a server writes it.
fn gzip(text: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in text {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    let size = u32::try_from(text.len()).unwrap().to_le_bytes();
    let head = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    let data = compress_to_vec(text, 6);
    [&head[..], &data, &(!crc).to_le_bytes(), &size].concat()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    // Envoy writes heads without optional parts.
    assert_eq!(&bytes[..4], b"\x1f\x8b\x08\0");
    decompress_to_vec(&bytes[10..bytes.len() - 8]).unwrap()
}

/// An answer with these bytes as its body, encoded as named.
fn encoded(coding: &str, content_type: &str, bytes: &[u8]) -> Answer {
    Answer::new(200)
        .header("content-type", content_type)
        .header("content-encoding", coding)
        .chunk(bytes)
}

/// The record of a call that is answered so.
async fn record(gateway: &Gateway, coding: &str, answer: Answer) -> Value {
    let case = gateway.fake.case(answer.clone());
    let call = gateway
        .post(CHAT)
        .case(&case)
        .header("accept-encoding", "gzip, br")
        .json(&sample::ask_stream("hi"));
    let mut reply = call.send().await;
    assert_eq!(reply.header("content-encoding"), Some(coding));
    assert_eq!(reply.bytes().await, answer.body(), "unchanged");
    assert_eq!(
        case.only().header("accept-encoding").as_deref(),
        Some("identity")
    );
    gateway.record(&case).await
}

fn assert_usage(record: &Value) {
    let facts = ["tokens_in", "tokens_out", "complete", "success"].map(|name| &record[name]);
    let expected = [json!(11), json!(7), json!(true), json!(true)];
    assert_eq!(facts, expected.each_ref(), "{record}");
}

#[tokio::test]
async fn usage_is_read_from_an_answer_that_is_compressed_all_the_same() {
    let gateway = gateway();
    let whole = sample::chat_body().to_string();
    let events = Answer::events(sample::chat_events()).body();
    for (coding, content_type, bytes) in [
        ("gzip", "application/json", gzip(whole.as_bytes())),
        (
            "deflate",
            "application/json",
            compress_to_vec_zlib(whole.as_bytes(), 6),
        ),
        ("gzip", "text/event-stream", gzip(&events)),
        ("deflate", "text/event-stream", compress_to_vec(&events, 6)),
    ] {
        let answer = encoded(coding, content_type, &bytes);
        let seen = record(&gateway, coding, answer.clone().sized()).await;
        assert_usage(&seen);
        let head = if content_type == "application/json" {
            whole.as_bytes()
        } else {
            &events
        };
        assert_eq!(
            seen["response_head"].as_str().map(str::as_bytes),
            Some(head)
        );
        for size in [1, 7] {
            assert_usage(&record(&gateway, coding, answer.in_pieces_of(size)).await);
        }
    }
}

#[tokio::test]
async fn a_compressed_answer_that_is_cut_or_damaged_or_not_read_has_no_usage() {
    let gateway = gateway();
    let good = gzip(sample::chat_body().to_string().as_bytes());
    let mut damaged = good.clone();
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    for (coding, bytes, complete, reason) in [
        ("gzip", &good[..30], false, "the compressed content is cut"),
        ("gzip", &damaged, true, "the compressed content is damaged"),
        (
            "br",
            b"\x0b\x02\x80{}\x03",
            true,
            "content-encoding br is not read",
        ),
        (
            "zstd",
            b"\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00{}",
            true,
            "content-encoding zstd is not read",
        ),
    ] {
        let answer = encoded(coding, "application/json", bytes);
        let record = record(&gateway, coding, answer.sized()).await;
        for name in ["tokens_in", "tokens_out", "cost"] {
            assert_eq!(record[name], json!(null), "{coding} {name}");
        }
        assert_eq!(
            (&record["complete"], &record["usage_unread"]),
            (&json!(complete), &json!(reason))
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_a_compressed_stream_at_its_last_event_was_answered() {
    let gateway = gateway();
    let bytes = gzip(&Answer::events(sample::chat_events()).body());
    // The checksum and the size of the coding are still to come.
    let (events, _) = bytes.split_at(bytes.len() - 8);
    let case = gateway
        .fake
        .case(encoded("gzip", "text/event-stream", events).hang());
    let call = gateway.post(CACHED).case(&case);
    let call = call.header("accept-encoding", "gzip");
    let mut reply = call.json(&sample::ask_stream(case.id())).send().await;
    let mut seen = 0;
    while seen < events.len() {
        seen += reply.chunk().await.len();
    }
    reply.hang_up();
    let record = gateway.record(&case).await;
    assert_usage(&record);
    assert_eq!(
        (&record["outcome"], &record["usage_partial"]),
        (&json!("answered"), &json!(false))
    );
}

#[tokio::test]
async fn a_compressed_answer_is_shared_with_those_who_accept_it_only() {
    let gateway = gateway();
    let bytes = gzip(sample::chat_body().to_string().as_bytes());
    let case = gateway
        .fake
        .case(encoded("gzip", "application/json", &bytes).sized());
    let ask = |accept: &str| {
        let call = gateway.post(CACHED).case(&case);
        let call = call.header("accept-encoding", accept);
        call.json(&sample::ask("a compressed answer")).complete()
    };
    let first = ask("gzip").await;
    assert_eq!(first.body, bytes);
    let hit = ask("br, gzip").await;
    assert_eq!(hit.header("cf-aig-cache-status").as_deref(), Some("HIT"));
    assert_eq!(hit.header("content-encoding").as_deref(), Some("gzip"));
    assert_eq!(hit.body, bytes);
    let miss = ask("identity").await;
    assert_eq!(miss.header("cf-aig-cache-status").as_deref(), Some("MISS"));
    assert_eq!(case.seen().len(), 2);
}

#[tokio::test]
async fn a_compressed_request_is_read_and_reaches_the_provider_as_it_is() {
    let gateway = gateway();
    let question = json!({"model": "gpt-4o-mini", "stream": true, "messages": ["compressed"]});
    for (path, coding, body) in [
        (CHAT, "gzip", gzip(question.to_string().as_bytes())),
        (CACHED, "gzip", gzip(question.to_string().as_bytes())),
        (
            CACHED,
            "deflate",
            compress_to_vec_zlib(question.to_string().as_bytes(), 6),
        ),
    ] {
        let case = gateway.fake.case(Answer::events(sample::chat_events()));
        let call = || {
            let call = gateway.post(path).case(&case);
            let call = call.header("content-type", "application/json");
            let call = call.header("content-encoding", coding);
            call.framed(body.clone(), Some(10)).complete()
        };
        assert_eq!(call().await.status, 200);
        let seen = case.only();
        assert_eq!(seen.body, body);
        assert_eq!(seen.header("content-encoding").as_deref(), Some(coding));
        let record = gateway.record(&case).await;
        assert_eq!(
            (&record["stream"], &record["tokens_out"]),
            (&json!(true), &json!(7))
        );
        if path == CACHED {
            let again = call().await;
            let status = again.header("cf-aig-cache-status");
            assert_eq!(status.as_deref(), Some("HIT"));
        }
    }
}

/// A call through the shipped configuration.
async fn shipped(gateway: &Gateway, answer: &Answer, accept: &str) -> (RawReply, Value) {
    let case = gateway.fake.case(answer.clone());
    let call = gateway
        .post("/v1/0123/my-gateway/openai/chat/completions")
        .case(&case)
        .header("cf-aig-event-id", case.id())
        .header("cf-aig-skip-cache", "true")
        .header("accept-encoding", accept);
    let reply = call.json(&sample::ask_stream(case.id())).complete().await;
    let entry = shipped::entry(gateway, &case).await;
    let record = serde_json::from_str(entry["record"].as_str().unwrap()).unwrap();
    (reply, record)
}

#[tokio::test]
async fn the_shipped_configuration_compresses_json_towards_the_client() {
    let gateway = shipped::served();
    let mut body = sample::chat_body();
    body["choices"][0]["message"]["content"] = json!("a word ".repeat(1000));
    let text = body.to_string();
    let answer = Answer::json(200, &body);
    let (reply, record) = shipped(&gateway, &answer, "gzip").await;
    assert_eq!(reply.header("content-encoding").as_deref(), Some("gzip"));
    assert!(reply.body.len() < text.len() / 4);
    assert_eq!(gunzip(&reply.body), text.as_bytes());
    assert_usage(&record);
    let (reply, record) = shipped(&gateway, &answer, "br").await;
    assert_eq!(reply.header("content-encoding").as_deref(), Some("br"));
    assert_usage(&record);
    let (reply, record) = shipped(&gateway, &answer, "identity").await;
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(reply.body, text.as_bytes());
    assert_usage(&record);
    // What is compressed already is left as it is.
    let bytes = gzip(text.as_bytes());
    let already = encoded("gzip", "application/json", &bytes).sized();
    let (reply, record) = shipped(&gateway, &already, "gzip, br").await;
    assert_eq!(reply.body, bytes);
    assert_usage(&record);
}

#[tokio::test]
async fn the_shipped_configuration_compresses_no_stream() {
    let gateway = shipped::served();
    let answer = Answer::events(sample::chat_events());
    let (reply, record) = shipped(&gateway, &answer, "gzip, br, deflate").await;
    assert_eq!(reply.header("content-encoding"), None);
    assert_eq!(reply.body, answer.body());
    assert_usage(&record);
}

#[test]
fn the_two_ways_of_these_tests_fit_together() {
    assert_eq!(gunzip(&gzip(b"some text")), b"some text");
    let zlib = compress_to_vec_zlib(b"some text", 6);
    assert_eq!(decompress_to_vec_zlib(&zlib).unwrap(), b"some text");
}
