//! The call becomes the provider's own.

use super::*;

#[test]
fn the_model_names_the_provider_and_the_body_changes_in_nothing_else() {
    for (model, target_of, sent) in [
        (
            "openai/gpt-4o-mini",
            ("openai", "api.openai.com", "/v1/chat/completions"),
            "gpt-4o-mini",
        ),
        (
            "xai/grok-4",
            ("grok", "api.x.ai", "/v1/chat/completions"),
            "grok-4",
        ),
        (
            "workers-ai/@cf/meta/llama",
            (
                "workers-ai",
                "api.cloudflare.com",
                "/client/v4/accounts/acc/ai/v1/chat/completions",
            ),
            "@cf/meta/llama",
        ),
        (
            "custom-own/a/b",
            ("custom-own", "llm.example.com", "/v1/chat/completions"),
            "a/b",
        ),
    ] {
        let mut call = Proxy::new().stream();
        let body = HI.replace("openai/gpt-4o-mini", model);
        let length = body.len().to_string();
        call.ask(CHAT, &[("content-length", &length)], &body);
        assert_eq!(target(&call), target_of);
        let sent = HI.replace("openai/gpt-4o-mini", sent);
        assert_eq!(call.asked.as_deref(), Some(sent.as_bytes()));
        assert_eq!(
            set(&call, "content-length"),
            Some(&*sent.len().to_string()),
            "{model}"
        );
        call.answer("200", JSON, &[COMPLETION]);
        let record = call.done(0, false);
        assert_eq!(record["provider"], target_of.0);
        assert_eq!(record["model_asked"], model.split_once('/').unwrap().1);
        assert_eq!(record["request_size"], body.len());
        assert_eq!(record["request_type"], "provider");
        assert_eq!(record["compatibilityMode"], true);
        assert_eq!(
            (&record["tokens_in"], &record["tokens_out"]),
            (&json!(11), &json!(7))
        );
    }
}

#[test]
fn it_is_metered_priced_and_logged_as_the_providers_own_call() {
    let mut call = Proxy::new().stream();
    call.ask(CHAT, &[], HI);
    assert_eq!(set(&call, "content-length"), None);
    call.answer("200", JSON, &[COMPLETION]);
    assert_eq!(call.shown, COMPLETION);
    let record = call.done(0, false);
    for (name, value) in [
        ("cost", json!(0.000_005_85)),
        ("model_billed", json!("gpt-4o-mini")),
        ("model_type", json!("text")),
        ("path", json!("v1/chat/completions")),
        ("request_head", json!(SENT)),
        ("outcome", json!("answered")),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
}

#[test]
fn its_answer_is_shared_with_calls_of_the_same_meaning() {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.ask(CHAT, &[], HI);
    call.answer("200", JSON, &[COMPLETION]);
    call.done(0, false);
    for (path, body) in [(CHAT, HI), (OPENAI, SENT)] {
        let mut again = proxy.stream();
        again.ask(path, &[], body);
        assert_eq!(again.reply.as_ref().unwrap().body, COMPLETION);
        assert_eq!(again.told("cf-aig-cache-status").as_deref(), Some("HIT"));
        let record = again.done(0, false);
        assert_eq!(
            (&record["provider"], &record["model"]),
            (&json!("openai"), &json!("gpt-4o-mini"))
        );
    }
    for body in [
        HI.replace("openai", "groq"),
        HI.replace("gpt-4o-mini", "gpt-4o"),
    ] {
        let mut other = proxy.stream();
        other.ask(CHAT, &[], &body);
        assert!(other.reply.is_none(), "{body}");
        other.done(0, true);
    }
    let mut other = proxy.stream();
    other.ask(CHAT, &[("authorization", "Bearer other")], HI);
    assert!(other.reply.is_none());
}

#[test]
fn a_compressed_body_goes_on_plain() {
    let body = gzip(HI.as_bytes());
    let length = body.len().to_string();
    let mut call = Proxy::new().stream();
    call.head(
        CHAT,
        &[("content-encoding", "gzip"), ("content-length", &length)],
    );
    for piece in body.chunks(7) {
        call.on(body_event(piece, false));
    }
    call.on(Event::RequestTrailers);
    assert_eq!(call.asked.as_deref(), Some(SENT.as_bytes()));
    let edits = call.upstream.as_ref().unwrap();
    assert!(edits.contains(&Edit::Remove("content-encoding".into())));
    assert_eq!(set(&call, "content-length"), Some(&*SENT.len().to_string()));
    call.answer("200", JSON, &[COMPLETION]);
    assert_eq!(call.done(0, false)["request_size"], body.len());
    let mut damaged = body.clone();
    damaged[20] ^= 0xFF;
    for (coding, body) in [
        ("gzip", &body[..20]),
        ("gzip", &damaged),
        ("br", b"x"),
        ("zstd", b"x"),
    ] {
        let mut call = Proxy::new().stream();
        call.head(CHAT, &[("content-encoding", coding)]);
        if call.reply.is_none() {
            call.on(body_event(body, true));
        }
        assert_eq!(call.error_code(), 2905, "{coding}");
        call.done(0, false);
    }
}

#[test]
fn parameters_that_a_provider_refuses_are_dropped() {
    let body = r#"{"model":"mistral/m","seed":7,"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":5}"#;
    for (provider, sent) in [
        (
            "mistral",
            r#"{"model":"m","random_seed":7,"stream":true,"max_tokens":5}"#,
        ),
        (
            "cohere",
            r#"{"model":"m","seed":7,"stream":true,"max_completion_tokens":5}"#,
        ),
    ] {
        let mut call = Proxy::new().stream();
        call.ask(CHAT, &[], &body.replace("mistral", provider));
        assert_eq!(
            call.asked.as_deref().map(String::from_utf8_lossy),
            Some(sent.into())
        );
    }
}

#[test]
fn a_stream_is_asked_for_its_usage_where_the_gateway_is_told_to() {
    let path = CHAT.replace("my-gateway", "usage");
    let body = r#"{"model":"openai/gpt-4o-mini","stream":true}"#;
    let mut call = Proxy::new().stream();
    call.ask(&path, &[("content-length", "44")], body);
    let sent = r#"{"stream_options":{"include_usage":true},"model":"gpt-4o-mini","stream":true}"#;
    assert_eq!(call.asked.as_deref(), Some(sent.as_bytes()));
    assert_eq!(set(&call, "content-length"), Some(&*sent.len().to_string()));
    let events = |usage: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"Hi\"}}}}]}}\n\n{usage}data: [DONE]\n\n"
        )
    };
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}\n\n";
    call.answer("200", SSE, &[events(usage).as_bytes()]);
    assert_eq!(call.shown, events("").as_bytes());
    assert_eq!(call.done(0, false)["tokens_out"], 7);
}
