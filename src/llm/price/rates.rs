//! Which prices of a row hold for one answer: by date, time of day, input size and terms.
//!
//! Invariant: the order is row, later, hours, tier, variant; a later or hourly price replaces the row's, a tier or
//! variant changes only the keys it names (prices.md "Cost rule" 1).

use super::{
    layout::{HOURS, INFERENCE_GEO, KEYS, Key, LATER, SERVICE_TIER, SPEED, TIER, TOKEN_KEYS},
    table::Set,
};
use crate::llm::usage::Terms;

const SECONDS_PER_DAY: u64 = 86_400;

/// Service tiers whose tokens were paid for ahead: Vertex's `trafficType`, and Bedrock's reserved capacity.
const PREPAID: [&str; 2] = ["PROVISIONED_THROUGHPUT", "reserved"];

/// What Vertex calls service tiers, and what the price data calls them.
const ALSO_KNOWN: [(&str, &str); 2] = [
    ("ON_DEMAND_PRIORITY", "priority"),
    ("ON_DEMAND_FLEX", "flex"),
];

/// Places of inference that cost what a row says.
const ANYWHERE: [&str; 2] = ["global", "not_available"];

/// The prices of one answer, each in millionths of its unit: for tokens picodollars a token.
#[derive(Default)]
pub(super) struct Rates([Option<u32>; KEYS.len()]);

impl Rates {
    /// Chooses the prices of `row` for an answer with `input_tokens` in all, at `at` (Unix seconds, UTC). `None` if the
    /// answer comes from a place that has prices of its own, and the row has none for it.
    pub(super) fn choose(row: Set<'_>, input_tokens: u64, terms: &Terms, at: u64) -> Option<Self> {
        let (day, minute) = (at / SECONDS_PER_DAY, at % SECONDS_PER_DAY / 60);
        let later = row.rules(LATER).filter(|rule| rule.number() <= day).last();
        let hours = row
            .rules(HOURS)
            .find(|rule| is_within(rule.minutes(), minute));
        let base = hours.or(later).map_or(row, |rule| rule.set);

        let mut rates = Self::default();
        rates.lay(base, input_tokens);
        let tier = terms.service_tier.as_deref().map(plain_tier);
        let place = terms.inference_geo.as_deref();
        let place = place.filter(|place| !is_one_of(&ANYWHERE, place));
        let stated = [
            (SERVICE_TIER, tier),
            (SPEED, terms.speed.as_deref()),
            (INFERENCE_GEO, place),
        ];
        for (kind, stated) in stated {
            let Some(stated) = stated else { continue };
            // A later price has its own variants only if its date also changed them.
            let variant = [base, row].into_iter().find_map(|set| {
                set.rules(kind)
                    .find(|rule| rule.text().eq_ignore_ascii_case(stated.as_bytes()))
            });
            match variant {
                Some(variant) => rates.lay(variant.set, input_tokens),
                None if kind == INFERENCE_GEO => return None,
                None => {}
            }
        }
        if let Some(factor) = rates.price(Key::TokenFactor) {
            rates.multiply_tokens(factor);
        }
        if tier.is_some_and(is_prepaid) {
            for slot in rates.0.iter_mut().take(TOKEN_KEYS) {
                *slot = Some(0);
            }
        }
        Some(rates)
    }

    /// Whether tokens of any kind have a price.
    pub(super) fn has_token_price(&self) -> bool {
        self.0.iter().take(TOKEN_KEYS).any(Option::is_some)
    }

    /// `factor` is in millionths. What does not come out even or in range errs against the spender.
    fn multiply_tokens(&mut self, factor: u64) {
        for price in self.0.iter_mut().take(TOKEN_KEYS).flatten() {
            let exact = u64::from(*price).saturating_mul(factor);
            *price = u32::try_from(exact.div_ceil(1_000_000)).unwrap_or(u32::MAX);
        }
    }

    /// The price for `key`, if the row has one.
    pub(super) fn price(&self, key: Key) -> Option<u64> {
        let place = KEYS.iter().position(|(of, _)| *of == key)?;
        self.0.get(place).copied().flatten().map(u64::from)
    }

    /// Lays the set's prices, and those of the highest tier passed, over what is there.
    fn lay(&mut self, set: Set<'_>, input_tokens: u64) {
        let tier = set
            .rules(TIER)
            .filter(|rule| input_tokens > rule.number())
            .last();
        for (key, price) in set
            .prices()
            .chain(tier.into_iter().flat_map(|rule| rule.set.prices()))
        {
            if let Some(slot) = self.0.get_mut(usize::from(key)) {
                *slot = Some(price);
            }
        }
    }
}

#[cfg(test)]
impl Rates {
    /// Prices that no row has.
    pub(super) fn of(prices: &[(Key, u32)]) -> Self {
        Self(KEYS.map(|(key, _)| {
            prices
                .iter()
                .find(|(of, _)| *of == key)
                .map(|(_, price)| *price)
        }))
    }
}

/// Whether the tokens of that service tier were paid for ahead.
pub fn is_prepaid(tier: &str) -> bool {
    is_one_of(&PREPAID, tier)
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|of| of.eq_ignore_ascii_case(word))
}

fn plain_tier(stated: &str) -> &str {
    let mut known = ALSO_KNOWN.iter();
    known
        .find(|(name, _)| name.eq_ignore_ascii_case(stated))
        .map_or(stated, |(_, plain)| plain)
}

/// Whether a minute of the day lies in a window that may wrap around midnight.
pub(super) fn is_within((start, end): (u64, u64), minute: u64) -> bool {
    if start <= end {
        (start..end).contains(&minute)
    } else {
        minute >= start || minute < end
    }
}
