//! Which prices of a row hold for one answer: by date, time of day, input size and terms.
//!
//! Invariant: the order is row, later, hours, tier, variant; a later or hourly price replaces the row's, a tier or
//! variant changes only the keys it names (prices.md "Cost rule" 1).

use super::{
    layout::{HOURS, KEYS, Key, LATER, SERVICE_TIER, SPEED, TIER, TOKEN_KEYS},
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

/// The prices of one answer, each in millionths of its unit: for tokens picodollars a token.
#[derive(Default)]
pub(super) struct Rates([Option<u32>; KEYS.len()]);

impl Rates {
    /// Chooses the prices of `row` for an answer with `input_tokens` in all, at `at` (Unix seconds, UTC).
    pub(super) fn choose(row: Set<'_>, input_tokens: u64, terms: &Terms, at: u64) -> Self {
        let (day, minute) = (at / SECONDS_PER_DAY, at % SECONDS_PER_DAY / 60);
        let later = row.rules(LATER).filter(|rule| rule.number() <= day).last();
        let hours = row
            .rules(HOURS)
            .find(|rule| is_within(rule.minutes(), minute));
        let base = hours.or(later).map_or(row, |rule| rule.set);

        let mut rates = Self::default();
        rates.lay(base, input_tokens);
        let tier = terms.service_tier.as_deref().map(plain_tier);
        for (kind, stated) in [(SERVICE_TIER, tier), (SPEED, terms.speed.as_deref())] {
            let Some(stated) = stated else { continue };
            // A later price has its own variants only if its date also changed them.
            let variant = [base, row].into_iter().find_map(|set| {
                set.rules(kind)
                    .find(|rule| rule.text().eq_ignore_ascii_case(stated.as_bytes()))
            });
            if let Some(variant) = variant {
                rates.lay(variant.set, input_tokens);
            }
        }
        if tier.is_some_and(|tier| PREPAID.iter().any(|name| name.eq_ignore_ascii_case(tier))) {
            for slot in rates.0.iter_mut().take(TOKEN_KEYS) {
                *slot = Some(0);
            }
        }
        rates
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
