//! Bodies that are compressed: they pass as they are, and a decoded copy is read.

use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use serde_json::json;

use super::*;

/// A gzip member, as a server writes it.
pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
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

const EVENTS: &[u8] = b"data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-haiku-4-5\",\
\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\ndata: {\"type\":\"message_delta\",\
\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\ndata: {\"type\":\"message_stop\"}\n\n";

/// The record of a call with that answer.
fn answered(coding: &str, content_type: &str, chunks: &[&[u8]]) -> Value {
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[], QUESTION);
    let head = [("content-type", content_type), ("content-encoding", coding)];
    call.answer_with("200", &head, chunks);
    assert_eq!(call.shown, chunks.concat(), "the bytes pass as they are");
    call.done(0, false).clone()
}

#[test]
fn usage_is_read_from_a_compressed_answer() {
    for (coding, whole, events) in [
        ("gzip", gzip(ANSWER), gzip(EVENTS)),
        (
            "deflate",
            compress_to_vec_zlib(ANSWER, 6),
            compress_to_vec(EVENTS, 6),
        ),
    ] {
        let record = answered(coding, JSON, &[&whole]);
        assert_eq!(
            (&record["tokens_in"], &record["tokens_out"]),
            (&json!(10), &json!(5))
        );
        assert_eq!(record["response_size"], whole.len());
        assert_eq!(
            record["response_head"].as_str().map(str::as_bytes),
            Some(ANSWER)
        );
        let pieces: Vec<_> = events.chunks(7).collect();
        let record = answered(coding, SSE, &pieces);
        assert_eq!(
            (&record["tokens_in"], &record["tokens_out"]),
            (&json!(25), &json!(15))
        );
        assert_eq!(
            (&record["complete"], &record["usage_unread"]),
            (&json!(true), &json!(null))
        );
    }
}

#[test]
fn a_compressed_answer_that_is_cut_is_not_complete_and_not_kept() {
    let at = EVENTS.len() - b"data: {\"type\":\"message_stop\"}\n\n".len();
    let bytes = gzip(&EVENTS[..at]);
    for end in [bytes.len(), bytes.len() - 1, bytes.len() - 8] {
        let record = answered("gzip", SSE, &[&bytes[..end]]);
        assert_eq!(
            (&record["complete"], &record["outcome"]),
            (&json!(false), &json!("cut"))
        );
        // What was stated before is stated.
        assert_eq!(
            (&record["tokens_out"], &record["usage_unread"]),
            (&json!(15), &json!(null))
        );
    }
    let whole = gzip(ANSWER);
    let record = answered("gzip", JSON, &[&whole[..30]]);
    assert_eq!(
        (&record["complete"], &record["usage_unread"]),
        (&json!(false), &json!("the compressed content is cut"))
    );
}

#[test]
fn a_stream_is_complete_at_its_last_event_but_shared_at_the_end_of_its_coding() {
    let bytes = gzip(EVENTS);
    let (events, _) = bytes.split_at(bytes.len() - 8);
    let proxy = Proxy::new();
    let accepts = [("accept-encoding", "gzip")];
    for (seen, is_shared) in [(events, false), (&bytes[..], true)] {
        let mut call = proxy.stream();
        call.ask(ANTHROPIC, &accepts, QUESTION);
        call.on(Event::ResponseHead {
            headers: list(&[
                (":status", "200"),
                ("content-type", SSE),
                ("content-encoding", "gzip"),
            ]),
            end: false,
            local: false,
        });
        call.on(answer_event(seen, false));
        let record = call.done(0x4000, true);
        assert_eq!(
            (&record["outcome"], &record["complete"]),
            (&json!("answered"), &json!(true))
        );
        assert_eq!(
            (&record["tokens_out"], &record["usage_partial"]),
            (&json!(15), &json!(false))
        );
        let mut again = proxy.stream();
        again.ask(ANTHROPIC, &accepts, QUESTION);
        assert_eq!(again.reply.is_some(), is_shared);
        again.done(0, false);
    }
}

#[test]
fn what_cannot_be_decoded_passes_unread() {
    let mut damaged = gzip(ANSWER);
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    for (coding, bytes, reason) in [
        ("gzip", &damaged, "the compressed content is damaged"),
        (
            "br",
            &b"\x0b\x02\x80{}\x03".to_vec(),
            "content-encoding br is not read",
        ),
        (
            "zstd",
            &b"\x28\xb5\x2f\xfd{}".to_vec(),
            "content-encoding zstd is not read",
        ),
        (
            "gzip",
            &ANSWER.to_vec(),
            "the compressed content is damaged",
        ),
        (
            "gzip, br",
            &gzip(ANSWER),
            "this content-encoding is not read",
        ),
    ] {
        let record = answered(coding, JSON, &[bytes]);
        for name in ["tokens_in", "tokens_out", "cost", "usage_metadata"] {
            assert_eq!(record[name], json!(null), "{coding}: {name}");
        }
        assert_eq!(
            (&record["success"], &record["usage_unread"]),
            (&json!(true), &json!(reason))
        );
    }
}

/// Whether a second client with those fields is answered from the cache, after a first was.
fn shared(coding: &str, bytes: &[u8], first: &str, second: &[(&str, &str)]) -> Option<Vec<u8>> {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.ask(ANTHROPIC, &[("accept-encoding", first)], QUESTION);
    let length = bytes.len().to_string();
    let head = [
        ("content-type", JSON),
        ("content-encoding", coding),
        ("content-length", &length),
    ];
    call.answer_with("200", &head, &[bytes]);
    call.done(0, false);
    let mut again = proxy.stream();
    again.ask(ANTHROPIC, second, QUESTION);
    assert_eq!(again.reply.is_some(), again.upstream.is_none());
    let told = again.told("content-encoding");
    let body = again.reply.as_ref().map(|reply| reply.body.clone());
    assert_eq!(told.as_deref(), body.as_ref().map(|_| coding));
    body
}

#[test]
fn a_compressed_answer_is_replayed_as_it_is_to_who_accepts_it() {
    let bytes = gzip(ANSWER);
    for accepts in ["gzip", "br, GZIP;q=0.5", "gzip , identity"] {
        let hit = shared("gzip", &bytes, "", &[("accept-encoding", accepts)]);
        assert_eq!(hit.as_ref(), Some(&bytes), "{accepts}");
    }
    for refuses in ["identity", "br", "gzip;q=0", "gzip; q=0.000", "*", ""] {
        let miss = shared("gzip", &bytes, "gzip", &[("accept-encoding", refuses)]);
        assert_eq!(miss, None, "{refuses}");
    }
    assert_eq!(shared("gzip", &bytes, "gzip", &[]), None);
    assert!(shared("br", b"\x0b\x02", "br", &[("accept-encoding", "br")]).is_some());
    let mut damaged = bytes.clone();
    damaged.truncate(30);
    let accepts = [("accept-encoding", "gzip")];
    assert_eq!(shared("gzip", &damaged, "gzip", &accepts), None);
}

/// A call with that request body.
fn asked(proxy: &Proxy, coding: &str, body: &[u8]) -> Stream {
    let mut call = proxy.stream();
    call.head(ANTHROPIC, &[("content-encoding", coding)]);
    for piece in body.chunks(5) {
        call.on(body_event(piece, false));
    }
    call.on(body_event(b"", true));
    call
}

#[test]
fn a_compressed_request_is_read_decoded_and_sent_as_it_is() {
    let proxy = Proxy::new();
    let body = gzip(QUESTION.as_bytes());
    let mut call = asked(&proxy, "gzip", &body);
    assert_eq!(call.asked, None);
    call.answer("200", JSON, &[ANSWER]);
    let record = call.done(0, false);
    assert_eq!(record["request_head"], QUESTION);
    assert_eq!(record["request_size"], body.len());
    assert_eq!(record["model"], "claude-haiku-4-5");
    // The same bytes again come from the cache; other bytes, or the same read in another way, do not.
    assert!(asked(&proxy, "gzip", &body).reply.is_some());
    assert!(asked(&proxy, "x-gzip", &body).reply.is_none());
    let plain = asked(&proxy, "identity", QUESTION.as_bytes());
    assert!(plain.reply.is_none());
}

#[test]
fn a_compressed_request_that_cannot_be_read_is_sent_all_the_same() {
    let good = gzip(QUESTION.as_bytes());
    for (coding, body) in [
        ("gzip", QUESTION.as_bytes()),
        ("gzip", &good[..20]),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("deflate", b"\xff\xff\xff\xff"),
    ] {
        let mut call = asked(&Proxy::new(), coding, body);
        assert!(call.upstream.is_some(), "{coding}");
        call.answer("200", JSON, &[ANSWER]);
        let record = call.done(0, false);
        assert_eq!(
            (&record["stream"], &record["tokens_in"]),
            (&json!(false), &json!(10))
        );
    }
}
