//! What is answered from the cache.

use super::*;

#[test]
fn an_identical_call_is_answered_from_the_cache_byte_for_byte() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    first.answer("200", JSON, &[&ANSWER[..40], &ANSWER[40..]]);
    first.done(0, false);
    proxy.host.advance(Duration::from_secs(7));
    let mut second = proxy.stream();
    second.ask(ANTHROPIC, &[], QUESTION);
    assert!(
        second.upstream.is_none(),
        "a hit never reaches the provider"
    );
    assert_eq!(second.reply.as_ref().unwrap().body, ANSWER);
    assert_eq!(second.told("cf-aig-cache-status").as_deref(), Some("HIT"));
    assert_eq!(second.told("age").as_deref(), Some("7"));
    assert_eq!(second.told("set-cookie"), None);
    let record = second.done(0, false);
    assert_eq!(
        (&record["cached"], &record["cost"], &record["tokens_in"]),
        (&json!(true), &json!(0), &json!(0))
    );
}

#[test]
fn calls_that_differ_in_anything_do_not_share_an_answer() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[("x-api-key", "one")], QUESTION);
    first.answer("200", JSON, &[ANSWER]);
    first.done(0, false);
    let other_account = ANTHROPIC.replace("/acc/", "/other/");
    let other_query = format!("{ANTHROPIC}?beta=true");
    let other_body = QUESTION.replace("hi", "ho");
    for (path, key, body) in [
        (ANTHROPIC, "two", QUESTION),
        (&other_account, "one", QUESTION),
        (&other_query, "one", QUESTION),
        (ANTHROPIC, "one", &other_body),
        (&ANTHROPIC.replace("my-gateway", "shared"), "one", QUESTION),
    ] {
        let mut call = proxy.stream();
        call.ask(path, &[("x-api-key", key)], body);
        assert!(call.upstream.is_some(), "{path} {key} {body}");
        call.done(0, true);
    }
}

#[test]
fn a_custom_key_replaces_the_computed_one_but_never_mixes_streams() {
    let proxy = Proxy::new();
    let key = [("cf-aig-cache-key", "k")];
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &key, QUESTION);
    first.answer("200", JSON, &[ANSWER]);
    first.done(0, false);
    let mut same = proxy.stream();
    same.ask(ANTHROPIC, &key, &QUESTION.replace("hi", "ho"));
    assert_eq!(same.told("cf-aig-cache-status").as_deref(), Some("HIT"));
    let mut stream = proxy.stream();
    stream.ask(
        ANTHROPIC,
        &key,
        &QUESTION
            .replace('}', r#","stream":true}"#)
            .replacen(r#","stream":true}"#, "}", 1),
    );
    assert!(stream.upstream.is_some());
}

#[test]
fn skip_cache_does_not_hold_the_body_and_refreshes_the_entry() {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.head(ANTHROPIC, &[("cf-aig-skip-cache", "true")]);
    assert!(
        call.upstream.is_some(),
        "nothing is held when nothing is looked up"
    );
    call.on(body_event(QUESTION.as_bytes(), true));
    call.answer("200", JSON, &[ANSWER]);
    assert_eq!(call.told("cf-aig-cache-status").as_deref(), Some("MISS"));
    call.done(0, false);
    let mut next = proxy.stream();
    next.ask(ANTHROPIC, &[], QUESTION);
    assert_eq!(next.told("cf-aig-cache-status").as_deref(), Some("HIT"));
}

#[test]
fn an_answer_is_stored_only_when_it_is_a_complete_200() {
    let cut = &ANSWER[..ANSWER.len() - 1];
    let error: &[u8] = br#"{"error":{"type":"overloaded_error"}}"#;
    for (status, body, ends) in [
        ("500", ANSWER, true),
        ("201", ANSWER, true),
        ("200", cut, true),
        ("200", cut, false),
        ("200", error, true),
    ] {
        let proxy = Proxy::new();
        let mut call = proxy.stream();
        call.ask(ANTHROPIC, &[], QUESTION);
        call.on(Event::ResponseHead {
            headers: list(&[(":status", status), ("content-type", JSON)]),
            end: false,
            local: false,
        });
        call.on(answer_event(body, ends));
        call.done(u64::from(!ends), false);
        let mut next = proxy.stream();
        next.ask(ANTHROPIC, &[], QUESTION);
        assert!(
            next.upstream.is_some(),
            "{status} {}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn a_client_that_hangs_up_after_the_terminal_event_had_a_complete_answer() {
    let proxy = Proxy::new();
    let question = r#"{"model":"gpt-4o","stream":true,"messages":[]}"#;
    let mut call = proxy.stream();
    call.ask(OPENAI, &[], question);
    let head = list(&[(":status", "200"), ("content-type", SSE)]);
    call.on(Event::ResponseHead {
        headers: head,
        end: false,
        local: false,
    });
    call.on(answer_event(
        b"data: {\"model\":\"gpt-4o\",\"choices\":[]}\n\n",
        false,
    ));
    call.on(answer_event(b"data: [DONE]\n\n", false));
    let record = call.done(0x4000, true).clone();
    assert_eq!(
        (&record["outcome"], &record["complete"]),
        (&json!("answered"), &json!(true))
    );
    assert_eq!(
        record["cost"],
        json!(null),
        "a stream without usage has no price"
    );
    let mut next = proxy.stream();
    next.ask(OPENAI, &[], question);
    let whole = [
        &b"data: {\"model\":\"gpt-4o\",\"choices\":[]}\n\n"[..],
        b"data: [DONE]\n\n",
    ]
    .concat();
    assert_eq!(next.reply.unwrap().body, whole);
}

#[test]
fn a_stream_is_served_again_from_its_terminal_event_on_with_all_that_follows() {
    let proxy = Proxy::new();
    let question = r#"{"model":"gpt-4o","stream":true}"#;
    let mut call = proxy.stream();
    call.ask(OPENAI, &[], question);
    let head = list(&[(":status", "200"), ("content-type", SSE)]);
    call.on(Event::ResponseHead {
        headers: head,
        end: false,
        local: false,
    });
    call.on(answer_event(b"data: [DONE]\n\n", false));
    let mut early = proxy.stream();
    early.ask(OPENAI, &[], question);
    assert_eq!(early.reply.unwrap().body, b"data: [DONE]\n\n");
    call.on(answer_event(b": bye\n", true));
    let mut late = proxy.stream();
    late.ask(OPENAI, &[], question);
    assert_eq!(late.reply.unwrap().body, b"data: [DONE]\n\n: bye\n");
}

#[test]
fn an_answer_lives_as_long_as_the_closest_setting_says() {
    let ttl = |seconds: &'static str| vec![("cf-aig-cache-ttl", seconds)];
    let key = ("cf-aig-cache-key", "k");
    for (path, headers, seconds) in [
        (ANTHROPIC, vec![], 300),
        (ANTHROPIC, ttl("60"), 60),
        (ANTHROPIC, vec![("cf-cache-ttl", "90")], 90),
        (ANTHROPIC, ttl("2592000"), 2_592_000),
        ("/v1/acc/limited/anthropic/v1/messages", vec![key], 300),
        (
            "/v1/acc/limited/anthropic/v1/messages",
            vec![key, ("cf-aig-cache-ttl", "600")],
            600,
        ),
    ] {
        let proxy = Proxy::new();
        let mut first = proxy.stream();
        first.ask(path, &headers, QUESTION);
        first.answer("200", JSON, &[ANSWER]);
        first.done(0, false);
        for (wait, hits) in [(seconds - 1, true), (2, false)] {
            proxy.host.advance(Duration::from_secs(wait));
            let mut again = proxy.stream();
            again.ask(path, &headers, QUESTION);
            assert_eq!(again.reply.is_some(), hits, "{path} {headers:?} at {wait}");
            again.done(0, true);
        }
    }
}

#[test]
fn a_lifetime_alone_does_not_opt_in_and_zero_opts_out() {
    for (path, headers) in [
        (
            "/v1/acc/limited/anthropic/v1/messages",
            ("cf-aig-cache-ttl", "600"),
        ),
        (ANTHROPIC, ("cf-aig-cache-ttl", "0")),
    ] {
        let proxy = Proxy::new();
        let mut first = proxy.stream();
        first.ask(path, &[headers], QUESTION);
        first.answer("200", JSON, &[ANSWER]);
        assert_eq!(first.told("cf-aig-cache-status"), None);
        first.done(0, false);
        let mut again = proxy.stream();
        again.ask(path, &[headers], QUESTION);
        assert!(again.upstream.is_some(), "{path}");
    }
}

#[test]
fn the_last_byte_of_a_stated_length_is_the_end() {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.ask(ANTHROPIC, &[], QUESTION);
    let length = ANSWER.len().to_string();
    let head = list(&[
        (":status", "200"),
        ("content-type", JSON),
        ("content-length", &length),
    ]);
    call.on(Event::ResponseHead {
        headers: head,
        end: false,
        local: false,
    });
    call.on(answer_event(ANSWER, false));
    let mut again = proxy.stream();
    again.ask(ANTHROPIC, &[], QUESTION);
    assert_eq!(again.reply.unwrap().body, ANSWER);
    call.on(answer_event(b"", true));
    assert_eq!(call.done(0, false)["complete"], true);
}

#[test]
fn images_are_stored_where_their_framing_proves_them_whole() {
    for (framing, stored) in [(("content-length", "4"), true), (("x-none", ""), false)] {
        let proxy = Proxy::new();
        let path = "/v1/acc/my-gateway/openai/images/generations";
        let mut call = proxy.stream();
        call.ask(path, &[], r#"{"model":"m","prompt":"p"}"#);
        let head = list(&[(":status", "200"), ("content-type", "image/png"), framing]);
        call.on(Event::ResponseHead {
            headers: head,
            end: false,
            local: false,
        });
        call.on(answer_event(b"\x89PNG", true));
        call.done(0, false);
        let mut again = proxy.stream();
        again.ask(path, &[], r#"{"model":"m","prompt":"p"}"#);
        assert_eq!(again.reply.is_some(), stored);
    }
}
