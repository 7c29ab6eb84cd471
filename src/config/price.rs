//! The operator's own prices, in the row format of `data/prices.json`.
//!
//! Invariant: a model has one row in a provider's list, and what is written here means the same as it would there.

use super::provider::CustomProvider;
use super::section::{Field, Kind, Range, Section, distinct};
use super::suggestion::nearest;
use crate::llm::price::Prices;
use crate::llm::price::row::{self, Condition, List, Row};
use crate::llm::provider;

/// Facts of the price data that are no prices.
const IGNORED: [&str; 7] = [
    "context",
    "deprecated",
    "deprecation_date",
    "filled",
    "mode",
    "overrides_pattern_of",
    "src",
];

const PRICE: Kind<u32> = Kind {
    wanted: "a price in USD, 0 to 4294.967295 with at most six decimals",
    parse: row::millionths,
};
const DATE: Kind<u32> = Kind {
    wanted: "a date such as 2027-01-31",
    parse: row::day_number,
};
const TIME: Kind<u16> = Kind {
    wanted: "a time of day such as 16:30, in quotes",
    parse: row::minute_of_day,
};
const MODEL: Kind<String> = Kind {
    wanted: "1 to 255 visible ASCII characters; * stands for anything, # for one digit",
    parse: |text| {
        let is_good = text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_good && !text.is_empty()).then(|| text.to_owned())
    },
};
const OVER: Range = Range {
    min: 1,
    max: 0xFFFF_FFFF,
    unit: "input token",
};

/// Reads `prices`: lists of rows by provider. `own`: the custom providers, as far as they can be read.
pub(super) fn read(field: &Field<'_>, own: Option<&[(CustomProvider, bool)]>) -> Option<Prices> {
    let read = |(slug, list): (&str, Field<'_>)| {
        check_provider(slug, &list, own);
        read_list(slug, &list)
    };
    let lists: Vec<_> = field.section()?.entries().map(read).collect();
    let mut lists: Vec<_> = lists.into_iter().collect::<Option<_>>()?;
    let spelled = lower(&mut lists);
    Prices::with(&lists, spelled)
        .map_err(|error| field.fault(format!("do not fit into a table, {error}: write fewer")))
        .ok()
}

/// Puts the names into lower case, as they are looked up. The models, by provider, as they were spelled.
fn lower(lists: &mut [List]) -> Vec<(String, String)> {
    let mut spelled = Vec::new();
    for list in lists {
        let rows = list.rows.iter_mut();
        for name in rows.flat_map(|row| &mut row.names) {
            spelled.push((list.slug.clone(), name.clone()));
            name.make_ascii_lowercase();
        }
        let rows = list.rows.iter_mut();
        let nots = rows.flat_map(|row| &mut row.nots);
        nots.for_each(|name| name.make_ascii_lowercase());
    }
    spelled
}

fn check_provider(slug: &str, list: &Field<'_>, own: Option<&[(CustomProvider, bool)]>) {
    let is_known = match slug.strip_prefix("custom-") {
        None => provider::find(slug).is_some(),
        Some(slug) => own.is_none_or(|own| own.iter().any(|(provider, _)| provider.slug == slug)),
    };
    if is_known {
        return;
    }
    let built_in = provider::all().iter().map(|provider| provider.slug);
    let remedy = match nearest(slug, built_in) {
        Some(near) => format!("did you mean {near}?"),
        None => "write the slug of a built-in provider, or custom- and one of custom_providers"
            .to_owned(),
    };
    list.fault(format!("is not the list of a provider: {remedy}"));
}

fn read_list(slug: &str, list: &Field<'_>) -> Option<List> {
    let entries = list.items()?;
    let rows: Vec<_> = entries.iter().map(read_row).collect();
    let found = entries.iter().zip(&rows);
    let names = found.flat_map(|(entry, row)| {
        let names = row.iter().flat_map(|row| &row.names);
        names.map(move |name| (entry, name.to_ascii_lowercase()))
    });
    distinct(names, |first| {
        format!("names a model that {first} names: keep one")
    });
    Some(List {
        slug: slug.to_owned(),
        rows: rows.into_iter().collect::<Option<_>>()?,
        fallback: Vec::new(),
    })
}

fn read_row(entry: &Field<'_>) -> Option<Row> {
    let mut section = entry.section()?;
    let id = section
        .field("id")
        .required("the model's name, such as my-model")
        .text(&MODEL);
    let aliases = names(&section.field("match"));
    let nots = names(&section.field("not"));
    let is_free = section.field("free").flag(false);
    section.ignore(&IGNORED);
    let prices = read_prices(section, &[tiers, later, hours, variants])?;
    let prices = match (is_free, prices.own.is_empty()) {
        (true, true) => row::Prices::free(),
        (true, false) => {
            entry.fault("is free and has prices: keep either");
            return None;
        }
        (false, true) => {
            entry.fault("has no price: write input and output, or free: true");
            return None;
        }
        (false, false) => prices,
    };
    let mut names = vec![id?];
    names.extend(aliases?);
    let nots = nots?;
    Some(Row {
        names,
        nots,
        prices,
    })
}

fn names(list: &Field<'_>) -> Option<Vec<String>> {
    let entries = list.items()?;
    let names: Vec<_> = entries.iter().map(|entry| entry.text(&MODEL)).collect();
    names.into_iter().collect()
}

type Rule = (Condition, row::Prices);

/// Reads one kind of rules of a section.
type Rules = fn(&mut Section<'_>) -> Option<Vec<Rule>>;

/// Reads the prices of a section, with the kinds of rules that may stand there.
fn read_prices(mut section: Section<'_>, kinds: &[Rules]) -> Option<row::Prices> {
    let mut is_good = true;
    let mut prices = row::Prices::default();
    for (key, name) in row::keys() {
        let field = section.field(name);
        let price = field.decimal(&PRICE);
        is_good &= price.is_some() || !field.is_given();
        prices.own.extend(price.map(|price| (key, price)));
    }
    for kind in kinds {
        match kind(&mut section) {
            Some(rules) => prices.rules.extend(rules),
            None => is_good = false,
        }
    }
    section.finish();
    is_good.then_some(prices)
}

fn tiers(section: &mut Section<'_>) -> Option<Vec<Rule>> {
    rules(&items(section, "tiers")?, |_, mut section| {
        let over = section
            .field("over")
            .required("the input tokens above which it holds")
            .whole(&OVER);
        let prices = read_prices(section, &[]);
        let over = u32::try_from(over?).ok()?;
        Some((Condition::Over(over), prices?))
    })
}

fn later(section: &mut Section<'_>) -> Option<Vec<Rule>> {
    rules(&items(section, "later")?, |_, mut section| {
        let from = section
            .field("from")
            .required("its first day, such as 2027-01-31")
            .text(&DATE);
        let prices = read_prices(section, &[tiers, variants]);
        Some((Condition::From(from?), prices?))
    })
}

fn hours(section: &mut Section<'_>) -> Option<Vec<Rule>> {
    rules(&items(section, "hours")?, |_, mut section| {
        let window = window(&section.field("utc").required(WINDOW));
        let prices = read_prices(section, &[tiers, variants]);
        let (start, end) = window?;
        Some((Condition::Within(start, end), prices?))
    })
}

const WINDOW: &str = "two times of day, such as [\"16:30\", \"00:30\"]";

fn window(utc: &Field<'_>) -> Option<(u16, u16)> {
    let times = utc.items()?;
    if let [start, end] = times.as_slice() {
        let (start, end) = (start.text(&TIME), end.text(&TIME));
        return start.zip(end);
    }
    if utc.is_given() {
        utc.fault(format!("must be {WINDOW}"));
    }
    None
}

fn variants(section: &mut Section<'_>) -> Option<Vec<Rule>> {
    let variants: Vec<_> = section.field("variants").section()?.entries().collect();
    let fields = variants.iter();
    for (_, field) in fields.filter(|(terms, _)| Condition::of_variant(terms).is_none()) {
        field.fault("is not a variant: write service_tier=flex, speed=fast or the like");
    }
    rules(&variants, |terms, section| {
        let prices = read_prices(section, &[tiers]);
        Some((Condition::of_variant(terms)?, prices?))
    })
}

fn items<'a>(section: &mut Section<'a>, name: &'static str) -> Option<Vec<(&'a str, Field<'a>)>> {
    let items = section.field(name).items()?;
    Some(items.into_iter().map(|item| ("", item)).collect())
}

/// Reads rules of one kind and sorts them by condition; two with the same one are a fault.
fn rules(
    entries: &[(&str, Field<'_>)],
    read: fn(&str, Section<'_>) -> Option<Rule>,
) -> Option<Vec<Rule>> {
    let mut is_good = true;
    let mut rules: Vec<Rule> = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        let rule = field.section().and_then(|section| read(name, section));
        is_good &= rule.is_some();
        let Some((condition, prices)) = rule else {
            continue;
        };
        if prices.own.is_empty() {
            field.fault("has no price: write at least one");
        }
        let place = rules.binary_search_by(|(other, _)| other.cmp(&condition));
        if place.is_ok() {
            field.fault("holds under the same condition as one before: keep one");
        }
        rules.insert(place.unwrap_or_else(|place| place), (condition, prices));
    }
    is_good.then_some(rules)
}
