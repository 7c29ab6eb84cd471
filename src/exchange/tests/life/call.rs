//! A call goes and comes back, whatever its end.

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
