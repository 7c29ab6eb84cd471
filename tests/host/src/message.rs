//! What goes to and fro: requests of clients, what providers get of them, their answers, and what clients get of these.

use serde_json::Value;

use crate::abi::{self, Fields, fields};

/// The request of a client.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub(crate) head: Fields,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) trailers: Fields,
}

impl Request {
    /// A request without a body.
    pub fn get(path: &str) -> Self {
        let head = [
            (":method", "GET"),
            (":path", path),
            (":authority", "gateway.example"),
            (":scheme", "http"),
        ];
        Self {
            head: fields(head),
            ..Self::default()
        }
    }

    /// A JSON request.
    pub fn post(path: &str, body: &Value) -> Self {
        let body = body.to_string();
        let mut request = Self::get(path);
        request.head[0].1 = b"POST".to_vec();
        request
            .header("content-type", "application/json")
            .header("content-length", &body.len().to_string())
            .pieces([body])
    }

    /// To that authority.
    pub fn at(mut self, authority: &str) -> Self {
        self.head[2].1 = authority.into();
        self
    }

    /// With a further header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend(fields([(name, value)]));
        self
    }

    /// With that body, which comes in these pieces.
    pub fn pieces<T: Into<Vec<u8>>>(mut self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.pieces = pieces.into_iter().map(Into::into).collect();
        self
    }
}

/// A request that has passed the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The head, with what the module changed.
    pub head: Fields,
    /// The body, likewise.
    pub body: Vec<u8>,
    pub(crate) trailers: Fields,
}

impl Sent {
    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        text(&self.head, name)
    }
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// In the middle.
    Cut,
    /// With an error of the proxy, for the virtual machine was lost.
    Lost,
    /// Never.
    Stuck,
}

/// The answer of a provider.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) head: Fields,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) is_cut: bool,
    /// Who made it, as Envoy tells.
    pub(crate) details: &'static str,
}

impl Answer {
    /// An answer with that body in pieces.
    pub fn new<T: Into<Vec<u8>>>(
        status: u16,
        content_type: &str,
        pieces: impl IntoIterator<Item = T>,
    ) -> Self {
        let status = status.to_string();
        Self {
            head: fields([(":status", status.as_str()), ("content-type", content_type)]),
            pieces: pieces.into_iter().map(Into::into).collect(),
            is_cut: false,
            details: "via_upstream",
        }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        let body = body.to_string();
        let mut answer = Self::new(status, "application/json", [body.as_str()]);
        let length = body.len().to_string();
        answer
            .head
            .extend(fields([("content-length", length.as_str())]));
        answer
    }

    /// The proxy's own, for want of a provider's.
    pub(crate) fn of_proxy(status: u16, details: &'static str) -> Self {
        Self {
            details,
            ..Self::new(status, "text/plain", [details])
        }
    }

    /// Cut off before its end.
    pub const fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The head; none if nothing came.
    pub head: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// Its end.
    pub end: End,
    /// The filter state that the module left, as access loggers see it.
    pub record: Option<String>,
}

impl Reply {
    pub(crate) const fn of(end: End) -> Self {
        Self {
            head: Fields::new(),
            body: Vec::new(),
            end,
            record: None,
        }
    }

    /// The status; 0 if there is no head.
    pub fn status(&self) -> u16 {
        let status = self.header(":status");
        status
            .and_then(|status| status.parse().ok())
            .unwrap_or_default()
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        text(&self.head, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The log record of the call as JSON; null if there is none.
    pub fn record(&self) -> Value {
        let record = self.record.as_deref().unwrap_or("null");
        serde_json::from_str(record).unwrap_or_else(|error| panic!("{error} in {record}"))
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    abi::value(fields, name).map(|value| std::str::from_utf8(value).expect("a text"))
}
