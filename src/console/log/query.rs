//! What a list or an export of logs is asked for: filters, search, order and page (contract §7.3).
//!
//! Invariant: every parameter is checked before anything is read; one that cannot be used is a refusal, never ignored.

use super::filter::{Filter, Operand, contains, float};
use super::instant;
use super::key::{KEYS, Key, Operator};
use super::row::Row;
use super::scan::Way;
use super::written::read_filters;
use crate::console::envelope::Refusal;
use crate::console::request::{Page, Query};

/// Most filters of one request, most values of all of them, and most of those with `contains`: so much is done with
/// each record between two looks at the clock.
const MAX_FILTERS: usize = 50;
const MAX_VALUES: usize = 500;
const MAX_SEARCHES: usize = 32;
/// Longest `search`, in bytes.
const MAX_SEARCH: usize = 256;
/// Items of a page, unless the client says how many, and at most.
const PER_PAGE: usize = 20;
const MAX_PER_PAGE: usize = 50;

/// What is wanted of the records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::console) struct Wanted {
    /// All must hold.
    pub(in crate::console) filters: Vec<Filter>,
    /// Text that must stand somewhere.
    pub(in crate::console) search: Option<String>,
}

/// The order of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) struct Order {
    pub(in crate::console) by: Key,
    pub(in crate::console) is_ascending: bool,
}

/// A list of records.
#[derive(Clone, Debug)]
pub(in crate::console) struct ListQuery {
    pub(in crate::console) wanted: Wanted,
    pub(in crate::console) order: Order,
    pub(in crate::console) page: Page,
    /// Whether the extremes of all matches are wanted.
    pub(in crate::console) has_extremes: bool,
    /// What to write all matches in, instead of a page of them.
    pub(in crate::console) format: Option<Format>,
    /// Where an export goes on: what the answer before it said.
    pub(in crate::console) cursor: Option<u64>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Format {
    Csv,
    Ndjson,
}

impl Wanted {
    /// Whether the record is one of those.
    pub(in crate::console) fn matches(&self, row: &Row<'_>) -> bool {
        self.filters.iter().all(|filter| filter.matches(row))
            && self.search.as_ref().is_none_or(|text| found(row, text))
    }

    /// Whether every record is.
    pub(in crate::console) const fn is_everything(&self) -> bool {
        self.filters.is_empty() && self.search.is_none()
    }

    /// How one goes through the records to find those.
    pub(in crate::console) fn way(&self, is_ascending: bool) -> Way {
        let filters = self.filters.iter().map(|it| it.comparisons().0);
        Way {
            is_ascending,
            from: None,
            rereads: filters
                .sum::<usize>()
                .saturating_add(self.search.iter().len()),
        }
    }

    /// `filters` only: what all endpoints take.
    pub(in crate::console) fn read(query: &Query) -> Result<Self, Refusal> {
        Self::of(read_filters(query)?, "query")
    }

    /// Of these filters; `place` is where they stand.
    pub(in crate::console) fn of(filters: Vec<Filter>, place: &str) -> Result<Self, Refusal> {
        let comparisons = filters.iter().map(Filter::comparisons);
        let (values, searches) = comparisons.fold((0_usize, 0_usize), |sum, it| {
            (sum.0.saturating_add(it.0), sum.1.saturating_add(it.1))
        });
        if filters.len() > MAX_FILTERS || values > MAX_VALUES || searches > MAX_SEARCHES {
            let message = format!(
                "filters: at most {MAX_FILTERS} with {MAX_VALUES} values, {MAX_SEARCHES} of them of contains"
            );
            return Err(Refusal::invalid(place, "filters", message));
        }
        let search = None;
        Ok(Self { filters, search })
    }
}

impl ListQuery {
    /// Reads the parameters of a list.
    pub(in crate::console) fn read(query: &Query) -> Result<Self, Refusal> {
        let mut wanted = Wanted::read(query)?;
        wanted.search = query.text("search").map(str::to_ascii_lowercase);
        if wanted
            .search
            .as_ref()
            .is_some_and(|text| text.len() > MAX_SEARCH)
        {
            return Err(Refusal::invalid(
                "query",
                "search",
                format!("search: at most {MAX_SEARCH} bytes"),
            ));
        }
        read_deprecated(query, &mut wanted.filters)?;
        let cursor = query.read("cursor", "what x-sluice-next said")?;
        Ok(Self {
            cursor,
            wanted,
            order: read_order(query)?,
            page: query.page(PER_PAGE, MAX_PER_PAGE)?,
            has_extremes: query.flag("meta_info")?.unwrap_or(false),
            format: query.choice(
                "format",
                &[("csv", Format::Csv), ("ndjson", Format::Ndjson)],
            )?,
        })
    }
}

/// Where `search` looks.
fn found(row: &Row<'_>, text: &str) -> bool {
    let fields = [&row.id, &row.event_id, &row.path, &row.user_agent];
    let fields = fields.into_iter().filter_map(|field| field.get());
    let mut fields = fields.chain([row.provider(), row.model()]);
    fields.any(|field| contains(field, text))
        || row.any_metadata(&mut |key, value| contains(key, text) || contains(value, text))
}

/// What a list may be ordered by; the contract has the last five for deletions only.
const ORDERS: [(&str, Key); 11] = [
    ("created_at", Key::CreatedAt),
    ("provider", Key::Provider),
    ("model", Key::Model),
    ("model_type", Key::ModelType),
    ("success", Key::Success),
    ("cached", Key::Cached),
    ("cost", Key::Cost),
    ("tokens_in", Key::TokensIn),
    ("tokens_out", Key::TokensOut),
    ("duration", Key::Duration),
    ("feedback", Key::Feedback),
];

pub(super) fn read_order(query: &Query) -> Result<Order, Refusal> {
    const DIRECTIONS: [(&str, bool); 2] = [("asc", true), ("desc", false)];
    let by = query.choice("order_by", &ORDERS)?;
    let old = query.choice("direction", &DIRECTIONS)?;
    let is_ascending = query.choice("order_by_direction", &DIRECTIONS)?.or(old);
    Ok(Order {
        by: by.unwrap_or(Key::CreatedAt),
        is_ascending: is_ascending.unwrap_or(false),
    })
}

/// The parameters that were there before `filters` (contract §7.3).
fn read_deprecated(query: &Query, filters: &mut Vec<Filter>) -> Result<(), Refusal> {
    let mut add = |key, operator, value| {
        let values = vec![value];
        filters.push(Filter {
            key,
            operator,
            values,
        });
    };
    for name in [
        "provider",
        "model",
        "model_type",
        "request_content_type",
        "response_content_type",
    ] {
        if let (Some(text), Some((_, key))) =
            (query.text(name), KEYS.iter().find(|(key, _)| *key == name))
        {
            add(*key, Operator::Eq, Operand::Text(text.to_owned()));
        }
    }
    for (name, key) in [("cached", Key::Cached), ("success", Key::Success)] {
        if let Some(flag) = query.flag(name)? {
            add(key, Operator::Eq, Operand::Flag(flag));
        }
    }
    // The SDKs know 0 and 1 only: down and up.
    if let Some(feedback) = query.choice("feedback", &[("0", -1.0), ("1", 1.0), ("-1", -1.0)])? {
        add(Key::Feedback, Operator::Eq, Operand::Number(feedback));
    }
    for (name, key) in BOUNDED {
        for (prefix, operator) in [("min", Operator::AtLeast), ("max", Operator::AtMost)] {
            if let Some(bound) = query.number(&format!("{prefix}_{name}"))? {
                add(key, operator, Operand::Number(bound));
            }
        }
    }
    for (name, operator) in [
        ("start_date", Operator::AtLeast),
        ("end_date", Operator::AtMost),
    ] {
        if let Some(millis) = read_date(query, name)? {
            add(Key::CreatedAt, operator, Operand::Number(float(millis)));
        }
    }
    Ok(())
}

const BOUNDED: [(&str, Key); 5] = [
    ("cost", Key::Cost),
    ("duration", Key::Duration),
    ("tokens_in", Key::TokensIn),
    ("tokens_out", Key::TokensOut),
    ("total_tokens", Key::Tokens),
];

/// An instant, in milliseconds since the epoch.
pub(in crate::console) fn read_date(query: &Query, name: &str) -> Result<Option<u64>, Refusal> {
    let read = |text: &str| {
        let message = format!("{name} must be a date such as 2026-11-24T22:05:01Z");
        instant::parse(text).ok_or_else(|| Refusal::invalid("query", name, message))
    };
    query.text(name).map(read).transpose()
}
