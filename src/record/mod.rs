//! The log record: one per exchange, whatever its end (contract §7.2).
//!
//! Field names are the contract's; those it lacks are ours. Invariant: a credential is never in a record, and a payload
//! only when payload logging is on.

mod bill;
mod cost;
mod finished;
pub mod id;
mod line;
mod model_type;
mod provider_head;
mod redact;
mod stages;
mod step;
pub mod time;
mod usage_metadata;

use std::rc::Rc;

use serde::Serialize;

use crate::config::{LogManagement, Privacy};
use crate::host::Host;
use crate::http::header::Name;
use crate::llm::format::Format;
use crate::policy::custom_cost::{BadCustomCost, CustomCost};
use crate::policy::metadata::Metadata;
use redact::Secrets;

pub use bill::Saved;
pub use cost::{Cost, CostSource};
pub use finished::Finished;
pub use provider_head::{RateLimits, is_per_call};
pub use step::FailedAttempt;
pub use usage_metadata::{Seconds, UsageMetadata};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider's answer reached its end.
    Answered,
    /// The answer came from the cache.
    Cached,
    /// The client went away first.
    ClientGone,
    /// The upstream ended in the middle of its answer, or never began one.
    #[default]
    Cut,
    /// The gateway said no.
    Refused,
}

/// Everything worth knowing about one exchange. Times are milliseconds, sizes bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    /// UUIDv7, also told to the client as `cf-aig-log-id`.
    pub id: String,
    /// The client's id of the call, or ours; ties the records of one call together.
    pub event_id: String,
    /// The caller's trace, where it named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The span of that trace that the call belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// When the request arrived, RFC 3339.
    pub created_at: String,
    /// The account of the URL.
    pub account_id: Option<String>,
    /// The gateway of the URL.
    pub gateway_id: Option<String>,
    /// The provider's slug.
    pub provider: Option<String>,
    /// The model that answered, or else the one asked for.
    pub model: Option<String>,
    /// The model that was asked for.
    pub model_asked: Option<String>,
    /// The model that the answer names.
    pub model_answered: Option<String>,
    /// The name under which the prices were found.
    pub model_billed: Option<String>,
    /// What the call is for, as far as its endpoint tells: `text`, `embedding`, `image`, ….
    pub model_type: Option<&'static str>,
    /// The service tier that is billed: the one answered, or else the one asked for.
    pub service_tier: Option<String>,
    /// The request's method.
    pub method: String,
    /// The provider's own path, without the query (which may hold a credential).
    pub path: Option<String>,
    /// The form of the call: `provider` or `universal`.
    pub request_type: &'static str,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// From the request's arrival to the end of the exchange.
    pub duration: u64,
    /// `total` as `duration`; `latency` to the first byte of the answer.
    pub timings: Timings,
    /// What the client was told; 499 when it left before it was told anything.
    pub status_code: u16,
    /// A status below 400, to the end.
    pub success: bool,
    /// Whether the answer came from the cache.
    pub cached: bool,
    /// How the exchange ended.
    pub outcome: Outcome,
    /// Whether the whole answer was seen.
    pub complete: bool,
    /// All input tokens; 0 from the cache, `null` when the provider did not say.
    pub tokens_in: Option<u64>,
    /// All output tokens, likewise.
    pub tokens_out: Option<u64>,
    /// The parts of the usage that the provider named.
    pub usage_metadata: Option<UsageMetadata>,
    /// The stream was cut, so that the usage is only what had been stated by then.
    pub usage_partial: bool,
    /// Why there is no usage although the answer may have stated it.
    pub usage_unread: Option<&'static str>,
    /// US dollars; `null` when usage or price is unknown.
    pub cost: Option<Cost>,
    /// Who says so.
    pub cost_source: Option<CostSource>,
    /// By the prices in force, where `cost` comes from elsewhere.
    pub cost_estimated: Option<Cost>,
    /// Whether the cost is the client's own (`cf-aig-custom-cost`).
    pub custom_cost: bool,
    /// Why the client's own prices were ignored.
    pub custom_cost_error: Option<BadCustomCost>,
    /// What the answer had cost, when it came from the cache.
    pub saved_cost: Option<Cost>,
    /// Its input tokens.
    pub saved_tokens_in: Option<u64>,
    /// Its output tokens.
    pub saved_tokens_out: Option<u64>,
    /// Why the model stopped, in the provider's word.
    pub finish_reason: Option<String>,
    /// The provider's type of error, when its answer was one.
    pub error_type: Option<String>,
    /// The provider's name for the call or its answer.
    pub upstream_request_id: Option<String>,
    /// The provider's header fields about quotas.
    pub rate_limits: Option<RateLimits>,
    /// The gateway's own error code, when it refused.
    pub error_code: Option<u32>,
    /// `cf-aig-metadata`.
    pub metadata: Option<Metadata>,
    /// Index of the step.
    pub step: u32,
    /// The attempts at this step before its last one, in their order.
    pub failed_attempts: Vec<FailedAttempt>,
    /// Whether the gateway demands a credential.
    pub authentication: bool,
    /// Name of the credential that was shown.
    pub authentication_name: Option<String>,
    /// The client's program.
    pub user_agent: Option<String>,
    /// How often the client's SDK had tried before (`x-stainless-retry-count`).
    pub retry_count: Option<u32>,
    /// Content type of the request.
    pub request_content_type: Option<String>,
    /// Content type of the answer.
    pub response_content_type: Option<String>,
    /// Size of the request's body.
    pub request_size: u64,
    /// Size of the answer's body.
    pub response_size: u64,
    /// Envoy's response flags; 0 when nothing went wrong.
    pub response_flags: u64,
    /// The beginning of the request's body, when payload logging is on; apart from the line.
    #[serde(skip)]
    pub request_head: Option<String>,
    /// Whether that is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_head_complete: Option<bool>,
    /// The beginning of the answer's body, when payload logging is on; apart from the line.
    #[serde(skip)]
    pub response_head: Option<String>,
    /// Whether that is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_head_complete: Option<bool>,
    /// Whether the call was sent with a stored key.
    byok: bool,
    /// That key's alias.
    byok_alias: Option<String>,
    // The contract's fields of what this version does not have: bought provider keys, feedback, guardrails.
    wholesale: bool,
    feedback: (),
    score: (),
    location: (),
    dlp_action: (),
    dlp_profiles: (),
    prompts: (),
    guardrails: (),
    /// Whether the call came to the unified endpoint; the name is that of the contract's filter.
    #[serde(rename = "compatibilityMode")]
    pub is_unified: bool,
    /// Whether a dynamic route chose the model.
    #[serde(skip)]
    pub is_routed: bool,
    /// Whether another provider or model was asked before, and failed.
    #[serde(skip)]
    pub is_fallback: bool,
    /// Whether the cache was asked in vain.
    #[serde(skip)]
    pub is_missed: bool,
    #[serde(skip)]
    began: u64,
    #[serde(skip)]
    format: Option<Format>,
    #[serde(skip)]
    asked_tier: Option<String>,
    #[serde(skip)]
    asked_characters: Option<u64>,
    #[serde(skip)]
    network_id: Option<String>,
    #[serde(skip)]
    prices: Option<CustomCost>,
    #[serde(skip)]
    collect: Collect,
    #[serde(skip)]
    management: Option<LogManagement>,
    #[serde(skip)]
    secrets: Secrets,
    #[serde(skip)]
    privacy: Option<Rc<Privacy>>,
    #[serde(skip)]
    plain_metadata: Option<Metadata>,
}

/// Where the time went, in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timings {
    /// To the end of the exchange.
    pub total: u64,
    /// To the first byte of the answer; `null` when none came.
    pub latency: Option<u64>,
}

/// What is to be collected of the exchange.
#[derive(Clone, Copy, Debug, Default)]
struct Collect {
    /// No record at all.
    nothing: bool,
    /// Bytes of each body.
    payload: Option<usize>,
}

impl Record {
    /// A record of an exchange that begins now.
    pub fn begin(host: &dyn Host) -> Self {
        let began = host.now();
        let id = id::uuid_v7(began, (host.random(), host.random()));
        Self {
            event_id: id.clone(),
            id,
            request_type: "provider",
            began,
            ..Self::default()
        }
    }

    /// The metadata as the client wrote it, for decisions; never for a log.
    pub fn plain_metadata(&self) -> Option<&Metadata> {
        self.plain_metadata.as_ref().or(self.metadata.as_ref())
    }

    /// Whether a record is wanted (`collect_logs`, `cf-aig-collect-log`).
    pub const fn is_collected(&self) -> bool {
        !self.collect.nothing
    }

    /// How many bytes of each body are wanted; `None` without payload logging.
    pub const fn payload_limit(&self) -> Option<usize> {
        self.collect.payload
    }

    /// The response headers that name the call (contract §2.2).
    pub fn identity(&self) -> Vec<(Name, String)> {
        let mut headers = Vec::with_capacity(6);
        headers.extend([
            ("cf-aig-step".into(), self.step.to_string()),
            ("cf-aig-event-id".into(), self.event_id.clone()),
            ("cf-aig-request-id".into(), self.id.clone()),
        ]);
        if let (true, Some(provider), Some(model)) =
            (self.is_routed, &self.provider, &self.model_asked)
        {
            headers.push(("cf-aig-provider".into(), provider.clone()));
            headers.push(("cf-aig-model".into(), model.clone()));
        }
        if self.is_collected() {
            headers.push(("cf-aig-log-id".into(), self.id.clone()));
        }
        headers
    }
}
