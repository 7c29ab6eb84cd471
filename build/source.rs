//! What `data/prices.json` says, as far as the price table can use it.
//!
//! Invariant: nothing is dropped silently: an unknown key or variant and a price that is no whole number of millionths
//! is an error. What no usage counts and no answer states is named here (prices.md "Row format of prices.json").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::layout::{KEYS, Key};

/// Endings of prices for units that a usage does not count.
const UNCOUNTED: [&str; 6] = ["_1k", "_1m", "_each", "_gpixel", "_hour", "_1k_low"];

/// Prices of parts that a usage does not tell apart, and facts that are no prices.
const UNUSED: [&str; 13] = [
    "citation",
    "context",
    "deprecated",
    "deprecation_date",
    "filled",
    "image_cache_read",
    "mode",
    "overrides_pattern_of",
    "src",
    "video_input",
    "video_output",
    "via",
    "web_search_1k_high",
];

/// Terms that no answer states.
const UNUSED_VARIANTS: [&str; 1] = ["search_type=fast"];

/// The whole file.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) providers: BTreeMap<String, Provider>,
}

/// The models of one provider, and the providers to ask next.
#[derive(Deserialize)]
pub(super) struct Provider {
    pub(super) models: Vec<Row>,
    #[serde(default)]
    pub(super) fallback: Vec<String>,
}

/// One model.
#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) id: String,
    #[serde(default, rename = "match")]
    aliases: Vec<String>,
    #[serde(default, rename = "not")]
    pub(super) nots: Vec<String>,
    #[serde(default)]
    free: bool,
    #[serde(flatten)]
    pub(super) prices: Prices,
}

/// Prices with the conditions under which others hold.
#[derive(Deserialize)]
pub(super) struct Prices {
    over: Option<u32>,
    from: Option<String>,
    utc: Option<[String; 2]>,
    #[serde(default)]
    tiers: Vec<Self>,
    #[serde(default)]
    later: Vec<Self>,
    #[serde(default)]
    hours: Vec<Self>,
    #[serde(default)]
    variants: BTreeMap<String, Self>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// When the prices of a rule hold.
pub(super) enum Condition<'s> {
    /// More input tokens than this.
    Over(u32),
    /// From this day on, counted from 1970-01-01.
    From(u32),
    /// From one to before the other minute of the day.
    Within(u16, u16),
    /// The answer states this service tier.
    ServiceTier(&'s str),
    /// The answer states this speed.
    Speed(&'s str),
}

impl Row {
    /// Every spelling and glob of the model, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        [&self.id]
            .into_iter()
            .chain(&self.aliases)
            .map(|name| name.to_lowercase())
    }

    /// The row's base prices, as [`Prices::own`].
    pub(super) fn base(&self) -> Result<Vec<(u8, u32)>, String> {
        if self.free {
            let keys = (0..)
                .zip(KEYS)
                .filter(|(_, (key, _))| matches!(key, Key::Input | Key::Output));
            return Ok(keys.map(|(byte, _)| (byte, 0)).collect());
        }
        // Only zeros stand for "unknown": such a row is billed by another unit.
        let prices = self.prices.own()?;
        Ok(if prices.iter().all(|(_, price)| *price == 0) {
            Vec::new()
        } else {
            prices
        })
    }
}

impl Prices {
    /// The prices without their rules: key byte and millionths of the unit.
    pub(super) fn own(&self) -> Result<Vec<(u8, u32)>, String> {
        let mut prices = Vec::new();
        for (name, value) in &self.rest {
            if let Some((byte, _)) = (0..).zip(KEYS).find(|(_, (_, key))| key == name) {
                prices.push((
                    byte,
                    millionths(value).ok_or(format!("{name}: no price: {value}"))?,
                ));
            } else if !UNUSED.contains(&name.as_str())
                && !UNCOUNTED.iter().any(|unit| name.ends_with(unit))
            {
                return Err(format!("unknown key {name}"));
            }
        }
        Ok(prices)
    }

    /// The rules, those with a number in ascending order.
    pub(super) fn rules(&self) -> Result<Vec<(Condition<'_>, &Self)>, String> {
        let mut rules = Vec::new();
        for tier in sorted(&self.tiers, |tier| tier.over) {
            rules.push((
                Condition::Over(tier.over.ok_or("a tier without `over`")?),
                tier,
            ));
        }
        for later in sorted(&self.later, |later| later.from.clone()) {
            let day = later.from.as_deref().and_then(day_number);
            rules.push((
                Condition::From(day.ok_or("a later price without a date in `from`")?),
                later,
            ));
        }
        for hours in &self.hours {
            let window = hours
                .utc
                .as_ref()
                .map(|window| window.each_ref().map(|time| minute_of_day(time)));
            let Some([Some(start), Some(end)]) = window else {
                return Err("an hourly price without two times of day in `utc`".to_owned());
            };
            rules.push((Condition::Within(start, end), hours));
        }
        for (terms, variant) in &self.variants {
            let condition = match terms.split_once('=') {
                _ if UNUSED_VARIANTS.contains(&terms.as_str()) => continue,
                // An answer states a batch as a service tier.
                Some(("service_tier" | "processing", tier)) => Condition::ServiceTier(tier),
                Some(("speed", speed)) => Condition::Speed(speed),
                _ => return Err(format!("unknown variant {terms}")),
            };
            rules.push((condition, variant));
        }
        Ok(rules)
    }
}

fn sorted<K: Ord>(sets: &[Prices], key: impl Fn(&Prices) -> K) -> Vec<&Prices> {
    let mut sets: Vec<_> = sets.iter().collect();
    sets.sort_by_key(|set| key(set));
    sets
}

/// The value × 10⁶, from its decimal text so that nothing is rounded.
fn millionths(value: &Value) -> Option<u32> {
    let text = value.as_number()?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let fraction = fraction.trim_end_matches('0');
    let zeros = 6_usize.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(zeros))
        .parse()
        .ok()
}

/// Days from 1970-01-01 to a `YYYY-MM-DD`.
fn day_number(date: &str) -> Option<u32> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_leap = |year: u32| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let months = |year| {
        let february = if is_leap(year) { 29 } else { 28 };
        [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    };
    let passed = usize::try_from(month.checked_sub(1)?).ok()?;
    if !(1..=*months(year).get(passed)?).contains(&day) {
        return None;
    }
    let days = (1970..year)
        .flat_map(months)
        .chain(months(year).into_iter().take(passed));
    days.sum::<u32>().checked_add(day.checked_sub(1)?)
}

fn minute_of_day(time: &str) -> Option<u16> {
    let (hour, minute) = time.split_once(':')?;
    hour.parse::<u16>()
        .ok()?
        .checked_mul(60)?
        .checked_add(minute.parse().ok()?)
}
