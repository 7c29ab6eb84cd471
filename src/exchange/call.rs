//! The request head, understood: which gateway, which provider, where it lives, what the client asked for.

use std::rc::Rc;

use super::cx::Cx;
use super::options::Options;
use super::url::{self, CallUrl, UrlError};
use crate::config::{Config, Gateway};
use crate::http::encoding::{Coding, Unread};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::compat::CompatCall;
use crate::llm::format::Format;
use crate::llm::provider::{self, BadTarget, Upstream, UpstreamCall};
use crate::llm::stream_usage;
use crate::policy::auth::{self, Admission};
use crate::policy::cache::Caching;
use crate::record::Record;

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
    /// What kind of body follows.
    pub body: BodyKind,
    /// How that body is compressed.
    pub coding: Option<Coding>,
    /// Whether a stream is to be asked for its usage, should the client not do so.
    pub adds_usage: bool,
    /// Whether and how the cache takes part.
    pub caching: Option<Caching>,
    /// Whether the call asks for another protocol (WebSocket): it has no end to wait for.
    pub upgrades: bool,
    /// How many bytes of each body the log wants.
    pub payload_limit: Option<usize>,
}

/// What a request head turned out to be.
pub enum Reading<'a> {
    /// A call to a provider.
    Call(Box<Call>),
    /// A unified call: its body names the provider.
    Unified(Box<Caller<'a>>),
    /// The question which models unified calls can name.
    Models(Box<Caller<'a>>),
    /// None of the gateway's URLs.
    Outside,
}

/// Who was let in, and what is known before there is a provider.
pub struct Caller<'a> {
    /// The query of the URL, without its `?`.
    pub query: Option<&'a str>,
    /// The gateway's settings.
    pub gateway: &'a Rc<Gateway>,
    config: &'a Config,
    account: &'a str,
    options: Options,
    admission: Admission,
}

impl<'a> Reading<'a> {
    /// Understands the head, or says why the call cannot be served. What is known so far goes into the record even
    /// when the call is refused.
    pub fn of(cx: &'a Cx, head: &'a HeaderList, record: &mut Record) -> Result<Self, Reject> {
        record.describe_head(head);
        let url = url::parse(head.value(":path").unwrap_or_default())?;
        let (account, gateway) = match &url {
            CallUrl::Provider {
                account, gateway, ..
            }
            | CallUrl::Universal { account, gateway } => (*account, *gateway),
            CallUrl::Outside => return Ok(Self::Outside),
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
        let caller = Caller {
            query,
            gateway,
            config,
            account,
            options,
            admission,
        };
        if provider != "compat" {
            let call = caller.call(provider, path, head, record)?;
            return Ok(Self::Call(Box::new(call)));
        }
        match (CompatCall::of(path), head.value(":method")) {
            (Some(CompatCall::Chat), Some(b"POST")) if !head.contains("upgrade") => {
                Ok(Self::Unified(Box::new(caller)))
            }
            (Some(CompatCall::Models), Some(b"GET")) => Ok(Self::Models(Box::new(caller))),
            _ => Err(Reject::BadUrl),
        }
    }
}

impl Caller<'_> {
    /// Whether the caller's `authorization` is for the provider, not for the gateway.
    pub fn has_provider_authorization(&self, head: &HeaderList) -> bool {
        head.contains("authorization") && !self.admission.consumed.contains(&"authorization")
    }

    /// The call of `path` at that provider.
    pub fn call(
        self,
        provider: &str,
        path: &str,
        head: &HeaderList,
        record: &mut Record,
    ) -> Result<Call, Reject> {
        let target = UpstreamCall {
            account: self.account,
            path,
            query: self.query,
            fal_target_url: head.value("x-fal-target-url"),
        };
        let (upstream, cluster) = upstream(self.config, provider, &target)?;
        let format = Format::of(provider, &upstream.endpoint);
        record.describe_upstream(&upstream, format);
        let coding = Coding::of(head);
        let mut call = Call {
            account: self.account.to_owned(),
            gateway: Rc::clone(self.gateway),
            provider: provider.to_owned(),
            format,
            upstream,
            cluster,
            admission: self.admission,
            body: body_kind(head, coding),
            coding: coding.ok().flatten(),
            adds_usage: false,
            caching: None,
            upgrades: head.contains("upgrade"),
            payload_limit: record.payload_limit(),
        };
        call.caching = Caching::plan(&call, self.options, head);
        call.adds_usage = call.gateway.stream_usage && call.may_be_changed(head);
        Ok(call)
    }
}

impl Call {
    /// Whether the request is one whose body may be changed to ask for the usage: a plain chat call that nobody has
    /// signed, to a provider that accepts the question.
    fn may_be_changed(&self, head: &HeaderList) -> bool {
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

/// Header fields that vouch for the body (RFC 9530, RFC 9421, SigV4).
const SIGNATURES: &[&str] = &[
    "content-digest",
    "content-md5",
    "digest",
    "repr-digest",
    "signature",
    "x-amz-content-sha256",
];

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

/// JSON by its content type, and not compressed in a way that is not read: only that can be looked into.
fn body_kind(head: &HeaderList, coding: Result<Option<Coding>, Unread>) -> BodyKind {
    let json = head.text("content-type").is_some_and(is_json);
    if json && coding.is_ok() {
        BodyKind::Json
    } else {
        BodyKind::Opaque
    }
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
