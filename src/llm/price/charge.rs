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

/// Sums are kept in this fraction of a picodollar, of which a millionth of a dollar an hour is 5 a millisecond.
const FRACTION: u128 = 18;

/// What the millionth of a price is for one of its unit, in fractions of a picodollar.
const PER_MILLION: u128 = FRACTION;
const PER_THOUSAND: u128 = 1_000 * FRACTION;
const EACH: u128 = 1_000_000 * FRACTION;
const PER_HOUR: u128 = 5;

/// `None` if some tokens consumed have no price although others have one, because a sum that leaves them out would pass
/// for the whole; if nothing that the usage states has one; or if nothing is due for what is stated and the model is
/// billed by a unit that is not.
pub(super) fn sum(rates: &Rates, usage: &Usage) -> Option<Picodollars> {
    if rates.price(Free).is_some() {
        return Some(Picodollars(0));
    }
    let mut sum = Sum::default();
    let units = units(rates, usage);
    sum.units(rates, &units);
    // A model billed by its unit alone may state tokens beside it.
    if !sum.is_priced || rates.has_token_price() {
        sum.tokens(rates, usage.input_tokens, &input(usage))?;
        sum.tokens(rates, usage.output_tokens, &output(usage))?;
    }
    sum.units(rates, &searches(rates, usage));
    let is_price_of = |(_, keys, _): &Unit| keys.iter().any(|key| rates.price(*key).is_some());
    let is_stated = |(count, ..): &Unit| count.is_some();
    if sum.fractions == 0 && units.iter().any(is_price_of) && !units.iter().any(is_stated) {
        return None;
    }
    if sum.is_priced {
        sum.units(rates, &[(Some(1), &[Requests], PER_THOUSAND)]);
    }
    let whole = u64::try_from(sum.fractions.div_ceil(FRACTION));
    sum.is_priced
        .then_some(Picodollars(whole.unwrap_or(u64::MAX)))
}

/// A sum in the making. A count of 64 bits at a price of 32 bits leaves room for thousands of addends.
#[derive(Default)]
struct Sum {
    fractions: u128,
    /// Whether anything that the usage states has a price.
    is_priced: bool,
}

impl Sum {
    fn add(&mut self, count: u64, price: u64, scale: u128) {
        let amount = u128::from(count).saturating_mul(u128::from(price));
        self.fractions = self.fractions.saturating_add(amount.saturating_mul(scale));
        self.is_priced = true;
    }

    /// `None` if some of the tokens have no price.
    fn tokens(&mut self, rates: &Rates, whole: Option<u64>, leaves: &[Leaf]) -> Option<()> {
        let Some(mut left) = whole else {
            return Some(());
        };
        let price = |keys: &[Key]| keys.iter().find_map(|key| rates.price(*key));
        for (part, keys) in leaves {
            let count = left.min(*part);
            if count > 0 {
                left = left.saturating_sub(count);
                self.add(count, price(keys)?, PER_MILLION);
            } else if *part == REST && price(keys).is_some() {
                self.is_priced = true;
            }
        }
        Some(())
    }

    /// A unit without a price adds nothing: it is another measure of what the tokens are the measure of, or a tool for
    /// which few providers publish a price.
    fn units(&mut self, rates: &Rates, units: &[Unit]) {
        for (count, keys, scale) in units {
            let price = keys.iter().find_map(|key| rates.price(*key));
            if let Some((count, price)) = count.zip(price) {
                self.add(count, price, *scale);
            }
        }
    }
}

fn input(usage: &Usage) -> [Leaf; 10] {
    let count = |part: Option<u64>| part.unwrap_or(0);
    let cached_audio = count(usage.audio_cache_read);
    let cached_image = count(usage.image_cache_read);
    let cached = count(usage.cache_read).saturating_sub(cached_audio);
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
            cached_image,
            &[ImageCacheRead, CacheRead, ImageInput, Input],
        ),
        (cached.saturating_sub(cached_image), &[CacheRead, Input]),
        (
            count(usage.audio_input).saturating_sub(cached_audio),
            &[AudioInput, Input],
        ),
        (
            count(usage.image_input).saturating_sub(cached_image),
            &[ImageInput, Input],
        ),
        (count(usage.video_input), &[VideoInput, Input]),
        (REST, &[Input]),
    ]
}

fn output(usage: &Usage) -> [Leaf; 6] {
    let count = |part: Option<u64>| part.unwrap_or(0);
    [
        (count(usage.audio_output), &[AudioOutput, Output]),
        (count(usage.image_output), &[ImageOutput, Output]),
        (count(usage.video_output), &[VideoOutput, Output]),
        (count(usage.reasoning), &[Reasoning, Output]),
        (count(usage.citation), &[Citation, Output]),
        (REST, &[Output]),
    ]
}

/// A count that may be stated, the prices it may be charged at, and what their millionth is for one.
type Unit = (Option<u64>, &'static [Key], u128);

/// What tools of the provider did, which is never all that is billed for an answer made of tokens.
fn searches(rates: &Rates, usage: &Usage) -> [Unit; 2] {
    let web = usage.web_searches.map(|count| {
        let most = rates.price(WebSearchMaximum);
        most.map_or(count, |most| count.min(most / 1_000_000))
    });
    [
        (web, &[WebSearches], PER_THOUSAND),
        (usage.file_searches, &[FileSearches], PER_THOUSAND),
    ]
}

fn units(rates: &Rates, usage: &Usage) -> [Unit; 8] {
    // Annotated pages are pages read, at a price of their own.
    let plain_pages = usage
        .pages
        .map(|pages| pages.saturating_sub(usage.annotated_pages.unwrap_or(0)));
    let charged_ms = |ms: u64| match rates.price(AudioMinimum) {
        Some(minimum) if ms > 0 => ms.max(minimum / 1_000),
        Some(_) | None => ms,
    };
    [
        (usage.search_units, &[SearchUnits], PER_THOUSAND),
        (plain_pages, &[Pages], PER_THOUSAND),
        (
            usage.annotated_pages,
            &[AnnotatedPages, Pages],
            PER_THOUSAND,
        ),
        (usage.characters, &[Characters], PER_MILLION),
        (usage.images, &[Images], EACH),
        (usage.images_input, &[ImagesInput], EACH),
        (
            usage.audio_input_ms.map(charged_ms),
            &[AudioInputHours, AudioHours],
            PER_HOUR,
        ),
        (usage.media_output_ms, &[OutputHours, AudioHours], PER_HOUR),
    ]
}
