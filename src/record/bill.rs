//! What the provider says that it consumed, and what that cost.
//!
//! The client's own prices beat the provider's word, which beats the price list (prices.md, cost rule 5 and 6); an answer
//! from the cache costs nothing, whatever the prices (contract §8.1). Invariant: what is not known is `null`, never 0.

use super::cost::{Cost, CostSource};
use super::usage_metadata::UsageMetadata;
use super::{Outcome, Record};
use crate::config::CacheBudget;
use crate::exchange::call::is_text;
use crate::host::Host;
use crate::http::capture::Capture;
use crate::http::encoding::{Coding, Decoder};
use crate::http::header::{HeaderList, Name};
use crate::llm::format::{Answer, Format};
use crate::llm::price::{self, Models, Prices};
use crate::llm::usage::Usage;
use crate::policy::custom_cost::CustomCost;
use crate::policy::once;

/// Why the consumption of an answer is not in the record of a call that only asks for it again.
const COUNTED_BEFORE: &str = "counted before";
/// So much of a compressed body is decoded at a time, in bytes.
const PIECE: usize = 1024;

/// What a stored answer cost when it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Its cost, where it was known.
    pub cost: Option<Cost>,
    /// Its input tokens.
    pub tokens_in: Option<u64>,
    /// Its output tokens.
    pub tokens_out: Option<u64>,
    /// The model that made it.
    pub model: Option<String>,
}

impl Record {
    /// What the provider says about the answer, and what it costs.
    pub fn take_usage(&mut self, answer: &Answer, prices: &Prices, now: u64) {
        if answer.model.is_some() {
            self.model.clone_from(&answer.model);
            self.model_answered.clone_from(&answer.model);
        }
        self.finish_reason.clone_from(&answer.finish_reason);
        self.error_type = self.error_type.take().or_else(|| answer.error_type.clone());
        let id = self
            .upstream_request_id
            .take()
            .or_else(|| answer.id.clone());
        self.upstream_request_id = id.or_else(|| self.network_id.clone());
        // The tier that was asked for counts only where the answer is silent (prices.md, cost rule 1). Capacity that was
        // paid for ahead may have been used up: that it was used, only the answer can tell.
        let asked = self.asked_tier.as_deref();
        let asked = asked.filter(|tier| !price::is_prepaid(tier));
        let mut terms = answer.terms.clone();
        terms.service_tier = terms.service_tier.or_else(|| asked.map(str::to_owned));
        let usage = self.consumed(answer);
        (self.tokens_in, self.tokens_out) = (usage.input_tokens, usage.output_tokens);
        self.usage_metadata = (usage != Usage::default()).then(|| UsageMetadata::of(&usage));
        let models = Models {
            answered: answer.model.as_deref(),
            asked: self.model_asked.as_deref(),
        };
        let provider = self.provider.as_deref().unwrap_or_default();
        let bill = prices.bill(provider, models, &usage, (&terms, now / 1_000_000_000));
        self.model_billed = bill.as_ref().map(|bill| bill.model.to_owned());
        let listed = bill.map(|bill| Cost::Picodollars(bill.cost));
        self.service_tier = terms.service_tier;
        self.settle_cost(answer, &usage, listed);
    }

    fn settle_cost(&mut self, answer: &Answer, usage: &Usage, listed: Option<Cost>) {
        let (cost, source) = match (&self.prices, answer.stated_cost) {
            (Some(prices), _) => {
                let cost = prices.of(usage, self.is_error(answer));
                (cost.map(Cost::Exact), CostSource::Custom)
            }
            (None, Some(cost)) => (Some(Cost::Picodollars(cost)), CostSource::Provider),
            (None, None) => (listed.clone(), CostSource::Prices),
        };
        self.cost_source = cost.as_ref().map(|_| source);
        self.custom_cost = self.cost_source == Some(CostSource::Custom);
        self.cost_estimated = listed.filter(|_| source != CostSource::Prices);
        self.cost = cost;
    }

    /// The usage that the answer states. Speech is billed by its text, which only the request has in most formats; a
    /// refused search is none.
    fn consumed(&self, answer: &Answer) -> Usage {
        let mut usage = answer.usage.clone();
        match (self.format, self.is_error(answer)) {
            (Some(Format::Speech), false) if usage == Usage::default() => {
                usage.characters = self.asked_characters;
            }
            (Some(Format::Request), true) => usage.search_units = None,
            _ => {}
        }
        usage
    }

    const fn is_error(&self, answer: &Answer) -> bool {
        self.status_code >= 400 || answer.is_error
    }

    /// The answer may be one that others have seen before: of its consumption, and of the price of the call, only the
    /// first record counts. They are apart, for a price of the call is known before there is any consumption.
    pub fn count_once(&mut self, answer: &Answer, host: &dyn Host, budget: CacheBudget) {
        let by_id = self.format == Some(Format::Replicate) || answer.is_background;
        // Any other answer of OpenAI's was told by the call that made it.
        let is_asked_again = self.format == Some(Format::OpenAiResponses) && self.method == "GET";
        let repeats = (by_id || is_asked_again) && self.is_collected();
        let Some(id) = answer.id.as_deref().filter(|_| repeats) else {
            return;
        };
        let parts = [&self.account_id, &self.gateway_id, &self.provider];
        let [account, gateway, provider] = parts.map(|part| part.as_deref().unwrap_or_default());
        let is_first =
            |what| by_id && once::is_first(host, budget, &[account, gateway, provider, id, what]);
        let of_the_call = self.prices.as_ref().is_some_and(CustomCost::is_of_the_call);
        let usage_counts = self.usage_metadata.is_none() || is_first("usage");
        let cost_counts = match of_the_call {
            true => self.cost.is_none() || is_first("cost"),
            false => usage_counts,
        };
        if !usage_counts {
            (self.tokens_in, self.tokens_out, self.usage_metadata) = (None, None, None);
            self.cost_estimated = None;
            self.usage_unread = Some(COUNTED_BEFORE);
        }
        if !cost_counts {
            (self.cost, self.cost_source) = (None, None);
            self.custom_cost = false;
        }
    }

    /// What is worth knowing when this call's answer is served again.
    pub fn saved(&self) -> Saved {
        Saved {
            cost: self.cost.clone(),
            tokens_in: self.tokens_in,
            tokens_out: self.tokens_out,
            model: self.model.clone(),
        }
    }

    /// The answer came from the cache: it cost nothing (contract §8.1).
    pub fn take_hit(&mut self, headers: &[(Name, String)], body: &[u8], saved: Saved, now: u64) {
        let content_type = headers.iter().find(|(name, _)| name == "content-type");
        self.outcome = Outcome::Cached;
        self.status_code = 200;
        self.complete = true;
        self.cached = true;
        self.response_content_type = content_type.map(|(_, value)| value.clone());
        self.response_size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        (self.tokens_in, self.tokens_out, self.cost) = (Some(0), Some(0), Some(Cost::ZERO));
        (self.saved_tokens_in, self.saved_tokens_out) = (saved.tokens_in, saved.tokens_out);
        self.saved_cost = saved.cost;
        self.model = saved.model.or_else(|| self.model.take());
        self.take_first_byte(now);
        let payload = self.payload_limit();
        if let Some(payload) = payload.and_then(|limit| stored_payload(headers, body, limit)) {
            self.take_response_payload(payload);
        }
    }
}

/// The beginning of a stored body, decoded; `None` where it is no text or cannot be decoded.
fn stored_payload(headers: &[(Name, String)], body: &[u8], limit: usize) -> Option<Capture> {
    let fields = headers.iter().cloned();
    let head: HeaderList = fields
        .map(|(name, value)| (name.into_owned(), value.into()))
        .collect();
    head.text("content-type").filter(|kind| is_text(kind))?;
    let mut payload = Capture::new(limit);
    let Some(coding) = Coding::of(&head).ok()? else {
        payload.feed(body);
        return Some(payload);
    };
    let mut decoder = Decoder::new(coding);
    for piece in body.chunks(PIECE) {
        decoder.feed(piece, &mut |text| payload.feed(text)).ok()?;
        if !payload.is_whole() {
            return Some(payload);
        }
    }
    decoder.is_whole().then_some(payload)
}
