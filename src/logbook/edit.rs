//! Changes of a stored record: its other bytes stay as they are.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use super::Id;

/// A change of a stored record. Each field: `None` leaves it as it is, else the new value as JSON text (`null` too).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The record.
    pub id: Id,
    /// `-1`, `1` or `null`.
    pub feedback: Option<String>,
    /// A number or `null`.
    pub score: Option<String>,
    /// An object or `null`: takes the place of all of the old.
    pub metadata: Option<String>,
}

impl Patch {
    /// The line with the changes; `None` when the line is no JSON object or a value no JSON.
    pub(super) fn apply(&self, line: &[u8]) -> Option<Vec<u8>> {
        let mut text = std::str::from_utf8(line).ok()?.to_owned();
        let changes = [
            ("feedback", &self.feedback),
            ("score", &self.score),
            ("metadata", &self.metadata),
        ];
        for (name, value) in changes {
            let Some(value) = value else { continue };
            let value: &RawValue = serde_json::from_str(value).ok()?;
            if let Some(place) = place(&text, name)? {
                text.replace_range(place, value.get());
            } else {
                let end = text.rfind('}')?;
                text.insert_str(end, &format!(",\"{name}\":{value}"));
            }
        }
        Some(text.into_bytes())
    }
}

/// Where the value of a field stands; inside, `None` when the object has no such field.
fn place(text: &str, name: &str) -> Option<Option<Range<usize>>> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let Some(value) = fields.get(name).map(|it| it.get()) else {
        return Some(None);
    };
    let start = value.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    Some(Some(start..start.checked_add(value.len())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(feedback: Option<&str>, score: Option<&str>, metadata: Option<&str>) -> Patch {
        Patch {
            id: [0; 16],
            feedback: feedback.map(str::to_owned),
            score: score.map(str::to_owned),
            metadata: metadata.map(str::to_owned),
        }
    }

    fn applied(patch: &Patch, line: &str) -> Option<String> {
        let bytes = patch.apply(line.as_bytes())?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_change_keeps_every_other_byte() {
        let line =
            r#"{"cost":1.50,"metadata":{"feedback":1},"b":1e3 ,"feedback":null,"score":null}"#;
        assert_eq!(
            applied(&patch(Some("-1"), None, None), line).unwrap(),
            r#"{"cost":1.50,"metadata":{"feedback":1},"b":1e3 ,"feedback":-1,"score":null}"#
        );
        assert_eq!(
            applied(&patch(None, Some("99.5"), Some("null")), line).unwrap(),
            r#"{"cost":1.50,"metadata":null,"b":1e3 ,"feedback":null,"score":99.5}"#
        );
        assert_eq!(applied(&Patch::default(), line).unwrap(), line);
    }

    #[test]
    fn a_field_that_is_not_there_is_added() {
        assert_eq!(
            applied(&patch(Some("1"), None, None), r#"{"id":"}"}"#).unwrap(),
            r#"{"id":"}","feedback":1}"#
        );
    }

    #[test]
    fn what_is_no_json_changes_nothing() {
        assert_eq!(
            applied(&patch(Some("1,\"id\":2"), None, None), "{\"a\":1}"),
            None
        );
        assert_eq!(applied(&patch(Some("1"), None, None), "{\"a\":"), None);
    }
}
