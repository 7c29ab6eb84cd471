//! The promises of the price table and of the cost rule.

use std::{collections::BTreeMap, sync::LazyLock};

use proptest::prelude::*;

use super::{
    layout::{KEYS, Key},
    row::{List, Row},
    *,
};

const JSON: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/prices.json"));
const MILLION: u64 = 1_000_000;

/// 2026-11-22 11:00 UTC: outside every peak window of the data.
const NOW: u64 = 1_795_345_200;
/// 2027-01-01 00:00 UTC.
const NEW_YEAR: u64 = 1_798_761_600;

static PROVIDERS: LazyLock<BTreeMap<String, List>> = LazyLock::new(|| {
    let lists = source::read(JSON).unwrap();
    let named = lists.into_iter().map(|list| (list.slug.clone(), list));
    named.collect()
});

fn cost(
    provider: &str,
    models: Models<'_>,
    usage: &Usage,
    terms: &Terms,
    at: u64,
) -> Option<Picodollars> {
    let bill = Prices::default().bill(provider, models, usage, (terms, at));
    bill.map(|bill| bill.cost)
}

fn find(provider: &str, model: &str) -> Option<Vec<(u8, u32)>> {
    let prices = Prices::default();
    let set = prices.find(provider, model)?;
    Some(set.prices().collect())
}

fn answered(model: &str) -> Models<'_> {
    Models {
        answered: Some(model),
        asked: None,
    }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..Usage::default()
    }
}

fn tier(name: &str) -> Terms {
    Terms {
        service_tier: Some(name.to_owned()),
        ..Terms::default()
    }
}

fn usd(provider: &str, model: &str, usage: &Usage, terms: &Terms, at: u64) -> Option<String> {
    cost(provider, answered(model), usage, terms, at).map(|cost| cost.to_string())
}

fn now(provider: &str, model: &str, usage: &Usage) -> Option<String> {
    usd(provider, model, usage, &Terms::default(), NOW)
}

/// USD for a million tokens of input, output, cache read, cache write and one-hour cache write; a million would pass
/// the tiers, so it is a thousand that is priced.
fn price_list(provider: &str, model: &str) -> String {
    let thousand = Some(1_000);
    let input = |usage| Usage {
        input_tokens: thousand,
        ..usage
    };
    let none = Usage::default;
    let usages = [
        input(none()),
        Usage {
            output_tokens: thousand,
            ..none()
        },
        input(Usage {
            cache_read: thousand,
            ..none()
        }),
        input(Usage {
            cache_write: thousand,
            ..none()
        }),
        input(Usage {
            cache_write_1h: thousand,
            ..none()
        }),
    ];
    let price = |usage: &Usage| {
        let cost = cost(provider, answered(model), usage, &Terms::default(), NOW);
        cost.map_or("?".to_owned(), |cost| {
            Picodollars(cost.0 * 1_000).to_string()
        })
    };
    usages.iter().map(price).collect::<Vec<_>>().join("/")
}

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

#[test]
fn a_tier_is_a_cliff_passed_strictly() {
    let cost = |input| now("google-ai-studio", "gemini-2.5-pro", &tokens(input, 1_000)).unwrap();
    assert_eq!(cost(200_000), "0.26");
    // Every token of the request, output included: 200,001 × 2.5 + 1,000 × 15.
    assert_eq!(cost(200_001), "0.5150025");
}

#[test]
fn a_tier_holds_inside_a_variant() {
    let cost = |input, terms| usd("openai", "gpt-5.6-sol", &tokens(input, 0), &terms, NOW).unwrap();
    assert_eq!(cost(272_000, tier("flex")), "0.544");
    assert_eq!(cost(272_001, tier("flex")), "1.088004");
    assert_eq!(cost(272_001, tier("priority")), "4.352016");
    assert_eq!(cost(272_001, tier("default")), "2.176008");
}

#[test]
fn the_terms_of_the_answer_choose_the_variant() {
    let usage = tokens(MILLION / 10, 0);
    let openai = |name| usd("openai", "gpt-5.6-sol", &usage, &tier(name), NOW).unwrap();
    assert_eq!(
        [
            openai("flex"),
            openai("FLEX"),
            openai("fast"),
            openai("batch")
        ],
        ["0.2", "0.2", "0.8", "0.2"]
    );
    assert_eq!([openai("default"), openai("unheard-of")], ["0.4", "0.4"]);
    let claude = |terms| usd("anthropic", "claude-opus-5", &usage, &terms, NOW).unwrap();
    assert_eq!(
        claude(Terms {
            speed: Some("fast".to_owned()),
            service_tier: Some("standard".to_owned()),
            ..Terms::default()
        }),
        "1"
    );
    assert_eq!(
        [
            claude(tier("batch")),
            claude(tier("fast")),
            claude(tier("standard"))
        ],
        ["0.25", "0.5", "0.5"]
    );
    // A variant changes only what it names: a batch of Gemini 2.5 pays the full price for cached tokens.
    let cached = Usage {
        cache_read: Some(100_000),
        ..usage
    };
    assert_eq!(
        usd(
            "google-ai-studio",
            "gemini-2.5-pro",
            &cached,
            &tier("batch"),
            NOW
        )
        .unwrap(),
        "0.0125"
    );
}

#[test]
fn a_later_price_holds_from_its_first_second() {
    let cost = |at| {
        usd(
            "google-ai-studio",
            "gemini-3.6-flash",
            &tokens(1_000, 0),
            &Terms::default(),
            at,
        )
        .unwrap()
    };
    assert_eq!(cost(0), "0.00075");
    assert_eq!(cost(NEW_YEAR - 1), "0.00075");
    assert_eq!(cost(NEW_YEAR), "0.0015");
    assert_eq!(cost(u64::MAX), "0.0015");
}

#[test]
fn peak_hours_hold_from_their_first_to_before_their_last_minute() {
    let midnight = NEW_YEAR;
    let cost = |hour: u64, minute: u64, second: u64| {
        let at = midnight + hour * 3_600 + minute * 60 + second;
        usd(
            "deepseek",
            "deepseek-v4-pro",
            &tokens(1_000, 0),
            &Terms::default(),
            at,
        )
        .unwrap()
    };
    let (base, peak) = ("0.00066", "0.00132");
    assert_eq!(
        [
            cost(0, 59, 59),
            cost(1, 0, 0),
            cost(3, 59, 59),
            cost(4, 0, 0)
        ],
        [base, peak, peak, base]
    );
    assert_eq!(
        [
            cost(5, 59, 59),
            cost(6, 0, 0),
            cost(9, 59, 59),
            cost(10, 0, 0)
        ],
        [base, peak, peak, base]
    );
}

#[test]
fn a_window_may_wrap_around_midnight() {
    let inside = |minute| rates::is_within((1_380, 60), minute);
    assert_eq!(
        [0, 59, 60, 1_379, 1_380, 1_439].map(inside),
        [true, true, false, false, true, true]
    );
    assert!(!rates::is_within((60, 60), 60));
}

#[test]
fn every_part_falls_back_to_the_price_of_its_whole() {
    let rates = Rates::of(&[(Key::Input, 100), (Key::Output, 1_000)]);
    let usage = Usage {
        cache_write_12h: Some(1),
        cache_write_1h: Some(1),
        cache_write: Some(1),
        audio_cache_read: Some(1),
        cache_read: Some(2),
        audio_input: Some(2),
        image_input: Some(1),
        audio_output: Some(1),
        image_output: Some(1),
        reasoning: Some(1),
        ..tokens(10, 5)
    };
    assert_eq!(charge::sum(&rates, &usage), Some(Picodollars(6_000)));
}

#[test]
fn every_part_is_charged_once_at_its_own_price() {
    let keys = KEYS.map(|(key, _)| key);
    let prices: Vec<_> = keys
        .into_iter()
        .zip([1, 10, 100, 1_000, 10_000, 100_000])
        .collect();
    let usage = Usage {
        cache_write_12h: Some(2),
        cache_write_1h: Some(3),
        cache_write: Some(4),
        cache_read: Some(5),
        ..tokens(20, 7)
    };
    // In the order of the keys: input, output, cache read and the three cache writes.
    assert_eq!(
        charge::sum(&Rates::of(&prices), &usage),
        Some(Picodollars(234_576))
    );

    let rates = Rates::of(&[
        (Key::Input, 1),
        (Key::Output, 10),
        (Key::CacheRead, 100),
        (Key::AudioCacheRead, 1_000),
        (Key::AudioInput, 10_000),
        (Key::ImageInput, 100_000),
        (Key::Reasoning, 1_000_000),
        (Key::AudioOutput, 10_000_000),
        (Key::ImageOutput, 100_000_000),
    ]);
    let usage = Usage {
        audio_cache_read: Some(2),
        cache_read: Some(5),
        audio_input: Some(6),
        image_input: Some(5),
        reasoning: Some(6),
        audio_output: Some(7),
        image_output: Some(8),
        ..tokens(15, 22)
    };
    // 15 = 2 cached audio, 3 other cached, 4 audio, 5 image, 1 text; 22 = 7 audio, 8 image, 6 reasoning, 1 text.
    assert_eq!(charge::sum(&rates, &usage), Some(Picodollars(876_542_311)));
}

#[test]
fn one_hour_writes_stand_in_for_missing_longer_ones_only() {
    let rates = Rates::of(&[
        (Key::Input, 1),
        (Key::CacheWrite, 10),
        (Key::CacheWrite1h, 100),
    ]);
    let of = |usage: Usage| {
        charge::sum(
            &rates,
            &Usage {
                input_tokens: Some(1),
                ..usage
            },
        )
        .unwrap()
        .0
    };
    assert_eq!(
        of(Usage {
            cache_write_12h: Some(1),
            ..Usage::default()
        }),
        100
    );
    assert_eq!(
        of(Usage {
            cache_write: Some(1),
            ..Usage::default()
        }),
        10
    );
}

#[test]
fn web_searches_are_added_where_they_have_a_price() {
    let usage = Usage {
        web_searches: Some(3),
        ..tokens(0, 0)
    };
    assert_eq!(now("anthropic", "claude-opus-5", &usage).unwrap(), "0.03");
    assert_eq!(now("groq", "openai/gpt-oss-120b", &usage).unwrap(), "0");
}

#[test]
fn a_sum_past_the_range_stays_at_its_end() {
    let usage = Usage {
        web_searches: Some(u64::MAX),
        ..tokens(u64::MAX, u64::MAX)
    };
    let cost = cost(
        "anthropic",
        answered("claude-opus-5"),
        &usage,
        &Terms::default(),
        NOW,
    )
    .unwrap();
    assert_eq!(cost, Picodollars(u64::MAX));
}

/// Prices of `prices`, and what `usage` costs at them.
fn at(prices: &[(Key, u32)], usage: &Usage) -> Option<String> {
    charge::sum(&Rates::of(prices), usage).map(|cost| cost.to_string())
}

/// A usage that states this count alone.
fn stated(field: Count, count: u64) -> Usage {
    let mut usage = Usage::default();
    *field(&mut usage) = Some(count);
    usage
}

/// A count of a usage.
type Count = fn(&mut Usage) -> &mut Option<u64>;

/// What a price is for, the count it is for, and what that is worth at a price of 2.5.
const UNITS: [(Key, Count, u64, &str); 12] = [
    (
        Key::WebSearches,
        |usage| &mut usage.web_searches,
        3,
        "0.0075",
    ),
    (
        Key::FileSearches,
        |usage| &mut usage.file_searches,
        3,
        "0.0075",
    ),
    (
        Key::SearchUnits,
        |usage| &mut usage.search_units,
        3,
        "0.0075",
    ),
    (Key::Pages, |usage| &mut usage.pages, 3, "0.0075"),
    (
        Key::AnnotatedPages,
        |usage| &mut usage.annotated_pages,
        3,
        "0.0075",
    ),
    (
        Key::Characters,
        |usage| &mut usage.characters,
        3,
        "0.0000075",
    ),
    (Key::Images, |usage| &mut usage.images, 3, "7.5"),
    (Key::ImagesInput, |usage| &mut usage.images_input, 3, "7.5"),
    (
        Key::AudioInputHours,
        |usage| &mut usage.audio_input_ms,
        7_200_000,
        "5",
    ),
    (
        Key::AudioHours,
        |usage| &mut usage.audio_input_ms,
        7_200_000,
        "5",
    ),
    (
        Key::AudioHours,
        |usage| &mut usage.media_output_ms,
        7_200_000,
        "5",
    ),
    (
        Key::OutputHours,
        |usage| &mut usage.media_output_ms,
        7_200_000,
        "5",
    ),
];

#[test]
fn every_unit_is_charged_at_its_own_price() {
    const PRICE: u32 = 2_500_000;
    for (key, field, count, wanted) in UNITS {
        let usage = stated(field, count);
        assert_eq!(at(&[(key, PRICE)], &usage).unwrap(), wanted, "{key:?}");
        // What is stated but has no price at all is not free.
        assert_eq!(at(&[(Key::Requests, PRICE)], &usage), None, "{key:?}");
        // The request is charged beside whatever has a price.
        let request = at(&[(key, 0), (Key::Requests, PRICE)], &usage);
        assert_eq!(request.unwrap(), "0.0025", "{key:?}");
    }
}

#[test]
fn every_token_part_is_charged_at_its_own_price() {
    let input = |usage| Usage {
        input_tokens: Some(10),
        ..usage
    };
    let output = |usage| Usage {
        output_tokens: Some(10),
        ..usage
    };
    let (none, count) = (Usage::default, Some(3));
    let cases = [
        (
            Key::ImageCacheRead,
            input(Usage {
                image_cache_read: count,
                ..none()
            }),
        ),
        (
            Key::VideoInput,
            input(Usage {
                video_input: count,
                ..none()
            }),
        ),
        (
            Key::VideoOutput,
            output(Usage {
                video_output: count,
                ..none()
            }),
        ),
        (
            Key::Citation,
            output(Usage {
                citation: count,
                ..none()
            }),
        ),
    ];
    for (key, usage) in cases {
        let whole = [(Key::Input, 1), (Key::Output, 1)];
        assert_eq!(at(&whole, &usage).unwrap(), "0.00000000001", "{key:?}");
        let parts = [&whole[..], &[(key, 100)]].concat();
        assert_eq!(at(&parts, &usage).unwrap(), "0.000000000307", "{key:?}");
    }
}

#[test]
fn cached_images_are_neither_other_cached_input_nor_fresh_images() {
    let prices = [
        (Key::Input, 1),
        (Key::CacheRead, 10),
        (Key::ImageInput, 100),
        (Key::ImageCacheRead, 1_000),
        (Key::AudioCacheRead, 10_000),
    ];
    let usage = Usage {
        cache_read: Some(5),
        image_input: Some(4),
        image_cache_read: Some(2),
        audio_cache_read: Some(1),
        ..tokens(10, 0)
    };
    // 10 = 1 cached audio, 2 cached image, 2 other cached, 2 image, 3 text.
    let cost = charge::sum(
        &Rates::of(&[&prices[..], &[(Key::Output, 0)]].concat()),
        &usage,
    );
    assert_eq!(cost, Some(Picodollars(12_223)));
}

#[test]
fn an_hour_is_exact_to_the_millisecond_and_rounded_up_once() {
    let usage = |input, output| Usage {
        audio_input_ms: Some(input),
        media_output_ms: Some(output),
        ..Usage::default()
    };
    // A millionth of a dollar an hour is 5/18 of a picodollar a millisecond.
    let of = |input, output| at(&[(Key::AudioHours, 1)], &usage(input, output)).unwrap();
    assert_eq!(of(1, 0), "0.000000000001");
    assert_eq!(of(1, 1), "0.000000000001");
    assert_eq!(of(2, 2), "0.000000000002");
    assert_eq!(of(18, 0), "0.000000000005");
    assert_eq!(of(3_600_000, 0), "0.000001");
    let dearest = at(&[(Key::OutputHours, u32::MAX)], &usage(0, u64::MAX));
    assert_eq!(dearest.unwrap(), "18446744.073709551615");
}

#[test]
fn annotated_pages_are_pages_at_another_price() {
    let usage = |pages, annotated_pages| Usage {
        pages,
        annotated_pages,
        ..Usage::default()
    };
    let prices = [(Key::Pages, 1), (Key::AnnotatedPages, 100)];
    let of = |usage| charge::sum(&Rates::of(&prices), &usage).unwrap().0;
    assert_eq!(of(usage(Some(5), Some(2))), 203_000);
    assert_eq!(of(usage(Some(1), Some(2))), 200_000);
    assert_eq!(of(usage(None, Some(2))), 200_000);
    let usage = usage(Some(5), Some(2));
    assert_eq!(at(&prices[..1], &usage).unwrap(), "0.000000005");
}

#[test]
fn a_transcript_of_groq_is_ten_seconds_at_least() {
    let cost = |ms| {
        let usage = Usage {
            audio_input_ms: Some(ms),
            ..Usage::default()
        };
        now("groq", "whisper-large-v3", &usage).unwrap()
    };
    assert_eq!(cost(0), "0");
    assert_eq!(cost(1), cost(10_000));
    assert_eq!(cost(10_000), "0.000308333334");
    assert_eq!(cost(36_000), "0.00111");
}

#[test]
fn what_is_billed_by_its_own_unit_needs_no_tokens() {
    let seconds = |count: u64| stated(|usage| &mut usage.audio_input_ms, count * 1_000);
    let images = |count| stated(|usage| &mut usage.images, count);
    let (characters, pages) = (
        stated(|usage| &mut usage.characters, 1_000),
        stated(|usage| &mut usage.pages, 10),
    );
    let units = stated(|usage| &mut usage.search_units, 1);
    for (provider, model, usage, wanted) in [
        ("openai", "whisper-1", seconds(60), "0.006"),
        ("openai", "tts-1", characters, "0.015"),
        ("deepgram", "nova-3", seconds(3_600), "0.258"),
        ("mistral", "mistral-ocr-2512", pages, "0.02"),
        ("cohere", "rerank-v3.5", units, "0.002"),
        ("grok", "grok-imagine-image", images(2), "0.04"),
        ("fal", "fal-ai/flux/dev", images(1), "0.025"),
    ] {
        assert_eq!(
            now(provider, model, &usage).unwrap(),
            wanted,
            "{provider} {model}"
        );
        assert_eq!(
            now(provider, model, &Usage::default()),
            None,
            "{provider} {model}"
        );
    }
    // Seconds are nothing that a model billed by tokens has a price for.
    assert_eq!(now("openai", "gpt-4o", &seconds(60)), None);
}

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

/// A golden answer as the meter reads it: its usage and models come from the file that expects them.
fn golden(expected: &str) -> (serde_json::Value, Usage) {
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    let count = |name: &str| expected["answer"]["usage"][name].as_u64();
    let usage = Usage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        web_searches: count("web_searches"),
        audio_input_ms: count("audio_input_ms"),
        ..Usage::default()
    };
    (expected["answer"]["model"].clone(), usage)
}

#[test]
fn a_transcript_billed_by_its_length_may_state_tokens_too() {
    let (model, usage) = golden(include_str!(
        "../testdata/openai_audio/mistral_transcription.expect.json"
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
        "../testdata/bedrock_converse/answer_of_a_router.expect.json"
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
        "../testdata/gemini/vertex_answer_billed_once_for_searching.expect.json"
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

#[test]
fn money_is_written_exactly_and_as_short_as_possible() {
    for (amount, text) in [
        (0, "0"),
        (1, "0.000000000001"),
        (1_230_000_000, "0.00123"),
        (100_000_000_000, "0.1"),
        (1_000_000_000_000, "1"),
        (12_000_000_000_010, "12.00000000001"),
        (u64::MAX, "18446744.073709551615"),
    ] {
        assert_eq!(Picodollars(amount).to_string(), text);
    }
}

#[test]
fn every_row_finds_itself_with_its_base_prices() {
    let mut rows = 0;
    for (slug, list) in PROVIDERS.iter() {
        for row in &list.rows {
            let id = &row.names[0];
            let found = find(slug, id).unwrap_or_else(|| panic!("{slug} {id} not found"));
            assert_eq!(found, row.prices.own, "{slug} {id}");
            rows += 1;
        }
    }
    assert!(rows > 1_800, "{rows}");
}

#[test]
fn every_price_reads_back_as_the_data_states_it() {
    let data: serde_json::Value = serde_json::from_str(JSON).unwrap();
    let mut prices = 0;
    let rows = PROVIDERS.keys().flat_map(|slug| {
        let rows = data["providers"][slug]["models"].as_array().unwrap();
        rows.iter().map(move |row| (slug, row))
    });
    let embedded = Prices::default();
    for (slug, row) in rows {
        let set = embedded.find(slug, row["id"].as_str().unwrap()).unwrap();
        let rates = Rates::choose(set, 0, &Terms::default(), 0).unwrap();
        for (key, name) in KEYS {
            let (price, stated) = (rates.price(key), row[name].as_f64());
            let price = price.map(|price| f64::from(u32::try_from(price).unwrap()) / 1e6);
            // Zero may mean free or unknown; other tests tell the two apart.
            assert_eq!(
                price.unwrap_or(0.0),
                stated.unwrap_or(0.0),
                "{slug} {} {name}",
                row["id"]
            );
            prices += usize::from(price.is_some());
        }
    }
    assert!(prices > 4_000, "{prices}");
}

/// Tries every name of every row in turn, as the data's own description has it.
fn slow_find<'d>(list: &'d List, name: &[u8]) -> Option<&'d Row> {
    let weight = |byte| match byte {
        b'*' => 0,
        b'#' => 1,
        _ => 2,
    };
    let score = |glob: &str| {
        let exact = if glob.contains(['*', '#']) { 0 } else { 10_000 };
        exact + glob.bytes().map(weight).sum::<u32>()
    };
    let mut best = None;
    for row in &list.rows {
        if row
            .nots
            .iter()
            .any(|not| glob::matches(not.as_bytes(), name))
        {
            continue;
        }
        for glob in row
            .names
            .iter()
            .filter(|glob| glob::matches(glob.as_bytes(), name))
        {
            if best.is_none_or(|(high, _)| score(glob) > high) {
                best = Some((score(glob), row));
            }
        }
    }
    best.map(|(_, row)| row)
}

#[test]
fn the_table_finds_the_row_that_a_slow_search_finds() {
    let found = |slug: &String, model: String| {
        let Some(name) = Name::new(slug, &model) else {
            return false;
        };
        let provider = &PROVIDERS[slug];
        let row = [slug]
            .into_iter()
            .chain(&provider.fallback)
            .find_map(|list| {
                name.spellings()
                    .find_map(|spelling| slow_find(&PROVIDERS[list], spelling))
            });
        let own = row.map(|row| row.prices.own.clone());
        assert_eq!(find(slug, &model), own, "{slug} {model}");
        row.is_some()
    };
    let models = PROVIDERS.iter().flat_map(|(slug, list)| {
        let names = list.rows.iter().flat_map(|row| &row.names);
        names.map(move |pattern| (slug, pattern))
    });
    let mut count = 0;
    for (slug, pattern) in models {
        let literal = pattern.replace('#', "7");
        count += usize::from(found(slug, literal.replace('*', "-x9")));
        for end in ["", "-20260102", "@20260102", "-2026-01-02", "-tts"] {
            count += usize::from(found(slug, literal.replace('*', "") + end));
        }
    }
    assert!(count > 10_000, "{count}");
}

#[test]
fn the_table_is_small() {
    let bytes: usize = EMBEDDED.sections().iter().map(|part| part.len()).sum();
    assert!((50_000..130_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let [one, two] = [(); 2].map(|()| encoder::encode(&source::read(JSON).unwrap()).unwrap());
    assert!(one == two);
    assert!(Table::from(&one).sections() == EMBEDDED.sections());
}

#[test]
fn data_that_the_table_cannot_hold_does_not_build() {
    let build = |row: &str| {
        let json = format!(r#"{{"providers":{{"p":{{"models":[{{"id":"m",{row}}}]}}}}}}"#);
        source::read(&json).err().unwrap_or_default()
    };
    assert_eq!(build(r#""input":1.5,"context":9,"text_message_1k":4"#), "");
    assert_eq!(build(r#""inptu":1"#), "p: m: unknown key inptu");
    assert_eq!(build(r#""input":"1""#), r#"p: m: input: no price: "1""#);
    assert_eq!(build(r#""input":0.0000001"#), "p: m: input: no price: 1e-7");
    assert_eq!(build(r#""input":4295"#), "p: m: input: no price: 4295");
    assert_eq!(build(r#""input":-1"#), "p: m: input: no price: -1");
    assert_eq!(
        build(r#""variants":{"moon=full":{"input":1}}"#),
        "p: m: unknown variant moon=full"
    );
    assert_eq!(
        build(r#""later":[{"from":"2026-13-01"}]"#),
        "p: m: a later price without a date in `from`"
    );
    assert_eq!(
        build(r#""hours":[{"utc":["1","2"]}]"#),
        "p: m: an hourly price without two times of day in `utc`"
    );
    assert_eq!(
        build(r#""tiers":[{"input":1}]"#),
        "p: m: a tier without `over`"
    );
}

/// The definition: a star is any split of the name.
fn slow_match(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], _) => name.is_empty(),
        ([b'*', rest @ ..], _) => {
            (0..=name.len()).any(|skipped| slow_match(rest, &name[skipped..]))
        }
        ([want, rest @ ..], [byte, name @ ..]) => {
            (want == byte || (*want == b'#' && byte.is_ascii_digit())) && slow_match(rest, name)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_glob_matcher_agrees_with_its_definition(glob in "[ab1*#]{0,8}", name in "[ab1]{0,10}") {
        prop_assert_eq!(
            glob::matches(glob.as_bytes(), name.as_bytes()),
            slow_match(glob.as_bytes(), name.as_bytes()),
        );
    }

    #[test]
    fn a_filled_in_glob_matches(parts in prop::collection::vec(("[a-z.#*-]{0,4}", "[a-z0-9]{0,5}"), 0..5)) {
        let (mut glob, mut name) = (String::new(), String::new());
        for (literal, run) in parts {
            glob += &format!("{literal}*");
            name += &(literal.replace('*', "").replace('#', "4") + &run);
        }
        prop_assert!(glob::matches(glob.as_bytes(), name.as_bytes()), "{} {}", glob, name);
    }

    #[test]
    fn parts_larger_than_their_whole_never_cost_more_than_the_dearest_price(
        counts in prop::array::uniform12(prop::option::of(prop_oneof![0..50_u64, Just(u64::MAX)])),
        input in 0..100_u64, output in 0..100_u64,
    ) {
        let [cache_read, cache_write, cache_write_1h, cache_write_12h, reasoning, audio_input, audio_output,
            audio_cache_read, image_input, image_output, ..] = counts;
        let usage = Usage { cache_read, cache_write, cache_write_1h, cache_write_12h, reasoning, audio_input,
            audio_output, audio_cache_read, image_input, image_output, ..tokens(input, output) };
        let prices: Vec<_> = KEYS.iter().zip(5..).take(12).map(|((key, _), price)| (*key, price)).collect();
        let cost = charge::sum(&Rates::of(&prices), &usage).unwrap().0;
        prop_assert!((5 * (input + output)..=16 * (input + output)).contains(&cost), "{}", cost);
    }

    #[test]
    fn no_name_panics(model in any::<String>(), provider in "openai|aws-bedrock|google-vertex-ai|x") {
        for prefix in ["", "arn:", "models/", "publishers/", "openai/", "arn%3a%2F"] {
            let model = format!("{prefix}{model}");
            let _cost: Option<Picodollars> =
                cost(&provider, Models { answered: Some(&model), asked: Some(&model) }, &tokens(1, 1), &tier(&model), NOW);
        }
    }

    #[test]
    fn displayed_money_reads_back(amount in any::<u64>()) {
        let text = Picodollars(amount).to_string();
        let (dollars, rest) = text.split_once('.').unwrap_or((&text, ""));
        prop_assert!(!text.contains('.') || (!rest.ends_with('0') && !rest.is_empty()));
        prop_assert_eq!(format!("{dollars}{rest:0<12}").parse::<u64>().unwrap(), amount);
    }
}
