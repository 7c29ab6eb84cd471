//! The header fields of a step: what it may say itself, and what of the request's it shares with the other steps.
//!
//! A provider is shown the step's own fields and, of the request's, only those of [`SHARED`]: they describe the client
//! or the trace and belong to no provider. Everything else of the request stays behind, whatever it is called; a list
//! of what is secret could never be complete. Invariant: no credential of the request and no field of another step is
//! in a step's head (contract §1.2).

use serde_json::value::RawValue;

use super::json::{self, Members};
use super::{Step, fault, join};
use crate::http::header::HeaderList;
use crate::http::reject::BodyFault;

/// Fields of the request that go to every step's provider, where the step has none of its own.
const SHARED: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-forwarded-proto",
    "x-request-id",
];

/// Fields that a step may hold, because clients copy whole header lists, but that are not its to say: those of one
/// connection (RFC 9110 §7.6.1), those that describe a body as it was before (the list of steps around it), and what there
/// is one of for the whole call: the gateway's credential, which admits it, and the id of the event.
const DROPPED: [&str; 16] = [
    "cf-aig-authorization",
    "cf-aig-event-id",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Most that a step's own header fields may take together, in bytes: more than any provider takes.
const MAX_FIELDS: usize = 65_536;
/// Longest name of a header field, in bytes.
const MAX_NAME: usize = 128;

impl Step<'_> {
    /// The head of a request that calls this step alone, as if its client had sent it to the provider's own URL of this
    /// gateway: `:path` is `/v1/{account}/{gateway}/{provider}/{path}`, settings (`cf-aig-*`) of the step stand in the
    /// place of the request's. The gateway's credential is not in it.
    pub fn head(&self, request: &HeaderList) -> HeaderList {
        let mut fields = Vec::with_capacity(24);
        for (name, value) in request.iter().filter(|(name, _)| is_shared(name)) {
            if name == ":path" {
                fields.push((name.to_owned(), self.target(value)));
            } else if !self.says(name) {
                fields.push((name.to_owned(), value.to_vec()));
            }
        }
        let own = self.headers.iter();
        fields.extend(own.map(|(name, value)| (name.to_owned(), value.to_vec())));
        if !self.headers.contains("content-type") {
            fields.push(("content-type".into(), b"application/json".to_vec()));
        }
        let length = self.body.len().to_string();
        fields.push(("content-length".into(), length.into_bytes()));
        HeaderList::new(fields)
    }

    /// Whether the step has a field of that meaning, under its current name or its older one.
    fn says(&self, name: &str) -> bool {
        let mut own = self.headers.iter();
        own.any(|(own, _)| current(own) == current(name))
    }

    /// The step's own URL below that of the universal endpoint.
    fn target(&self, universal: &[u8]) -> Vec<u8> {
        let mut parts = universal.split(|byte| *byte == b'?');
        let gateway = parts.next().unwrap_or_default();
        let gateway = gateway.strip_suffix(b"/").unwrap_or(gateway);
        let mut target = [gateway, self.provider.as_bytes(), self.path.as_bytes()].join(&b'/');
        if let Some(query) = &self.query {
            target.push(b'?');
            target.extend(query.as_bytes());
        }
        target
    }
}

fn is_shared(name: &str) -> bool {
    let is_setting = name.starts_with("cf-aig-") && name != "cf-aig-authorization";
    is_setting || name.starts_with(':') || current(name) != name || SHARED.contains(&name)
}

/// The name of today for a setting's older one (contract §2.1).
fn current(name: &str) -> &str {
    match name {
        "cf-cache-ttl" => "cf-aig-cache-ttl",
        "cf-skip-cache" => "cf-aig-skip-cache",
        _ => name,
    }
}

/// Reads the fields of a step's `headers`. A name that only differs in case takes the place of the earlier one.
pub(super) fn fields(
    headers: &Members<'_>,
    place: &str,
) -> Result<Vec<(String, Vec<u8>)>, BodyFault> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    let mut size = 0_usize;
    for (name, raw) in headers.iter() {
        if !is_name(name) {
            return Err(fault(place, "has a name that is no header's"));
        }
        let place = join(place, name);
        let name = name.to_ascii_lowercase();
        let text = text(&name, raw).ok_or_else(|| fault(&*place, "must be a string"))?;
        let value = value(&text, &place)?;
        size = size.saturating_add(name.len()).saturating_add(value.len());
        if size > MAX_FIELDS {
            let what = format!("makes the header fields larger than {MAX_FIELDS} bytes");
            return Err(fault(place, what));
        }
        if DROPPED.contains(&name.as_str()) || name.starts_with("x-envoy-") {
            continue;
        }
        match fields.iter_mut().find(|(field, _)| *field == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    Ok(fields)
}

/// The text of a field. The Worker binding's types also let numbers and truth values stand for themselves, and the
/// gateway's own settings be objects.
fn text(name: &str, value: &RawValue) -> Option<String> {
    let raw = value.get();
    match raw.bytes().next()? {
        b'"' => json::text(value),
        b'[' => None,
        b'{' if !name.starts_with("cf-aig-") => None,
        // An object may be written over several lines, a field's value may not.
        b'{' => Some(raw.replace(['\n', '\r'], " ")),
        _ => Some(raw.to_owned()),
    }
}

/// A field's value: what can stand in one line (RFC 9110 §5.5).
pub(super) fn value(text: &str, place: &str) -> Result<Vec<u8>, BodyFault> {
    let text = text.trim_matches([' ', '\t']);
    if text.len() > MAX_FIELDS {
        let what = format!("is larger than {MAX_FIELDS} bytes");
        return Err(fault(place, what));
    }
    let is_control = |byte: u8| byte != b'\t' && byte.is_ascii_control();
    if text.bytes().any(is_control) {
        return Err(fault(place, "has a control character"));
    }
    Ok(text.as_bytes().to_vec())
}

/// A token (RFC 9110 §5.6.2): never a pseudo-header, which begins with a colon.
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_token)
}
