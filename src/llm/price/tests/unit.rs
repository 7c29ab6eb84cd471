//! What is billed by its own unit.

use super::*;

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
