//! Every metric there is. The tables of the README and the `stats_config` of the shipped configurations are checked
//! against this list.
//!
//! Names are those of OpenTelemetry's GenAI conventions where it has one. Envoy: histograms hold whole numbers, so times
//! are in milliseconds or microseconds and not in seconds, and say so.

use crate::host::MetricKind::{self, Counter, Gauge, Histogram};

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name at the Prometheus endpoint.
    pub name: &'static str,
    /// What becomes of its values.
    pub kind: MetricKind,
    /// What it is told apart by.
    pub of: Of,
    /// Its further labels, at most three.
    pub labels: &'static [&'static str],
}

/// What metrics are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Gateway, provider and model.
    Call,
    /// The sink's name.
    Sink,
    /// Nothing.
    Keeper,
}

/// The labels of a call, in the order in which they stand in a name.
pub(super) const CALL_LABELS: [&str; 4] = [
    "account",
    "gateway",
    "gen_ai.provider.name",
    "gen_ai.request.model",
];

/// The label of a sink.
pub(super) const SINK: &str = "sink";

/// Every label. Prometheus has `_` for the dots.
pub const LABELS: [&str; 11] = [
    "account",
    "gateway",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.operation.name",
    "gen_ai.token.type",
    "outcome",
    "status",
    "error.type",
    "result",
    SINK,
];

const fn of_call(name: &'static str, labels: &'static [&'static str]) -> Metric {
    Metric {
        name,
        kind: Counter,
        of: Of::Call,
        labels,
    }
}

const fn times(name: &'static str, labels: &'static [&'static str]) -> Metric {
    Metric {
        kind: Histogram,
        ..of_call(name, labels)
    }
}

const fn of_keeper(name: &'static str) -> Metric {
    Metric {
        kind: Gauge,
        of: Of::Keeper,
        ..of_call(name, &[])
    }
}

const fn of_sink(name: &'static str, kind: MetricKind) -> Metric {
    Metric {
        kind,
        of: Of::Sink,
        ..of_call(name, &[])
    }
}

/// Exchanges: one for each log record.
pub(super) static REQUESTS: Metric = of_call(
    "sluice_requests_total",
    &["outcome", "status", "error.type"],
);
/// Attempts that failed and were repeated at the same provider, by what they were told.
pub(super) static RETRIES: Metric = of_call("sluice_retries_total", &["status"]);
/// Exchanges with a provider or model that was asked because another one had failed.
pub(super) static FALLBACKS: Metric = of_call("sluice_fallbacks_total", &[]);
/// Exchanges whose answer was looked for in the cache.
pub(super) static CACHE: Metric = of_call("sluice_cache_lookups_total", &["result"]);
/// Tokens, exactly.
pub(super) static TOKENS: Metric = of_call("sluice_tokens_total", &["gen_ai.token.type"]);
/// Tokens that answers from the cache would have cost.
pub(super) static SAVED_TOKENS: Metric =
    of_call("sluice_saved_tokens_total", &["gen_ai.token.type"]);
/// Cost in billionths of a US dollar.
pub(super) static COST: Metric = of_call("sluice_cost_nanodollars_total", &[]);
/// What answers from the cache would have cost, likewise.
pub(super) static SAVED_COST: Metric = of_call("sluice_saved_cost_nanodollars_total", &[]);
/// Exchanges with tokens used, but without a known cost.
pub(super) static UNPRICED: Metric = of_call("sluice_unpriced_requests_total", &[]);
/// Tokens of an exchange.
pub(super) static TOKEN_USAGE: Metric = times(
    "gen_ai_client_token_usage",
    &["gen_ai.token.type", "gen_ai.operation.name"],
);
/// Milliseconds from the request's arrival to the end of the answer, of what was not answered from the cache.
pub(super) static DURATION: Metric = times(
    "gen_ai_client_operation_duration_milliseconds",
    &["gen_ai.operation.name", "error.type"],
);
/// Milliseconds to the first byte of a streamed answer.
pub(super) static TIME_TO_FIRST: Metric = times(
    "gen_ai_server_time_to_first_token_milliseconds",
    &["gen_ai.operation.name"],
);
/// Microseconds for each output token of a streamed answer after the first.
pub(super) static TIME_PER_TOKEN: Metric = times(
    "gen_ai_server_time_per_output_token_microseconds",
    &["gen_ai.operation.name"],
);
/// Records in the log store.
pub(super) static LOG_RECORDS: Metric = of_keeper("sluice_log_records");
/// Bytes in the log store.
pub(super) static LOG_BYTES: Metric = of_keeper("sluice_log_bytes");
/// Records that were lost on their way to the keeper.
pub(super) static LOG_DROPPED: Metric = of_keeper("sluice_log_dropped");
/// Records that the log store did not take.
pub(super) static LOG_REFUSED: Metric = of_keeper("sluice_log_refused");
/// Records that wait for a sink.
pub(super) static EXPORT_QUEUED: Metric = of_sink("sluice_export_queued", Gauge);
/// Records that a sink has taken.
pub(super) static EXPORT_SENT: Metric = of_sink("sluice_export_sent_total", Counter);
/// Records that a sink never got.
pub(super) static EXPORT_DROPPED: Metric = of_sink("sluice_export_dropped_total", Counter);
/// Calls to a sink that did not succeed.
pub(super) static EXPORT_FAILURES: Metric = of_sink("sluice_export_failures_total", Counter);

/// Every metric.
pub static CATALOG: [&Metric; 21] = [
    &REQUESTS,
    &RETRIES,
    &FALLBACKS,
    &CACHE,
    &TOKENS,
    &SAVED_TOKENS,
    &COST,
    &SAVED_COST,
    &UNPRICED,
    &TOKEN_USAGE,
    &DURATION,
    &TIME_TO_FIRST,
    &TIME_PER_TOKEN,
    &LOG_RECORDS,
    &LOG_BYTES,
    &LOG_DROPPED,
    &LOG_REFUSED,
    &EXPORT_QUEUED,
    &EXPORT_SENT,
    &EXPORT_DROPPED,
    &EXPORT_FAILURES,
];
