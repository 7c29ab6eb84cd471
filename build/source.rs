//! What `data/prices.json` says, as far as the price table can use it.
//!
//! Invariant: nothing is dropped silently: an unknown key or variant and a price that is no whole number of millionths
//! is an error. What no usage counts and no answer states is named here (prices.md "Row format of prices.json").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::layout::TOKEN_KEYS;
use super::row::{Condition, List, Prices, Row, day_number, keys, millionths, minute_of_day};

/// The provider whose answers all state their cost; its models are a quarter of all.
pub(super) const NOT_EMBEDDED: [&str; 1] = ["openrouter"];

/// Prices of units that no usage counts, and facts that are no prices.
const UNUSED: [&str; 12] = [
    "context",
    "deprecated",
    "deprecation_date",
    "filled",
    "input_gpixel",
    "mode",
    "output_gpixel",
    "overrides_pattern_of",
    "src",
    "text_message_1k",
    "web_search_1k_high",
    "web_search_1k_low",
];

/// Terms that no answer states.
const UNUSED_VARIANTS: [&str; 2] = ["route=mistral/eu", "search_type=fast"];

/// The whole file.
#[derive(Deserialize)]
struct File {
    providers: BTreeMap<String, Models>,
}

#[derive(Deserialize)]
struct Models {
    models: Vec<Model>,
    #[serde(default)]
    fallback: Vec<String>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(default, rename = "match")]
    aliases: Vec<String>,
    #[serde(default, rename = "not")]
    nots: Vec<String>,
    #[serde(default)]
    free: bool,
    #[serde(flatten)]
    prices: Stated,
}

/// Prices with the conditions under which others hold.
#[derive(Deserialize)]
struct Stated {
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

/// The lists that are embedded, from the text of `data/prices.json`.
pub(crate) fn read(json: &str) -> Result<Vec<List>, String> {
    let file: File = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let embedded = file
        .providers
        .into_iter()
        .filter(|(slug, _)| !NOT_EMBEDDED.contains(&slug.as_str()));
    embedded
        .map(|(slug, models)| {
            let rows = models.models.into_iter().map(|model| {
                let id = model.id.clone();
                model
                    .row()
                    .map_err(|error| format!("{slug}: {id}: {error}"))
            });
            Ok(List {
                rows: rows.collect::<Result<_, _>>()?,
                fallback: models.fallback,
                slug,
            })
        })
        .collect()
}

impl Model {
    fn row(self) -> Result<Row, String> {
        let names = [&self.id].into_iter().chain(&self.aliases);
        let names = names.map(|name| name.to_lowercase()).collect();
        let mut prices = self.prices.read()?;
        let is_token = |key: &u8| usize::from(*key) < TOKEN_KEYS;
        if self.free {
            prices = Prices::free();
        } else if prices
            .own
            .iter()
            .all(|(key, price)| !is_token(key) || *price == 0)
        {
            // Only zeros stand for "unknown": such a row is billed by another unit.
            prices.own.retain(|(key, _)| !is_token(key));
        }
        let nots = self.nots;
        Ok(Row {
            names,
            nots,
            prices,
        })
    }
}

impl Stated {
    fn read(&self) -> Result<Prices, String> {
        let (own, rules) = (self.own()?, self.rules()?);
        Ok(Prices { own, rules })
    }

    fn own(&self) -> Result<Vec<(u8, u32)>, String> {
        let mut prices = Vec::new();
        for (name, value) in &self.rest {
            if let Some((byte, _)) = keys().find(|(_, key)| key == name) {
                let price = value.as_number().map(ToString::to_string);
                let price = price.as_deref().and_then(millionths);
                prices.push((byte, price.ok_or(format!("{name}: no price: {value}"))?));
            } else if !UNUSED.contains(&name.as_str()) {
                return Err(format!("unknown key {name}"));
            }
        }
        prices.sort_unstable();
        Ok(prices)
    }

    fn rules(&self) -> Result<Vec<(Condition, Prices)>, String> {
        let mut rules = Vec::new();
        for tier in &self.tiers {
            let over = tier.over.ok_or("a tier without `over`")?;
            rules.push((Condition::Over(over), tier.read()?));
        }
        for later in &self.later {
            let day = later.from.as_deref().and_then(day_number);
            let day = day.ok_or("a later price without a date in `from`")?;
            rules.push((Condition::From(day), later.read()?));
        }
        for hours in &self.hours {
            let times = hours
                .utc
                .as_ref()
                .map(|utc| utc.each_ref().map(|time| minute_of_day(time)));
            let Some([Some(start), Some(end)]) = times else {
                return Err("an hourly price without two times of day in `utc`".to_owned());
            };
            rules.push((Condition::Within(start, end), hours.read()?));
        }
        for (terms, variant) in &self.variants {
            if UNUSED_VARIANTS.contains(&terms.as_str()) {
                continue;
            }
            let condition =
                Condition::of_variant(terms).ok_or(format!("unknown variant {terms}"))?;
            rules.push((condition, variant.read()?));
        }
        rules.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(rules)
    }
}
