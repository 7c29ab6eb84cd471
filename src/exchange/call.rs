//! One call to one provider: where it goes, and what is to be done on the way.

use std::rc::Rc;

use super::cx::Cx;
use super::keys::Keys;
use super::planned::{CALL, RETRY};
use super::url::UrlError;
use crate::config::{Config, Gateway};
use crate::http::encoding::{Coding, Unread};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::format::Format;
use crate::llm::provider::{self, BadTarget, Upstream, UpstreamCall};
use crate::llm::stream_usage;
use crate::policy::auth::Admission;
use crate::policy::cache::Caching;
use crate::policy::key_pool::Chosen;
use crate::policy::retry::Retry;

/// How the request's body is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON that can be looked into as it passes, compressed or not.
    Json,
    /// Anything else: it streams through, unread.
    Opaque,
}

/// A call that may be served.
pub struct Call {
    /// The account of the URL.
    pub account: String,
    /// The gateway's settings.
    pub gateway: Rc<Gateway>,
    /// The provider's slug as the URL has it.
    pub provider: String,
    /// Where the call goes.
    pub upstream: Upstream,
    /// The Envoy cluster that leads there.
    pub cluster: String,
    /// The shape of the answer, where it is known.
    pub format: Option<Format>,
    /// Who was let in, and which headers must not go on.
    pub admission: Admission,
    /// Request headers that must not go on because they are about another body or for another provider.
    pub withheld: Vec<String>,
    /// What kind of body follows.
    pub body: BodyKind,
    /// How that body is compressed.
    pub coding: Option<Coding>,
    /// Whether a stream is to be asked for its usage, should the client not do so.
    pub adds_usage: bool,
    /// Whether and how the cache takes part.
    pub caching: Option<Caching>,
    /// The stored keys it may be sent with, where it brings none.
    pub keys: Option<Keys>,
    /// How often and for how long the provider is asked.
    pub retry: Retry,
    /// Whether the call asks for another protocol (WebSocket): it has no end to wait for.
    pub upgrades: bool,
    /// How many bytes of each body the log wants.
    pub payload_limit: Option<usize>,
}

impl Call {
    /// The stored key for the next attempt, where one is needed.
    pub fn choose_key(&self, cx: &Cx) -> Result<Option<Chosen>, Reject> {
        let keys = self.keys.as_ref();
        keys.map(|keys| keys.choose(cx)).transpose()
    }

    /// Whether the request is one whose body may be changed to ask for the usage: a plain chat call that nobody has
    /// signed, to a provider that accepts the question.
    pub(super) fn may_be_changed(&self, head: &HeaderList) -> bool {
        let is_signed = SIGNATURES.iter().any(|name| head.contains(name))
            || head
                .text("authorization")
                .is_some_and(|value| value.starts_with("AWS4-"));
        self.body == BodyKind::Json
            && self.coding.is_none()
            && !self.upgrades
            && !is_signed
            && head.value(":method") == Some(b"POST")
            && self.format == Some(Format::OpenAiChat)
            && stream_usage::is_accepted(&self.provider, &self.upstream)
    }
}

/// Header fields that vouch for the body (RFC 9530, RFC 9421, SigV4): true of the client's own only.
pub(super) const SIGNATURES: &[&str] = &[
    "content-digest",
    "content-md5",
    "digest",
    "repr-digest",
    "signature",
    "signature-input",
    "x-amz-content-sha256",
];

pub(super) fn upstream(
    config: &Config,
    slug: &str,
    call: &UpstreamCall<'_>,
) -> Result<(Upstream, String), Reject> {
    let custom = slug
        .strip_prefix("custom-")
        .and_then(|slug| config.custom_provider(slug));
    if let Some(custom) = custom {
        return Ok((custom.upstream.upstream(call)?, custom.cluster.clone()));
    }
    let provider = provider::find(slug).ok_or(Reject::UnknownProvider)?;
    let mut upstream = provider.upstream(call)?;
    let mut cluster = slug;
    if let Some(instead) = config.override_of(slug) {
        if let Some(host) = &instead.host {
            upstream.host = host.clone().into();
        }
        cluster = instead.cluster.as_deref().unwrap_or(slug);
    }
    Ok((upstream, cluster.to_owned()))
}

impl From<UrlError> for Reject {
    fn from(_: UrlError) -> Self {
        Self::BadUrl
    }
}

impl From<BadTarget> for Reject {
    fn from(error: BadTarget) -> Self {
        Self::BadTarget(error)
    }
}

/// JSON by its content type, and not compressed in a way that is not read: only that can be looked into.
pub(super) fn body_kind(head: &HeaderList, coding: Result<Option<Coding>, Unread>) -> BodyKind {
    let json = head.text("content-type").is_some_and(is_json);
    if json && coding.is_ok() {
        BodyKind::Json
    } else {
        BodyKind::Opaque
    }
}

/// Header fields that are for the gateway or the proxy, never for the provider (contract §2.1).
pub fn is_ours(name: &str) -> bool {
    name.starts_with("cf-aig-")
        || name.starts_with("x-envoy-")
        || matches!(
            name,
            CALL | RETRY | "cf-cache-ttl" | "cf-skip-cache" | "x-fal-target-url"
        )
}

/// Whether a content type is text: what may be logged of a body.
pub fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/") || is_json(content_type)
}

/// Whether a content type is JSON, with or without parameters (`application/json; charset=utf-8`, `…+json`).
pub fn is_json(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_end();
    let suffix = essence
        .len()
        .checked_sub(5)
        .and_then(|at| essence.get(at..));
    essence.eq_ignore_ascii_case("application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
}
