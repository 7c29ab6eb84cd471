//! The stored form of an answer: its header fields worth replaying, then its body, byte for byte.
//!
//! Layout, integers big-endian: u16 number of fields; per field u16 length of the name, name, u16 length of the value,
//! value; then the body. What the answer had cost stands in fields whose names begin with a colon, which no replayed
//! field's name does. Invariant: what cannot be read back whole is treated as absent.

use crate::http::header::{HeaderList, Name};
use crate::http::reply::Reply;
use crate::policy::custom_cost::Decimal;
use crate::record::{self, Cost, Record, Saved};
use crate::store::table::Entry;

/// Header fields of a provider's answer that belong to one call or one connection and are not replayed: hop-by-hop
/// (RFC 9110 §7.6.1), framing, cookies, dates, timings and counts of what was consumed; the record knows those of ids
/// and quotas (providers.md §2 and §3).
const PER_CALL: &[&str] = &[
    "age",
    "alt-svc",
    "anthropic-organization-id",
    "character-cost",
    "connection",
    "content-length",
    "date",
    "dg-char-count",
    "history-item-id",
    "keep-alive",
    "nel",
    "num_chars",
    "num_tokens",
    "openai-organization",
    "openai-processing-ms",
    "openai-project",
    "proxy-authenticate",
    "proxy-connection",
    "report-to",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-invocation-latency",
    "x-amzn-bedrock-output-token-count",
    "x-compute-characters",
    "x-compute-time",
    "x-fal-billable-units",
    "x-generated-tokens",
    "x-inference-time",
    "x-prompt-tokens",
    "x-queue-time",
    "x-time-per-token",
    "x-total-time",
    "x-validation-time",
];
/// Prefixes of such fields.
const PER_CALL_PREFIXES: &[&str] = &[
    ":",
    "access-control-",
    "cf-",
    "x-amzn-request",
    "x-envoy-",
    "x-kong-",
    "x-request-",
    "x-should-retry",
    "x-sluice-",
];

const COST: &str = ":cost";
const TOKENS_IN: &str = ":tokens-in";
const TOKENS_OUT: &str = ":tokens-out";
const MODEL: &str = ":model";

/// The header fields of an answer, encoded.
#[derive(Clone, Debug, Default)]
pub struct StoredHead {
    count: usize,
    fields: Vec<u8>,
}

impl StoredHead {
    /// Keeps what may be replayed.
    pub fn new(head: &HeaderList) -> Self {
        // A connection may name more fields of its own (RFC 9110 §7.6.1).
        let connection = head.text("connection").unwrap_or_default();
        let listed = |name: &str| {
            connection
                .split(',')
                .any(|field| field.trim().eq_ignore_ascii_case(name))
        };
        let mut stored = Self {
            count: 0,
            fields: Vec::with_capacity(256),
        };
        for (name, value) in head.iter() {
            if is_replayed(name, value) && !listed(name) {
                stored.put(name, value);
            }
        }
        stored
    }

    /// The whole stored form: with what the answer has cost, and its body.
    pub fn with_body(mut self, saved: &Saved, body: &[u8]) -> Vec<u8> {
        let count = |count: Option<u64>| count.map(|count| count.to_string());
        for (name, value) in [
            (COST, saved.cost.as_ref().map(Cost::to_string)),
            (TOKENS_IN, count(saved.tokens_in)),
            (TOKENS_OUT, count(saved.tokens_out)),
            (MODEL, saved.model.clone()),
        ] {
            if let Some(value) = value.filter(|value| u16::try_from(value.len()).is_ok()) {
                self.put(name, value.as_bytes());
            }
        }
        let mut bytes = Vec::with_capacity(
            self.fields
                .len()
                .saturating_add(body.len())
                .saturating_add(2),
        );
        put_length(&mut bytes, self.count);
        bytes.extend_from_slice(&self.fields);
        bytes.extend_from_slice(body);
        bytes
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        self.count = self.count.saturating_add(1);
        for part in [name.as_bytes(), value] {
            put_length(&mut self.fields, part.len());
            self.fields.extend_from_slice(part);
        }
    }
}

fn is_replayed(name: &str, value: &[u8]) -> bool {
    let per_call = record::is_per_call(name)
        || PER_CALL.contains(&name)
        || PER_CALL_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    // The proxy takes text for the header fields of a local reply.
    !per_call && std::str::from_utf8(value).is_ok() && u16::try_from(value.len()).is_ok()
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

/// A stored answer that may be served.
pub struct Hit {
    headers: Vec<(Name, String)>,
    saved: Saved,
    entry: Entry,
    head_size: usize,
}

impl Hit {
    /// The answer of an entry; `None` when it cannot be read.
    pub(super) fn read(entry: Entry) -> Option<Self> {
        let (mut headers, body) = decode(entry.payload())?;
        let head_size = entry.payload().len().saturating_sub(body.len());
        let saved = take_saved(&mut headers);
        let headers = headers.into_iter();
        Some(Self {
            headers: headers.map(|(name, value)| (name.into(), value)).collect(),
            saved,
            head_size,
            entry,
        })
    }

    /// Whether the client with that request head understands how the answer is compressed, by its own word: what it
    /// does not name it may not be able to read (RFC 9110 §12.5.3).
    pub fn is_readable(&self, head: &HeaderList) -> bool {
        self.headers
            .iter()
            .filter(|(name, _)| name == "content-encoding")
            .flat_map(|(_, value)| value.split(',').map(str::trim))
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
            .all(|coding| accepts(head, coding))
    }

    /// The answer for the client, with its age (RFC 9111 §5.1).
    pub fn reply(self, now: u64, record: &mut Record) -> Reply {
        let mut headers = self.headers;
        let body = self
            .entry
            .payload()
            .get(self.head_size..)
            .unwrap_or_default();
        record.take_hit(&headers, body, self.saved, now);
        headers.extend(record.identity());
        headers.push(("cf-aig-cache-status".into(), "HIT".into()));
        headers.push(("age".into(), self.entry.age(now).to_string()));
        Reply {
            status: 200,
            headers,
            body: body.to_vec(),
        }
    }
}

fn accepts(head: &HeaderList, coding: &str) -> bool {
    head.values("accept-encoding")
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .any(|choice| {
            let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
            let is_refused = weight
                .trim()
                .strip_prefix("q=")
                .is_some_and(|weight| weight.trim_end_matches(['0', '.']).is_empty());
            name.trim().eq_ignore_ascii_case(coding) && !is_refused
        })
}

type Decoded<'a> = (Vec<(String, String)>, &'a [u8]);

fn decode(payload: &[u8]) -> Option<Decoded<'_>> {
    let (count, mut rest) = take_length(payload)?;
    let mut headers = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let name;
        let value;
        (name, rest) = take_text(rest)?;
        (value, rest) = take_text(rest)?;
        headers.push((name.to_owned(), value.to_owned()));
    }
    Some((headers, rest))
}

/// Parts what the answer had cost from what is replayed.
fn take_saved(headers: &mut Vec<(String, String)>) -> Saved {
    let mut saved = Saved::default();
    headers.retain(|(name, value)| {
        match name.as_str() {
            COST => saved.cost = Decimal::parse(value).ok().map(Cost::Exact),
            TOKENS_IN => saved.tokens_in = value.parse().ok(),
            TOKENS_OUT => saved.tokens_out = value.parse().ok(),
            MODEL => saved.model = Some(value.clone()),
            _ => {}
        }
        !name.starts_with(':')
    });
    saved
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_be_bytes(*length)), rest))
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = take_length(bytes)?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> HeaderList {
        let fields: &[(&str, &[u8])] = &[
            (":status", b"200"),
            ("content-type", b"text/event-stream"),
            ("set-cookie", b"secret"),
            ("x-ratelimit-remaining-tokens", b"1"),
            ("x-request-id", b"1"),
            ("openai-version", b"2020-10-01"),
            ("x-odd", b"\xFF"),
            ("transfer-encoding", b"chunked"),
        ];
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect()
    }

    fn saved() -> Saved {
        Saved {
            cost: Some(Cost::Exact(Decimal::parse("0.00123").unwrap())),
            tokens_in: Some(11),
            tokens_out: None,
            model: Some("m-1".to_owned()),
        }
    }

    #[test]
    fn cookies_and_per_call_fields_are_not_replayed_and_the_body_is_exact() {
        let payload = StoredHead::new(&head()).with_body(&saved(), b"data: \xFF\0\n\n");
        let (mut headers, body) = decode(&payload).unwrap();
        assert_eq!(take_saved(&mut headers), saved());
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "openai-version"]);
        assert_eq!(body, b"data: \xFF\0\n\n");
    }

    #[test]
    fn what_a_provider_tells_of_one_call_alone_is_not_replayed() {
        let told = [
            "apim-request-id",
            "cf-ray",
            "dg-request-id",
            "mistral-correlation-id",
            "request-id",
            "x-amzn-requestid",
            "x-debug-trace-id",
            "x-fal-request-id",
            "x-request-id",
            "anthropic-ratelimit-tokens-remaining",
            "ratelimit",
            "ratelimit-policy",
            "retry-after-ms",
            "x-ratelimit-limit-requests",
            "x-trial-endpoint-call-remaining",
            "character-cost",
            "dg-char-count",
            "x-amzn-bedrock-input-token-count",
            "x-fal-billable-units",
            "x-prompt-tokens",
        ];
        for name in told {
            assert!(!is_replayed(name, b"1"), "{name}");
        }
        for name in [
            "content-type",
            "dg-model-name",
            "x-amzn-bedrock-content-type",
        ] {
            assert!(is_replayed(name, b"1"), "{name}");
        }
    }

    #[test]
    fn a_damaged_entry_is_no_answer() {
        let payload = StoredHead::new(&head()).with_body(&saved(), b"");
        for cut in 0..payload.len() {
            assert!(decode(&payload[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn an_entry_without_a_cost_is_still_an_answer() {
        let payload = StoredHead::new(&head()).with_body(&Saved::default(), b"x");
        let (mut headers, body) = decode(&payload).unwrap();
        assert_eq!(take_saved(&mut headers), Saved::default());
        assert_eq!((headers.len(), body), (2, &b"x"[..]));
    }
}
