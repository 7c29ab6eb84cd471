//! The configuration as a tree, before anything is known about its meaning.
//!
//! Invariant: nothing is lost on the way here. A field written twice stands here twice, because a tree that keeps
//! the last one would hide an operator's mistake. No `Debug`: what stands in a tree may be a secret put in a wrong
//! place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// One value of the configuration.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number in decimal digits without an exponent. A whole number looks the same whether it came as an integer
    /// or, through a `Struct`, as a double.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object: its fields in the order of the text.
    Map(Vec<(String, Self)>),
}

impl Node {
    /// Reads JSON text. The depth is bounded by `serde_json`.
    ///
    /// # Errors
    /// What is wrong with the syntax, with line and column, and without any of the text.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// What an operator calls a value of this kind.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(true) => "true",
            Self::Flag(false) => "false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// The whole number that is written here, as a number or as text: `5`, `5.0`, `"5"`.
    pub(super) fn whole(&self) -> Option<i128> {
        let (Self::Number(digits) | Self::Text(digits)) = self else {
            return None;
        };
        let from_double = || {
            let number = digits
                .parse()
                .ok()
                .filter(|number: &f64| number.fract() == 0.0)?;
            number.to_string().parse().ok()
        };
        digits.parse().ok().or_else(from_double)
    }

    /// Whether the value says "nothing" or "off": what a pasted object holds for a feature that is not in use.
    pub(super) fn is_inert(&self) -> bool {
        match self {
            Self::Null | Self::Flag(false) => true,
            Self::Flag(true) => false,
            Self::Number(_) => self.whole() == Some(0),
            Self::Text(text) => text.is_empty() || self.whole() == Some(0),
            Self::List(items) => items.is_empty(),
            Self::Map(fields) => {
                fields
                    .iter()
                    .any(|(name, value)| name == "enabled" && value.is_inert())
                    || fields.iter().all(|(_, value)| value.is_inert())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Flag(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Node::Map(map))
    }
}
