//! From a record to labels.
//!
//! Invariant: a value is one of few, or is named by the configuration, the price list or a provider; what is none of these
//! is `other`, and what there is not, is no label.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::llm::provider;
use crate::record::{Outcome, Record};

/// In the place of what has no label of its own.
const OTHER: &str = "other";
/// Longest name of a model, in bytes.
const MAX_MODEL: usize = 96;

/// Account, gateway, provider and model; empty where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels<'a>(pub(super) [&'a str; 4]);

impl<'a> Labels<'a> {
    /// Of the calls for which there is no room.
    pub(super) const OTHER: Labels<'static> = Labels(["", OTHER, OTHER, OTHER]);

    /// Of a call.
    pub(super) fn of(
        config: &'a Config,
        record: &'a Record,
        vouched: &'a BTreeSet<String>,
    ) -> Self {
        let account = record.account_id.as_deref().unwrap_or_default();
        let found = record
            .gateway_id
            .as_deref()
            .map(|id| config.gateway(account, id));
        let (account, gateway) = match found {
            None => ("", ""),
            Some(None) => ("", OTHER),
            Some(Some(gateway)) => (
                gateway.account_id.as_deref().unwrap_or_default(),
                gateway.id.as_str(),
            ),
        };
        let slug = record.provider.as_deref().unwrap_or_default();
        let provider = if slug.is_empty() || is_provider(config, slug) {
            slug
        } else {
            OTHER
        };
        let model = model(record).map_or("", |model| {
            let listed = config
                .prices
                .listed(slug, model)
                .filter(|name| is_plain(name));
            let vouched = || vouched.get(model).map(String::as_str);
            listed.or_else(vouched).unwrap_or(OTHER)
        });
        Self([account, gateway, provider, model])
    }

    /// The same, of all models together.
    pub(super) const fn of_any_model(self) -> Self {
        let Self([account, gateway, provider, _]) = self;
        Self([account, gateway, provider, OTHER])
    }
}

fn is_provider(config: &Config, slug: &str) -> bool {
    let custom = slug.strip_prefix("custom-");
    let is_custom = custom.is_some_and(|slug| config.custom_provider(slug).is_some());
    is_custom || provider::find(slug).is_some() || slug == "compat"
}

/// The model that was asked for, so that failures and successes of one model stand together.
pub(super) fn model(record: &Record) -> Option<&str> {
    let asked = record.model_asked.as_deref();
    asked
        .or(record.model.as_deref())
        .filter(|model| !model.is_empty())
}

/// Whether the provider has answered, and so knows the model.
pub(super) fn is_vouched_for(record: &Record) -> bool {
    record.outcome == Outcome::Answered && record.success && record.status_code < 300
}

/// Whether the model's name can be a label, but is not in the price list.
pub(super) fn is_unlisted(config: &Config, record: &Record, model: &str) -> bool {
    let provider = record.provider.as_deref().unwrap_or_default();
    is_plain(model) && config.prices.listed(provider, model).is_none()
}

/// Nothing that ends a label or a line, nor what other programs would have to escape.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@+,=~%#".contains(&byte);
    name.len() <= MAX_MODEL && name.bytes().all(is_plain)
}

pub(super) const fn outcome(record: &Record) -> &'static str {
    match record.outcome {
        Outcome::Answered => "answered",
        Outcome::Cached => "cached",
        Outcome::ClientGone => "client_gone",
        Outcome::Cut => "cut",
        Outcome::Refused => "refused",
    }
}

/// The class of a status; 429 is one of its own.
pub(super) const fn status(code: u16) -> &'static str {
    match code {
        0 => "none",
        429 => "429",
        1..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

/// Why the exchange failed; empty when it did not.
pub(super) fn error(record: &Record) -> &'static str {
    match record.outcome {
        Outcome::Answered if record.status_code >= 400 => status(record.status_code),
        Outcome::Answered | Outcome::Cached => "",
        Outcome::ClientGone | Outcome::Cut => outcome(record),
        Outcome::Refused => refusal(record.error_code.unwrap_or_default()),
    }
}

/// The words for the codes of [`Reject::code`](crate::http::reject::Reject::code).
const fn refusal(code: u32) -> &'static str {
    match code {
        2001 => "unknown_gateway",
        2003 => "rate_limited",
        UNREACHABLE => "unreachable",
        2008 => "unknown_provider",
        2009 => "unauthorized",
        2040 => "unknown_key",
        2902 => "bad_target",
        2903 => "body_too_large",
        2904 => "no_attempts",
        2907 => "unknown_route",
        2908 => "overloaded",
        _ => "bad_request",
    }
}

/// The code of a refusal for which a provider was asked.
pub(super) const UNREACHABLE: u32 = 2005;

/// OpenTelemetry's name for what the call is for, or else ours.
pub(super) fn operation(record: &Record) -> &'static str {
    match record.model_type {
        Some("text") => "chat",
        Some("embedding") => "embeddings",
        Some(kind) => kind,
        None => "",
    }
}
