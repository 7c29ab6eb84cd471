//! What a route may look at: metadata, header fields and the body of a call.
//!
//! Invariant: of the body, which is indexed once, only the member that is asked for is looked into, and of that no more
//! than [`MAX_MEMBER`].

use std::borrow::Cow;

use serde_json::Value;

use crate::config::{FieldPath, Source};
use crate::http::header::HeaderList;
use crate::llm::compat::{self, ChatBody};

/// Longest member of the body that is looked into, in bytes of JSON.
const MAX_MEMBER: usize = 1 << 20;

/// Longest value of the body that is compared, in bytes of JSON.
const MAX_VALUE: usize = 1 << 16;

/// A call, as a route sees it.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The entries of `cf-aig-metadata`.
    pub metadata: &'a [(String, Value)],
    /// The request's header fields.
    pub headers: &'a HeaderList,
    /// The request's body.
    pub body: &'a ChatBody<'a>,
    /// Random bits of this call.
    pub random: u64,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    /// A value with a type.
    Typed(Cow<'a, Value>),
    /// The value of a header field, which may be meant as a number or a truth value.
    Text(&'a str),
    /// Something that cannot be compared: an object, or too long.
    Opaque,
}

impl<'a> Inputs<'a> {
    /// The value of a field, if the call has it.
    pub fn fact(&self, path: &FieldPath) -> Option<Fact<'a>> {
        match path.source {
            Source::Body => self.in_body(&path.name),
            Source::Headers => self.headers.text(&path.name).map(Fact::Text),
            Source::Metadata => {
                let entry = self.metadata.iter().find(|(name, _)| *name == path.name);
                entry.map(|(_, value)| Fact::Typed(Cow::Borrowed(value)))
            }
        }
    }

    /// The value of a field as text, where it is one that can tell calls apart.
    pub fn text(&self, path: &FieldPath) -> Option<Cow<'a, str>> {
        match self.fact(path)? {
            Fact::Text(text) => Some(Cow::Borrowed(text)),
            Fact::Typed(Cow::Borrowed(Value::String(text))) => Some(Cow::Borrowed(text)),
            Fact::Typed(value) => match &*value {
                Value::String(text) => Some(Cow::Owned(text.clone())),
                Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
            Fact::Opaque => None,
        }
    }

    fn in_body(&self, path: &str) -> Option<Fact<'a>> {
        let mut names = path.split('.');
        let mut text = self.body.member(names.next()?)?;
        for name in names {
            if text.len() > MAX_MEMBER {
                return None;
            }
            let index = || compat::element(text, name.parse().ok()?);
            text = if text.starts_with('[') {
                index()?
            } else {
                compat::member(text, name)?
            };
        }
        if text.starts_with('{') || text.len() > MAX_VALUE {
            return Some(Fact::Opaque);
        }
        let value = serde_json::from_str(text).ok()?;
        Some(Fact::Typed(Cow::Owned(value)))
    }
}
