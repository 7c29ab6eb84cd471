//! Which row a name finds.

use super::*;

#[test]
fn the_answered_model_counts_if_it_has_a_row() {
    let both = |answered, asked| Models {
        answered: Some(answered),
        asked: Some(asked),
    };
    let cost = |provider, models| {
        let cost = cost(
            provider,
            models,
            &tokens(MILLION / 10, 0),
            &Terms::default(),
            NOW,
        );
        cost.map(|cost| cost.to_string())
    };
    assert_eq!(
        cost("openai", both("gpt-4o-mini", "gpt-4o")).unwrap(),
        "0.015"
    );
    assert_eq!(cost("openai", both("", "gpt-4o")).unwrap(), "0.25");
    assert_eq!(cost("openai", both("gpt-99", "gpt-4o")).unwrap(), "0.25");
    assert_eq!(
        cost("azure-openai", both("gpt-4o-mini", "my-deployment")).unwrap(),
        "0.015"
    );
}

#[test]
fn on_bedrock_the_path_counts() {
    let answer = "claude-haiku-4-5-20251001";
    let cost = |asked: Option<&str>| {
        let models = Models {
            answered: Some(answer),
            asked,
        };
        cost(
            "aws-bedrock",
            models,
            &tokens(MILLION / 10, 0),
            &Terms::default(),
            NOW,
        )
        .map(|cost| cost.to_string())
    };
    let surcharged = "0.11";
    assert_eq!(
        cost(Some("us.anthropic.claude-haiku-4-5-20251001-v1:0")).unwrap(),
        surcharged
    );
    assert_eq!(
        cost(Some("us.anthropic.claude-haiku-4-5-20251001-v1%3A0")).unwrap(),
        surcharged
    );
    assert_eq!(
        cost(Some("global.anthropic.claude-haiku-4-5-20251001-v1:0")).unwrap(),
        "0.1"
    );
    let arn =
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0";
    assert_eq!(cost(Some(arn)).unwrap(), surcharged);
    let encoded = arn.replace(':', "%3A").replace('/', "%2F");
    assert_eq!(cost(Some(&encoded)).unwrap(), surcharged);
    // The profile may stand for any model and region: even an answer that names one does not tell the price.
    assert_eq!(
        cost(Some(
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/us.amazon.nova-lite-v1:0"
        )),
        None
    );
    assert_eq!(
        cost(Some("ARN%3aaws:bedrock:us-east-1:1:provisioned-model/abc")),
        None
    );
}

#[test]
fn prefixes_case_and_dates_do_not_hide_a_model() {
    let usage = tokens(1_000, 0);
    for (provider, model, plain) in [
        ("openai", "OpenAI/GPT-4o", "gpt-4o"),
        ("openai", "gpt-4o-20240806", "gpt-4o-2024-08-06"),
        ("openai", "gpt-4.1-2029-12-31", "gpt-4.1"),
        ("groq", "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        (
            "google-ai-studio",
            "models/gemini-2.5-pro",
            "gemini-2.5-pro",
        ),
        (
            "google-vertex-ai",
            "publishers/google/models/gemini-2.5-pro",
            "gemini-2.5-pro",
        ),
        (
            "google-vertex-ai",
            "publishers/anthropic/models/claude-opus-5@20260101",
            "claude-opus-5",
        ),
    ] {
        assert!(now(provider, plain, &usage).is_some(), "{plain}");
        assert_eq!(
            now(provider, model, &usage),
            now(provider, plain, &usage),
            "{model}"
        );
    }
}

#[test]
fn a_name_is_tried_bare_then_dashed_then_without_date_then_as_given() {
    let spellings = |provider, model| {
        let name = Name::new(provider, model).unwrap();
        let texts = name
            .spellings()
            .map(|text| String::from_utf8(text.to_vec()).unwrap());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(
        spellings("openai", "A-20250102"),
        ["a-20250102", "a-2025-01-02", "a"]
    );
    assert_eq!(spellings("openai", "a@20250102"), ["a@20250102", "a"]);
    assert_eq!(spellings("openai", "a-2025-01-02"), ["a-2025-01-02", "a"]);
    assert_eq!(spellings("openai", "a-19990102"), ["a-19990102"]);
    assert_eq!(spellings("openai", "-20250102"), ["-20250102"]);
    assert_eq!(
        spellings("openai", "openai/models/a-20250102"),
        [
            "a-20250102",
            "a-2025-01-02",
            "a",
            "openai/models/a-20250102"
        ]
    );
    assert_eq!(spellings("openai", "openai/"), ["openai/"]);
    assert_eq!(spellings("openai", ""), [""; 0]);
    assert_eq!(spellings("openai", "a%2fb"), ["a%2fb"]);
    assert_eq!(spellings("aws-bedrock", "a%2fb%zz%4"), ["a/b%zz%4"]);
}

#[test]
fn a_provider_without_a_row_asks_its_fallback_lists() {
    let usage = tokens(1_000, 1_000);
    assert_eq!(
        now("azure-openai", "claude-haiku-4-5", &usage),
        now("anthropic", "claude-haiku-4-5", &usage)
    );
    assert!(now("azure-openai", "claude-haiku-4-5", &usage).is_some());
    assert_eq!(now("openai", "claude-haiku-4-5", &usage), None);
}
