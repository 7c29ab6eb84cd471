//! What is refused, and who is let in.

use super::*;

#[test]
fn what_has_no_target_is_refused_and_recorded() {
    for (gateway, model, status, code, provider) in [
        ("my-gateway", "cloudflare/auto", 400, 2008, "compat"),
        ("my-gateway", "gpt-5", 400, 2019, "compat"),
        ("my-gateway", "custom-none/m", 400, 2008, "custom-none"),
        ("my-gateway", "replicate/m", 400, 2906, "replicate"),
        ("my-gateway", "azure/m", 400, 2906, "azure-openai"),
        (
            "my-gateway",
            "bedrock/amazon.nova-pro-v1:0",
            400,
            2906,
            "aws-bedrock",
        ),
        ("my-gateway", "dynamic/support", 400, 2907, "unknown"),
        ("usage", "gpt-5", 400, 2019, "compat"),
    ] {
        let mut call = Proxy::new().stream();
        let path = CHAT.replace("my-gateway", gateway);
        let body = json!({ "model": model }).to_string();
        call.ask(&path, &[], &body);
        assert_eq!(call.error_code(), code, "{model}");
        assert_eq!(call.reply.as_ref().unwrap().status, status);
        let record = call.done(0, false);
        let facts = ["error_code", "provider", "model", "outcome", "request_size"];
        let expected = [
            json!(code),
            json!(provider),
            json!(model),
            json!("refused"),
            json!(body.len()),
        ];
        assert_eq!(facts.map(|name| record[name].clone()), expected, "{model}");
    }
    for body in ["", "[]", "{\"model\":", "model=openai/x", "{}"] {
        let mut call = Proxy::new().stream();
        call.ask(CHAT, &[], body);
        assert_eq!(call.error_code(), 2019, "{body}");
        assert_eq!(call.done(0, false)["model"], json!(null));
    }
    let mut call = Proxy::new().stream();
    call.on(Event::RequestHead {
        headers: list(&[(":method", "POST"), (":path", CHAT)]),
        end: true,
    });
    assert_eq!(call.error_code(), 2019);
}

#[test]
fn only_its_two_paths_are_known() {
    for (method, path) in [
        ("POST", "compat"),
        ("POST", "compat/"),
        ("POST", "compat/embeddings"),
        ("POST", "compat/v1/responses"),
        ("GET", "compat/chat/completions"),
        ("POST", "compat/models"),
        ("GET", "compat/models/openai/gpt-5"),
    ] {
        let mut call = Proxy::new().stream();
        let path = format!("/v1/acc/my-gateway/{path}");
        call.on(Event::RequestHead {
            headers: list(&[(":method", method), (":path", &path)]),
            end: true,
        });
        assert_eq!(call.error_code(), 2901, "{method} {path}");
        assert_eq!(call.done(0, false)["status_code"], 404);
    }
    let mut call = Proxy::new().stream();
    call.head(CHAT, &[("upgrade", "websocket")]);
    assert_eq!(call.error_code(), 2901);
    for path in ["v1/chat/completions", "chat/completions/"] {
        let mut call = Proxy::new().stream();
        call.ask(&CHAT.replace("chat/completions", path), &[], HI);
        assert_eq!(target(&call).2, "/v1/chat/completions");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_held() {
    let limit = 50_000;
    let long = HI.replace("hi", &"x".repeat(limit));
    let mut call = Proxy::new().stream();
    call.head(CHAT, &[("content-length", &long.len().to_string())]);
    assert_eq!(call.error_code(), 2903);
    call.done(0, false);
    let mut call = Proxy::new().stream();
    call.head(CHAT, &[]);
    let (start, rest) = long.split_at(limit);
    call.on(body_event(start.as_bytes(), false));
    assert!(call.reply.is_none());
    call.on(body_event(rest.as_bytes(), false));
    assert_eq!(call.error_code(), 2903);
    assert_eq!(call.done(0, false)["request_size"], long.len());
    let mut call = Proxy::new().stream();
    call.head(CHAT, &[("content-encoding", "gzip")]);
    call.on(body_event(&gzip(long.as_bytes()), true));
    assert_eq!(call.error_code(), 2903);
}

#[test]
fn it_is_admitted_and_limited_like_any_call() {
    let locked = CHAT.replace("my-gateway", "locked");
    let mut call = Proxy::new().stream();
    call.head(&locked, &[]);
    assert_eq!(call.error_code(), 2009);
    assert_eq!(call.done(0, false)["provider"], "compat");
    let mut call = Proxy::new().stream();
    let fields = [
        ("authorization", "Bearer demo-token"),
        ("cf-aig-metadata", "{}"),
    ];
    call.ask(&locked, &fields, HI);
    let edits = call.upstream.as_ref().unwrap();
    for name in ["authorization", "cf-aig-metadata"] {
        assert!(edits.contains(&Edit::Remove(name.into())));
    }
    let proxy = Proxy::new();
    let limited = CHAT.replace("my-gateway", "limited");
    let codes = [(); 3].map(|()| {
        let mut call = proxy.stream();
        call.ask(&limited, &[], HI);
        call.reply.is_some().then(|| call.error_code())
    });
    assert_eq!(codes, [None, None, Some(2003)]);
}

#[test]
fn a_client_that_leaves_while_its_body_is_held_is_recorded() {
    let mut call = Proxy::new().stream();
    call.head(CHAT, &[]);
    call.on(body_event(b"{\"model\"", false));
    assert_eq!(call.task.cx.request_gate(), Gate::Held);
    let record = call.done(0, true);
    assert_eq!(
        (&record["outcome"], &record["status_code"]),
        (&json!("client_gone"), &json!(499))
    );
}

#[test]
fn where_no_body_ever_comes_the_call_is_refused_and_the_operator_told() {
    let proxy = Proxy::new();
    proxy.worker.bodies_come.set(false);
    let mut call = proxy.stream();
    call.head(CHAT, &[]);
    assert!(call.task.cx.deadline().is_some());
    call.on(Event::Deadline);
    assert_eq!(call.error_code(), 2905);
    assert!(call.complaints[0].contains("allow_on_headers_stop_iteration"));
    let mut call = proxy.stream();
    call.ask(&CHAT.replace("my-gateway", "limited"), &[], HI);
    assert_eq!(call.task.cx.deadline(), None);
    assert!(call.upstream.is_some());
}
