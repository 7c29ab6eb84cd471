//! Limits that belong to a route.
//!
//! Invariant: a limit admits something, in a time that is not empty.

use std::num::NonZeroU32;
use std::time::Duration;

use super::element::either;
use super::field_path::{FIELD, FieldPath};
use crate::config::Technique;
use crate::config::section::{Kind, Range, Section};
use crate::llm::json::Event;
use crate::llm::price::Picodollars;

/// A limit that belongs to a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How much.
    pub limit: Limit,
    /// In which time: whole seconds, 1 to 2592000.
    pub window: Duration,
    /// Which windows are meant. Default fixed.
    pub technique: Technique,
    /// Each value of this field has the limit to itself; `None`: all calls share it.
    pub key: Option<FieldPath>,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Calls.
    Calls(NonZeroU32),
    /// Money, above 0.
    Cost(Picodollars),
}

const COST: Kind<Picodollars> = Kind {
    wanted: "an amount of USD above 0",
    parse: |text| {
        let amount = Event::Number(text).scaled(12).filter(|amount| *amount > 0);
        amount.map(Picodollars)
    },
};

const CALLS: Range = Range {
    min: 1,
    max: 0xFFFF_FFFF,
    unit: "call",
};
const WINDOW: Range = Range {
    min: 1,
    max: 2_592_000,
    unit: "second",
};

/// Reads the properties of a limit.
pub(super) fn read(properties: &mut Section<'_>) -> Option<Quota> {
    let kind = properties
        .field("limitType")
        .required("count or cost")
        .choice(&[("count", false), ("cost", true)]);
    let key = properties.field("key").text(&FIELD);
    let limit = properties.field("limit").required("how much is admitted");
    let window = either(properties, ["window", "interval"])
        .required("the seconds in which it is admitted")
        .whole(&WINDOW);
    let technique = properties
        .field("technique")
        .choice(&[("fixed", Technique::Fixed), ("sliding", Technique::Sliding)]);
    let limit = if kind? {
        Limit::Cost(limit.decimal(&COST)?)
    } else {
        let calls = u32::try_from(limit.whole(&CALLS)?).ok();
        Limit::Calls(calls.and_then(NonZeroU32::new)?)
    };
    Some(Quota {
        limit,
        window: Duration::from_secs(window?),
        technique: technique.unwrap_or(Technique::Fixed),
        key,
    })
}
