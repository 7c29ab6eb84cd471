//! The per-call settings a client sends as `cf-aig-*` headers (contract §2.1).
//!
//! No stored page documents an error for a bad value, so a bad value reads as absent and the gateway's setting holds;
//! bad prices are marked in the record.

use crate::http::header::HeaderList;
use crate::http::trace::Trace;
use crate::policy::custom_cost::{BadCustomCost, CustomCost};
use crate::policy::metadata::Metadata;

/// The bounds of a cache lifetime in seconds: one minute to thirty days (contract §3.1).
const CACHE_TTL: std::ops::RangeInclusive<u32> = 60..=2_592_000;

/// Longest event id or cache key that is taken over, in bytes.
const MAX_TEXT: usize = 1024;

/// What the client asked for, as far as it made sense.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `cf-aig-skip-cache`: do not read the cache.
    pub skip_cache: Option<bool>,
    /// `cf-aig-cache-ttl` in seconds; 0 turns the cache off for this call.
    pub cache_ttl: Option<u32>,
    /// `cf-aig-cache-key`: replaces the computed key and opts into caching.
    pub cache_key: Option<Vec<u8>>,
    /// `cf-aig-collect-log`.
    pub collect_log: Option<bool>,
    /// `cf-aig-collect-log-payload`.
    pub collect_log_payload: Option<bool>,
    /// `cf-aig-metadata`.
    pub metadata: Option<Metadata>,
    /// `cf-aig-event-id`.
    pub event_id: Option<String>,
    /// `cf-aig-byok-alias`: the stored key to be used.
    pub byok_alias: Option<String>,
    /// `cf-aig-custom-cost`.
    pub custom_cost: Option<Result<CustomCost, BadCustomCost>>,
    /// `cf-aig-otel-trace-id` and `cf-aig-otel-parent-span-id`, or else `traceparent`.
    pub trace: Option<Trace>,
}

impl Options {
    /// Reads the options in one pass over the request's header fields. The current spelling of a header beats its
    /// deprecated alias, in whatever order they come.
    pub fn read(head: &HeaderList) -> Self {
        let mut options = Self {
            trace: Trace::read(head),
            ..Self::default()
        };
        let mut aliases = Self::default();
        for (name, value) in head.iter() {
            let Some(name) = name.strip_prefix("cf-") else {
                continue;
            };
            let text = std::str::from_utf8(value).ok().map(str::trim);
            match name {
                "aig-skip-cache" => options.skip_cache = text.and_then(boolean),
                "aig-cache-ttl" => options.cache_ttl = text.and_then(lifetime),
                "aig-cache-key" => options.cache_key = bounded(value).map(<[u8]>::to_vec),
                "aig-collect-log" => options.collect_log = text.and_then(boolean),
                "aig-collect-log-payload" => options.collect_log_payload = text.and_then(boolean),
                "aig-metadata" => options.metadata = Metadata::parse(value),
                "aig-event-id" => options.event_id = text.and_then(identifier),
                "aig-byok-alias" => options.byok_alias = text.and_then(identifier),
                "aig-custom-cost" => options.custom_cost = Some(CustomCost::parse(value)),
                "skip-cache" => aliases.skip_cache = text.and_then(boolean),
                "cache-ttl" => aliases.cache_ttl = text.and_then(lifetime),
                _ => {}
            }
        }
        options.skip_cache = options.skip_cache.or(aliases.skip_cache);
        options.cache_ttl = options.cache_ttl.or(aliases.cache_ttl);
        options
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn lifetime(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|seconds| *seconds == 0 || CACHE_TTL.contains(seconds))
}

fn bounded(value: &[u8]) -> Option<&[u8]> {
    (1..=MAX_TEXT).contains(&value.len()).then_some(value)
}

fn identifier(text: &str) -> Option<String> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (visible && bounded(text.as_bytes()).is_some()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Options {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Options::read(&fields.collect())
    }

    #[test]
    fn every_header_of_the_contract_is_read() {
        let options = read(&[
            ("cf-aig-skip-cache", "TRUE"),
            ("cf-aig-cache-ttl", " 3600 "),
            ("cf-aig-cache-key", "k"),
            ("cf-aig-collect-log", "false"),
            ("cf-aig-collect-log-payload", "true"),
            ("cf-aig-event-id", "my-call"),
            ("cf-aig-byok-alias", "spare"),
            ("cf-aig-custom-cost", r#"{"total_cost":1}"#),
            ("cf-aig-otel-trace-id", "0af7651916cd43dd8448eb211c80319c"),
        ]);
        assert!(options.trace.is_some());
        assert_eq!(options.skip_cache, Some(true));
        assert_eq!(options.cache_ttl, Some(3600));
        assert_eq!(options.cache_key.as_deref(), Some(&b"k"[..]));
        assert_eq!(
            (options.collect_log, options.collect_log_payload),
            (Some(false), Some(true))
        );
        assert_eq!(options.event_id.as_deref(), Some("my-call"));
        assert_eq!(options.byok_alias.as_deref(), Some("spare"));
        assert!(matches!(options.custom_cost, Some(Ok(_))));
    }

    #[test]
    fn a_bad_value_reads_as_absent() {
        for (name, value) in [
            ("cf-aig-skip-cache", "yes"),
            ("cf-aig-cache-ttl", "59"),
            ("cf-aig-cache-ttl", "2592001"),
            ("cf-aig-cache-ttl", "-1"),
            ("cf-aig-cache-ttl", "1e3"),
            ("cf-aig-cache-key", ""),
            ("cf-aig-collect-log", "1"),
            ("cf-aig-event-id", "two words"),
            ("cf-aig-metadata", "not json"),
        ] {
            assert_eq!(
                read(&[(name, value)]),
                Options::default(),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn deprecated_aliases_work_and_the_current_spelling_wins() {
        let both = read(&[("cf-aig-cache-ttl", "60"), ("cf-cache-ttl", "120")]);
        assert_eq!(both.cache_ttl, Some(60));
        let both = read(&[("cf-skip-cache", "true"), ("cf-aig-skip-cache", "false")]);
        assert_eq!(both.skip_cache, Some(false));
        let old = read(&[("cf-cache-ttl", "120"), ("cf-skip-cache", "true")]);
        assert_eq!((old.cache_ttl, old.skip_cache), (Some(120), Some(true)));
    }
}
