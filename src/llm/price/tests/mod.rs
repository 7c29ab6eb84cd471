//! The promises of the price table and of the cost rule.

mod data;
mod name;
mod part;
mod property;
mod provider;
mod published;
mod terms;
mod unit;

use std::{collections::BTreeMap, sync::LazyLock};

use proptest::prelude::*;

use super::{
    layout::{KEYS, Key},
    row::{List, Row},
    *,
};

const JSON: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/prices.json"));
const MILLION: u64 = 1_000_000;

/// 2026-11-22 11:00 UTC: outside every peak window of the data.
const NOW: u64 = 1_795_345_200;
/// 2027-01-01 00:00 UTC.
const NEW_YEAR: u64 = 1_798_761_600;

static PROVIDERS: LazyLock<BTreeMap<String, List>> = LazyLock::new(|| {
    let lists = source::read(JSON).unwrap();
    let named = lists.into_iter().map(|list| (list.slug.clone(), list));
    named.collect()
});

fn cost(
    provider: &str,
    models: Models<'_>,
    usage: &Usage,
    terms: &Terms,
    at: u64,
) -> Option<Picodollars> {
    let bill = Prices::default().bill(provider, models, usage, (terms, at));
    bill.map(|bill| bill.cost)
}

fn find(provider: &str, model: &str) -> Option<Vec<(u8, u32)>> {
    let prices = Prices::default();
    let set = prices.find(provider, model)?;
    Some(set.prices().collect())
}

fn answered(model: &str) -> Models<'_> {
    Models {
        answered: Some(model),
        asked: None,
    }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..Usage::default()
    }
}

fn tier(name: &str) -> Terms {
    Terms {
        service_tier: Some(name.to_owned()),
        ..Terms::default()
    }
}

fn usd(provider: &str, model: &str, usage: &Usage, terms: &Terms, at: u64) -> Option<String> {
    cost(provider, answered(model), usage, terms, at).map(|cost| cost.to_string())
}

fn now(provider: &str, model: &str, usage: &Usage) -> Option<String> {
    usd(provider, model, usage, &Terms::default(), NOW)
}

/// USD for a million tokens of input, output, cache read, cache write and one-hour cache write; a million would pass
/// the tiers, so it is a thousand that is priced.
fn price_list(provider: &str, model: &str) -> String {
    let thousand = Some(1_000);
    let input = |usage| Usage {
        input_tokens: thousand,
        ..usage
    };
    let none = Usage::default;
    let usages = [
        input(none()),
        Usage {
            output_tokens: thousand,
            ..none()
        },
        input(Usage {
            cache_read: thousand,
            ..none()
        }),
        input(Usage {
            cache_write: thousand,
            ..none()
        }),
        input(Usage {
            cache_write_1h: thousand,
            ..none()
        }),
    ];
    let price = |usage: &Usage| {
        let cost = cost(provider, answered(model), usage, &Terms::default(), NOW);
        cost.map_or("?".to_owned(), |cost| {
            Picodollars(cost.0 * 1_000).to_string()
        })
    };
    usages.iter().map(price).collect::<Vec<_>>().join("/")
}

/// Prices of `prices`, and what `usage` costs at them.
fn at(prices: &[(Key, u32)], usage: &Usage) -> Option<String> {
    charge::sum(&Rates::of(prices), usage).map(|cost| cost.to_string())
}

/// A usage that states this count alone.
fn stated(field: Count, count: u64) -> Usage {
    let mut usage = Usage::default();
    *field(&mut usage) = Some(count);
    usage
}

/// A count of a usage.
type Count = fn(&mut Usage) -> &mut Option<u64>;

/// A golden answer as the meter reads it: its usage and models come from the file that expects them.
fn golden(expected: &str) -> (serde_json::Value, Usage) {
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    let count = |name: &str| expected["answer"]["usage"][name].as_u64();
    let usage = Usage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        web_searches: count("web_searches"),
        audio_input_ms: count("audio_input_ms"),
        ..Usage::default()
    };
    (expected["answer"]["model"].clone(), usage)
}
