//! What a span says about its record: a name and a value of one of a few kinds.

use std::borrow::Cow;

/// A name and a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    pub(super) name: Cow<'static, str>,
    pub(super) value: Value,
}

/// The kinds of values that are used of `AnyValue`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Int(i64),
    Double(f64),
    Texts(Vec<String>),
}

impl Value {
    /// A count; one above the largest number that there is becomes that.
    pub(super) fn int(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Attribute {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, value: Value) -> Self {
        let name = name.into();
        Self { name, value }
    }

    /// What is known only; as are the following.
    pub(super) fn text(name: &'static str, text: Option<&str>) -> Option<Self> {
        Some(Self::new(name, Value::Text(text?.to_owned())))
    }

    pub(super) fn int(name: &'static str, number: Option<u64>) -> Option<Self> {
        Some(Self::new(name, Value::int(number?)))
    }

    pub(super) fn double(name: &'static str, number: Option<f64>) -> Option<Self> {
        Some(Self::new(name, Value::Double(number?)))
    }

    pub(super) fn flag(name: &'static str, flag: bool) -> Option<Self> {
        Some(Self::new(name, Value::Flag(flag)))
    }
}
