//! The unified endpoint: the body names the provider, and the call is that provider's.

use serde_json::json;

use super::encoding::gzip;
use super::*;

const CHAT: &str = "/v1/acc/my-gateway/compat/chat/completions";
const COMPLETION: &[u8] = br#"{"id":"c","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;
const HI: &str = r#"{ "messages" : [{"role":"user","content":"hi"}], "model" : "openai/gpt-4o-mini", "seed": 7 }"#;
const SENT: &str =
    r#"{ "messages" : [{"role":"user","content":"hi"}], "model" : "gpt-4o-mini", "seed": 7 }"#;

/// What the request's field was set to on its way.
fn set<'a>(call: &'a Stream, name: &str) -> Option<&'a str> {
    let edits = call.upstream.as_ref().unwrap();
    edits.iter().find_map(|edit| match edit {
        Edit::Set(field, value) if field == name => std::str::from_utf8(value).ok(),
        Edit::Set(..) | Edit::Remove(_) => None,
    })
}

fn target(call: &Stream) -> (&str, &str, &str) {
    let field = |name| set(call, name).unwrap();
    (
        field("x-sluice-cluster"),
        field(":authority"),
        field(":path"),
    )
}

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
        ("my-gateway", "dynamic/support", 400, 2907, "compat"),
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

/// The ids of the list of models, and nothing is recorded of it.
fn listed(path: &str) -> Vec<String> {
    let mut call = Proxy::new().stream();
    call.on(Event::RequestHead {
        headers: list(&[(":method", "GET"), (":path", path)]),
        end: true,
    });
    let reply = call.reply.as_ref().unwrap();
    assert_eq!(reply.status, 200);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["object"], "list");
    call.on(Event::Done(Ending::default()));
    assert!(call.records.is_empty() && call.upstream.is_none());
    let models = body["data"].as_array().unwrap();
    let id = |model: &Value| model["id"].as_str().unwrap().to_owned();
    models.iter().map(id).collect()
}

#[test]
fn the_models_of_a_provider_are_listed() {
    let path = "/v1/acc/my-gateway/compat/models";
    let openai = listed(&format!("{path}?provider=openai"));
    assert!(openai.contains(&"openai/gpt-4o-mini".to_owned()));
    assert!(openai.iter().all(|id| id.starts_with("openai/")));
    assert_eq!(listed(path), Vec::<String>::new());
    for (path, code) in [
        (format!("{path}?provider=nobody"), 2008),
        (path.replace("my-gateway", "locked"), 2009),
    ] {
        let mut call = Proxy::new().stream();
        call.on(Event::RequestHead {
            headers: list(&[(":method", "GET"), (":path", &path)]),
            end: true,
        });
        assert_eq!(call.error_code(), code);
        call.done(0, false);
    }
}

#[test]
fn keys_of_other_providers_and_digests_of_the_old_body_stay_behind() {
    let mut call = Proxy::new().stream();
    let fields = [
        ("authorization", "Bearer sk-openai"),
        ("x-api-key", "sk-ant-other"),
        ("x-goog-api-key", "other"),
        ("content-digest", "sha-256=:AAAA:"),
    ];
    call.ask(CHAT, &fields, HI);
    let edits = call.upstream.as_ref().unwrap();
    for name in ["x-api-key", "x-goog-api-key", "content-digest"] {
        assert!(edits.contains(&Edit::Remove(name.to_owned())), "{name}");
    }
    assert!(!edits.contains(&Edit::Remove("authorization".to_owned())));
    // Where it is the only one that is not for the gateway, it is the provider's.
    let mut call = Proxy::new().stream();
    call.ask(CHAT, &[("x-api-key", "sk-ant-own")], HI);
    let edits = call.upstream.as_ref().unwrap();
    assert!(!edits.contains(&Edit::Remove("x-api-key".to_owned())));
    let mut call = Proxy::new().stream();
    let fields = [
        ("authorization", "Bearer demo-token"),
        ("x-api-key", "sk-ant-own"),
    ];
    call.ask(&CHAT.replace("my-gateway", "locked"), &fields, HI);
    let edits = call.upstream.as_ref().unwrap();
    assert!(edits.contains(&Edit::Remove("authorization".to_owned())));
    assert!(!edits.contains(&Edit::Remove("x-api-key".to_owned())));
}
