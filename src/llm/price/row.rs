//! The prices of models as they are written down: what a price table is made of, whoever wrote it.
//!
//! Invariant: what stands here fits the table: a price is a whole number of millionths of its unit, a date and a time
//! of day exist. Readers: `build/source.rs` for `data/prices.json`, `config::price` for the configuration.

use super::layout::{KEYS, Key};

/// The models of one provider, and the providers to ask next.
pub(crate) struct List {
    /// The provider's slug.
    pub(crate) slug: String,
    /// Its models; of two with the same name the first counts.
    pub(crate) rows: Vec<Row>,
    /// Slugs of lists of the same table.
    pub(crate) fallback: Vec<String>,
}

/// One model.
pub(crate) struct Row {
    /// Every name and glob of the model, in lower case.
    pub(crate) names: Vec<String>,
    /// Globs of names that are not meant.
    pub(crate) nots: Vec<String>,
    /// What it costs.
    pub(crate) prices: Prices,
}

/// Prices, and the rules under which others hold.
#[derive(Default)]
pub(crate) struct Prices {
    /// Key byte and price in millionths of the key's unit.
    pub(crate) own: Vec<(u8, u32)>,
    /// Those with a number in ascending order.
    pub(crate) rules: Vec<(Condition, Self)>,
}

/// When the prices of a rule hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// More input tokens than this.
    Over(u32),
    /// From this day on, counted from 1970-01-01.
    From(u32),
    /// From one to before the other minute of the day.
    Within(u16, u16),
    /// The answer states this service tier.
    ServiceTier(String),
    /// The answer states this speed.
    Speed(String),
    /// The answer states this place of inference.
    InferenceGeo(String),
}

impl Condition {
    /// The condition of a variant, `service_tier=flex` for one. An answer states a batch as a service tier.
    pub(crate) fn of_variant(terms: &str) -> Option<Self> {
        match terms.split_once('=')? {
            (_, "") => None,
            ("service_tier" | "processing", tier) => Some(Self::ServiceTier(tier.to_owned())),
            ("speed", speed) => Some(Self::Speed(speed.to_owned())),
            ("inference_geo", place) => Some(Self::InferenceGeo(place.to_owned())),
            _ => None,
        }
    }
}

impl Prices {
    /// Those of a model that costs nothing.
    pub(crate) fn free() -> Self {
        let free = (0..).zip(KEYS).filter(|(_, (key, _))| *key == Key::Free);
        Self {
            own: free.map(|(byte, _)| (byte, 0)).collect(),
            rules: Vec::new(),
        }
    }
}

/// The name of every price, each with its byte.
pub(crate) fn keys() -> impl Iterator<Item = (u8, &'static str)> {
    let prices = (0..).zip(KEYS).filter(|(_, (key, _))| *key != Key::Free);
    prices.map(|(byte, (_, name))| (byte, name))
}

/// The decimal number × 10⁶, from its text so that nothing is rounded.
pub(crate) fn millionths(decimal: &str) -> Option<u32> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction:0<6}");
    let is_plain = fraction.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain)
}

/// Days from 1970-01-01 to a `YYYY-MM-DD`.
pub(crate) fn day_number(date: &str) -> Option<u32> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) {
        return None;
    }
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
    days.fold(day.checked_sub(1), |sum, days| sum?.checked_add(days))
}

/// Minutes from midnight to an `HH:MM`, up to `24:00`.
pub(crate) fn minute_of_day(time: &str) -> Option<u16> {
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && minutes <= 1_440).then_some(minutes)
}
