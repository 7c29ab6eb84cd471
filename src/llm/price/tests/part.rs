//! Parts of the tokens.

use super::*;

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
