//! Unified calls: who is meant, where they go, and what of the body changes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::llm::format::Format;
use crate::llm::provider::{BaseUrl, UpstreamCall};

fn model<'a>(provider: &'a str, model: &'a str) -> ChatModel<'a> {
    ChatModel { provider, model }
}

fn written(body: &str, provider: &str) -> String {
    let body = ChatBody::read(body.as_bytes()).unwrap();
    String::from_utf8(body.written_for(&model(provider, "m"))).unwrap()
}

#[test]
fn the_model_is_cut_at_its_first_slash() {
    for (text, provider, name) in [
        ("openai/gpt-5-mini", "openai", "gpt-5-mini"),
        ("workers-ai/@cf/meta/llama", "workers-ai", "@cf/meta/llama"),
        (
            "google-vertex-ai/google/gemini-2.5-pro",
            "google-vertex-ai",
            "google/gemini-2.5-pro",
        ),
        (
            "openrouter/openai/gpt-4o:free",
            "openrouter",
            "openai/gpt-4o:free",
        ),
        ("perplexity/sonar", "perplexity-ai", "sonar"),
        ("perplexity-ai/sonar", "perplexity-ai", "sonar"),
        ("xai/grok-4", "grok", "grok-4"),
        ("grok/grok-4", "grok", "grok-4"),
        ("google/gemini", "google-ai-studio", "gemini"),
        ("azure/my-deployment", "azure-openai", "my-deployment"),
        (
            "bedrock/openai.gpt-oss-120b",
            "aws-bedrock",
            "openai.gpt-oss-120b",
        ),
        ("custom-mine/a/b", "custom-mine", "a/b"),
    ] {
        assert_eq!(
            Target::parse(text),
            Ok(Target::Model(model(provider, name))),
            "{text}"
        );
    }
    assert_eq!(
        Target::parse("dynamic/support"),
        Ok(Target::Route("support"))
    );
}

#[test]
fn a_model_without_a_prefix_and_an_unknown_prefix_are_told_apart() {
    for text in ["gpt-5", "", "/", "/gpt-5", "openai/", "dynamic/"] {
        assert_eq!(Target::parse(text), Err(Incompatible::Format), "{text}");
    }
    for text in [
        "cloudflare/auto",
        "OpenAI/gpt-5",
        "@cf/meta/llama",
        "compat/x",
        "../x",
    ] {
        assert_eq!(Target::parse(text), Err(Incompatible::Provider), "{text}");
    }
}

const ENDPOINTS: &[(&str, &str)] = &[
    ("anthropic", "api.anthropic.com/v1/chat/completions"),
    (
        "aws-bedrock",
        "bedrock-mantle.us-east-1.api.aws/v1/chat/completions",
    ),
    (
        "azure-openai",
        "my-resource.openai.azure.com/openai/v1/chat/completions",
    ),
    ("baseten", "inference.baseten.co/v1/chat/completions"),
    ("cerebras", "api.cerebras.ai/v1/chat/completions"),
    ("cohere", "api.cohere.ai/compatibility/v1/chat/completions"),
    ("deepseek", "api.deepseek.com/chat/completions"),
    (
        "fireworks",
        "api.fireworks.ai/inference/v1/chat/completions",
    ),
    (
        "google-ai-studio",
        "generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    ),
    (
        "google-vertex-ai",
        "us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1/endpoints/openapi/chat/completions",
    ),
    ("grok", "api.x.ai/v1/chat/completions"),
    ("groq", "api.groq.com/openai/v1/chat/completions"),
    ("huggingface", "router.huggingface.co/v1/chat/completions"),
    ("mistral", "api.mistral.ai/v1/chat/completions"),
    ("openai", "api.openai.com/v1/chat/completions"),
    ("openrouter", "openrouter.ai/api/v1/chat/completions"),
    ("parallel", "api.parallel.ai/chat/completions"),
    ("perplexity-ai", "api.perplexity.ai/chat/completions"),
    ("together", "api.together.ai/v1/chat/completions"),
    (
        "workers-ai",
        "api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions",
    ),
];

#[test]
fn every_provider_has_an_endpoint_that_its_own_routing_accepts_or_says_why_not() {
    let location = Location {
        project: Some("my-project"),
        region: Some("us-central1"),
        resource: Some("my-resource"),
    };
    let expected: BTreeMap<_, _> = ENDPOINTS.iter().copied().collect();
    for provider in provider::all() {
        let location = if provider.slug == "aws-bedrock" {
            Location::default()
        } else {
            location
        };
        let found = endpoint(&model(provider.slug, "m"), &location);
        let Some(wanted) = expected.get(provider.slug) else {
            assert_eq!(found, Err(Incompatible::NoChat), "{}", provider.slug);
            continue;
        };
        let call = UpstreamCall {
            account: "acc",
            path: &found.unwrap(),
            query: None,
            fal_target_url: None,
        };
        let upstream = provider.upstream(&call).unwrap();
        assert_eq!(format!("{}{}", upstream.host, upstream.path), *wanted);
        let format = Format::of(provider.slug, &upstream.endpoint);
        assert!(
            matches!(format, Some(Format::OpenAiChat | Format::Perplexity)),
            "{wanted}: {format:?}"
        );
    }
}

#[test]
fn what_only_the_configuration_can_know_is_asked_for() {
    let none = Location::default();
    for slug in ["azure-openai", "google-vertex-ai"] {
        let Err(Incompatible::Unset(remedy)) = endpoint(&model(slug, "m"), &none) else {
            panic!("{slug}")
        };
        assert!(remedy.contains(&format!("slug: {slug}")), "{remedy}");
    }
    let global = Location {
        project: Some("p"),
        ..none
    };
    let path = endpoint(&model("google-vertex-ai", "m"), &global).unwrap();
    assert!(path.contains("/locations/global/"));
    assert_eq!(
        endpoint(&model("custom-x", "m"), &none),
        Err(Incompatible::Provider)
    );
}

#[test]
fn bedrocks_claude_and_nova_are_sent_to_their_own_formats() {
    for name in [
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-haiku-4-5",
        "global.amazon.nova-2-lite-v1:0",
        "amazon.nova-pro-v1:0",
        "claude-opus-4-8",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x",
    ] {
        let found = endpoint(&model("aws-bedrock", name), &Location::default());
        assert_eq!(found, Err(Incompatible::OwnFormat), "{name}");
    }
    for name in [
        "openai.gpt-oss-120b",
        "qwen.qwen3-32b-v1:0",
        "google.gemma-4-31b",
    ] {
        assert!(
            endpoint(&model("aws-bedrock", name), &Location::default()).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_custom_providers_base_url_is_read_as_an_sdk_reads_it() {
    for (base, path) in [
        ("https://llm.example.com", "/v1/chat/completions"),
        ("https://llm.example.com/v1/", "/v1/chat/completions"),
        (
            "https://llm.example.com/api/paas/v4",
            "/api/paas/v4/chat/completions",
        ),
        (
            "https://llm.example.com/openai/v1",
            "/openai/v1/chat/completions",
        ),
    ] {
        let base = BaseUrl::parse(base).unwrap();
        let call = UpstreamCall {
            account: "a",
            path: base.chat_endpoint(),
            query: None,
            fal_target_url: None,
        };
        assert_eq!(base.upstream(&call).unwrap().path, path);
    }
}

#[test]
fn the_paths_below_compat_are_known_in_every_spelling() {
    for path in [
        "chat/completions",
        "v1/chat/completions",
        "chat/completions/",
        "chat/completion",
    ] {
        assert_eq!(CompatCall::of(path), Some(CompatCall::Chat), "{path}");
    }
    for path in ["models", "v1/models", "models/"] {
        assert_eq!(CompatCall::of(path), Some(CompatCall::Models), "{path}");
    }
    for path in ["", "responses", "chat", "embeddings", "v1/v1/models"] {
        assert_eq!(CompatCall::of(path), None, "{path}");
    }
}

#[test]
fn only_the_models_value_changes() {
    for (body, wanted) in [
        (r#"{"model":"openai/x"}"#, r#"{"model":"m"}"#),
        (
            " { \"a\" : [1, {\"model\":\"no\"}] ,\n\t\"model\" :\t\"openai/gpt\" , \"z\":1e400 } \n",
            " { \"a\" : [1, {\"model\":\"no\"}] ,\n\t\"model\" :\t\"m\" , \"z\":1e400 } \n",
        ),
        (
            r#"{"m\u006fdel":"openai\/x","é":"\ud83d\ude00"}"#,
            r#"{"m\u006fdel":"m","é":"\ud83d\ude00"}"#,
        ),
        (
            r#"{"a,b\"c":1,"model":"openai/x","stream_options":{}}"#,
            r#"{"a,b\"c":1,"model":"m","stream_options":{}}"#,
        ),
    ] {
        assert_eq!(written(body, "openai"), wanted);
    }
}

#[test]
fn a_models_name_is_escaped() {
    let body = ChatBody::read(br#"{"model":"openai/a\"b\\c\u0007"}"#).unwrap();
    assert_eq!(body.model(), "openai/a\"b\\c\u{7}");
    let Ok(Target::Model(target)) = Target::parse(body.model()) else {
        panic!()
    };
    let written: Value = serde_json::from_slice(&body.written_for(&target)).unwrap();
    assert_eq!(written, json!({"model": "a\"b\\c\u{7}"}));
}

#[test]
fn however_often_the_model_is_written_every_parser_sees_the_same() {
    let body =
        ChatBody::read(br#"{"model":"groq/a","x":1,"model":"openai/b","model":null}"#).unwrap();
    assert_eq!(body.model(), "openai/b");
    assert_eq!(
        written(
            r#"{"model":"groq/a","x":1,"mod\u0065l":"openai/b","model":null}"#,
            "openai"
        ),
        r#"{"model":"m","x":1,"mod\u0065l":"m","model":"m"}"#
    );
}

#[test]
fn what_a_provider_refuses_goes_with_its_comma() {
    for (body, wanted) in [
        (
            r#"{"stream_options":{"include_usage":true},"model":"x/y"}"#,
            r#"{"model":"m"}"#,
        ),
        (
            r#"{ "stream_options" : {} , "stream_options":1, "model":"x/y"}"#,
            r#"{ "model":"m"}"#,
        ),
        (
            r#"{"model":"x/y" , "stream_options":null }"#,
            r#"{"model":"m" }"#,
        ),
        (
            r#"{"model":"x/y","stream_options":{},"a":2}"#,
            r#"{"model":"m","a":2}"#,
        ),
        (
            r#"{"stream_options":{},"a,\"b":[],"model":"x/y"}"#,
            r#"{"a,\"b":[],"model":"m"}"#,
        ),
    ] {
        assert_eq!(written(body, "cohere"), wanted);
        assert_eq!(written(body, "mistral"), wanted);
    }
}

#[test]
fn mistral_gets_its_own_names() {
    for (body, wanted) in [
        (
            r#"{"seed" : 7,"model":"x/y"}"#,
            r#"{"random_seed" : 7,"model":"m"}"#,
        ),
        (
            r#"{"model":"x/y", "s\u0065ed":7}"#,
            r#"{"model":"m", "random_seed":7}"#,
        ),
        (
            r#"{"seed":7,"model":"x/y","random_seed":8}"#,
            r#"{"model":"m","random_seed":8}"#,
        ),
        (
            r#"{"model":"x/y","max_completion_tokens":9}"#,
            r#"{"model":"m","max_tokens":9}"#,
        ),
        (
            r#"{"model":"x/y","max_tokens":null,"max_completion_tokens":9}"#,
            r#"{"model":"m","max_tokens":9}"#,
        ),
        (
            r#"{"seed":null,"model":"x/y","random_seed":null}"#,
            r#"{"model":"m","random_seed":null}"#,
        ),
    ] {
        assert_eq!(written(body, "mistral"), wanted);
    }
    let untouched = r#"{"seed":7,"model":"m","max_completion_tokens":9}"#;
    assert_eq!(written(untouched, "openai"), untouched);
}

#[test]
fn a_body_without_a_usable_model_has_a_bad_format() {
    let many = format!("{{\"model\":\"a/b\"{}}}", ",\"x\":1".repeat(1024));
    let long = format!("{{\"model\":\"openai/{}\"}}", "m".repeat(512));
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"model\":5}",
        "{\"model\":null}",
        "{\"model\":\"a/b\",\"model\":[]}",
        "{\"model\":\"a/b\"",
        "{\"model\":\"a/b\"}{}",
        "model=a/b",
        &many,
        &long,
        r#"["model","openai/x"]"#,
    ] {
        assert_eq!(
            ChatBody::read(body.as_bytes()).err(),
            Some(Incompatible::Format),
            "{body:.80}"
        );
    }
    assert!(ChatBody::read(b"{\"model\":\"a/b\",\"x\":\"\xff\"}").is_err());
}

#[test]
fn a_part_of_the_body_is_found_as_it_is_written() {
    let text = r#"{"a":1,"b":[10, {"c": "x"}],"a" : 2.50}"#;
    assert_eq!(member(text, "a"), Some("2.50"));
    let list = member(text, "b").unwrap();
    assert_eq!(
        element(list, 1).and_then(|object| member(object, "c")),
        Some("\"x\"")
    );
    for missing in [
        member(text, "z"),
        member(list, "a"),
        element(text, 0),
        element(list, 2),
        member("1", "a"),
    ] {
        assert_eq!(missing, None);
    }
}

#[test]
fn the_list_of_models_has_openais_shape() {
    let models = BTreeMap::from([
        ("openai/gpt-5".to_owned(), "openai".to_owned()),
        ("dynamic/a".to_owned(), "dynamic".to_owned()),
    ]);
    let found: Value = serde_json::from_slice(&list(&models)).unwrap();
    assert_eq!(
        found,
        json!({"object": "list", "data": [
            {"id": "dynamic/a", "object": "model", "created": 0, "owned_by": "dynamic"},
            {"id": "openai/gpt-5", "object": "model", "created": 0, "owned_by": "openai"},
        ]})
    );
}

proptest! {
    #[test]
    fn any_body_means_the_same_but_for_its_model(
        before in proptest::collection::btree_map("[a-c,\"é\\\\]{0,3}|stream_options|seed", any::<Option<u32>>(), 0..4),
        after in proptest::collection::btree_map("[d-f,\"é\\\\]{0,3}|random_seed", any::<String>(), 0..4),
        is_mistral: bool,
    ) {
        let mut parts: Vec<String> = before.iter().map(|(key, value)| format!(" {} : {} ", json!(key), json!(value))).collect();
        parts.push("\"model\":\"openai/x\"".to_owned());
        parts.extend(after.iter().map(|(key, value)| format!("{}:{}", json!(key), json!(value))));
        let text = format!("{{{}}}", parts.join(","));
        let mut wanted: Value = serde_json::from_str(&text).unwrap();
        let fields = wanted.as_object_mut().unwrap();
        fields.insert("model".to_owned(), json!("m"));
        if is_mistral {
            fields.remove("stream_options");
            if let Some(seed) = fields.remove("seed") {
                fields.entry("random_seed").or_insert(seed);
            }
        }
        let out = written(&text, if is_mistral { "mistral" } else { "groq" });
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), wanted);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(ChatBody::read(&bytes));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(!matches!(Target::parse(text), Ok(Target::Route(""))));
        }
    }
}
