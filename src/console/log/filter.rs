//! One condition on a record: a key, an operator and values (contract §7.3).
//!
//! Several values are alternatives, several filters must all hold, `neq` holds where `eq` does not. Texts compare as
//! they are, except that `contains` does not care for case; a record that lacks the field equals `null` only.

use std::borrow::Cow;

use serde_json::Value;

use super::instant;
use super::key::{KEYS, Key, Kind, OPERATORS, Operator};
use super::row::Row;
use crate::console::envelope::{Refusal, word};

/// A value to compare with, in the type of its key.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::console) enum Operand {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::console) struct Filter {
    pub(super) key: Key,
    pub(super) operator: Operator,
    pub(super) values: Vec<Operand>,
}

/// Most values of one filter.
const MAX_VALUES: usize = 100;
/// Longest value, in bytes.
const MAX_VALUE: usize = 1024;

impl Filter {
    /// Reads `{key, operator, value}`; `place` is where it stands.
    pub(in crate::console) fn read(
        key: &str,
        operator: &str,
        values: &[Value],
        place: &str,
    ) -> Result<Self, Refusal> {
        let invalid = |message: String| Refusal::invalid(place, "filters", message);
        let known = KEYS.iter().find(|(name, _)| *name == key);
        let (_, key) =
            *known.ok_or_else(|| invalid(format!("filters: {} is not a key", word(key))))?;
        let known = OPERATORS.iter().find(|(name, _)| *name == operator);
        let (_, operator) = *known.ok_or_else(|| {
            invalid("filters: operator must be one of eq, neq, contains, lt, gt".to_owned())
        })?;
        if values.is_empty() || values.len() > MAX_VALUES {
            return Err(invalid(format!(
                "filters: value must be a list of 1 to {MAX_VALUES} values"
            )));
        }
        let values = values.iter().map(|value| operand(key, operator, value));
        let values: Option<Vec<_>> = values.collect();
        let name = KEYS
            .iter()
            .find(|(_, it)| *it == key)
            .map_or("", |(name, _)| name);
        let values = values
            .ok_or_else(|| invalid(format!("filters: a value of {name} has the wrong type")))?;
        Ok(Self {
            key,
            operator,
            values,
        })
    }

    /// How many values a record is compared with, and how many of them by looking through a text.
    pub(super) fn comparisons(&self) -> (usize, usize) {
        let values = self.values.len();
        let is_search = self.operator == Operator::Contains;
        (values, if is_search { values } else { 0 })
    }

    /// Whether the record meets it.
    pub(in crate::console) fn matches(&self, row: &Row<'_>) -> bool {
        if self.operator == Operator::Neq {
            return !self.any(row, Operator::Eq);
        }
        self.any(row, self.operator)
    }

    fn any(&self, row: &Row<'_>, operator: Operator) -> bool {
        let holds = |field: &Field<'_>| {
            self.values
                .iter()
                .any(|value| field.compare(operator, value))
        };
        if self.key == Key::MetadataName {
            return row.any_metadata(&mut |name, _| holds(&Field::Text(name)));
        }
        if self.key == Key::MetadataValue {
            return row.any_metadata(&mut |_, value| holds(&Field::Text(value)));
        }
        holds(&Field::of(self.key, row))
    }
}

fn operand(key: Key, operator: Operator, value: &Value) -> Option<Operand> {
    let text = match value {
        Value::Null => return Some(Operand::Null),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return None,
    };
    if text.len() > MAX_VALUE {
        return None;
    }
    if operator == Operator::Contains {
        return Some(Operand::Text(text.to_ascii_lowercase()));
    }
    match key.kind() {
        Kind::Flag => match text.as_str() {
            "true" | "1" => Some(Operand::Flag(true)),
            "false" | "0" => Some(Operand::Flag(false)),
            _ => None,
        },
        Kind::Number => text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Operand::Number),
        Kind::Text => Some(Operand::Text(text)),
        Kind::Time => instant::parse(&text).map(|millis| Operand::Number(float(millis))),
    }
}

/// The field of a record, in the type of its key.
enum Field<'a> {
    Null,
    Flag(bool),
    Number(f64),
    Time(u64),
    Text(&'a str),
}

impl<'a> Field<'a> {
    fn of(key: Key, row: &'a Row<'_>) -> Self {
        let text = |text: Option<&'a str>| text.map_or(Self::Null, Self::Text);
        let count =
            |count: Option<u64>| count.map_or(Self::Null, |count| Self::Number(float(count)));
        match key {
            Key::Id => text(row.id.get()),
            Key::CreatedAt => Self::Time(row.created_ms),
            Key::RequestContentType => text(row.request_content_type.get()),
            Key::ResponseContentType => text(row.response_content_type.get()),
            Key::RequestType => text(row.request_type.get()),
            Key::Success => Self::Flag(row.success),
            Key::Cached => Self::Flag(row.cached),
            Key::Provider => Self::Text(row.provider()),
            Key::Model => Self::Text(row.model()),
            Key::ModelType => text(row.model_type.get()),
            Key::Cost => Self::Number(row.cost()),
            Key::Tokens => count(row.tokens()),
            Key::TokensIn => count(row.tokens_in),
            Key::TokensOut => count(row.tokens_out),
            Key::Duration => count(row.duration),
            Key::Feedback => row.feedback.map_or(Self::Null, Self::Number),
            Key::EventId => text(row.event_id.get()),
            Key::Authentication => Self::Flag(row.authentication),
            Key::Wholesale => Self::Flag(row.wholesale),
            Key::CompatibilityMode => Self::Flag(row.compatibility_mode),
            Key::DlpAction => text(row.dlp_action.get()),
            Key::UserAgent => text(row.user_agent.get()),
            Key::GatewayId => text(row.gateway_id.get()),
            Key::Outcome => text(row.outcome.get()),
            Key::StatusCode => count(row.status_code),
            // These have any number of values: `Filter::any`.
            Key::MetadataName | Key::MetadataValue => Self::Null,
        }
    }

    fn compare(&self, operator: Operator, value: &Operand) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        if operator == Operator::Contains {
            return matches!(value, Operand::Text(part) if self.contains(part));
        }
        let order = match (self, value) {
            (Self::Null, Operand::Null) => Some(Equal),
            (Self::Flag(one), Operand::Flag(other)) => Some(one.cmp(other)),
            (Self::Number(one), Operand::Number(other)) => one.partial_cmp(other),
            (Self::Time(one), Operand::Number(other)) => float(*one).partial_cmp(other),
            (Self::Text(one), Operand::Text(other)) => Some((*one).cmp(other.as_str())),
            _ => None,
        };
        match operator {
            Operator::Eq => order == Some(Equal),
            Operator::Lt => order == Some(Less),
            Operator::Gt => order == Some(Greater),
            Operator::AtMost => matches!(order, Some(Less | Equal)),
            Operator::AtLeast => matches!(order, Some(Greater | Equal)),
            Operator::Neq | Operator::Contains => false,
        }
    }

    fn contains(&self, part: &str) -> bool {
        match self {
            Self::Null => false,
            Self::Flag(flag) => contains(if *flag { "true" } else { "false" }, part),
            Self::Number(number) => contains(&number.to_string(), part),
            Self::Time(millis) => contains(
                &crate::record::time::rfc3339(millis.saturating_mul(1_000_000)),
                part,
            ),
            Self::Text(text) => contains(text, part),
        }
    }
}

/// Whether `part`, in lower case, is in the text, whatever the case of its ASCII letters. The time is linear.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let text = if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    };
    text.contains(part)
}

/// A count as a JSON number has it.
pub(in crate::console) fn float(count: u64) -> f64 {
    // Exact up to 2^53: milliseconds and tokens are far below.
    let (high, low) = (count >> 32, count & 0xFFFF_FFFF);
    let [high, low] = [high, low].map(|half| f64::from(u32::try_from(half).unwrap_or(u32::MAX)));
    high.mul_add(4_294_967_296.0, low)
}
