//! The record of one step of a call that may have several, and of its attempts.
//!
//! Invariant: what an attempt was told is forgotten before the next one begins.

use serde::{Deserialize, Serialize};

use super::{Cost, Outcome, Record, Timings};
use crate::host::Host;
use crate::llm::price::Picodollars;
use crate::policy::retry::Failure;

/// An attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// The provider's status; `null` when there was no answer.
    pub status_code: Option<u16>,
    /// From the beginning of the step, milliseconds.
    pub after: u64,
}

impl Record {
    /// The record of step `step` of this call. The first one takes the place of the call's own.
    #[must_use]
    pub fn of_step(&self, host: &dyn Host, step: u32) -> Self {
        let new = if step == self.step {
            Self {
                id: self.id.clone(),
                began: self.began,
                ..Self::default()
            }
        } else {
            Self::begin(host)
        };
        Self {
            event_id: self.event_id.clone(),
            trace_id: self.trace_id.clone(),
            parent_span_id: self.parent_span_id.clone(),
            account_id: self.account_id.clone(),
            gateway_id: self.gateway_id.clone(),
            method: self.method.clone(),
            request_type: self.request_type,
            is_unified: self.is_unified,
            stream: self.stream,
            metadata: self.metadata.clone(),
            step,
            authentication: self.authentication,
            authentication_name: self.authentication_name.clone(),
            user_agent: self.user_agent.clone(),
            retry_count: self.retry_count,
            request_content_type: self.request_content_type.clone(),
            custom_cost_error: self.custom_cost_error,
            prices: self.prices.clone(),
            collect: self.collect,
            management: self.management,
            secrets: self.secrets.clone(),
            privacy: self.privacy.clone(),
            plain_metadata: self.plain_metadata.clone(),
            ..new
        }
    }

    /// Another model of the same step is asked: a record of its own.
    pub fn begin_again(&mut self, host: &dyn Host) {
        let new = Self::begin(host);
        (self.id, self.began) = (new.id, new.began);
    }

    /// The step's first attempt begins. The first step began when the call came.
    pub fn begin_step(&mut self, now: u64) {
        if self.step > 0 || self.began == 0 {
            self.began = now;
        }
    }

    /// An attempt has failed.
    pub fn note_attempt(&mut self, now: u64, failure: Failure) {
        let status_code = match failure {
            Failure::NoAnswer => None,
            Failure::ErrorAnswer => Some(200),
            Failure::Status(status) => Some(status),
        };
        let after = self.millis_until(now);
        self.failed_attempts
            .push(FailedAttempt { status_code, after });
    }

    /// What the call cost by the provider's word or the prices in force, not by the client's own.
    pub const fn own_cost(&self) -> Option<Picodollars> {
        let cost = if self.custom_cost {
            &self.cost_estimated
        } else {
            &self.cost
        };
        match cost {
            Some(Cost::Picodollars(cost)) => Some(*cost),
            Some(Cost::Exact(_)) | None => None,
        }
    }

    /// What the last attempt was told does not hold for the next one.
    pub fn forget_answer(&mut self) {
        self.status_code = 0;
        self.error_code = None;
        self.response_content_type = None;
        self.upstream_request_id = None;
        self.rate_limits = None;
        self.timings = Timings::default();
        (self.outcome, self.complete) = (Outcome::default(), false);
        self.model.clone_from(&self.model_asked);
        (self.model_answered, self.model_billed) = (None, None);
        (self.service_tier, self.finish_reason, self.error_type) = (None, None, None);
        (self.tokens_in, self.tokens_out, self.usage_metadata) = (None, None, None);
        (self.usage_partial, self.usage_unread) = (false, None);
        (self.cost, self.cost_source, self.cost_estimated) = (None, None, None);
        self.custom_cost = false;
        self.response_size = 0;
        (self.response_head, self.response_head_complete) = (None, None);
        self.network_id = None;
    }
}
