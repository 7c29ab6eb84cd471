//! A stored record as filters, orders and sums see it: the fields they need, borrowed from its line.
//!
//! Invariant: what a filter compares is what the client is shown (`item`): a record without a provider or model has
//! `unknown`, one without a known cost costs 0 (contract §7.2).

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::logbook::Entry;

/// What stands for a provider or model that is not known.
pub(super) const UNKNOWN: &str = "unknown";

/// The fields of a line. All may be missing: a line may have been written by another version.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::console) struct Row<'a> {
    #[serde(skip)]
    pub(super) created_ms: u64,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) event_id: Text<'a>,
    pub(super) account_id: Text<'a>,
    pub(super) gateway_id: Text<'a>,
    pub(in crate::console) provider: Text<'a>,
    pub(in crate::console) model: Text<'a>,
    pub(super) model_type: Text<'a>,
    pub(super) path: Text<'a>,
    pub(super) request_type: Text<'a>,
    pub(super) outcome: Text<'a>,
    pub(super) dlp_action: Text<'a>,
    pub(super) user_agent: Text<'a>,
    pub(super) request_content_type: Text<'a>,
    pub(super) response_content_type: Text<'a>,
    pub(in crate::console) duration: Option<u64>,
    pub(in crate::console) timings: Timings,
    pub(super) status_code: Option<u64>,
    pub(in crate::console) success: bool,
    pub(in crate::console) cached: bool,
    pub(super) authentication: bool,
    pub(super) wholesale: bool,
    #[serde(rename = "compatibilityMode")]
    pub(super) compatibility_mode: bool,
    pub(in crate::console) tokens_in: Option<u64>,
    pub(in crate::console) tokens_out: Option<u64>,
    pub(in crate::console) cost: Option<&'a RawValue>,
    pub(in crate::console) saved_cost: Option<&'a RawValue>,
    pub(in crate::console) feedback: Option<f64>,
    pub(super) metadata: Option<&'a RawValue>,
}

/// The times of a record.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::console) struct Timings {
    /// To the first byte, milliseconds.
    pub(in crate::console) latency: Option<u64>,
}

impl<'a> Row<'a> {
    /// Reads a line; `None` where it is no record.
    pub(in crate::console) fn read(entry: &Entry<'a>) -> Option<Self> {
        let row: Self = serde_json::from_slice(entry.line).ok()?;
        Some(Self {
            created_ms: entry.created_ms,
            ..row
        })
    }

    /// The provider as it is shown.
    pub(in crate::console) fn provider(&self) -> &str {
        self.provider.get().unwrap_or(UNKNOWN)
    }

    /// The model as it is shown.
    pub(in crate::console) fn model(&self) -> &str {
        self.model.get().unwrap_or(UNKNOWN)
    }

    /// The cost as it is shown, US dollars.
    pub(super) fn cost(&self) -> f64 {
        let text = self.cost.map(RawValue::get);
        text.and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }

    /// All tokens that are known.
    pub(super) fn tokens(&self) -> Option<u64> {
        match (self.tokens_in, self.tokens_out) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        }
    }

    /// Calls `visit` with each entry of the metadata until it says true; says whether it did.
    pub(in crate::console) fn any_metadata(
        &self,
        visit: &mut dyn FnMut(&str, &str) -> bool,
    ) -> bool {
        let Some(metadata) = self.metadata else {
            return false;
        };
        let entries: Entries<'_> = serde_json::from_str(metadata.get()).unwrap_or_default();
        let mut entries = entries.0.iter();
        entries.any(|(key, value)| visit(key.get().unwrap_or_default(), &plain(value.get())))
    }
}

/// A JSON value as plain text: a string without its quotes, anything else as it is written.
pub(in crate::console) fn plain(json: &str) -> Cow<'_, str> {
    if !json.starts_with('"') {
        return Cow::Borrowed(json);
    }
    let text: Text<'_> = serde_json::from_str(json).unwrap_or_default();
    text.0.unwrap_or_default()
}

/// A text or nothing, borrowed where it has no escapes: serde's own `Option<Cow<str>>` always copies.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::console) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    pub(in crate::console) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or null")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Text(None))
    }
}

/// The members of an object, in their order.
#[derive(Default)]
pub(in crate::console) struct Entries<'a>(pub(in crate::console) Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(80);
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

/// Whose record a line is, found without reading the rest of it. An unescaped `"…":` is a key and nothing else, and
/// the record's own come before those of the objects in it.
pub(in crate::console) fn owner<'a>(entry: &Entry<'a>) -> (Option<&'a str>, Option<&'a str>) {
    const ACCOUNT: &[u8] = b"\"account_id\":";
    const GATEWAY: &[u8] = b"\"gateway_id\":";
    let mut rest = entry.line.get(..MAX_OWNER).unwrap_or(entry.line);
    let (mut account, mut gateway) = (None, None);
    while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
        rest = rest.get(at..).unwrap_or_default();
        if let (None, Some(value)) = (account, rest.strip_prefix(ACCOUNT)) {
            account = Some(text_of(value));
        } else if let (None, Some(value)) = (gateway, rest.strip_prefix(GATEWAY)) {
            gateway = Some(text_of(value));
        }
        if account.is_some() && gateway.is_some() {
            break;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    (account.flatten(), gateway.flatten())
}

/// Where the owner stands at the latest, in bytes: only ids and times come before it.
const MAX_OWNER: usize = 4 << 10;

/// The text that the bytes begin with; `None` where there is something else.
fn text_of(bytes: &[u8]) -> Option<&str> {
    let value = bytes.strip_prefix(b"\"")?;
    let end = value.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(value.get(..end)?).ok()
}
