//! `cf-aig-metadata`: what the caller wants to find again in the log (contract §7.4).
//!
//! A flat JSON object; the first five entries are kept, keys that begin with `cf.` are taken away, and one value that
//! is not a string, number or boolean drops the whole object without an error.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Most entries of one call.
const MAX_ENTRIES: usize = 5;

/// Entries in the order the client wrote them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata(Vec<(String, Value)>);

impl Metadata {
    /// Reads the header's value; `None` when it is not a flat object.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Of these entries.
    pub(super) const fn of(entries: Vec<(String, Value)>) -> Self {
        Self(entries)
    }

    /// The entries.
    pub fn entries(&self) -> &[(String, Value)] {
        &self.0
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Metadata;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a flat JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if value.is_null() || value.is_array() || value.is_object() {
                return Err(serde::de::Error::custom("a nested or null value"));
            }
            let kept = entries.iter().any(|(name, _)| *name == key);
            if entries.len() < MAX_ENTRIES && !key.starts_with("cf.") && !kept {
                entries.push((key, value));
            }
        }
        Ok(Metadata(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> Option<String> {
        Metadata::parse(text.as_bytes()).map(|metadata| serde_json::to_string(&metadata).unwrap())
    }

    #[test]
    fn the_first_five_entries_are_kept_in_order() {
        let kept = round(r#"{"z":1,"a":"x","b":true,"c":2.5,"d":"4","e":"lost"}"#);
        assert_eq!(kept.unwrap(), r#"{"z":1,"a":"x","b":true,"c":2.5,"d":"4"}"#);
    }

    #[test]
    fn reserved_keys_are_taken_away_and_do_not_count() {
        let kept = round(r#"{"cf.user_id":"me","a":1,"b":2,"c":3,"d":4,"e":5}"#);
        assert_eq!(kept.unwrap(), r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#);
    }

    #[test]
    fn one_null_or_nested_value_drops_the_whole_object() {
        for text in [
            r#"{"a":1,"b":null}"#,
            r#"{"a":{}}"#,
            r#"{"a":[1]}"#,
            "[1]",
            "7",
            "{",
            "",
        ] {
            assert_eq!(round(text), None, "{text}");
        }
    }
}
