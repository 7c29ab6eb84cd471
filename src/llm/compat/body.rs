//! The body of a unified call: read once, then written for each target.
//!
//! Invariant: of what is written only the model's value and the parameters that a provider refuses differ from what
//! was read; every other byte is the client's. However often `model` stands there, every one gets the same value, so
//! that no parser sees another model than the gateway does.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ChatModel, Incompatible};

/// Most members of a body; real ones have a few dozen.
const MAX_MEMBERS: usize = 1024;

/// Longest `model`, in bytes.
const MAX_MODEL: usize = 512;

/// A body with `model`, taken apart.
#[derive(Debug)]
pub struct ChatBody<'a> {
    /// Through the opening brace.
    open: &'a str,
    members: Vec<Member<'a>>,
    /// What follows the last member.
    close: &'a str,
    model: String,
}

#[derive(Debug)]
struct Member<'a> {
    /// What stands before the value: a comma, the key, a colon.
    lead: &'a str,
    key: Cow<'a, str>,
    value: &'a str,
}

impl<'a> ChatBody<'a> {
    /// Takes a body apart; of several models the last that is not `null` counts.
    pub fn read(body: &'a [u8]) -> Result<Self, Incompatible> {
        Self::take_apart(body).ok_or(Incompatible::Format)
    }

    fn take_apart(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let Entries(entries) = serde_json::from_str(text).ok()?;
        let (open, mut rest) = text.split_at_checked(text.find('{')?.checked_add(1)?)?;
        let mut members = Vec::with_capacity(entries.len());
        let mut model = None;
        for (Key(key), value) in entries {
            let value = value.get();
            let (lead, from) = rest.split_at_checked(offset(rest, value)?)?;
            rest = from.get(value.len()..)?;
            if key == "model" && value != "null" {
                model = serde_json::from_str::<String>(value).ok();
            }
            members.push(Member { lead, key, value });
        }
        Some(Self {
            open,
            members,
            close: rest,
            model: model.filter(|model| model.len() <= MAX_MODEL)?,
        })
    }

    /// The value of `model`, decoded.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The value of a member, as written; of several the last.
    pub fn member(&self, key: &str) -> Option<&'a str> {
        let mut members = self.members.iter().rev();
        members
            .find(|member| member.key == key)
            .map(|member| member.value)
    }

    /// The body for `target`: with its model, without what its provider refuses.
    pub fn written_for(&self, target: &ChatModel<'_>) -> Vec<u8> {
        let model = Value::from(target.model).to_string();
        let parts = self
            .members
            .iter()
            .flat_map(|member| [member.lead, member.value]);
        let size = parts.map(str::len).fold(model.len(), usize::saturating_add);
        let mut out = String::with_capacity(size.saturating_add(32));
        out.push_str(self.open);
        let mut is_first = true;
        for (index, member) in self.members.iter().enumerate() {
            let fate = self.fate(member, target.provider);
            if fate == Fate::Drop {
                continue;
            }
            let lead = match member.lead.split_once(',') {
                // The comma stands before the key: it parted the member from one that is gone.
                Some((_, lead)) if is_first && index > 0 => lead,
                _ => member.lead,
            };
            is_first = false;
            match (fate, split_key(lead)) {
                (Fate::Rename(name), Some((before, after))) => {
                    out.extend([before, name, after]);
                }
                _ => out.push_str(lead),
            }
            out.push_str(if member.key == "model" {
                &model
            } else {
                member.value
            });
        }
        out.push_str(self.close);
        out.into_bytes()
    }

    /// What becomes of a member at a provider (providers.md §4). Only what changes no answer, or has another name
    /// there, is touched: the rest is the client's affair.
    fn fate(&self, member: &Member<'_>, provider: &str) -> Fate {
        let is_mistral = provider == "mistral";
        let (own, openai) = match &*member.key {
            "stream_options" if is_mistral || provider == "cohere" => return Fate::Drop,
            "seed" | "random_seed" if is_mistral => ("random_seed", "seed"),
            "max_completion_tokens" | "max_tokens" if is_mistral => {
                ("max_tokens", "max_completion_tokens")
            }
            _ => return Fate::Keep,
        };
        // A name that is there without a value gives way to the other one.
        let is_given = |name| {
            let mut members = self.members.iter();
            members.any(|other| other.key == name && other.value.trim() != "null")
        };
        match (member.key == own, is_given(own)) {
            (true, false) if is_given(openai) => Fate::Drop,
            (true, _) => Fate::Keep,
            (false, true) => Fate::Drop,
            (false, false) if is_given(openai) || !self.members.iter().any(|m| m.key == own) => {
                Fate::Rename(own)
            }
            (false, false) => Fate::Drop,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Drop,
    Keep,
    Rename(&'static str),
}

/// What stands before and after a key's text in the lead of its value, each with its quote.
fn split_key(lead: &str) -> Option<(&str, &str)> {
    let before = lead.find('"')?.checked_add(1)?;
    Some((lead.get(..before)?, lead.get(lead.rfind('"')?..)?))
}

/// Where in `text` its part begins.
fn offset(text: &str, part: &str) -> Option<usize> {
    let offset = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    (offset <= text.len()).then_some(offset)
}

/// The value of the member `key` of an object in JSON text, as written; of several the last.
pub fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    pick(object, Pick::Member(key))
}

/// The element of an array in JSON text, as written.
pub fn element(array: &str, index: usize) -> Option<&str> {
    pick(array, Pick::Element(index))
}

fn pick<'a>(text: &'a str, what: Pick<'_>) -> Option<&'a str> {
    let mut parser = serde_json::Deserializer::from_str(text);
    what.deserialize(&mut parser).ok()?.map(RawValue::get)
}

/// One value of a container; nothing else is kept.
#[derive(Clone, Copy)]
enum Pick<'k> {
    Element(usize),
    Member(&'k str),
}

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        match self {
            Self::Element(_) => from.deserialize_seq(self),
            Self::Member(_) => from.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Self::Element(index) = self else {
            return Ok(None);
        };
        for _ in 0..index {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Key(key)) = fields.next_key()? {
            let value = fields.next_value()?;
            if matches!(self, Self::Member(wanted) if wanted == key) {
                found = Some(value);
            }
        }
        Ok(found)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object in their order.
struct Entries<'a>(Vec<(Key<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(EntriesVisitor).map(Self)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(Key<'de>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = fields.next_entry()? {
            if entries.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}
