//! What one provider bills in its own way.

use super::*;

#[test]
fn what_the_counts_do_not_meet_leaves_the_cost_unknown() {
    let terms = Terms {
        is_unpriced: true,
        ..Terms::default()
    };
    let cost = |model| usd("openai", model, &tokens(1, 1), &terms, NOW);
    assert_eq!(cost("gpt-4o"), None);
    assert_eq!(cost("omni-moderation-latest"), None);
}

#[test]
fn capacity_paid_ahead_makes_tokens_free_and_searches_not() {
    let usage = Usage {
        web_searches: Some(1),
        cache_read: Some(50),
        ..tokens(100, 100)
    };
    let cost = |name| {
        let models = answered("gemini-2.5-flash");
        cost("google-vertex-ai", models, &usage, &tier(name), NOW).unwrap()
    };
    let search = cost("provisioned_throughput");
    assert_eq!(search, cost("PROVISIONED_THROUGHPUT"));
    assert_eq!(search.to_string(), "0.035");
    assert!(cost("ON_DEMAND") > search);
}

#[test]
fn a_transcript_billed_by_its_length_may_state_tokens_too() {
    let (model, usage) = golden(include_str!(
        "../../testdata/openai_audio/mistral_transcription.expect.json"
    ));
    assert!(usage.input_tokens.is_some() && usage.output_tokens.is_some());
    // 203 seconds at 0.18 an hour.
    let model = model.as_str().unwrap();
    assert_eq!(now("mistral", model, &usage).unwrap(), "0.01015");
    // The length is what is billed: without it nothing is known.
    let tokens = tokens(4, 635);
    assert_eq!(now("mistral", model, &tokens), None);
    // A search is no measure of the tokens beside it.
    let usage = Usage {
        web_searches: Some(1),
        ..tokens
    };
    assert_eq!(at(&[(Key::WebSearches, 1)], &usage), None);
}

#[test]
fn what_a_router_has_chosen_is_billed_at_the_price_of_its_region() {
    let (model, usage) = golden(include_str!(
        "../../testdata/bedrock_converse/answer_of_a_router.expect.json"
    ));
    let cost = |answered, asked| {
        let models = Models { answered, asked };
        cost("aws-bedrock", models, &usage, &Terms::default(), NOW)
    };
    let router = Some(
        "arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Adefault-prompt-router%2Fanthropic.claude%3A1",
    );
    // 5 × 1.1 + 1 × 5.5, where the model itself is at 1 and 5.
    let chosen = cost(model.as_str(), router).unwrap();
    assert_eq!(chosen.to_string(), "0.000011");
    // A router that is named like a model is none.
    let router =
        Some("arn:aws:bedrock:us-east-1:1:prompt-router/anthropic.claude-haiku-4-5-20251001-v1:0");
    assert_eq!(cost(model.as_str(), router), Some(chosen));
    assert_eq!(cost(None, router), None);
    let profile = Some("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc");
    assert_eq!(cost(profile, router), None);
}

#[test]
fn what_gemini_searches_for_one_prompt_is_billed_once_up_to_its_second_generation() {
    let usage = |count| Usage {
        web_searches: Some(count),
        ..tokens(0, 0)
    };
    let cost = |answered, asked, count| {
        let models = Models { answered, asked };
        let cost = cost(
            "google-vertex-ai",
            models,
            &usage(count),
            &Terms::default(),
            NOW,
        );
        cost.unwrap().to_string()
    };
    let old = "publishers/google/models/gemini-2.5-flash";
    assert_eq!(cost(None, Some(old), 3), "0.035");
    assert_eq!(cost(None, Some(old), 0), "0");
    let (model, usage) = golden(include_str!(
        "../../testdata/gemini/vertex_answer_billed_once_for_searching.expect.json"
    ));
    let model = model.as_str().unwrap();
    assert_eq!(usage.web_searches, Some(2));
    assert_eq!(now("google-vertex-ai", model, &usage).unwrap(), "0.0350111");
    assert_eq!(
        cost(Some("gemini-2.5-pro"), Some("gemini-3.8-flash"), 3),
        "0.035"
    );
    assert_eq!(cost(Some("gemini-3.8-flash"), Some(old), 3), "0.042");
}

#[test]
fn the_place_of_inference_multiplies_what_tokens_cost() {
    let placed = |place: &str, terms| Terms {
        inference_geo: Some(place.to_owned()),
        ..terms
    };
    let usage = Usage {
        cache_read: Some(1_000),
        cache_write_1h: Some(1_000),
        web_searches: Some(1),
        ..tokens(3_000, 1_000)
    };
    let cost = |terms| usd("anthropic", "claude-opus-5", &usage, &terms, NOW).unwrap();
    // 5 + 0.5 + 10 + 25 for a thousand of each, and the search.
    let anywhere = "0.0505";
    assert_eq!(cost(Terms::default()), anywhere);
    assert_eq!(cost(placed("global", Terms::default())), anywhere);
    assert_eq!(cost(placed("not_available", Terms::default())), anywhere);
    assert_eq!(cost(placed("us", Terms::default())), "0.05455");
    assert_eq!(cost(placed("US", tier("batch"))), "0.032275");
    let fast = Terms {
        speed: Some("fast".to_owned()),
        ..Terms::default()
    };
    assert_eq!(cost(placed("us", fast)), "0.0991");
}

#[test]
fn a_place_of_inference_without_prices_leaves_the_cost_unknown() {
    let terms = |place: &str| Terms {
        inference_geo: Some(place.to_owned()),
        ..Terms::default()
    };
    let cost = |model, place| usd("anthropic", model, &tokens(1, 1), &terms(place), NOW);
    assert_eq!(cost("claude-opus-5", "eu"), None);
    assert_eq!(cost("claude-haiku-4-5", "us"), None);
    assert!(cost("claude-haiku-4-5", "not_available").is_some());
}

#[test]
fn nothing_stated_of_the_unit_that_a_model_is_billed_by_is_not_free() {
    let cost = |usage| now("aws-bedrock", "amazon.titan-embed-image-v1", &usage);
    let words = |input_tokens| Usage {
        input_tokens: Some(input_tokens),
        ..Usage::default()
    };
    // A picture: the answer counts no word, and says nothing of the picture.
    assert_eq!(cost(words(0)), None);
    assert_eq!(cost(words(1_000)).unwrap(), "0.0008");
    let pictures = |count| Usage {
        images_input: Some(count),
        ..words(0)
    };
    assert_eq!(cost(pictures(2)).unwrap(), "0.00012");
    assert_eq!(cost(pictures(0)).unwrap(), "0");
    // Without a unit, nothing is nothing.
    assert_eq!(now("openai", "gpt-4o", &tokens(0, 0)).unwrap(), "0");
}

#[test]
fn vertex_names_its_service_tiers_otherwise() {
    let usage = tokens(1_000, 1_000);
    let cost = |name| {
        usd(
            "google-vertex-ai",
            "gemini-3.8-flash-cyber",
            &usage,
            &tier(name),
            NOW,
        )
    };
    assert_eq!(cost("ON_DEMAND_PRIORITY"), cost("priority"));
    assert_eq!(cost("ON_DEMAND_FLEX"), cost("flex"));
    assert_ne!(cost("ON_DEMAND_PRIORITY"), cost("ON_DEMAND_FLEX"));
    assert_eq!(cost("ON_DEMAND"), cost("default"));
}

#[test]
fn a_bill_names_the_model_whose_prices_it_took() {
    let named = |answered, asked| {
        let models = Models { answered, asked };
        let prices = Prices::default();
        let bill = prices.bill("openai", models, &tokens(1, 1), (&Terms::default(), NOW));
        bill.map(|bill| bill.model)
    };
    assert_eq!(
        named(Some("gpt-4o-mini"), Some("gpt-4o")),
        Some("gpt-4o-mini")
    );
    assert_eq!(named(Some("gpt-99"), Some("gpt-4o")), Some("gpt-4o"));
    assert_eq!(named(Some("gpt-99"), Some("gpt-98")), None);
}

#[test]
fn a_later_price_brings_its_own_variants() {
    let cost = |at| {
        usd(
            "google-ai-studio",
            "gemini-3.6-flash",
            &tokens(1_000, 0),
            &tier("batch"),
            at,
        )
    };
    assert_eq!(cost(NEW_YEAR - 1).unwrap(), "0.000375");
    assert_eq!(cost(NEW_YEAR).unwrap(), "0.00075");
}

#[test]
fn the_providers_that_a_router_names_have_their_own_prices() {
    let usage = tokens(1_000_000, 0);
    let cost = |via| now("huggingface", &format!("openai/gpt-oss-120b{via}"), &usage);
    assert_eq!(cost(":cerebras").unwrap(), "0.35");
    assert_eq!(cost(":nobody"), None);
    assert_eq!(cost(""), None);
}
