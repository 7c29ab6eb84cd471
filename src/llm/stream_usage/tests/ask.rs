//! The question in the body.

use super::*;

fn asked(body: &str) -> Option<String> {
    ask(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
}

#[test]
fn the_question_is_put_into_the_body_and_nothing_else_is_touched() {
    for (body, expected) in [
        (
            r#"{"model":"m","stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#,
        ),
        (
            " {\n \"stream\" : true }\n",
            " {\"stream_options\":{\"include_usage\":true},\n \"stream\" : true }\n",
        ),
        ("{}", r#"{"stream_options":{"include_usage":true}}"#),
        (
            r#"{"stream":true,"stream_options":{}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream":true, "stream_options": { "include_obfuscation": false } ,"n":1.0}"#,
            r#"{"stream":true, "stream_options": {"include_usage":true, "include_obfuscation": false } ,"n":1.0}"#,
        ),
        (
            r#"{"stream_options":{"include_obfuscation":false,"include_usage": false},"stream":true}"#,
            r#"{"stream_options":{"include_obfuscation":false,"include_usage": true},"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":null}}"#,
            r#"{"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream_options":null,"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"messages":[{"content":"\"stream_options\":{\u00e9"}],"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"messages":[{"content":"\"stream_options\":{\u00e9"}],"stream":true}"#,
        ),
    ] {
        assert_eq!(asked(body).as_deref(), Some(expected), "{body}");
    }
}

#[test]
fn a_body_without_a_sure_place_is_left_alone() {
    for body in [
        "",
        "[]",
        "{\"stream\":true",
        r#"{"stream_options":{},"stream_options":{}}"#,
        r#"{"stream_options":"all"}"#,
        r#"{"stream_options":[1]}"#,
        r#"{"stream_options":{"include_usage":false,"include_usage":false}}"#,
    ] {
        assert_eq!(asked(body), None, "{body}");
    }
    assert_eq!(ask(b"{\"a\":\"\xFF\"}"), None);
}

#[test]
fn only_providers_that_accept_the_question_are_asked() {
    let accepted = |slug: &str, path: &str, query: Option<&str>| {
        let call = UpstreamCall {
            account: "acc",
            path,
            query,
            fal_target_url: None,
        };
        let upstream = provider::find(slug).unwrap().upstream(&call).unwrap();
        is_accepted(slug, &upstream)
    };
    let chat = "v1/chat/completions";
    for slug in ["openai", "grok"] {
        assert!(accepted(slug, "chat/completions", None), "{slug}");
    }
    assert!(!accepted("openai", "completions", None));
    assert!(!accepted("openai", "responses", None));
    for slug in [
        "anthropic",
        "cerebras",
        "cohere",
        "deepseek",
        "fireworks",
        "groq",
        "huggingface",
        "mistral",
        "openrouter",
        "parallel",
        "perplexity-ai",
        "together",
    ] {
        assert!(!accepted(slug, chat, None), "{slug}");
    }
    for (version, expected) in [
        ("api-version=2024-09-01-preview", true),
        ("x=1&api-version=2026-01-01", true),
        ("api-version=2024-06-01", false),
        ("api-version=preview", false),
        ("x=1", false),
    ] {
        let path = "my-resource/gpt-4o/chat/completions";
        assert_eq!(
            accepted("azure-openai", path, Some(version)),
            expected,
            "{version}"
        );
    }
    let own = Upstream {
        host: "llm.example.com".into(),
        path: "/v1/chat/completions".into(),
        endpoint: "chat/completions".into(),
        model: None,
    };
    assert!(is_accepted("custom-own", &own));
}
