//! Objects and lists whose values are not read, only found: what they hold is the client's text as it is.
//!
//! Invariant: memory grows with the text by a bounded number of values, whatever a hostile body repeats.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{MAX_STEPS, fault};
use crate::http::reject::BodyFault;

/// Most members of an object, and so most header fields of a step.
const MAX_MEMBERS: usize = 128;

/// The items of a list: no more are kept than show that it is too long.
pub(super) struct Items<'a>(pub(super) Vec<&'a RawValue>);

/// The members of an object in their order: no more are kept than show that there are too many.
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of the object at `place`.
    pub(super) fn read(value: &'a RawValue, place: &str) -> Result<Self, BodyFault> {
        if !value.get().starts_with('{') {
            return Err(fault(place, "must be an object"));
        }
        let members: Option<Self> = serde_json::from_str(value.get()).ok();
        let members = members.ok_or_else(|| fault(place, "has a malformed name"))?;
        if members.0.len() > MAX_MEMBERS {
            let what = format!("has more than {MAX_MEMBERS} members");
            return Err(fault(place, what));
        }
        Ok(members)
    }

    /// The last member of that name, `null` or not.
    pub(super) fn last(&self, name: &str) -> Option<&'a RawValue> {
        let mut members = self.0.iter().rev();
        members.find_map(|(member, value)| (member == name).then_some(*value))
    }

    /// The last member of that name, if it is not `null`.
    pub(super) fn given(&self, name: &str) -> Option<&'a RawValue> {
        self.last(name).filter(|value| value.get() != "null")
    }

    /// The member as text; `place` is its own.
    pub(super) fn text(&self, name: &str, place: &str) -> Result<Option<String>, BodyFault> {
        let value = self.given(name);
        let text = value.map(|value| text(value).ok_or_else(|| fault(place, "must be a string")));
        text.transpose()
    }

    /// The member as an object; `place` is its own.
    pub(super) fn object(&self, name: &str, place: &str) -> Result<Option<Self>, BodyFault> {
        let value = self.given(name);
        value.map(|value| Self::read(value, place)).transpose()
    }

    /// The members that are not `null`, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        let members = self.0.iter().map(|(name, value)| (name.as_str(), *value));
        members.filter(|(_, value)| value.get() != "null")
    }
}

/// The string, if it is one.
pub(super) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

struct ItemVisitor;
struct MemberVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() <= MAX_STEPS {
                items.push(item);
            }
        }
        Ok(Items(items))
    }
}

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            if members.len() <= MAX_MEMBERS {
                members.push(member);
            }
        }
        Ok(Members(members))
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemVisitor)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MemberVisitor)
    }
}
