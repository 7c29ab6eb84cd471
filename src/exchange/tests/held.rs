//! Where a worker holds as many bytes as it may, what must be held is refused, and what need not be is left out.

use super::*;

const CHAT: &str = "/v1/acc/my-gateway/compat/chat/completions";
const HI: &str = r#"{"messages":[{"role":"user","content":"hi"}],"model":"openai/gpt-4o-mini"}"#;

/// A worker that holds at most so many bytes.
fn proxy(held_bytes: usize) -> Proxy {
    let limit = r#""request_body_bytes": 50000"#;
    let limits = format!(r#"{limit}, "held_bytes": {held_bytes}"#);
    let host = Rc::new(FakeHost::new(&[1, 2]));
    Proxy::of(&host, 1, &config_text().replace(limit, &limits))
}

/// A unified call of whose body so many bytes have come.
fn uploading(proxy: &Proxy, size: usize) -> Stream {
    let mut call = proxy.stream();
    call.head(CHAT, &[]);
    call.on(body_event("x".repeat(size).as_bytes(), false));
    assert!(call.reply.is_none());
    call
}

fn assert_overloaded(call: &mut Stream) {
    assert_eq!(call.error_code(), 2908);
    assert_eq!(call.reply.as_ref().unwrap().status, 503);
    assert_eq!(call.told("retry-after").as_deref(), Some("1"));
    assert_eq!(call.told("x-should-retry").as_deref(), Some("true"));
    let record = call.done(0, false);
    assert_eq!(
        (&record["status_code"], &record["error_code"]),
        (&503.into(), &2908.into())
    );
    assert_eq!(record["outcome"], "refused");
}

#[test]
fn a_body_that_finds_no_room_is_refused_and_the_room_comes_back() {
    let proxy = proxy(1000);
    let mut first = uploading(&proxy, 800);
    let mut stated = proxy.stream();
    stated.head(CHAT, &[("content-length", "300")]);
    assert_overloaded(&mut stated);
    let mut unstated = uploading(&proxy, 200);
    unstated.on(body_event(b"one more", false));
    assert_overloaded(&mut unstated);
    assert_eq!(
        proxy.worker.room.taken(),
        800,
        "what was refused is not held"
    );
    first.done(0, true);
    assert_eq!(proxy.worker.room.taken(), 0);
    let mut next = proxy.stream();
    next.ask(CHAT, &[], HI);
    assert!(next.upstream.is_some());
}

#[test]
fn no_body_that_is_read_is_larger_than_a_machine_can_bear() {
    let limit = r#""request_body_bytes": 50000"#;
    let most = r#""request_body_bytes": 1073741824"#;
    let host = Rc::new(FakeHost::new(&[1, 2]));
    let proxy = Proxy::of(&host, 1, &config_text().replace(limit, most));
    for (size, code) in [(128 << 20, None), ((128 << 20) + 1, Some(2903))] {
        let mut call = proxy.stream();
        call.head(CHAT, &[("content-length", &size.to_string())]);
        assert_eq!(call.reply.is_some().then(|| call.error_code()), code);
    }
}

#[test]
fn a_body_passes_alone_even_if_it_is_larger_than_the_room() {
    let proxy = proxy(10);
    let mut call = proxy.stream();
    call.head(CHAT, &[("content-length", &HI.len().to_string())]);
    for piece in HI.as_bytes().chunks(9) {
        call.on(body_event(piece, false));
    }
    assert_eq!(proxy.worker.room.taken(), HI.len());
    call.on(body_event(b"", true));
    assert!(call.asked.is_some());
    assert_eq!(proxy.worker.room.taken(), 0, "it is with the provider");
    call.answer("200", JSON, &[br#"{"ok":true}"#]);
    call.done(0, false);
}

#[test]
fn a_body_is_held_while_its_call_waits_for_another_ones_answer() {
    let proxy = proxy(10_000);
    let ask = || {
        let mut call = proxy.stream();
        call.ask(&CHAT.replace("my-gateway", "shared"), &[], HI);
        call
    };
    let (mut first, mut waiting) = (ask(), ask());
    assert!(first.upstream.is_some() && waiting.upstream.is_none());
    assert!(proxy.worker.room.taken() > HI.len() / 2);
    waiting.done(0, true);
    assert_eq!(proxy.worker.room.taken(), 0);
    first.answer("200", JSON, &[br#"{"ok":true}"#]);
    first.done(0, false);
}

#[test]
fn a_call_that_needs_nothing_held_passes_uncached_and_its_payload_is_cut() {
    let proxy = proxy(1000);
    let mut full = uploading(&proxy, 1000);
    for _ in 0..2 {
        let mut call = proxy.stream();
        call.ask(ANTHROPIC, &[], QUESTION);
        call.answer("200", JSON, &[ANSWER]);
        assert_eq!(call.told("cf-aig-cache-status").as_deref(), Some("MISS"));
        assert_eq!(call.shown, ANSWER);
        let record = call.done(0, false);
        assert_eq!(
            (&record["request_head"], &record["response_head"]),
            (&"".into(), &"".into())
        );
        assert_eq!(record["response_head_complete"], false);
        assert_eq!(record["tokens_out"], 5, "it is metered");
    }
    full.done(0, true);
    for status in ["MISS", "HIT"] {
        let mut call = proxy.stream();
        call.ask(ANTHROPIC, &[], QUESTION);
        if call.reply.is_none() {
            call.answer("200", JSON, &[ANSWER]);
        }
        assert_eq!(call.told("cf-aig-cache-status").as_deref(), Some(status));
        call.done(0, false);
    }
    assert_eq!(proxy.worker.room.taken(), 0);
}

#[test]
fn a_stream_that_finds_no_room_is_not_asked_for_its_usage() {
    let proxy = proxy(1000);
    let path = OPENAI.replace("my-gateway", "usage");
    let question = r#"{"model":"gpt-4o-mini","stream":true,"messages":[]}"#;
    let is_asked = || {
        let mut call = proxy.stream();
        call.head(&path, &[]);
        for piece in question.as_bytes().chunks(20) {
            call.on(body_event(piece, false));
        }
        call.on(body_event(b"", true));
        assert!(call.upstream.is_some(), "it passes");
        let is_asked = call.asked.is_some();
        call.done(0, true);
        is_asked
    };
    let mut full = uploading(&proxy, 1000);
    assert!(!is_asked());
    full.done(0, true);
    assert!(is_asked());
}
