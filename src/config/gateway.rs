//! A gateway and its settings, in the field names of contract §1.9.
//!
//! Invariant: a [`Gateway`] in hand is complete and in range.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use super::credential::{self, Credential};
use super::section::{Field, Range, Section, distinct};
use super::{
    Environment, LogManagement, NEEDS_ATTEMPTS, Privacy, RetrySettings, Sink, export, kind,
    log_store, privacy, retry,
};

/// One gateway: the settings that apply to the calls of `/v1/{account}/{id}/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// 1 to 64 letters, digits, `_` and `-`.
    pub id: String,
    /// The only account that may use it; `None`: any account. Default `None`.
    pub account_id: Option<String>,
    /// Whether a call must carry one of the credentials (contract §5). Default false.
    pub authentication: bool,
    /// What a client may show; several, so that they can be rotated. Not empty when `authentication` is on.
    pub credentials: Vec<Credential>,
    /// Seconds an answer is kept, 60 to 2592000 (contract §3.1); `None`: no caching unless a call asks for it.
    /// Default `None`.
    pub cache_ttl: Option<NonZeroU32>,
    /// Which identical calls wait for the first one's answer. Default [`SingleFlight::NonStreaming`].
    pub single_flight: SingleFlight,
    /// How long a call waits for another one's answer before it goes on alone, 1 to 600 seconds. Default 30 seconds.
    pub single_flight_timeout: Duration,
    /// Whether calls are logged (contract §7.1). Default true.
    pub collect_logs: bool,
    /// Whether the log record holds the bodies as well. Default false.
    pub collect_log_payload: bool,
    /// How many of its log records are kept; `None`: as many as the store holds. Default `None`.
    pub log_management: Option<LogManagement>,
    /// What its log records must not tell; `None`: nothing is taken out of them. Default `None`.
    pub privacy: Option<Rc<Privacy>>,
    /// How many calls may pass (contract §4.1); `None`: any number. Default `None`.
    pub rate_limit: Option<RateLimit>,
    /// How failures are retried, and which lead to the next step (contract §6).
    pub retry: RetrySettings,
    /// Whether chat streams are asked for their usage where the client did not, and the client is shown the stream as
    /// it would have been. Default false.
    pub stream_usage: bool,
    /// Which clients of a stream that its provider cut are told so by an error event. Default [`StreamErrors::Planned`].
    pub stream_errors: StreamErrors,
    /// Where its records go as traces (contract §7.7).
    pub otel: Vec<Rc<Sink>>,
}

/// Which streams that are cut end in an error event of their API, where that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamErrors {
    /// None: nothing but the provider's bytes.
    Off,
    /// Those of calls that take the hop in any case.
    Planned,
    /// All: calls of APIs that have such an event take the hop for it.
    All,
}

/// Which identical calls wait for the answer of the first instead of calling the provider as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleFlight {
    /// None.
    Off,
    /// Those that do not stream.
    NonStreaming,
    /// All; one that streams gets its first byte when the first call's stream has ended.
    All,
}

/// No more than `limit` calls in any (sliding) or each (fixed) `interval` (contract §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls.
    pub limit: NonZeroU32,
    /// Whole seconds, 1 to 2592000.
    pub interval: Duration,
    /// Which windows are meant. Default [`Technique::Fixed`].
    pub technique: Technique,
}

/// The windows in which calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// Clock-aligned windows, one after the other.
    Fixed,
    /// Every window, wherever it begins.
    Sliding,
}

impl Gateway {
    /// What tells gateways apart, and their order in the configuration.
    pub(super) fn key(&self) -> (&str, Option<&str>) {
        (&self.id, self.account_id.as_deref())
    }
}

/// Reads the list of gateways. `has_attempts`: a call may have several.
pub(super) fn read_all(
    list: &Field<'_>,
    environment: Environment<'_>,
    has_attempts: bool,
) -> Option<Vec<Gateway>> {
    let entries = list.items()?;
    if entries.is_empty() {
        list.fault("is missing: write at least one gateway, such as [{id: my-gateway}]");
    }
    let gateways: Vec<_> = entries
        .iter()
        .map(|entry| read(entry, environment, has_attempts))
        .collect();
    let found = entries.iter().zip(&gateways);
    let keys = found.filter_map(|(entry, gateway)| Some((entry, gateway.as_ref()?.key())));
    distinct(keys, |first| {
        format!("has the id of {first}: give it its own id or account_id")
    });
    gateways.into_iter().collect()
}

/// Read-only fields, and settings that steer only what the replaced service does by itself.
const IGNORED: [&str; 11] = [
    "account_tag",
    "cache_invalidate_on_update",
    "created_at",
    "internal",
    "internal_id",
    "is_default",
    "logpush_public_key",
    "modified_at",
    "store_id",
    "wholesale",
    "workers_ai_billing_mode",
];

/// Features that do not exist here: to ignore them would promise what is not kept.
const UNSUPPORTED: [&str; 8] = [
    "byok_only",
    "dlp",
    "guardrails",
    "log_classification",
    "logpush",
    "spend_limits",
    "stripe",
    "zdr",
];

const MONTH: u64 = 2_592_000;
const CACHE_TTL: Range = Range {
    min: 60,
    max: MONTH,
    unit: "second",
};
const SINGLE_FLIGHT_TIMEOUT: Range = Range {
    min: 1,
    max: 600,
    unit: "second",
};
const RATE_LIMIT: Range = Range {
    min: 1,
    max: 0xFFFF_FFFF,
    unit: "call",
};
const RATE_INTERVAL: Range = Range {
    min: 1,
    max: MONTH,
    unit: "second",
};

fn read(entry: &Field<'_>, environment: Environment<'_>, has_attempts: bool) -> Option<Gateway> {
    let mut section = entry.section()?;
    let id = section
        .field("id")
        .required("a name, such as my-gateway")
        .text(&kind::NAME);
    let account_id = section.field("account_id").text(&kind::NAME);
    let authentication = section.field("authentication").flag(false);
    let credentials = section.field("credentials");
    let credentials = credential::read_all(&credentials, authentication, environment);
    let cache_ttl = section.field("cache_ttl").whole_unless_off(&CACHE_TTL);
    let single_flight = section.field("cache_single_flight").choice(&[
        ("off", SingleFlight::Off),
        ("non_streaming", SingleFlight::NonStreaming),
        ("all", SingleFlight::All),
    ]);
    let timeout = section
        .field("cache_single_flight_timeout")
        .whole(&SINGLE_FLIGHT_TIMEOUT);
    let collect_logs = section.field("collect_logs").flag(true);
    let collect_log_payload = section.field("collect_log_payload").flag(false);
    let log_management = log_store::read_management(&mut section);
    let privacy = section.field("log_privacy");
    let privacy = privacy
        .is_given()
        .then(|| privacy::read(&privacy, environment));
    let rate_limit = rate_limit(&mut section);
    let retry = retry::read(&mut section, has_attempts);
    let stream_usage = section.field("stream_usage").flag(false);
    let stream_errors = stream_errors(&section.field("stream_errors"), has_attempts);
    let owner = (id.as_deref(), account_id.as_deref());
    let otel = export::read_otel(&section.field("otel"), owner, environment);
    section.ignore(&IGNORED);
    section.refuse_unless_off(&UNSUPPORTED);
    section.finish();
    Some(Gateway {
        id: id?,
        account_id,
        authentication,
        credentials: credentials?,
        cache_ttl: cache_ttl.and_then(non_zero),
        single_flight: single_flight.unwrap_or(SingleFlight::NonStreaming),
        single_flight_timeout: Duration::from_secs(timeout.unwrap_or(30)),
        collect_logs,
        collect_log_payload,
        log_management,
        privacy: privacy.flatten().map(Rc::new),
        rate_limit,
        retry,
        stream_usage,
        stream_errors,
        otel: otel?,
    })
}

fn stream_errors(field: &Field<'_>, has_attempts: bool) -> StreamErrors {
    let chosen = field.choice(&[
        ("off", StreamErrors::Off),
        ("planned", StreamErrors::Planned),
        ("all", StreamErrors::All),
    ]);
    if chosen == Some(StreamErrors::All) && !has_attempts {
        field.fault(NEEDS_ATTEMPTS);
    }
    chosen.unwrap_or(if has_attempts {
        StreamErrors::All
    } else {
        StreamErrors::Planned
    })
}

fn rate_limit(section: &mut Section<'_>) -> Option<RateLimit> {
    let [limit, interval, technique] = [
        "rate_limiting_limit",
        "rate_limiting_interval",
        "rate_limiting_technique",
    ]
    .map(|name| section.field(name));
    match (limit.is_on(), interval.is_on()) {
        (true, false) => interval.fault("is missing: write the seconds for rate_limiting_limit"),
        (false, true) => limit.fault("is missing: write the calls per rate_limiting_interval"),
        (true, true) | (false, false) => {}
    }
    let technique =
        technique.choice(&[("fixed", Technique::Fixed), ("sliding", Technique::Sliding)]);
    let limit = limit.whole_unless_off(&RATE_LIMIT);
    let interval = interval.whole_unless_off(&RATE_INTERVAL);
    Some(RateLimit {
        limit: non_zero(limit?)?,
        interval: Duration::from_secs(interval?),
        technique: technique.unwrap_or(Technique::Fixed),
    })
}

fn non_zero(number: u64) -> Option<NonZeroU32> {
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}
