//! What the head of the provider's answer says beside the answer: its name there, and how much more may be asked.
//!
//! Invariant: what is kept of a head is bounded in number and length (providers.md §2).

use serde::{Serialize, Serializer};

use super::Record;
use super::stages::text;
use crate::http::header::HeaderList;
use crate::llm::format::amazon_error;

/// Header fields in which a provider names the answer; the first that is there counts.
const REQUEST_IDS: &[&str] = &[
    "request-id",
    "x-request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "mistral-correlation-id",
    "x-debug-trace-id",
    "dg-request-id",
    "x-fal-request-id",
    "cf-ai-req-id",
];
/// The name that the provider's content network gave it, where the provider itself gave none.
const NETWORK_ID: &str = "cf-ray";

/// Beginnings of the header fields that tell of quotas and of when to come again.
const QUOTAS: &[&str] = &[
    "x-ratelimit-",
    "anthropic-ratelimit-",
    "ratelimit",
    "retry-after",
    "x-trial-endpoint-call-",
];
/// Most quotas that are kept: the longest lists in use have twenty.
const MAX_QUOTAS: usize = 32;
/// Longest name or value of a quota, in bytes; a longer one is not kept.
const MAX_QUOTA_BYTES: usize = 128;

/// Header fields about quotas, in the provider's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits(Vec<(String, String)>);

impl RateLimits {
    /// The quotas of a head, if it has any.
    fn of(head: &HeaderList) -> Option<Self> {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (name, value) in head.iter() {
            let is_known = kept.iter().any(|(known, _)| known == name);
            if !is_quota(name) || kept.len() == MAX_QUOTAS || is_known {
                continue;
            }
            let fits = name.len().max(value.len()) <= MAX_QUOTA_BYTES;
            if let Some(value) = std::str::from_utf8(value).ok().filter(|_| fits) {
                kept.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        (!kept.is_empty()).then_some(Self(kept))
    }
}

/// Whether a header field names the answer or tells of quotas: it holds for one call alone.
pub fn is_per_call(name: &str) -> bool {
    REQUEST_IDS.contains(&name) || name == NETWORK_ID || is_quota(name)
}

fn is_quota(name: &str) -> bool {
    QUOTAS.iter().any(|quota| name.starts_with(quota))
}

impl Serialize for RateLimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Record {
    /// From the head of an answer that the provider gave.
    pub(super) fn describe_provider(&mut self, head: &HeaderList) {
        self.upstream_request_id = REQUEST_IDS.iter().find_map(|name| text(head, name));
        self.network_id = text(head, NETWORK_ID);
        self.rate_limits = RateLimits::of(head);
        let error = amazon_error(head).filter(|_| self.status_code >= 400);
        self.error_type = error.map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(fields: &[(&str, &str)]) -> HeaderList {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn quotas_are_kept_in_the_providers_words_and_bounded() {
        let long = "9".repeat(MAX_QUOTA_BYTES + 1);
        let head = list(&[
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("anthropic-ratelimit-tokens-limit", "1"),
            ("retry-after", "3"),
            ("retry-after", "4"),
            ("x-ratelimit-odd", &long),
            ("x-request-id", "r"),
        ]);
        let expected = json!({
            "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-requests": "6ms",
            "anthropic-ratelimit-tokens-limit": "1", "retry-after": "3",
        });
        assert_eq!(
            serde_json::to_value(RateLimits::of(&head)).unwrap(),
            expected
        );
        assert_eq!(RateLimits::of(&list(&[("x-request-id", "r")])), None);
        let many: HeaderList = (0..100)
            .map(|n| (format!("ratelimit-{n}"), b"1".to_vec()))
            .collect();
        assert_eq!(RateLimits::of(&many).unwrap().0.len(), MAX_QUOTAS);
    }

    #[test]
    fn the_name_of_an_error_is_in_the_head_only_of_an_error() {
        let head = list(&[(
            "x-amzn-errortype",
            "ThrottlingException:http://internal.amazon.com/",
        )]);
        for (status, error) in [(429, Some("ThrottlingException")), (200, None)] {
            let mut record = Record {
                status_code: status,
                ..Record::default()
            };
            record.describe_provider(&head);
            assert_eq!(record.error_type.as_deref(), error);
        }
    }
}
