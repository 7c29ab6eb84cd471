//! Streams that are asked for usage which their client did not ask for.

use std::pin::pin;
use std::task::{Context, Waker};

use proptest::prelude::*;
use serde_json::json;

use super::properties::pieces;
use super::*;
use crate::exchange::caller::Reading;
use crate::exchange::cx::Cx;
use crate::exchange::intake::Intake;
use crate::record::Record;

const PATH: &str = "/v1/acc/usage/openai/chat/completions";
const ASK: &str = r#"{"model":"gpt-4o-mini","stream":true,"messages":[]}"#;
const UPSTREAM: &str = r#"{"stream_options":{"include_usage":true},"model":"gpt-4o-mini","stream":true,"messages":[]}"#;

/// What the provider streams when it is asked for usage, and when it is not.
fn streams() -> [String; 2] {
    let chunk = |content: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"c\",\"model\":\"gpt-4o-mini\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}}}}]{usage}}}\n\n"
        )
    };
    let last = r#"data: {"id":"c","model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}"#;
    let both = |usage: &str| [chunk("Hel", usage), chunk("lo", usage)].concat();
    let done = "data: [DONE]\n\n";
    [
        format!("{}{last}\n\n{done}", both(",\"usage\":null")),
        format!("{}{done}", both("")),
    ]
}

#[test]
fn the_usage_is_recorded_and_the_client_sees_the_stream_it_asked_for() {
    let proxy = Proxy::new();
    let [with, without] = streams();
    let mut call = proxy.stream();
    let length = ASK.len().to_string();
    call.ask(PATH, &[("content-length", &length)], ASK);
    assert_eq!(call.asked.as_deref(), Some(UPSTREAM.as_bytes()));
    let stated = UPSTREAM.len().to_string().into_bytes();
    let sent = call.upstream.clone().unwrap();
    assert!(sent.contains(&Edit::Set("content-length".into(), stated)));
    call.answer("200", SSE, &[with.as_bytes()]);
    assert_eq!(call.shown, without.as_bytes());
    let told = call.downstream.clone().unwrap();
    assert!(told.contains(&Edit::Remove("content-length".into())));
    let record = call.done(0, false);
    assert_eq!(
        (&record["tokens_in"], &record["tokens_out"]),
        (&json!(11), &json!(7))
    );
    assert_eq!(record["complete"], true);
    assert_eq!(record["request_head"], ASK);
    assert_eq!(record["response_head"], without.as_str());
    // The cache knows the client's own request, and what the client was shown.
    let mut again = proxy.stream();
    again.ask(PATH, &[], ASK);
    assert_eq!(again.reply.unwrap().body, without.as_bytes());
}

#[test]
fn a_client_that_asked_sees_everything() {
    let [with, _] = streams();
    for body in [
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        UPSTREAM,
    ] {
        let mut call = Proxy::new().stream();
        call.ask(PATH, &[], body);
        assert_eq!(call.asked, None);
        call.answer("200", SSE, &[with.as_bytes()]);
        assert_eq!(call.shown, with.as_bytes());
        assert_eq!(call.done(0, false)["tokens_out"], 7);
    }
}

#[test]
fn a_client_that_said_no_is_asked_for_and_sees_nothing_of_it() {
    let [with, without] = streams();
    let body =
        r#"{"stream":true,"stream_options":{"include_usage":false,"include_obfuscation":false}}"#;
    let mut call = Proxy::new().stream();
    call.ask(PATH, &[], body);
    assert_eq!(
        call.asked,
        Some(
            body.replace("\"include_usage\":false", "\"include_usage\":true")
                .into_bytes()
        )
    );
    call.answer("200", SSE, &[with.as_bytes()]);
    assert_eq!(call.shown, without.as_bytes());
}

#[test]
fn nothing_else_is_changed() {
    let chat = |provider: &str| PATH.replace("openai/chat", &format!("{provider}/chat"));
    let digest = [("content-digest", "sha-256=:x:")];
    let signed = [("authorization", "AWS4-HMAC-SHA256 Credential=x")];
    let zip = [("content-encoding", "deflate")];
    let form = [("upgrade", "websocket")];
    let [with, _] = streams();
    for (path, headers, body) in [
        (OPENAI.to_owned(), &[][..], ASK),
        (chat("mistral"), &[], ASK),
        (chat("cohere"), &[], ASK),
        (PATH.replace("chat/completions", "completions"), &[], ASK),
        (PATH.replace("chat/completions", "responses"), &[], ASK),
        (PATH.to_owned(), &[], r#"{"stream":false}"#),
        (PATH.to_owned(), &[], r#"{"model":"m"}"#),
        (PATH.to_owned(), &[], "{\"stream\":true"),
        (PATH.to_owned(), &digest, ASK),
        (PATH.to_owned(), &signed, ASK),
        (PATH.to_owned(), &zip, ASK),
        (PATH.to_owned(), &form, ASK),
    ] {
        let mut call = Proxy::new().stream();
        call.ask(&path, headers, body);
        assert_eq!(call.asked, None, "{path} {body}");
        call.answer("200", SSE, &[with.as_bytes()]);
        assert_eq!(call.shown, with.as_bytes(), "{path} {body}");
    }
    // And where it was asked, what is no stream of events passes as it is.
    for (status, content_type) in [("400", JSON), ("200", "application/x-ndjson")] {
        let mut call = Proxy::new().stream();
        call.ask(PATH, &[], ASK);
        call.answer(status, content_type, &[with.as_bytes()]);
        assert_eq!(call.shown, with.as_bytes());
    }
}

#[test]
fn a_body_over_the_limit_passes_unasked() {
    let proxy = Proxy::new();
    let long = ASK.replace("[]", &format!("[\"{}\"]", "x".repeat(50_000)));
    let skip = ("cf-aig-skip-cache", "true");
    let length = long.len().to_string();
    for headers in [&[skip][..], &[skip, ("content-length", &length)]] {
        let mut call = proxy.stream();
        call.head(PATH, headers);
        call.on(body_event(long.as_bytes(), false));
        assert!(call.upstream.is_some() && call.reply.is_none());
        call.on(body_event(b"", true));
        assert_eq!(call.asked, None);
    }
}

#[test]
fn a_stream_that_is_cut_shows_what_was_whole() {
    let [with, without] = streams();
    for end in 0..with.len() {
        let mut call = Proxy::new().stream();
        call.ask(PATH, &[], ASK);
        call.on(Event::ResponseHead {
            headers: list(&[(":status", "200"), ("content-type", SSE)]),
            end: false,
            local: false,
        });
        call.on(answer_event(&with.as_bytes()[..end], false));
        assert!(without.as_bytes().starts_with(&call.shown), "{end}");
        call.done(0x40, false);
    }
}

/// What a client is shown of those pieces when trailers follow.
fn with_trailers(proxy: &Proxy, pieces: &[&[u8]]) -> Vec<u8> {
    let mut call = proxy.stream();
    call.ask(PATH, &[], ASK);
    call.on(Event::ResponseHead {
        headers: list(&[(":status", "200"), ("content-type", SSE)]),
        end: false,
        local: false,
    });
    for piece in pieces {
        call.on(answer_event(piece, false));
    }
    call.on(Event::ResponseTrailers);
    call.done(0, false);
    call.shown
}

#[test]
fn a_last_event_before_trailers_is_lost_neither_for_the_client_nor_for_the_cache() {
    let [with, without] = streams();
    let usage = with
        .split("\n\n")
        .find(|event| event.contains("11"))
        .unwrap();
    for end in ["", "\n", "\r\n", "\n\n"] {
        for (tail, shown) in [
            (
                "data: {\"choices\":[1],\"usage\":null}",
                "data: {\"choices\":[1]}",
            ),
            ("data: {\"choices\":[{}]}", "data: {\"choices\":[{}]}"),
            ("data: [DONE]", "data: [DONE]"),
            ("event: x\ndata: end", "event: x\ndata: end"),
            (usage, ""),
        ] {
            let proxy = Proxy::new();
            let sent = format!("{with}{tail}{end}");
            let end = if shown.is_empty() { "" } else { end };
            let expected = format!("{without}{shown}{end}");
            for size in [3, sent.len()] {
                let pieces: Vec<_> = sent.as_bytes().chunks(size).collect();
                assert_eq!(with_trailers(&Proxy::new(), &pieces), expected.as_bytes());
            }
            with_trailers(&proxy, &[sent.as_bytes()]);
            let mut again = proxy.stream();
            again.ask(PATH, &[], ASK);
            assert_eq!(again.reply.unwrap().body, expected.as_bytes());
        }
    }
}

#[test]
fn a_compressed_stream_passes_as_it_is() {
    let [with, _] = streams();
    // Not what the codings would make of it, but just as little to be cut.
    let cut: &[&[u8]] = &[b"\x1f\x8bdata: ", with.as_bytes(), b"data: {\"x\""];
    for coding in ["br", "zstd", "gzip", "deflate", "aws-chunked", "gzip, br"] {
        let mut call = Proxy::new().stream();
        call.ask(PATH, &[], ASK);
        assert_eq!(call.asked.as_deref(), Some(UPSTREAM.as_bytes()));
        let fields = [("content-type", SSE), ("content-encoding", coding)];
        let length = ("content-length", "9999");
        call.on(Event::ResponseHead {
            headers: list([(":status", "200"), length].iter().chain(&fields)),
            end: false,
            local: false,
        });
        let edits = call.downstream.clone().unwrap();
        assert!(!edits.contains(&Edit::Remove("content-length".into())));
        for (at, piece) in cut.iter().enumerate() {
            call.on(answer_event(piece, false));
            assert_eq!(call.shown, cut[..=at].concat(), "{coding}");
        }
    }
}

#[test]
fn a_body_that_is_not_going_to_be_changed_is_not_kept() {
    for (body, kept) in [
        (ASK, true),
        (r#"{"stream":true,"stream_options":{}}"#, true),
        (UPSTREAM, false),
        (r#"{"stream":false}"#, false),
        ("{}", false),
        ("{\"stream\":true", false),
    ] {
        let proxy = Proxy::new();
        let cx = Cx::new(Rc::clone(&proxy.worker), 1);
        let head = list(&[(":method", "POST"), (":path", PATH), ("content-type", JSON)]);
        let mut record = Record::begin(cx.host());
        let Ok(Reading::Call(call, _)) = Reading::of(&cx, &head, &mut record) else {
            panic!("no call");
        };
        let mut intake = Intake::new(&cx, &call, &head, false).unwrap();
        cx.deliver(body_event(body.as_bytes(), true));
        let held = pin!(intake.hold(&cx)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(held.is_ready());
        assert_eq!(intake.copy.is_some(), kept, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cut_of_the_chunks_makes_no_difference(
        cuts in proptest::collection::vec(any::<usize>(), 0..40),
        requests in proptest::collection::vec(any::<usize>(), 0..10),
    ) {
        let [with, without] = streams();
        let mut call = Proxy::new().stream();
        call.head(PATH, &[]);
        for piece in pieces(ASK.as_bytes(), &requests) {
            call.on(body_event(piece, false));
        }
        call.on(body_event(b"", true));
        prop_assert_eq!(call.asked.as_deref(), Some(UPSTREAM.as_bytes()));
        call.answer("200", SSE, &pieces(with.as_bytes(), &cuts));
        prop_assert_eq!(&call.shown, without.as_bytes());
        prop_assert_eq!(&call.done(0, false)["tokens_in"], &json!(11));
    }
}
