//! An ordered list of header fields with byte values.
//!
//! Envoy hands names over in lower case; values are whatever the peer sent, so they stay bytes until a reader asks
//! for text. Invariant: the order of the fields is the order on the wire.

use std::borrow::Cow;

/// The name of a field, in lower case: mostly one of our own, which costs no allocation.
pub type Name = Cow<'static, str>;

/// Header fields in wire order; pseudo-headers (`:path`, `:status`, …) are fields like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList(Vec<(String, Vec<u8>)>);

impl HeaderList {
    /// Takes the fields as the host delivered them.
    pub const fn new(fields: Vec<(String, Vec<u8>)>) -> Self {
        Self(fields)
    }

    /// The first value of `name` (lower case).
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// The first value of `name` when it is UTF-8, without the white space around it.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .map(str::trim)
    }

    /// Every value of `name` (lower case), in wire order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// Whether a field of that name is present.
    pub fn contains(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// All fields, in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Appends one field.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), value.into()));
    }
}

impl FromIterator<(String, Vec<u8>)> for HeaderList {
    fn from_iter<T: IntoIterator<Item = (String, Vec<u8>)>>(fields: T) -> Self {
        Self(fields.into_iter().collect())
    }
}
