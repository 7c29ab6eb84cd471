//! The ways in which clients write filters: JSON, and the parameters of the official SDKs.
//!
//! Invariant: both become the same filters, or a refusal.

use serde::Deserialize;
use serde_json::Value;

use super::filter::Filter;
use crate::console::envelope::Refusal;
use crate::console::request::Query;

/// A filter in JSON.
#[derive(Deserialize)]
struct Written {
    key: String,
    operator: String,
    value: Values,
}

/// The contract has a list; a single value is one, too.
#[derive(Deserialize)]
#[serde(from = "Value")]
struct Values(Vec<Value>);

impl From<Value> for Values {
    fn from(value: Value) -> Self {
        if let Value::Array(values) = value {
            Self(values)
        } else {
            Self(vec![value])
        }
    }
}

/// Reads a list of filters, or one, in JSON.
pub(in crate::console) fn read_json(value: Value, place: &str) -> Result<Vec<Filter>, Refusal> {
    let written = if let Value::Array(filters) = value {
        filters
    } else {
        vec![value]
    };
    let filter = |value| {
        let wrong = |_| {
            Refusal::invalid(
                place,
                "filters",
                "filters: each must be {key, operator, value: […]}",
            )
        };
        let written: Written = serde_json::from_value(value).map_err(wrong)?;
        Filter::read(&written.key, &written.operator, &written.value.0, place)
    };
    written.into_iter().map(filter).collect()
}

/// `filters` as JSON text, or as the official SDKs write it: `filters.key=…&filters.operator=…&filters.value=…`, the
/// next filter beginning where a name comes again. Brackets and indices mean the same as the dots.
pub(super) fn read_filters(query: &Query) -> Result<Vec<Filter>, Refusal> {
    let mut filters = Vec::new();
    for (_, text) in query
        .pairs()
        .iter()
        .filter(|(name, value)| name == "filters" && !value.is_empty())
    {
        let wrong = |_| Refusal::invalid("query", "filters", "filters: is not JSON");
        filters.extend(read_json(
            serde_json::from_str(text).map_err(wrong)?,
            "query",
        )?);
    }
    let mut parts = Vec::new();
    for (name, value) in query.pairs() {
        if let Some(field) = name.strip_prefix("filters").and_then(field_of) {
            parts.push((field, value.as_str()));
        }
    }
    if is_by_name(&parts) {
        parts = regrouped(&parts)?;
    }
    for group in groups(&parts) {
        filters.push(read_group(group)?);
    }
    Ok(filters)
}

/// Whether a parameter is `filters`, or a part of a filter.
pub(super) fn is_filters(name: &str) -> bool {
    let rest = name.strip_prefix("filters");
    rest.is_some_and(|rest| rest.is_empty() || field_of(rest).is_some())
}

/// The field in `.key`, `[0][key]`, `[].value[]`, ….
fn field_of(name: &str) -> Option<&'static str> {
    let words = name.split(['.', '[', ']']);
    let is_place = |word: &&str| word.is_empty() || word.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = words.filter(|word| !is_place(word));
    let word = words.next()?;
    let known = ["key", "operator", "value"];
    known.into_iter().find(|name| *name == word)
}

/// Whether there are several filters whose keys come first, then their operators, then their values: Python's HTTP
/// client brings parameters of one name together.
fn is_by_name(parts: &[(&'static str, &str)]) -> bool {
    let changes = parts.windows(2).filter(|two| {
        let mut names = two.iter().map(|(name, _)| name);
        names.next() != names.next()
    });
    let keys = parts.iter().filter(|(name, _)| *name == "key").count();
    keys > 1 && changes.count() <= 2
}

/// The parts of each filter together. Whose the values are is known only where each filter has one.
fn regrouped<'q>(
    parts: &[(&'static str, &'q str)],
) -> Result<Vec<(&'static str, &'q str)>, Refusal> {
    let of = |name: &str| -> Vec<_> {
        let named = parts.iter().filter(|part| part.0 == name);
        named.copied().collect()
    };
    let [keys, operators, values] = ["key", "operator", "value"].map(of);
    if keys.len() != operators.len() || keys.len() != values.len() {
        let message = "filters: whose the values are cannot be told: give each filter one value, or write filters as JSON";
        return Err(Refusal::invalid("query", "filters", message));
    }
    let filters = keys.into_iter().zip(operators).zip(values);
    Ok(filters
        .flat_map(|((key, operator), value)| [key, operator, value])
        .collect())
}

/// One list of parts per filter: a new one begins where a name comes again, or a value after a filter that is whole.
fn groups<'p, 'q>(parts: &'p [(&'static str, &'q str)]) -> Vec<&'p [(&'static str, &'q str)]> {
    let (mut groups, mut start) = (Vec::new(), 0);
    for (end, (name, _)) in parts.iter().enumerate() {
        let group = parts.get(start..end).unwrap_or_default();
        let has = |name: &str| group.iter().any(|(field, _)| *field == name);
        let ends_in_value = group.last().is_some_and(|(field, _)| *field == "value");
        let is_whole = has("key") && has("operator") && has("value") && !ends_in_value;
        if has(name) && (*name != "value" || is_whole) {
            groups.push(group);
            start = end;
        }
    }
    groups.extend(parts.get(start..).filter(|group| !group.is_empty()));
    groups
}

/// In this form an empty value, and none, are `null`: the SDKs write it so.
fn read_group(group: &[(&'static str, &str)]) -> Result<Filter, Refusal> {
    let find = |name: &str| {
        group
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| *value)
    };
    let values = group.iter().filter(|(field, _)| *field == "value");
    let mut values: Vec<_> = values
        .map(|(_, value)| {
            if value.is_empty() {
                Value::Null
            } else {
                Value::from(*value)
            }
        })
        .collect();
    if values.is_empty() {
        values.push(Value::Null);
    }
    let (key, operator) = (find("key"), find("operator"));
    Filter::read(
        key.unwrap_or_default(),
        operator.unwrap_or_default(),
        &values,
        "query",
    )
}
