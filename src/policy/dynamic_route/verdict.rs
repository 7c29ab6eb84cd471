//! Whether a condition holds for a call.
//!
//! Invariant: values of different types are neither equal nor in an order, but for a text that is a number as JSON writes
//! it, which is compared with numbers as that number; two texts are compared as texts. A header field, which is always
//! text, is read as what it is compared with, also as a truth value. A list holds what one of its elements does.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::input::{Fact, Inputs};
use crate::config::{Condition, Order, Test};

/// Whether `condition` holds.
pub fn holds(condition: &Condition, inputs: &Inputs<'_>) -> bool {
    match condition {
        Condition::All(all) => all.iter().all(|one| holds(one, inputs)),
        Condition::Any(any) => any.iter().any(|one| holds(one, inputs)),
        Condition::Not(one) => !holds(one, inputs),
        Condition::Test(path, test) => inputs.fact(path).is_some_and(|fact| passes(&fact, test)),
    }
}

fn passes(fact: &Fact<'_>, test: &Test) -> bool {
    let one = |compared: &dyn Fn(&Value) -> Option<Ordering>| match test {
        Test::Exists => true,
        Test::In(values) => values
            .iter()
            .any(|value| compared(value) == Some(Ordering::Equal)),
        Test::Order(order, value) => compared(value).is_some_and(|found| match order {
            Order::Above => found.is_gt(),
            Order::AtLeast => found.is_ge(),
            Order::AtMost => found.is_le(),
            Order::Below => found.is_lt(),
        }),
    };
    match fact {
        Fact::Opaque => *test == Test::Exists,
        Fact::Text(text) => one(&|value| compare_text(text, value)),
        Fact::Typed(found) => match &**found {
            Value::Array(items) => {
                *test == Test::Exists || items.iter().any(|item| one(&|value| compare(item, value)))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => one(&|value| compare(found, value)),
        },
    }
}

fn compare(found: &Value, wanted: &Value) -> Option<Ordering> {
    match (found, wanted) {
        (Value::String(found), Value::String(wanted)) => Some(found.as_str().cmp(wanted)),
        (Value::Bool(found), Value::Bool(wanted)) => Some(found.cmp(wanted)),
        (Value::Number(found), Value::Number(wanted)) => numbers(found, wanted),
        // Envoy may deliver the numbers of a configuration as text, and clients those of their metadata.
        (Value::Number(found), Value::String(wanted)) => numbers(found, &number(wanted)?),
        (Value::String(found), Value::Number(wanted)) => numbers(&number(found)?, wanted),
        _ => None,
    }
}

fn compare_text(found: &str, wanted: &Value) -> Option<Ordering> {
    match wanted {
        Value::Number(wanted) => numbers(&number(found)?, wanted),
        Value::Bool(wanted) => found.parse::<bool>().ok().map(|found| found.cmp(wanted)),
        Value::String(wanted) => Some(found.cmp(wanted)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

/// Whole numbers exactly, others as floats.
fn numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}
