//! How a gateway retries and falls back, unless a call says otherwise (contract §1.9, §6).
//!
//! The two lists of statuses are the whole table of what a provider's failure leads to; what a status in neither of
//! them means is that the client gets it. Invariant: every number is within its stated range, every status an error.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::NEEDS_ATTEMPTS;
use super::node::Node;
use super::section::{Field, Kind, Range, Section};

/// How a gateway retries and falls back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// `retry_max_attempts`: how often a provider is asked at most, 1 to 5. Default 1: no retry.
    pub max_attempts: u32,
    /// `retry_delay`: milliseconds, 0 to 60000. Default 500.
    pub delay_ms: u32,
    /// `retry_backoff`. Default [`Backoff::Exponential`].
    pub backoff: Backoff,
    /// `retry_after_cap`: the longest wait a provider may ask for, up to an hour. Default one minute.
    pub after_cap: Duration,
    /// `retry_deadline`: for how long after the first attempt another one may begin, up to an hour. Default 5 minutes.
    pub deadline: Duration,
    /// `retry_statuses`: answers that another attempt may better. Default 408, 409, 429, 5xx (529 is one of them).
    pub retry_statuses: Statuses,
    /// `fallback_statuses`: answers that another provider may better. Default those, 401, 402, 403 and 404: a dead
    /// key or a missing model is what fallback is for. Never by default: 400 and the like, the client's own making.
    pub fallback_statuses: Statuses,
    /// `retry_error_answers`: whether an answer of 200 that begins with an error counts as failed. Default false.
    pub error_answers: bool,
}

/// How the wait grows from one attempt to the next (contract §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The delay d each time.
    Constant,
    /// d, 2d, 3d, …
    Linear,
    /// d, 2d, 4d, …
    Exponential,
}

impl Backoff {
    /// The words for the kinds, in configuration, header and step.
    pub const WORDS: [(&str, Self); 3] = [
        ("constant", Self::Constant),
        ("linear", Self::Linear),
        ("exponential", Self::Exponential),
    ];
}

/// A set of HTTP statuses, all of them errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Whether `status` is one of them.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    /// The statuses, as ranges in the order of the configuration.
    pub fn ranges(&self) -> &[RangeInclusive<u16>] {
        &self.0
    }
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            delay_ms: 500,
            backoff: Backoff::Exponential,
            after_cap: Duration::from_mins(1),
            deadline: Duration::from_mins(5),
            retry_statuses: Statuses(vec![408..=409, 429..=429, 500..=599]),
            fallback_statuses: Statuses(vec![401..=404, 408..=409, 429..=429, 500..=599]),
            error_answers: false,
        }
    }
}

const MAX_ATTEMPTS: &str = "retry_max_attempts";
const ATTEMPTS: Range = Range {
    min: 1,
    max: 5,
    unit: "attempt",
};
const DELAY: Range = Range {
    min: 0,
    max: 60_000,
    unit: "millisecond",
};
const HOUR: Range = Range {
    min: 0,
    max: 3_600_000,
    unit: "millisecond",
};
const STATUS: Kind<RangeInclusive<u16>> = Kind {
    wanted: "an HTTP status from 400 to 599, or 4xx or 5xx",
    parse: |text| match text {
        "4xx" => Some(400..=499),
        "5xx" => Some(500..=599),
        _ => {
            let status = text.parse().ok()?;
            (400..=599).contains(&status).then_some(status..=status)
        }
    },
};

/// Reads the `retry_*` fields and `fallback_statuses` of a gateway. Without `has_attempts` those that are on are
/// faults: they would promise what is not kept.
pub(super) fn read(section: &mut Section<'_>, has_attempts: bool) -> RetrySettings {
    let or = RetrySettings::default();
    let mut field = |name| {
        let field = section.field(name);
        let is_one = || field.node.and_then(Node::whole) == Some(1);
        if !has_attempts && field.is_on() && !(name == MAX_ATTEMPTS && is_one()) {
            field.fault(NEEDS_ATTEMPTS);
        }
        field
    };
    let attempts = field(MAX_ATTEMPTS).whole(&ATTEMPTS);
    let delay = field("retry_delay").whole(&DELAY);
    let backoff = field("retry_backoff").choice(&Backoff::WORDS);
    let cap = field("retry_after_cap").whole(&HOUR);
    let deadline = field("retry_deadline").whole(&HOUR);
    let retry = statuses(&field("retry_statuses"));
    let fallback = statuses(&field("fallback_statuses"));
    let error_answers = field("retry_error_answers").flag(false);
    RetrySettings {
        max_attempts: attempts.and_then(narrow).unwrap_or(or.max_attempts),
        delay_ms: delay.and_then(narrow).unwrap_or(or.delay_ms),
        backoff: backoff.unwrap_or(or.backoff),
        after_cap: cap.map_or(or.after_cap, Duration::from_millis),
        deadline: deadline.map_or(or.deadline, Duration::from_millis),
        retry_statuses: retry.unwrap_or(or.retry_statuses),
        fallback_statuses: fallback.unwrap_or(or.fallback_statuses),
        error_answers,
    }
}

/// An empty list is a set without statuses; an absent one is no set.
fn statuses(field: &Field<'_>) -> Option<Statuses> {
    let items = field.items().filter(|_| field.is_given())?;
    let ranges: Vec<_> = items.iter().map(|item| item.decimal(&STATUS)).collect();
    ranges.into_iter().collect::<Option<_>>().map(Statuses)
}

fn narrow(number: u64) -> Option<u32> {
    u32::try_from(number).ok()
}
