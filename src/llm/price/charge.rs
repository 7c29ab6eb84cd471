//! From counts and prices to one sum.
//!
//! Invariant: every token is charged exactly once: a part is taken out of its whole before the rest is priced, and is
//! capped by what is left, so wrong counts never make a negative rest (prices.md "Cost rule" 2 to 4). A sum past the
//! range stays at its end: it errs against the spender.

use super::{
    Picodollars,
    layout::Key::{self, *},
    rates::Rates,
};
use crate::llm::usage::Usage;

/// A part of a whole and the prices it may be charged at, best first.
type Leaf = (u64, &'static [Key]);

/// What is left of the whole.
const REST: u64 = u64::MAX;

/// `None` if some tokens consumed have no price: a sum that leaves them out would pass for the whole.
pub(super) fn sum(rates: &Rates, usage: &Usage) -> Option<Picodollars> {
    // A row priced only by what a usage does not count (seconds, pages, pictures) prices nothing.
    rates.price(Input).or_else(|| rates.price(Output))?;
    let input = split(rates, usage.input_tokens, &input(usage))?;
    let output = split(rates, usage.output_tokens, &output(usage))?;
    let searches = units(rates, WebSearches, usage.web_searches.unwrap_or(0));
    let request = units(rates, Requests, 1);
    Some(Picodollars(
        input
            .saturating_add(output)
            .saturating_add(searches)
            .saturating_add(request),
    ))
}

fn input(usage: &Usage) -> [Leaf; 8] {
    let cached_audio = usage.audio_cache_read.unwrap_or(0);
    let count = |part: Option<u64>| part.unwrap_or(0);
    [
        (
            count(usage.cache_write_12h),
            &[CacheWrite12h, CacheWrite1h, CacheWrite, Input],
        ),
        (
            count(usage.cache_write_1h),
            &[CacheWrite1h, CacheWrite, Input],
        ),
        (count(usage.cache_write), &[CacheWrite, Input]),
        (
            cached_audio,
            &[AudioCacheRead, CacheRead, AudioInput, Input],
        ),
        (
            count(usage.cache_read).saturating_sub(cached_audio),
            &[CacheRead, Input],
        ),
        (
            count(usage.audio_input).saturating_sub(cached_audio),
            &[AudioInput, Input],
        ),
        (count(usage.image_input), &[ImageInput, Input]),
        (REST, &[Input]),
    ]
}

fn output(usage: &Usage) -> [Leaf; 4] {
    [
        (usage.audio_output.unwrap_or(0), &[AudioOutput, Output]),
        (usage.image_output.unwrap_or(0), &[ImageOutput, Output]),
        (usage.reasoning.unwrap_or(0), &[Reasoning, Output]),
        (REST, &[Output]),
    ]
}

fn split(rates: &Rates, whole: Option<u64>, leaves: &[Leaf]) -> Option<u64> {
    let mut left = whole.unwrap_or(0);
    let mut total = 0_u64;
    for (part, keys) in leaves {
        let count = left.min(*part);
        if count == 0 {
            continue;
        }
        left = left.saturating_sub(count);
        let price = keys.iter().find_map(|key| rates.price(*key))?;
        total = total.saturating_add(count.saturating_mul(price));
    }
    Some(total)
}

/// Prices per 1,000 calls: a millionth of the unit is 1,000 picodollars a call. A call without a price adds nothing:
/// few providers publish one, and the tokens are most of the sum.
fn units(rates: &Rates, key: Key, count: u64) -> u64 {
    rates
        .price(key)
        .unwrap_or(0)
        .saturating_mul(1_000)
        .saturating_mul(count)
}
