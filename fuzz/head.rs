//! Heads of requests and the configuration: whatever is not a body.

use sluice::config as configuration;
use sluice::exchange::url::{self, CallUrl};
use sluice::llm::price::{Models, Prices};
use sluice::llm::usage::{Terms, Usage};
use sluice::policy::custom_cost::CustomCost;
use sluice::policy::metadata::Metadata;

pub(crate) fn url(bytes: &[u8]) -> bool {
    matches!(url::parse(bytes), Ok(CallUrl::Provider { .. }))
}

pub(crate) fn metadata(bytes: &[u8]) -> bool {
    Metadata::parse(bytes).is_some()
}

pub(crate) fn config(bytes: &[u8]) -> bool {
    let errors = configuration::parse(bytes, &|_| None).err();
    // More than the one fault of not being JSON: something of it was read.
    errors.is_none_or(|errors| {
        assert!(!errors.is_empty());
        errors
            .iter()
            .any(|error| !error.to_string().contains("JSON"))
    })
}

/// The header with the client's own prices.
pub(crate) fn cost(bytes: &[u8]) -> bool {
    let usage = Usage {
        input_tokens: Some(u64::MAX),
        output_tokens: Some(7),
        cache_read: Some(3),
        ..Usage::default()
    };
    CustomCost::parse(bytes).is_ok_and(|cost| cost.of(&usage, false).is_some())
}

/// A provider and a model, cut at the first slash.
pub(crate) fn price(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (provider, model) = text.split_once('/').unwrap_or(("openai", &text));
    let models = Models {
        answered: Some(model),
        asked: None,
    };
    let usage = Usage {
        input_tokens: Some(u64::MAX),
        output_tokens: Some(1),
        ..Usage::default()
    };
    let terms = Terms {
        service_tier: Some(model.to_owned()),
        ..Terms::default()
    };
    Prices::default()
        .bill(provider, models, &usage, (&terms, 0))
        .is_some()
}
