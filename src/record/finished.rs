//! A record that is done, as it leaves the exchange: the line, and apart from it what was kept of the bodies.

use std::borrow::Cow;

use super::{Record, line};
use crate::config::LogManagement;

/// Bodies up to this size are shown in the line as well, in bytes: they are written as JSON text, and copied more than
/// once on the way to a log file.
const MAX_INLINE: usize = 1 << 20;

/// A finished record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Its UUIDv7.
    pub id: [u8; 16],
    /// When its call began, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The account of its URL.
    pub account: Option<String>,
    /// The gateway of its URL.
    pub gateway: Option<String>,
    /// How many records of that gateway are kept.
    pub management: Option<LogManagement>,
    /// One line of JSON, without the bodies.
    pub line: String,
    /// What was kept of the request's body.
    pub request: Option<String>,
    /// What was kept of the answer's body.
    pub response: Option<String>,
}

impl Record {
    /// Bytes of the payload that it holds.
    pub fn payload_size(&self) -> usize {
        let heads = [&self.request_head, &self.response_head];
        heads.into_iter().flatten().map(String::len).sum()
    }

    /// The record as it leaves the exchange.
    pub fn finish(&mut self) -> Finished {
        Finished {
            id: bytes_of(&self.id),
            created_ms: self.began / 1_000_000,
            account: self.account_id.clone(),
            gateway: self.gateway_id.clone(),
            management: self.management,
            // Nothing in a record can fail to be written; an empty line would at least be seen.
            line: line::of(self).unwrap_or_default(),
            request: self.request_head.take(),
            response: self.response_head.take(),
        }
    }
}

impl Finished {
    /// The line with the bodies in it, but for those that are very long.
    pub fn to_json(&self) -> Cow<'_, str> {
        let heads = [
            ("request_head", &self.request),
            ("response_head", &self.response),
        ];
        let mut text = Cow::Borrowed(self.line.as_str());
        for (name, head) in heads {
            let head = head.as_ref().filter(|head| head.len() <= MAX_INLINE);
            if let Some(head) = head {
                // What follows it in a record is nobody else's text, so the last one is meant.
                let place = text.rfind(&format!(",\"{name}_complete\":"));
                let head = serde_json::to_string(head).unwrap_or_default();
                let field = format!(",\"{name}\":{head}");
                let place = place.unwrap_or(text.len());
                text.to_mut().insert_str(place, &field);
            }
        }
        text
    }
}

/// The 16 bytes of a UUID's text; zeros of what is none.
fn bytes_of(text: &str) -> [u8; 16] {
    let mut digits = text.bytes().filter_map(|it| char::from(it).to_digit(16));
    let mut next = || digits.next().and_then(|it| u8::try_from(it).ok());
    std::array::from_fn(|_| match (next(), next()) {
        (Some(high), Some(low)) => high << 4 | low,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record() -> Record {
        Record {
            id: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".to_owned(),
            request_head: Some("a \"quoted\" one".to_owned()),
            request_head_complete: Some(true),
            response_head: Some("b".to_owned()),
            response_head_complete: Some(false),
            user_agent: Some(",\"request_head_complete\":".to_owned()),
            ..Record::default()
        }
    }

    #[test]
    fn the_bodies_stand_in_the_line_where_their_fields_are() {
        let finished = record().finish();
        let text = finished.to_json();
        let expected = "\"response_flags\":0,\"request_head\":\"a \\\"quoted\\\" one\",\"request_head_complete\":true,\
            \"response_head\":\"b\",\"response_head_complete\":false,\"byok\":false";
        assert!(text.contains(expected), "{text}");
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let fields = value.as_object_mut().unwrap();
        assert_eq!(
            fields.remove("request_head"),
            Some(json!("a \"quoted\" one"))
        );
        assert_eq!(fields.remove("response_head"), Some(json!("b")));
        assert_eq!(
            serde_json::from_str::<Value>(&finished.line).unwrap(),
            value
        );
    }

    #[test]
    fn a_very_long_body_is_only_beside_the_line() {
        let mut record = record();
        record.request_head = Some("x".repeat(MAX_INLINE + 1));
        let finished = record.finish();
        let value: Value = serde_json::from_str(&finished.to_json()).unwrap();
        assert_eq!(
            (&value["request_head"], &value["response_head"]),
            (&Value::Null, &json!("b"))
        );
        assert_eq!(finished.request.map(|it| it.len()), Some(MAX_INLINE + 1));
    }

    #[test]
    fn an_id_is_the_bytes_that_its_text_says() {
        let id = 0x017f_22e2_79b0_7cc3_98c4_dc0c_0c07_398f_u128.to_be_bytes();
        assert_eq!(record().finish().id, id);
        assert_eq!(bytes_of("none"), [0; 16]);
    }
}
