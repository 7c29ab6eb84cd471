//! The fields of a record that a span has, read from its line.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::attribute::{Attribute, Value};
use crate::record::FailedAttempt;

/// A record. What its line does not have is as if it were not known.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) event_id: String,
    pub(super) trace_id: Option<String>,
    pub(super) parent_span_id: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) model_asked: Option<String>,
    pub(super) duration: u64,
    pub(super) failed_attempts: Vec<FailedAttempt>,
    account_id: Option<String>,
    gateway_id: Option<String>,
    model: Option<String>,
    model_answered: Option<String>,
    model_type: Option<String>,
    method: String,
    path: Option<String>,
    stream: bool,
    timings: Timings,
    status_code: u16,
    success: bool,
    cached: bool,
    outcome: Option<String>,
    tokens_in: Option<u64>,
    tokens_out: Option<u64>,
    usage_metadata: Option<Usage>,
    cost: Option<f64>,
    saved_cost: Option<f64>,
    finish_reason: Option<String>,
    error_type: Option<String>,
    error_code: Option<u32>,
    upstream_request_id: Option<String>,
    metadata: Option<Map<String, Json>>,
    step: u32,
    user_agent: Option<String>,
    authentication_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Timings {
    latency: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    output_reasoning_tokens: Option<u64>,
    input_cached_tokens: Option<u64>,
    input_cache_write_tokens: Option<u64>,
}

impl Call {
    /// Names of the GenAI and HTTP conventions where there is one, else of the contract's `cf.aig.`.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let usage = self.usage_metadata.as_ref();
        let of_usage = |part: fn(&Usage) -> Option<u64>| usage.and_then(part);
        let provider = self.provider.as_deref();
        let texts = [
            ("gen_ai.operation.name", Some(self.operation())),
            ("gen_ai.provider.name", provider),
            ("gen_ai.model.provider", provider),
            ("gen_ai.request.model", self.asked()),
            ("gen_ai.response.model", self.model_answered.as_deref()),
            ("gen_ai.response.id", self.upstream_request_id.as_deref()),
            (
                "error.type",
                self.error().as_deref().filter(|_| !self.success),
            ),
            ("http.request.method", Some(self.method.as_str())),
            ("url.path", self.path.as_deref()),
            ("user_agent.original", self.user_agent.as_deref()),
            ("cf.aig.log.id", Some(self.id.as_str())),
            ("cf.aig.event.id", Some(self.event_id.as_str())),
            ("cf.aig.account.id", self.account_id.as_deref()),
            ("cf.aig.gateway.id", self.gateway_id.as_deref()),
            ("cf.aig.outcome", self.outcome.as_deref()),
            ("cf.aig.credential", self.authentication_name.as_deref()),
        ]
        .map(|(name, text)| Attribute::text(name, text.filter(|it| !it.is_empty())));
        let reason = self.finish_reason.clone();
        let reasons = reason.map(|it| {
            let reasons = Value::Texts(vec![it]);
            Attribute::new("gen_ai.response.finish_reasons", reasons)
        });
        let ints = [
            ("gen_ai.usage.input_tokens", self.tokens_in),
            ("gen_ai.usage.output_tokens", self.tokens_out),
            (
                "gen_ai.usage.cache_read.input_tokens",
                of_usage(|it| it.input_cached_tokens),
            ),
            (
                "gen_ai.usage.cache_creation.input_tokens",
                of_usage(|it| it.input_cache_write_tokens),
            ),
            (
                "gen_ai.usage.reasoning.output_tokens",
                of_usage(|it| it.output_reasoning_tokens),
            ),
            ("http.response.status_code", Some(self.status_code.into())),
            ("cf.aig.error.code", self.error_code.map(u64::from)),
            ("cf.aig.step", Some(self.step.into())),
            ("cf.aig.latency_ms", self.timings.latency),
        ]
        .map(|(name, number)| Attribute::int(name, number));
        let others = [
            reasons,
            Attribute::double("gen_ai.usage.cost", self.cost),
            Attribute::double("cf.aig.saved_cost", self.saved_cost),
            Attribute::flag("cf.aig.cached", self.cached),
            Attribute::flag("gen_ai.request.stream", self.stream),
        ];
        let all = texts.into_iter().chain(ints).chain(others);
        all.flatten().collect()
    }

    /// The client's own entries. Names that begin with `gen_ai.` are reserved (contract §7.7); so are ours.
    pub(super) fn metadata(&self) -> Vec<Attribute> {
        let taken = self.attributes();
        let is_free = |name: &str| {
            !name.starts_with("gen_ai.") && taken.iter().all(|known| known.name != *name)
        };
        let entries = self.metadata.iter().flatten();
        let entries = entries.filter(|(name, _)| is_free(name));
        entries
            .filter_map(|(name, value)| Some(Attribute::new(name.clone(), plain(value)?)))
            .collect()
    }

    /// Why it failed, if it did: in the provider's word, or else how it ended.
    pub(super) fn error(&self) -> Option<String> {
        if self.success {
            return None;
        }
        let status = || match self.status_code {
            400.. => Some(self.status_code.to_string()),
            _ => None,
        };
        let word = self.error_type.clone().or_else(status);
        Some(word.or_else(|| self.outcome.clone()).unwrap_or_default())
    }

    fn asked(&self) -> Option<&str> {
        self.model_asked.as_deref().or(self.model.as_deref())
    }

    fn operation(&self) -> &str {
        match self.model_type.as_deref() {
            None | Some("text") => "chat",
            Some("embedding") => "embeddings",
            Some(other) => other,
        }
    }
}

/// Metadata values are flat.
fn plain(value: &Json) -> Option<Value> {
    Some(match value {
        Json::String(text) => Value::Text(text.clone()),
        Json::Bool(flag) => Value::Flag(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Double(number.as_f64()?),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => return None,
    })
}
