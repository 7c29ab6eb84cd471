//! Where a step goes; any bytes.

use super::*;

#[test]
fn every_spelling_of_an_endpoint_reaches_the_providers_own_path() {
    for (slug, endpoint, wanted) in [
        ("openai", "chat/completions", "/v1/chat/completions"),
        ("openai", "/v1/chat/completions", "/v1/chat/completions"),
        ("openai", "v1/responses", "/v1/responses"),
        ("anthropic", "v1/messages", "/v1/messages"),
        (
            "google-ai-studio",
            "v1beta/models/m:streamGenerateContent?alt=sse",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
        ),
        ("grok", "v1/chat/completions", "/v1/chat/completions"),
        ("grok", "chat/completions", "/v1/chat/completions"),
        ("groq", "/chat/completions", "/openai/v1/chat/completions"),
        ("replicate", "predictions", "/v1/predictions"),
        ("replicate", "v1/predictions", "/v1/predictions"),
        ("openrouter", "chat/completions", "/api/v1/chat/completions"),
        (
            "fireworks",
            "chat/completions",
            "/inference/v1/chat/completions",
        ),
        (
            "workers-ai",
            "@cf/meta/llama-3.1-8b-instruct",
            "/client/v4/accounts/acc/ai/run/@cf/meta/llama-3.1-8b-instruct",
        ),
        (
            "workers-ai",
            "v1/chat/completions",
            "/client/v4/accounts/acc/ai/v1/chat/completions",
        ),
        (
            "azure-openai",
            "res/dep/chat/completions?api-version=2024-10-21",
            "/openai/deployments/dep/chat/completions?api-version=2024-10-21",
        ),
    ] {
        let members = json!({"provider": slug, "endpoint": endpoint});
        let head = head_of(members, &[(":path", "/v1/acc/gw")]);
        let Ok(CallUrl::Provider {
            account,
            provider,
            path,
            query,
            ..
        }) = url::parse(head.value(":path").unwrap())
        else {
            panic!("{slug}: {endpoint}")
        };
        let call = UpstreamCall {
            account,
            path,
            query,
            fal_target_url: None,
        };
        let upstream = provider::find(provider).unwrap().upstream(&call).unwrap();
        assert_eq!(upstream.path, wanted, "{slug}: {endpoint}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_every_fault_has_a_place(
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            r#"\[?\{("(provider|endpoint|query|headers|config)":("\PC{0,4}"|\{"x":[0-9n]\}|null|7),?){0,5}\}\]?"#
                .prop_map(String::into_bytes),
        ],
    ) {
        match read(&body) {
            Ok(steps) => prop_assert!(!steps.is_empty() && steps.len() <= MAX_STEPS),
            Err(fault) => prop_assert!(!fault.place.is_empty() && !fault.what.is_empty()),
        }
    }

    #[test]
    fn any_query_is_kept_byte_for_byte(text in "\\PC{0,20}", number: i64, spaces in "[ \n\t]{0,5}") {
        let query = format!("{{{spaces}{}{spaces}:{spaces}{number}{spaces}}}", json!(text));
        let body = format!(r#"[{spaces}{{"query"{spaces}:{spaces}{query}{spaces},"provider":"p","endpoint":"e"}}{spaces}]"#);
        let steps = read(body.as_bytes()).unwrap();
        prop_assert_eq!(steps[0].body, query.as_bytes());
    }
}
