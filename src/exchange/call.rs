//! The request head, understood: which gateway, which provider, where it lives, what the client asked for.

use std::rc::Rc;

use super::cx::Cx;
use super::options::Options;
use super::url::{self, CallUrl, UrlError};
use crate::config::{Config, Gateway};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::provider::{self, BadTarget, Upstream, UpstreamCall};
use crate::policy::auth::{self, Admission};
use crate::policy::cache::Caching;
use crate::record::Record;

/// How the request's body is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON that can be looked into as it passes.
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
    /// Who was let in, and which headers must not go on.
    pub admission: Admission,
    /// What kind of body follows.
    pub body: BodyKind,
    /// Whether and how the cache takes part.
    pub caching: Option<Caching>,
    /// Whether the call asks for another protocol (WebSocket): it has no end to wait for.
    pub upgrades: bool,
    /// How many bytes of each body the log wants.
    pub payload_limit: Option<usize>,
}

/// What a request head turned out to be.
pub enum Reading {
    /// A call to a provider.
    Call(Box<Call>),
    /// None of the gateway's URLs.
    Outside,
}

impl Call {
    /// Understands the head, or says why the call cannot be served. What is known so far goes into the record even
    /// when the call is refused.
    pub fn read(cx: &Cx, head: &HeaderList, record: &mut Record) -> Result<Reading, Reject> {
        record.describe_head(head);
        let path = head.value(":path").unwrap_or_default();
        let url = url::parse(path)?;
        let (account, gateway) = match &url {
            CallUrl::Provider {
                account, gateway, ..
            }
            | CallUrl::Universal { account, gateway } => (*account, *gateway),
            CallUrl::Outside => return Ok(Reading::Outside),
        };
        let options = Options::read(head);
        record.describe_options(account, gateway, &options);
        if let CallUrl::Provider { provider, .. } = &url {
            record.provider = Some((*provider).to_owned());
        }
        let config = &cx.worker.config;
        let gateway = config
            .gateway(account, gateway)
            .ok_or(Reject::UnknownGateway)?;
        record.describe_gateway(gateway);
        let admission = auth::admit(config, gateway, head)?;
        // Only who was let in may keep a call out of the log.
        record.describe_wishes(gateway, &options, head, config.log.max_payload_bytes);
        record.authentication_name.clone_from(&admission.credential);
        let CallUrl::Provider {
            provider,
            path,
            query,
            ..
        } = url
        else {
            return Err(Reject::Unsupported);
        };
        let target = UpstreamCall {
            account,
            path,
            query,
            fal_target_url: head.value("x-fal-target-url"),
        };
        let (upstream, cluster) = upstream(config, provider, &target)?;
        record.describe_upstream(&upstream);
        let mut call = Self {
            account: account.to_owned(),
            gateway: Rc::clone(gateway),
            provider: provider.to_owned(),
            upstream,
            cluster,
            admission,
            body: body_kind(head),
            caching: None,
            upgrades: head.contains("upgrade"),
            payload_limit: record.payload_limit(),
        };
        call.caching = Caching::plan(&call, options, head);
        Ok(Reading::Call(Box::new(call)))
    }
}

fn upstream(
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

/// JSON by its content type, and not compressed: only that can be looked into.
fn body_kind(head: &HeaderList) -> BodyKind {
    let encoded = head
        .text("content-encoding")
        .is_some_and(|encoding| encoding != "identity");
    let json = head.text("content-type").is_some_and(is_json);
    if json && !encoded {
        BodyKind::Json
    } else {
        BodyKind::Opaque
    }
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
