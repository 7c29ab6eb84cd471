//! The request head, understood: which gateway, who calls, what form the call has.
//!
//! Invariant: a [`Caller`] in hand was let in. Whatever it calls, once or in steps, is admitted with it.

use std::rc::Rc;

use super::call::{Call, body_kind, upstream};
use super::cx::Cx;
use super::keys::Keys;
use super::options::Options;
use super::url::{self, CallUrl};
use crate::config::{Config, Gateway};
use crate::http::encoding::Coding;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::compat::CompatCall;
use crate::llm::format::Format;
use crate::llm::provider::UpstreamCall;
use crate::policy::auth::{self, Admission};
use crate::policy::cache::Caching;
use crate::policy::retry::Wishes;
use crate::record::Record;

/// What a request head turned out to be.
pub enum Reading {
    /// A call to a provider.
    Call(Box<Call>, Box<Caller>),
    /// A unified call, with its query: its body names the provider.
    Unified(Box<Caller>, Option<String>),
    /// A list of steps in the body.
    Universal(Box<Caller>),
    /// The question which models unified calls can name, of all providers or of those that the query says.
    Models(Box<Caller>, Option<String>),
    /// None of the gateway's URLs.
    Outside,
}

/// Who was let in, and what is known before there is a provider.
#[derive(Clone)]
pub struct Caller {
    /// The account of the URL.
    pub account: String,
    /// The gateway's settings.
    pub gateway: Rc<Gateway>,
    /// The configuration in force when the call came.
    pub config: Rc<Config>,
    /// How it was let in.
    pub admission: Admission,
    /// Whether the alias of a stored key in its head is meant for several providers: one without it uses its other keys.
    pub is_alias_shared: bool,
}

/// What is called, as a URL has it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The provider's slug, known or not.
    pub provider: &'a str,
    /// The path below the provider's base at the gateway.
    pub path: &'a str,
    /// The query, without its `?`.
    pub query: Option<&'a str>,
    /// What the step's or the route's own settings say about retries; the head's stand behind them.
    pub wishes: Wishes,
}

impl Reading {
    /// Understands the head, or says why the call cannot be served. What is known so far goes into the record even
    /// when the call is refused.
    pub fn of(cx: &Cx, head: &HeaderList, record: &mut Record) -> Result<Self, Reject> {
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
        let caller = Box::new(Caller {
            account: account.to_owned(),
            gateway: Rc::clone(gateway),
            config: Rc::clone(config),
            admission,
            is_alias_shared: false,
        });
        let CallUrl::Provider {
            provider,
            path,
            query,
            ..
        } = url
        else {
            return caller.universal(head, record);
        };
        if provider != "compat" {
            let target = Target {
                provider,
                path,
                query,
                wishes: Wishes::default(),
            };
            let call = caller.call(&target, head, options, record)?;
            return Ok(Self::Call(Box::new(call), caller));
        }
        match (CompatCall::of(path), head.value(":method")) {
            (Some(CompatCall::Chat), Some(b"POST")) if !head.contains("upgrade") => {
                Ok(Self::Unified(caller, query.map(str::to_owned)))
            }
            (Some(CompatCall::Models), Some(b"GET")) => {
                Ok(Self::Models(caller, query.map(str::to_owned)))
            }
            _ => Err(Reject::BadUrl),
        }
    }
}

impl Caller {
    fn universal(
        self: Box<Self>,
        head: &HeaderList,
        record: &mut Record,
    ) -> Result<Reading, Reject> {
        record.request_type = "universal";
        if head.value(":method") != Some(b"POST") || head.contains("upgrade") {
            return Err(Reject::BadUrl);
        }
        if self.config.attempt_cluster.is_none() {
            return Err(Reject::NoAttempts);
        }
        Ok(Reading::Universal(self))
    }

    /// Whether the caller's `authorization` is for the provider, not for the gateway.
    pub fn has_provider_authorization(&self, head: &HeaderList) -> bool {
        head.contains("authorization") && !self.admission.consumed.contains(&"authorization")
    }

    /// The same caller, for the head of one of its steps: what that has of gateway credentials is for no provider either.
    #[must_use]
    pub fn for_step(&self, head: &HeaderList) -> Self {
        let admission = Admission {
            credential: self.admission.credential.clone(),
            ..auth::examine(&self.config, &self.gateway, head)
        };
        Self {
            admission,
            ..self.clone()
        }
    }

    /// The call of `target` with that head.
    pub fn call(
        &self,
        target: &Target<'_>,
        head: &HeaderList,
        options: Options,
        record: &mut Record,
    ) -> Result<Call, Reject> {
        let wanted = UpstreamCall {
            account: &self.account,
            path: target.path,
            query: target.query,
            fal_target_url: head.value("x-fal-target-url"),
        };
        let (upstream, cluster) = upstream(&self.config, target.provider, &wanted)?;
        let format = Format::of(target.provider, &upstream.endpoint);
        record.describe_upstream(&upstream, format);
        let coding = Coding::of(head);
        let wishes = target.wishes.or(Wishes::read(head));
        let mut call = Call {
            account: self.account.clone(),
            gateway: Rc::clone(&self.gateway),
            provider: target.provider.to_owned(),
            format,
            upstream,
            cluster,
            admission: self.admission.clone(),
            withheld: Vec::new(),
            body: body_kind(head, coding),
            coding: coding.ok().flatten(),
            adds_usage: false,
            caching: None,
            keys: None,
            retry: wishes.resolve(&self.gateway.retry),
            upgrades: head.contains("upgrade"),
            payload_limit: record.payload_limit(),
        };
        let shown = (head, target.query);
        let alias = options.byok_alias.clone();
        call.keys = match Keys::of(&self.config, &call, shown, alias) {
            Err(_) if self.is_alias_shared => Keys::of(&self.config, &call, shown, None)?,
            keys => keys?,
        };
        call.caching = Caching::plan(&call, options, head);
        call.adds_usage = call.gateway.stream_usage && call.may_be_changed(head);
        Ok(call)
    }
}
