//! Tiers, dates, hours and terms.

use super::*;

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
