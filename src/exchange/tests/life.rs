//! One call at a time, from its first byte to its record.

use std::time::Duration;

use serde_json::json;

use super::*;

#[test]
fn a_call_goes_to_the_provider_and_comes_back_metered_and_priced() {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.ask(
        ANTHROPIC,
        &[
            ("x-api-key", "sk-ant-12345678"),
            ("cf-aig-metadata", r#"{"team":"a"}"#),
        ],
        QUESTION,
    );
    let sent = call.upstream.clone().unwrap();
    assert!(sent.contains(&Edit::Set(":path".into(), b"/v1/messages".to_vec())));
    assert!(sent.contains(&Edit::Set(
        ":authority".into(),
        b"api.anthropic.com".to_vec()
    )));
    assert!(sent.contains(&Edit::Set("x-sluice-cluster".into(), b"anthropic".to_vec())));
    assert!(sent.contains(&Edit::Remove("cf-aig-metadata".into())));
    assert!(!sent.contains(&Edit::Remove("x-api-key".into())));
    call.answer("200", JSON, &[ANSWER]);
    assert_eq!(call.told("cf-aig-cache-status").as_deref(), Some("MISS"));
    let record = call.done(0, false);
    assert_eq!(record["tokens_in"], 10);
    assert_eq!(record["tokens_out"], 5);
    // 10 input tokens at 1 USD and 5 output tokens at 5 USD per million.
    assert_eq!(record["cost"], json!(0.000_035));
    assert_eq!(record["metadata"], json!({"team": "a"}));
    assert_eq!(record["outcome"], "answered");
    assert_eq!(record["success"], true);
    assert_eq!(record["provider"], "anthropic");
    assert_eq!(record["path"], "v1/messages");
}

#[test]
fn the_tier_asked_for_sets_the_price_only_where_the_answer_is_silent() {
    let cost = |stated: &str| {
        let mut call = Proxy::new().stream();
        call.ask(OPENAI, &[], r#"{"model":"gpt-5","service_tier":"flex"}"#);
        let usage = r#""usage":{"prompt_tokens":1000000,"completion_tokens":0}"#;
        let answer = format!(r#"{{"model":"gpt-5",{stated}{usage}}}"#);
        call.answer("200", JSON, &[answer.as_bytes()]);
        call.done(0, false)["cost"].clone()
    };
    assert_eq!(cost(""), json!(0.625));
    assert_eq!(cost(r#""service_tier":"default","#), json!(1.25));
}

#[test]
fn embeddings_without_output_are_priced_by_their_input() {
    let mut call = Proxy::new().stream();
    let question = r#"{"model":"text-embedding-3-small","input":"hi"}"#;
    call.ask("/v1/acc/my-gateway/openai/embeddings", &[], question);
    let answer = br#"{"object":"list","model":"text-embedding-3-small","usage":{"prompt_tokens":1000000,"total_tokens":1000000}}"#;
    call.answer("200", JSON, &[answer]);
    let record = call.done(0, false);
    assert_eq!(
        (&record["cost"], &record["tokens_out"]),
        (&json!(0.02), &json!(null))
    );
}

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
fn a_stream_cut_by_either_side_is_recorded_as_such_and_not_stored() {
    for (flags, gone, outcome) in [(0x4000, true, "client_gone"), (0x80_0000, false, "cut")] {
        let proxy = Proxy::new();
        let mut call = proxy.stream();
        call.ask(OPENAI, &[], r#"{"model":"gpt-4o","stream":true}"#);
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
        let record = call.done(flags, gone);
        assert_eq!(
            (&record["outcome"], &record["complete"]),
            (&json!(outcome), &json!(false))
        );
        assert_eq!(record["success"], false);
        let mut next = proxy.stream();
        next.ask(OPENAI, &[], r#"{"model":"gpt-4o","stream":true}"#);
        assert!(next.upstream.is_some());
    }
}

#[test]
fn refusals_say_why_and_are_recorded() {
    for (path, code) in [
        ("/", 2901),
        ("/v1/acc/my-gateway/openai/../x", 2901),
        ("/v1/acc/nope/openai/chat/completions", 2001),
        ("/v1/acc/my-gateway/nope/chat/completions", 2008),
        ("/v1/acc/my-gateway/custom-nope/chat", 2008),
        (
            "/v1/acc/my-gateway/aws-bedrock/bedrock-runtime/evil.example/model/x/invoke",
            2902,
        ),
        ("/v1/acc/locked/openai/chat/completions", 2009),
        ("/v1/acc/my-gateway", 2904),
    ] {
        let mut call = Proxy::new().stream();
        call.head(path, &[]);
        assert_eq!(call.error_code(), code, "{path}");
        assert!(call.upstream.is_none());
        let record = call.done(0, false);
        assert_eq!(
            (&record["outcome"], &record["error_code"]),
            (&json!("refused"), &json!(code))
        );
    }
}

#[test]
fn a_gateway_credential_opens_the_gateway_and_goes_no_further() {
    let path = "/v1/acc/locked/openai/chat/completions";
    for (name, value) in [
        ("cf-aig-authorization", "Bearer demo-token"),
        ("authorization", "Bearer demo-token"),
        ("x-goog-api-key", "demo-token"),
        ("x-api-key", "demo-token"),
        (
            "sec-websocket-protocol",
            "chat, cf-aig-authorization.demo-token",
        ),
    ] {
        let mut call = Proxy::new().stream();
        call.head(path, &[(name, value)]);
        let edits = call
            .upstream
            .clone()
            .unwrap_or_else(|| panic!("{name} is accepted"));
        let kept = Edit::Set(name.into(), b"chat".to_vec());
        assert!(
            edits.contains(&Edit::Remove(name.into())) || edits.contains(&kept),
            "{name}"
        );
        assert_eq!(call.done(0, true)["authentication_name"], "demo");
    }
    for (name, value) in [
        ("cf-aig-authorization", "Bearer wrong"),
        ("authorization", "Bearer sk-provider"),
    ] {
        let mut call = Proxy::new().stream();
        call.head(path, &[(name, value)]);
        assert_eq!(call.error_code(), 2009);
        assert_eq!(call.told("x-should-retry").as_deref(), Some("false"));
    }
}

#[test]
fn beside_the_gateways_own_header_authorization_belongs_to_the_provider() {
    let mut call = Proxy::new().stream();
    let headers = [
        ("cf-aig-authorization", "Bearer demo-token"),
        ("authorization", "Bearer sk-provider"),
    ];
    call.head("/v1/acc/locked/openai/chat/completions", &headers);
    let edits = call.upstream.unwrap();
    assert!(edits.contains(&Edit::Remove("cf-aig-authorization".into())));
    assert!(!edits.contains(&Edit::Remove("authorization".into())));
}

#[test]
fn the_limit_refuses_with_the_time_to_wait() {
    let proxy = Proxy::new();
    let path = "/v1/acc/limited/openai/chat/completions";
    for _ in 0..2 {
        let mut call = proxy.stream();
        call.head(path, &[]);
        assert!(call.upstream.is_some());
    }
    let mut third = proxy.stream();
    third.head(path, &[]);
    assert_eq!(third.error_code(), 2003);
    let wait: u64 = third.told("retry-after").unwrap().parse().unwrap();
    assert!((10..=11).contains(&wait));
    proxy.host.advance(Duration::from_secs(wait));
    let mut later = proxy.stream();
    later.head(path, &[]);
    assert!(later.upstream.is_some());
}

#[test]
fn gateways_of_one_id_and_two_accounts_have_limits_of_their_own() {
    let proxy = Proxy::new();
    let admitted = |account: &str, gateway: &str| {
        let mut call = proxy.stream();
        call.head(
            &format!("/v1/{account}/{gateway}/openai/chat/completions"),
            &[],
        );
        call.upstream.is_some()
    };
    assert!(admitted("one", "team") && admitted("two", "team"));
    assert!(!admitted("one", "team") && !admitted("two", "team"));
    // Nobody escapes the limit of a gateway that is open to every account by inventing accounts.
    assert!(admitted("a", "limited") && admitted("b", "limited") && !admitted("c", "limited"));
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

#[test]
fn the_providers_own_words_never_pass_for_the_gateways() {
    let mut call = Proxy::new().stream();
    call.head(
        "/v1/acc/limited/openai/models",
        &[("cf-aig-collect-log", "false")],
    );
    let forged = [
        (":status", "200"),
        ("cf-aig-log-id", "forged"),
        ("cf-aig-cache-status", "HIT"),
        ("cf-aig-new", "x"),
    ];
    call.on(Event::ResponseHead {
        headers: list(&forged),
        end: true,
        local: false,
    });
    let edits = call.downstream.unwrap();
    for name in ["cf-aig-log-id", "cf-aig-cache-status", "cf-aig-new"] {
        assert!(edits.contains(&Edit::Remove(name.into())), "{name}");
    }
}

#[test]
fn a_body_over_the_limit_is_refused_as_soon_as_that_is_known() {
    let mut declared = Proxy::new().stream();
    declared.head(ANTHROPIC, &[("content-length", "50001")]);
    assert_eq!(declared.error_code(), 2903);
    let mut chunked = Proxy::new().stream();
    chunked.head(ANTHROPIC, &[]);
    chunked.on(body_event(&[b' '; 50_001], false));
    assert_eq!(chunked.error_code(), 2903);
}

#[test]
fn a_provider_that_cannot_be_reached_is_reported_in_the_envelope() {
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[], QUESTION);
    call.on(Event::ResponseHead {
        headers: list(&[(":status", "503")]),
        end: false,
        local: true,
    });
    assert_eq!(call.error_code(), 2005);
    assert_eq!(call.told("x-should-retry").as_deref(), Some("true"));
    let record = call.done(0, false);
    assert_eq!(
        (&record["status_code"], &record["model"]),
        (&json!(400), &json!("claude-haiku-4-5"))
    );
}

#[test]
fn logging_can_be_switched_by_header_and_payloads_are_redacted() {
    let mut silent = Proxy::new().stream();
    silent.head(OPENAI, &[("cf-aig-collect-log", "false")]);
    silent.on(Event::Done(Ending::default()));
    assert!(silent.records.is_empty());
    let mut call = Proxy::new().stream();
    call.ask(
        OPENAI,
        &[("authorization", "Bearer sk-12345678")],
        r#"{"model":"m","note":"sk-12345678"}"#,
    );
    call.answer("200", JSON, &[br#"{"echo":"sk-12345678"}"#]);
    let record = call.done(0, false).clone();
    assert_eq!(record["request_head"], r#"{"model":"m","note":"***"}"#);
    assert_eq!(record["response_head"], r#"{"echo":"***"}"#);
    assert!(!record.to_string().contains("sk-12345678"));
    let mut bare = Proxy::new().stream();
    bare.ask(OPENAI, &[("cf-aig-collect-log-payload", "false")], QUESTION);
    bare.answer("200", JSON, &[ANSWER]);
    assert!(bare.done(0, false).get("request_head").is_none());
}

#[test]
fn a_request_whose_body_does_not_come_goes_on_uncached_with_a_complaint() {
    let proxy = Proxy::new();
    proxy.worker.bodies_come.set(false);
    let mut call = proxy.stream();
    call.head(ANTHROPIC, &[]);
    let deadline = call.task.cx.deadline();
    let deadline = deadline.expect("a held request has a deadline until bodies are known to come");
    proxy.host.clock.set(deadline);
    call.on(Event::Deadline);
    assert!(call.upstream.is_some());
    assert!(call.complaints[0].contains("allow_on_headers_stop_iteration"));
    call.on(body_event(QUESTION.as_bytes(), true));
    call.answer("200", JSON, &[ANSWER]);
    assert_eq!(call.done(0, false)["tokens_in"], 10);
}

#[test]
fn identical_calls_wait_for_the_first_ones_answer() {
    let (one, host);
    one = Proxy::new();
    host = Rc::clone(&one.host);
    let two = Proxy::beside(&host, 2);
    let mut first = one.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    assert!(first.upstream.is_some());
    let mut waiters: Vec<_> = (0..5).map(|_| two.stream()).collect();
    for waiter in &mut waiters {
        waiter.ask(ANTHROPIC, &[], QUESTION);
        assert!(waiter.upstream.is_none() && waiter.reply.is_none());
        assert!(
            waiter.task.cx.deadline().is_some(),
            "every pause has a wake-up"
        );
    }
    first.answer("200", JSON, &[ANSWER]);
    two.wake(&mut waiters);
    for waiter in &mut waiters {
        assert_eq!(waiter.told("cf-aig-cache-status").as_deref(), Some("HIT"));
    }
}

#[test]
fn a_first_caller_that_leaves_hands_over_at_once() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    let mut waiters = vec![proxy.stream(), proxy.stream()];
    for waiter in &mut waiters {
        waiter.ask(ANTHROPIC, &[], QUESTION);
    }
    first.done(0x4000, true);
    proxy.wake(&mut waiters);
    let under_way = waiters
        .iter()
        .filter(|waiter| waiter.upstream.is_some())
        .count();
    assert_eq!(
        under_way, 1,
        "one of the waiters takes over, the other waits for it"
    );
}

#[test]
fn an_answer_that_cannot_be_stored_sends_every_waiter_on_its_own_way() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    let mut waiters = vec![proxy.stream(), proxy.stream(), proxy.stream()];
    for waiter in &mut waiters {
        waiter.ask(ANTHROPIC, &[], QUESTION);
    }
    first.answer("529", JSON, &[b"{}"]);
    proxy.wake(&mut waiters);
    assert!(waiters.iter().all(|waiter| waiter.upstream.is_some()));
}

#[test]
fn a_filler_whose_worker_died_is_replaced_when_its_lease_ends() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    std::mem::forget(first); // its VM is gone: nothing of it runs any more
    let mut waiter = proxy.stream();
    waiter.ask(ANTHROPIC, &[], QUESTION);
    let due = waiter.task.cx.deadline().unwrap();
    let wait = Duration::from_nanos(due - proxy.host.clock.get());
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    proxy.host.clock.set(due);
    waiter.on(Event::Deadline);
    assert!(waiter.upstream.is_some());
}

#[test]
fn a_waiter_goes_on_alone_after_its_time_limit_while_the_filler_lives() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    let mut waiter = proxy.stream();
    waiter.ask(ANTHROPIC, &[], QUESTION);
    let (tick, mut waited) = (Duration::from_millis(250), Duration::ZERO);
    while waiter.upstream.is_none() {
        proxy.host.advance(tick);
        let now = proxy.host.clock.get();
        // The waiter first: it must find the lease in force however late in the tick the filler is.
        for stream in [&mut waiter, &mut first] {
            if stream.task.cx.deadline().is_some_and(|at| at <= now) {
                stream.on(Event::Deadline);
            }
        }
        waited += tick;
        assert!(
            waited <= Duration::from_secs(31),
            "30 seconds is the default"
        );
    }
    assert!(waited >= Duration::from_secs(30));
}

#[test]
fn streams_share_only_where_the_gateway_says_so() {
    let stream = r#"{"model":"gpt-4o","stream":true}"#;
    for (gateway, shares) in [("my-gateway", false), ("shared", true)] {
        let path = OPENAI.replace("my-gateway", gateway);
        let proxy = Proxy::new();
        let (mut first, mut second) = (proxy.stream(), proxy.stream());
        first.ask(&path, &[], stream);
        second.ask(&path, &[], stream);
        assert_eq!(second.upstream.is_none(), shares, "{gateway}");
    }
}
