//! An answer of the console, and what is looked at of it.

use serde_json::{Value, json};

use crate::http::header::Name;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(Name, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }

    /// The result of a success.
    pub(super) fn result(&self) -> Value {
        let mut body = self.json();
        assert_eq!(
            (self.status, &body["success"], &body["errors"]),
            (200, &json!(true), &json!([])),
            "{body}"
        );
        body["result"].take()
    }

    /// The status, code and message of a refusal, whose envelope is looked at.
    pub(super) fn refusal(&self) -> (u16, u64, String) {
        let body = self.json();
        assert_eq!(
            (&body["success"], &body["result"], &body["messages"]),
            (&json!(false), &Value::Null, &json!([]))
        );
        let error = &body["errors"][0];
        (
            self.status,
            error["code"].as_u64().unwrap(),
            error["message"].as_str().unwrap().to_owned(),
        )
    }
}
