//! Where a model leads.

use super::*;

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
