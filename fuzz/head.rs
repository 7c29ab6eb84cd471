//! Heads of requests and the configuration: whatever is not a body.

use sluice::config;
use sluice::exchange::url;
use sluice::llm::price::{Models, Prices};
use sluice::llm::usage::{Terms, Usage};
use sluice::policy::metadata::Metadata;

/// Every reader of a short text gets the same bytes.
pub(crate) fn run(bytes: &[u8]) {
    std::hint::black_box(url::parse(bytes).is_ok());
    std::hint::black_box(Metadata::parse(bytes).is_some());
    std::hint::black_box(config::parse(bytes, &|_| None).is_ok());
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
        service_tier: Some(text.clone().into_owned()),
        ..Terms::default()
    };
    std::hint::black_box(Prices::default().bill(provider, models, &usage, (&terms, 0)));
}
