//! What must not happen: answers that mix, credentials that travel, callers that hide, waiters that queue up.

use serde_json::json;

use super::*;

/// Whether the second call gets the first one's answer.
fn shares(first: (&str, &[(&str, &str)], &str), second: (&str, &[(&str, &str)], &str)) -> bool {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.ask(first.0, first.1, first.2);
    call.answer("200", JSON, &[br#"{"ok":true}"#]);
    call.done(0, false);
    let mut again = proxy.stream();
    again.ask(second.0, second.1, second.2);
    again.reply.is_some()
}

#[test]
fn the_same_path_on_another_host_is_another_question() {
    let azure =
        |resource: &str| format!("/v1/acc/my-gateway/azure-openai/{resource}/gpt/chat/completions");
    let (one, two) = (azure("one"), azure("two"));
    assert!(shares((&one, &[], QUESTION), (&one, &[], QUESTION)));
    assert!(!shares((&one, &[], QUESTION), (&two, &[], QUESTION)));
    let fal = "/v1/acc/my-gateway/fal/fal-ai/flux";
    let queue = [
        ("x-fal-target-url", "https://queue.fal.run/fal-ai/flux"),
        ("cf-aig-cache-ttl", "60"),
    ];
    assert!(shares((fal, &[], QUESTION), (fal, &[], QUESTION)));
    assert!(!shares((fal, &queue, QUESTION), (fal, &[], QUESTION)));
}

#[test]
fn what_creates_something_reaches_the_provider_each_time() {
    for path in [
        "openai/threads",
        "openai/threads/t1/messages",
        "openai/batches",
        "openai/realtime/client_secrets",
        "anthropic/v1/messages/batches",
        "replicate/predictions",
    ] {
        let path = format!("/v1/acc/my-gateway/{path}");
        assert!(!shares((&path, &[], "{}"), (&path, &[], "{}")), "{path}");
        let key = [("cf-aig-cache-key", "mine")];
        assert!(
            shares((&path, &key, "{}"), (&path, &key, "{}")),
            "{path} with a key of its own"
        );
    }
}

#[test]
fn any_header_that_may_hold_a_credential_separates_callers() {
    let path = "/v1/acc/my-gateway/custom-own/chat/completions";
    let alice = [("x-custom-key", "alice")];
    assert!(shares((path, &alice, QUESTION), (path, &alice, QUESTION)));
    assert!(!shares(
        (path, &alice, QUESTION),
        (path, &[("x-custom-key", "bob")], QUESTION)
    ));
    let retry = [("idempotency-key", "1")];
    assert!(shares(
        (path, &retry, QUESTION),
        (path, &[("idempotency-key", "2")], QUESTION)
    ));
}

#[test]
fn a_body_that_is_not_certain_takes_no_part_in_the_cache() {
    let odd = r#"{"temperature":NaN,"stream":true}"#;
    let key = [("cf-aig-cache-key", "k")];
    assert!(!shares((OPENAI, &key, odd), (OPENAI, &key, odd)));
}

/// One call under way and three that wait for it.
fn crowd(proxy: &Proxy, path: &str, question: &str) -> (Stream, Vec<Stream>) {
    let mut first = proxy.stream();
    first.ask(path, &[], question);
    let mut waiters: Vec<_> = (0..3).map(|_| proxy.stream()).collect();
    for waiter in &mut waiters {
        waiter.ask(path, &[], question);
        assert!(waiter.upstream.is_none());
    }
    (first, waiters)
}

#[test]
fn waiters_go_on_alone_as_soon_as_the_answer_is_known_to_be_none_to_share() {
    let proxy = Proxy::new();
    let large = "x".repeat(20_001);
    let (mut first, mut waiters) = crowd(&proxy, ANTHROPIC, QUESTION);
    let head = list(&[
        (":status", "200"),
        ("content-type", JSON),
        ("content-length", "99999"),
    ]);
    first.on(Event::ResponseHead {
        headers: head,
        end: false,
        local: false,
    });
    first.on(answer_event(large.as_bytes(), false));
    proxy.wake(&mut waiters);
    assert!(
        waiters.iter().all(|waiter| waiter.upstream.is_some()),
        "too large to be stored"
    );

    let proxy = Proxy::new();
    let (mut first, mut waiters) = crowd(&proxy, ANTHROPIC, QUESTION);
    first.answer(
        "200",
        JSON,
        &[br#"{"type":"error","error":{"type":"overloaded_error"}}"#],
    );
    proxy.wake(&mut waiters);
    assert!(
        waiters.iter().all(|waiter| waiter.upstream.is_some()),
        "an error in disguise"
    );

    let proxy = Proxy::new();
    let (mut first, mut waiters) = crowd(&proxy, ANTHROPIC, QUESTION);
    first.on(Event::ResponseHead {
        headers: list(&[(":status", "503")]),
        end: false,
        local: true,
    });
    proxy.wake(&mut waiters);
    assert!(
        waiters.iter().all(|waiter| waiter.upstream.is_some()),
        "nobody waits for one timeout after another"
    );
}

#[test]
fn what_the_proxy_says_to_a_waiting_call_reaches_the_client() {
    let proxy = Proxy::new();
    let (_first, mut waiters) = crowd(&proxy, ANTHROPIC, QUESTION);
    let waiter = &mut waiters[0];
    waiter.on(Event::ResponseHead {
        headers: list(&[(":status", "504")]),
        end: false,
        local: true,
    });
    assert_eq!(waiter.task.cx.response_gate(), Gate::Released);
    assert_eq!(waiter.told("cf-aig-step").as_deref(), Some("0"));
    let record = waiter.done(4, false);
    assert_eq!(
        (&record["status_code"], &record["success"]),
        (&json!(504), &json!(false))
    );
}

#[test]
fn a_body_that_ends_too_early_is_recorded_as_incomplete() {
    for (content_type, body) in [
        (JSON, &b"{\"choices\":["[..]),
        (SSE, b"data: {\"choices\":[]}\n\n"),
    ] {
        let mut call = Proxy::new().stream();
        call.ask(OPENAI, &[], QUESTION);
        call.answer("200", content_type, &[body]);
        let record = call.done(0, false);
        let seen = (&record["complete"], &record["success"], &record["outcome"]);
        assert_eq!(
            seen,
            (&json!(false), &json!(false), &json!("cut")),
            "{content_type}"
        );
    }
}

#[test]
fn a_socket_that_was_opened_and_closed_is_no_failure() {
    for (flags, gone) in [(0, false), (0x4000, true), (0x40, false)] {
        let mut call = Proxy::new().stream();
        call.head(
            "/v1/acc/my-gateway/openai",
            &[("upgrade", "websocket"), ("connection", "upgrade")],
        );
        assert!(call.upstream.is_some(), "a socket has no body to wait for");
        call.on(Event::ResponseHead {
            headers: list(&[(":status", "101")]),
            end: false,
            local: false,
        });
        call.on(answer_event(b"frame", false));
        let record = call.done(flags, gone);
        assert_eq!(
            (&record["success"], &record["outcome"]),
            (&json!(true), &json!("answered"))
        );
    }
}

#[test]
fn who_is_refused_cannot_stay_out_of_the_log() {
    for path in [
        "/v1/acc/locked/openai/chat/completions",
        "/v1/acc/nope/openai/chat/completions",
    ] {
        let mut call = Proxy::new().stream();
        call.head(
            path,
            &[
                ("cf-aig-collect-log", "false"),
                ("cf-aig-authorization", "Bearer guess"),
            ],
        );
        assert!(call.reply.is_some());
        call.done(0, false);
    }
}

#[test]
fn another_gateways_credential_opens_nothing_and_goes_no_further() {
    let mut call = Proxy::new().stream();
    call.ask(OPENAI, &[("authorization", "Bearer demo-token")], QUESTION);
    assert!(
        call.upstream
            .clone()
            .unwrap()
            .contains(&Edit::Remove("authorization".into()))
    );
    assert_eq!(call.done(0, true)["authentication_name"], json!(null));
}

#[test]
fn sub_protocols_in_several_fields_are_all_read() {
    let mut call = Proxy::new().stream();
    let fields = [
        ("sec-websocket-protocol", "realtime"),
        (
            "sec-websocket-protocol",
            "cf-aig-authorization.demo-token, v2",
        ),
    ];
    call.head(
        "/v1/acc/locked/openai",
        &[&fields[..], &[("upgrade", "websocket")]].concat(),
    );
    let kept = Edit::Set("sec-websocket-protocol".into(), b"realtime, v2".to_vec());
    assert!(call.upstream.clone().unwrap().contains(&kept));
    assert_eq!(call.done(0, true)["authentication_name"], "demo");
}

#[test]
fn an_operator_is_told_once_a_second_not_once_a_call() {
    let proxy = Proxy::new();
    let mut complaints = 0;
    for _ in 0..5 {
        proxy.host.fail_at.set(Some(0));
        let mut call = proxy.stream();
        call.head("/v1/acc/limited/openai/chat/completions", &[]);
        assert!(
            call.upstream.is_some(),
            "a limiter out of order is no outage"
        );
        complaints += call.complaints.len();
    }
    assert_eq!(complaints, 1);
}

#[test]
fn usage_is_asked_for_in_the_clear_wherever_it_is_read_unless_that_is_signed() {
    let clear = Edit::Set("accept-encoding".into(), b"identity".to_vec());
    let signed = [(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=accept-encoding;host, Signature=y",
    )];
    for (path, headers, expected) in [
        (OPENAI, &[("content-encoding", "zstd")][..], true),
        (
            "/v1/acc/my-gateway/openai/files",
            &[("content-encoding", "zstd")],
            false,
        ),
        (OPENAI, &[("cf-aig-skip-cache", "true")], true),
        (OPENAI, &signed, false),
    ] {
        let mut call = Proxy::new().stream();
        call.ask(path, headers, QUESTION);
        assert_eq!(
            call.upstream.unwrap().contains(&clear),
            expected,
            "{path} {headers:?}"
        );
    }
}
