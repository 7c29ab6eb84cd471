//! The envelope of the control API (v4): what every answer of it looks like, and the ways to say no.
//!
//! Invariant: a refusal names what is wrong and where, and never repeats more of the request than a bounded word of it.

use serde_json::{Value, json};

use crate::http::reply::Reply;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: u32,
    message: String,
    /// Where in the request: `query`, `per_page`.
    path: Vec<String>,
    /// The methods that there are, of a 405.
    allow: Option<&'static str>,
}

/// Longest word of a request that is repeated, in characters.
const MAX_WORD: usize = 64;

impl Refusal {
    fn of(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            path: Vec::new(),
            allow: None,
        }
    }

    /// 400/7001: a value that cannot be used. `place` is `query` or `body`.
    pub(super) fn invalid(place: &str, name: &str, message: impl Into<String>) -> Self {
        Self {
            path: vec![place.to_owned(), word(name)],
            ..Self::of(400, 7001, message)
        }
    }

    /// 400/7001: the body is not what is wanted.
    pub(super) fn bad_body(message: impl Into<String>) -> Self {
        Self {
            path: vec!["body".to_owned()],
            ..Self::of(400, 7001, message)
        }
    }

    /// 413/7001: the body is longer than any that is wanted.
    pub(super) fn body_too_large(limit: usize) -> Self {
        Self::of(
            413,
            7001,
            format!("Request body too large: at most {limit} bytes"),
        )
    }

    /// 401/10000: no credential, or a wrong one.
    pub(super) fn unauthenticated() -> Self {
        Self::of(401, 10000, "Authentication error")
    }

    /// 403/10000: who may come in without a credential, and who not.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::of(403, 10000, message)
    }

    /// 404/7002: what is asked for is not there.
    pub(super) fn not_found(what: &str) -> Self {
        Self::of(404, 7002, format!("{what} not found"))
    }

    /// 404/1004, the contract's own for custom providers.
    pub(super) fn no_custom_provider() -> Self {
        Self::of(404, 1004, "Custom Provider not found")
    }

    /// 405/7001: the method has no meaning there.
    pub(super) fn method(allow: &'static str) -> Self {
        Self::read_only(allow, format!("Method not supported: use {allow}"))
    }

    /// 405/7001: what is configured cannot be changed here; `message` names the field.
    pub(super) fn read_only(allow: &'static str, message: impl Into<String>) -> Self {
        Self {
            allow: Some(allow),
            ..Self::of(405, 7001, message)
        }
    }

    /// 409/7001: the bound on what is kept has been reached.
    pub(super) fn full(message: impl Into<String>) -> Self {
        Self::of(409, 7001, message)
    }

    /// 501/7001: not a part of this product.
    pub(super) fn not_here(message: impl Into<String>) -> Self {
        Self::of(501, 7001, message)
    }

    /// 503/7001: shared data or the keeper do not answer.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::of(503, 7001, message)
    }

    /// The answer.
    pub(super) fn reply(&self) -> Reply {
        let mut error = json!({"code": self.code, "message": self.message});
        if let (Value::Object(error), false) = (&mut error, self.path.is_empty()) {
            error.insert("path".to_owned(), json!(self.path));
        }
        let body = json!({"success": false, "errors": [error], "messages": [], "result": null});
        let mut reply = json_reply(self.status, body.to_string().into_bytes());
        if let Some(allow) = self.allow {
            reply.headers.push(("allow".into(), allow.into()));
        }
        if self.status == 401 {
            let scheme = ("www-authenticate".into(), "Bearer".into());
            reply.headers.push(scheme);
        }
        reply
    }
}

/// A word of the request as it may be repeated.
pub(super) fn word(text: &str) -> String {
    text.chars().take(MAX_WORD).collect()
}

/// A result.
pub(super) fn success(result: &Value) -> Reply {
    let body = json!({"success": true, "errors": [], "messages": [], "result": result});
    json_reply(200, body.to_string().into_bytes())
}

/// One page of a list, cut from all of it.
pub(super) fn page_of(mut items: Vec<Value>, page: &super::request::Page) -> Reply {
    let total = items.len();
    let items: Vec<Value> = items
        .drain(..)
        .skip(page.skipped())
        .take(page.per_page)
        .collect();
    let info = json!({"count": items.len(), "page": page.page, "per_page": page.per_page, "total_count": total});
    let body = json!({"success": true, "errors": [], "messages": [], "result": items, "result_info": info});
    json_reply(200, body.to_string().into_bytes())
}

/// An answer of JSON text.
pub(super) fn json_reply(status: u16, body: Vec<u8>) -> Reply {
    reply(status, "application/json", body)
}

/// An answer. Nothing here may be kept by others, taken for another type, or shown in a frame.
pub(super) fn reply(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
    let headers = [
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("referrer-policy", "no-referrer"),
    ];
    let headers = headers.map(|(name, value)| (name.into(), value.to_owned()));
    Reply {
        status,
        headers: headers.into(),
        body,
    }
}
