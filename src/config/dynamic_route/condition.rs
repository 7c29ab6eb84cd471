//! The conditions of a route, in the operators of MongoDB's query language as far as they make sense for one call.
//!
//! Invariant: operands are texts, numbers or truth values; a condition that can be written always says something.

use serde_json::Value;

use super::field_path::{FIELD, FieldPath};
use crate::config::faults::shown;
use crate::config::node::Node;
use crate::config::section::Field;
use crate::config::suggestion::nearest;

/// Something that holds for a call or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of these.
    All(Vec<Self>),
    /// At least one of these.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// What a field is.
    Test(FieldPath, Test),
}

/// What a field may be tested for. A field that is not there fails every test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Equal to one of these.
    In(Vec<Value>),
    /// Before or after this.
    Order(Order, Value),
    /// There at all.
    Exists,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Greater.
    Above,
    /// Greater or equal.
    AtLeast,
    /// Less or equal.
    AtMost,
    /// Less.
    Below,
}

/// Reads an object whose members must all hold.
pub(super) fn read(object: &Field<'_>) -> Option<Condition> {
    let members = members(object)?;
    let all = members.iter().map(|(name, field)| match *name {
        "$and" => list(field).map(Condition::All),
        "$or" => list(field).map(Condition::Any),
        "$nor" => list(field).map(Condition::Any).map(not),
        "$not" => read(field).map(not),
        name => match FieldPath::parse(name) {
            Some(path) => tests(&path, field),
            None if name.starts_with('$') => unknown(name, field, &["$and", "$not", "$nor", "$or"]),
            None => {
                field.fault(format!("must be named like {}", FIELD.wanted));
                None
            }
        },
    });
    joined(all.collect())
}

fn list(field: &Field<'_>) -> Option<Vec<Condition>> {
    let items = field.items()?;
    if items.is_empty() {
        field.fault("is empty: write at least one condition");
    }
    let conditions: Vec<_> = items.iter().map(read).collect();
    conditions.into_iter().collect()
}

/// What a field must be: a plain value, or an object of operators that must all hold.
fn tests(path: &FieldPath, field: &Field<'_>) -> Option<Condition> {
    if !matches!(field.node, Some(Node::Map(_))) {
        return scalar(field).map(|value| is_in(path, vec![value]));
    }
    let operators = members(field)?;
    let all = operators.iter().map(|(name, field)| {
        let order = |order| {
            let test = Test::Order(order, scalar(field)?);
            Some(Condition::Test(path.clone(), test))
        };
        match *name {
            "$eq" => Some(is_in(path, vec![scalar(field)?])),
            "$ne" => Some(not(is_in(path, vec![scalar(field)?]))),
            "$in" => Some(is_in(path, scalars(field)?)),
            "$nin" => Some(not(is_in(path, scalars(field)?))),
            "$gt" => order(Order::Above),
            "$gte" => order(Order::AtLeast),
            "$lt" => order(Order::Below),
            "$lte" => order(Order::AtMost),
            "$not" => tests(path, field).map(not),
            "$exists" => {
                let exists = Condition::Test(path.clone(), Test::Exists);
                let wanted = field.flag(true);
                Some(if wanted { exists } else { not(exists) })
            }
            name => unknown(name, field, &OPERATORS),
        }
    });
    joined(all.collect())
}

const OPERATORS: [&str; 10] = [
    "$eq", "$exists", "$gt", "$gte", "$in", "$lt", "$lte", "$ne", "$nin", "$not",
];

fn unknown(name: &str, field: &Field<'_>, known: &[&'static str]) -> Option<Condition> {
    let remedy = match nearest(name, known.iter().copied()) {
        Some(near) if name.starts_with('$') => format!("did you mean {near}?"),
        _ => format!("write one of {}", known.join(", ")),
    };
    field.fault(format!("{} is not an operator here: {remedy}", shown(name)));
    None
}

fn is_in(path: &FieldPath, values: Vec<Value>) -> Condition {
    Condition::Test(path.clone(), Test::In(values))
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn joined(mut all: Vec<Option<Condition>>) -> Option<Condition> {
    if all.len() == 1 {
        return all.pop().flatten();
    }
    let all: Option<Vec<_>> = all.into_iter().collect();
    all.map(Condition::All)
}

/// The members of an object. One that is `null` would silently be no condition at all.
fn members<'a>(object: &Field<'a>) -> Option<Vec<(&'a str, Field<'a>)>> {
    let members: Vec<_> = object.section()?.entries().collect();
    let is_null = |(_, node): &(String, Node)| matches!(node, Node::Null);
    let has_null = matches!(object.node, Some(Node::Map(fields)) if fields.iter().any(is_null));
    if members.is_empty() || has_null {
        object.fault("must say something in each member: null is not compared, use $exists");
        return None;
    }
    Some(members)
}

fn scalars(field: &Field<'_>) -> Option<Vec<Value>> {
    let items = field.items()?;
    if items.is_empty() {
        field.fault("is empty: write at least one value");
    }
    let values: Vec<_> = items.iter().map(scalar).collect();
    values.into_iter().collect()
}

fn scalar(field: &Field<'_>) -> Option<Value> {
    let value = match field.node {
        Some(Node::Text(text)) => Some(Value::from(text.as_str())),
        Some(Node::Number(digits)) => serde_json::from_str(digits).ok(),
        Some(Node::Flag(flag)) => Some(Value::from(*flag)),
        Some(Node::Null | Node::List(_) | Node::Map(_)) | None => None,
    };
    if value.is_none() {
        field.fault("must be text, a number, true or false");
    }
    value
}
