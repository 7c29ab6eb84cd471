//! What is logged of the bodies: text, decoded, and of no credential even the beginning.

use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::json;

use super::*;

const CREDENTIAL: (&str, &str) = ("authorization", "Bearer sk-1234567890abcdef");
const ECHO: &str = r#"{"error":{"message":"Incorrect API key sk-1234567890abcdef"}}"#;
const MASKED: &str = r#"{"error":{"message":"Incorrect API key ***"#;

/// As much of it as ends in the middle of the credential.
fn cut() -> &'static str {
    ECHO.split_once("def").unwrap().0
}

fn assert_masked(record: &Value, name: &str) {
    assert_eq!(record[name], MASKED);
    assert_eq!(record[format!("{name}_complete")], json!(false));
}

#[test]
fn the_beginning_of_a_credential_does_not_show_where_the_client_or_the_upstream_stopped() {
    let mut call = Proxy::new().stream();
    call.head(ANTHROPIC, &[CREDENTIAL]);
    call.on(body_event(cut().as_bytes(), false));
    assert_masked(call.done(0, true), "request_head");
    for (status, length) in [("200", "61"), ("401", "61")] {
        let mut call = Proxy::new().stream();
        call.ask(ANTHROPIC, &[CREDENTIAL], QUESTION);
        let fields = [
            (":status", status),
            ("content-type", JSON),
            ("content-length", length),
        ];
        call.on(Event::ResponseHead {
            headers: list(&fields),
            end: false,
            local: false,
        });
        call.on(answer_event(cut().as_bytes(), false));
        assert_masked(call.done(0x40, false), "response_head");
    }
}

#[test]
fn nor_where_a_compressed_body_stopped() {
    let whole = compress_to_vec_zlib(cut().as_bytes(), 6);
    // All of the text, without the checksum behind it.
    let (bytes, _) = whole.split_at(whole.len() - 4);
    let coding = ("content-encoding", "deflate");
    let mut call = Proxy::new().stream();
    call.head(ANTHROPIC, &[CREDENTIAL, coding]);
    call.on(body_event(bytes, true));
    call.answer("200", JSON, &[ANSWER]);
    assert_masked(call.done(0, false), "request_head");
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[CREDENTIAL], QUESTION);
    call.answer_with("401", &[("content-type", JSON), coding], &[bytes]);
    assert_masked(call.done(0, false), "response_head");
}

/// What is logged of an answer with that type and coding, then of the same from the cache.
fn logged(content_type: &str, coding: &str, bytes: &[u8]) -> [Value; 2] {
    let proxy = Proxy::new();
    let accepts = [("accept-encoding", coding)];
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &accepts, QUESTION);
    let length = bytes.len().to_string();
    let fields = [
        ("content-type", content_type),
        ("content-length", &length),
        ("content-encoding", coding),
    ];
    first.answer_with("200", &fields, &[bytes]);
    let mut second = proxy.stream();
    second.ask(ANTHROPIC, &accepts, QUESTION);
    assert_eq!(second.reply.as_ref().unwrap().body, bytes);
    [first, second].map(|mut call| call.done(0, false)["response_head"].clone())
}

#[test]
fn of_a_hit_is_logged_what_is_logged_of_its_first_answer() {
    let text = std::str::from_utf8(ANSWER).unwrap();
    let deflated = compress_to_vec_zlib(ANSWER, 6);
    for (content_type, coding, bytes, head) in [
        (JSON, "identity", ANSWER, json!(text)),
        (JSON, "deflate", &deflated, json!(text)),
        ("image/png", "identity", b"\x89PNG\r\n\xFF", json!(null)),
        ("image/png", "deflate", &deflated, json!(null)),
        (JSON, "br", b"\x8b\x02\x80{}\x03", json!(null)),
    ] {
        let both = logged(content_type, coding, bytes);
        assert_eq!(both, [head.clone(), head], "{content_type} {coding}");
    }
}

#[test]
fn no_text_of_a_client_or_a_provider_begins_a_line_of_its_own_in_the_log() {
    let line = "x\\nsluice record {}\\r\\u001b[2J\\u0000";
    let metadata = format!(r#"{{"team":"{line}"}}"#);
    let answer = format!(r#"{{"type":"message","model":"{line}","stop_reason":"{line}"}}"#);
    let mut call = Proxy::new().stream();
    let fields = [
        ("cf-aig-metadata", metadata.as_str()),
        ("user-agent", "a\nb"),
    ];
    call.ask(ANTHROPIC, &fields, &QUESTION.replace("hi", line));
    call.answer("200", JSON, &[answer.as_bytes()]);
    let record = call.done(0, false);
    assert_eq!(
        record["metadata"]["team"],
        "x\nsluice record {}\r\u{1b}[2J\0"
    );
    let text = &call.lines[0];
    assert!(!text.contains(|it: char| it.is_ascii_control()), "{text:?}");
}
