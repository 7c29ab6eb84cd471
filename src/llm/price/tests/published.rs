//! What providers publish.

use super::*;

/// Agreed by both sources of the data.
const PUBLISHED: &[(&str, &str, &str)] = &[
    ("openai", "gpt-4o", "2.5/10/1.25/2.5/2.5"),
    ("openai", "gpt-4o-mini", "0.15/0.6/0.075/0.15/0.15"),
    ("openai", "gpt-4.1", "2/8/0.5/2/2"),
    ("openai", "gpt-5", "1.25/10/0.125/1.25/1.25"),
    ("openai", "gpt-5-mini", "0.25/2/0.025/0.25/0.25"),
    ("openai", "gpt-5.6", "4/20/0.4/5/5"),
    ("openai", "gpt-5.6-sol", "4/20/0.4/5/5"),
    ("openai", "gpt-6-sol", "2/10/0.2/2.5/2.5"),
    ("openai", "o3", "2/8/0.5/2/2"),
    ("openai", "o4-mini", "1.1/4.4/0.275/1.1/1.1"),
    ("openai", "text-embedding-3-small", "0.02/?/0.02/0.02/0.02"),
    ("anthropic", "claude-haiku-4-5", "1/5/0.1/1.25/2"),
    ("anthropic", "claude-sonnet-4-5", "3/15/0.3/3.75/6"),
    ("anthropic", "claude-opus-5", "5/25/0.5/6.25/10"),
    ("anthropic", "claude-sonnet-5-5", "2/10/0.1/2.5/4"),
    (
        "google-ai-studio",
        "gemini-2.5-flash",
        "0.3/2.5/0.03/0.3/0.3",
    ),
    (
        "google-ai-studio",
        "gemini-2.5-pro",
        "1.25/10/0.125/1.25/1.25",
    ),
    ("google-ai-studio", "gemini-3.5-flash", "1.5/9/0.15/1.5/1.5"),
    (
        "google-vertex-ai",
        "gemini-2.5-pro",
        "1.25/10/0.125/1.25/1.25",
    ),
    (
        "mistral",
        "mistral-small-latest",
        "0.15/0.6/0.015/0.15/0.15",
    ),
    ("grok", "grok-4.3", "1.25/2.5/0.2/1.25/1.25"),
    ("cohere", "command-a", "2.5/10/2.5/2.5/2.5"),
    ("cohere", "command-r-plus-08-2024", "2.5/10/2.5/2.5/2.5"),
    ("groq", "openai/gpt-oss-120b", "0.15/0.6/0.075/0.15/0.15"),
    (
        "groq",
        "llama-3.3-70b-versatile",
        "0.59/0.79/0.59/0.59/0.59",
    ),
    ("cerebras", "gpt-oss-120b", "0.35/0.75/0.35/0.35/0.35"),
    (
        "workers-ai",
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "0.293/2.253/0.293/0.293/0.293",
    ),
    (
        "aws-bedrock",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "1.1/5.5/0.11/1.375/2.2",
    ),
    (
        "aws-bedrock",
        "amazon.nova-lite-v1:0",
        "0.06/0.24/0.015/0.06/0.06",
    ),
    ("azure-openai", "gpt-4o", "2.5/10/1.25/2.5/2.5"),
];

#[test]
fn well_known_models_cost_what_their_providers_publish() {
    for (provider, model, prices) in PUBLISHED {
        assert_eq!(price_list(provider, model), *prices, "{provider} {model}");
    }
}

#[test]
fn a_perplexity_answer_pays_for_its_request_too() {
    assert_eq!(
        now("perplexity-ai", "sonar", &tokens(1_000, 1_000)).unwrap(),
        "0.014"
    );
    assert_eq!(
        now("perplexity-ai", "sonar-pro", &tokens(1_000, 1_000)).unwrap(),
        "0.032"
    );
}

#[test]
fn an_unknown_model_provider_or_usage_has_no_cost() {
    assert_eq!(now("openai", "gpt-99", &tokens(1, 1)), None);
    assert_eq!(now("openai", "", &tokens(1, 1)), None);
    assert_eq!(now("nobody", "gpt-4o", &tokens(1, 1)), None);
    assert_eq!(now("openrouter", "openai/gpt-4o", &tokens(1, 1)), None);
    assert_eq!(
        now(
            "openai",
            "gpt-4o",
            &Usage {
                cache_read: Some(3),
                ..Usage::default()
            }
        ),
        None
    );
    assert_eq!(
        cost(
            "openai",
            Models::default(),
            &tokens(1, 1),
            &Terms::default(),
            NOW
        ),
        None
    );
    assert_eq!(now("openai", &"gpt-4o".repeat(1_000), &tokens(1, 1)), None);
}

#[test]
fn tokens_without_a_price_leave_the_cost_unknown() {
    assert_eq!(
        now("openai", "text-embedding-3-small", &tokens(10, 1)),
        None
    );
    assert_eq!(
        now("openai", "text-embedding-3-small", &tokens(10, 0)).unwrap(),
        "0.0000002"
    );
    // Billed by the second: token prices are absent, or 0 where "unknown" is meant.
    assert_eq!(now("openai", "gpt-realtime-whisper", &tokens(0, 0)), None);
    assert_eq!(now("google-ai-studio", "lyria-3.5", &tokens(10, 10)), None);
}

#[test]
fn a_free_model_costs_zero() {
    assert_eq!(
        now("openai", "omni-moderation-latest", &tokens(10, 0)).unwrap(),
        "0"
    );
    assert_eq!(
        now("google-ai-studio", "gemma-4-31b-it", &tokens(10, 10)).unwrap(),
        "0"
    );
}
