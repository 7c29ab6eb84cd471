//! An upstream in pieces, and the rule of the providers that live on one host.
//!
//! Invariant: the path sent is the mount point, then text of the gateway's own, then text of the client that
//! [`path::check`] has passed; what clients write of the first two by themselves is cut, not repeated (contract §1.2).

use std::borrow::Cow;

use super::model::ModelAt;
use super::path::{self, PathError};
use super::{BadTarget, Provider, Site, Upstream, UpstreamCall};

/// The liberties that clients take with the path of a provider on one host.
#[derive(Debug)]
pub(super) struct Spelling {
    /// What an empty path stands for: the realtime socket (contract §1.6).
    pub(super) empty: &'static str,
    /// Spellings of the base that clients write although the gateway adds it.
    pub(super) own: &'static [&'static str],
    /// First segments that the provider serves below `v1/` only, and that clients also write without it.
    pub(super) implied: &'static [&'static str],
    /// First segments that the provider serves both below `v1/` and without it: sent as written, one endpoint.
    pub(super) served: &'static [&'static str],
}

impl Spelling {
    pub(super) fn place<'a>(&self, provider: &Provider, call: &UpstreamCall<'a>) -> Place<'a> {
        let rest = if call.path.is_empty() {
            self.empty
        } else {
            collapse(call.path, self.own)
        };
        let first = rest.split('/').next().unwrap_or_default();
        let base = provider.base;
        let (mount, lead) = match base.strip_suffix(VERSION) {
            Some(mount) => (mount, VERSION),
            None => (
                base,
                if self.implied.contains(&first) {
                    VERSION
                } else {
                    ""
                },
            ),
        };
        let host = match provider.site {
            Site::Fixed(host) => host,
            Site::Chosen(hosts) => hosts.first().copied().unwrap_or_default(),
        };
        Place {
            label: if self.served.contains(&first) {
                VERSION
            } else {
                lead
            },
            ..Place::new(call, host, mount, lead, rest)
        }
    }
}

/// The version that nearly every provider's paths begin with.
pub(super) const VERSION: &str = "v1/";

/// Cuts what the gateway adds by itself, however often the client wrote it, so that `/v1/v1/` never happens.
pub(super) fn collapse<'a>(path: &'a str, own: &[&str]) -> &'a str {
    let mut rest = path;
    while let Some(shorter) = own.iter().find_map(|own| cut(rest, own)) {
        rest = shorter;
    }
    while let Some(shorter) = rest
        .strip_prefix(VERSION)
        .filter(|shorter| shorter.starts_with(VERSION))
    {
        rest = shorter;
    }
    rest
}

/// `path` without `own`, which ends with a slash that the path may lack at its end.
fn cut<'a>(path: &'a str, own: &str) -> Option<&'a str> {
    path.strip_prefix(own)
        .or_else(|| own.strip_suffix('/').filter(|own| *own == path).map(|_| ""))
}

/// An upstream in pieces: the path sent is `mount`, `lead`, `rest`; the endpoint is `label`, `rest`.
pub(super) struct Place<'a> {
    pub(super) host: Cow<'static, str>,
    pub(super) mount: Cow<'a, str>,
    pub(super) lead: &'static str,
    pub(super) label: &'static str,
    pub(super) rest: Cow<'a, str>,
    pub(super) query: Option<Cow<'a, str>>,
    /// The model, when the endpoint alone does not show it.
    pub(super) model: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The place of `call`, with its query.
    pub(super) fn new(
        call: &UpstreamCall<'a>,
        host: impl Into<Cow<'static, str>>,
        mount: impl Into<Cow<'a, str>>,
        lead: &'static str,
        rest: impl Into<Cow<'a, str>>,
    ) -> Self {
        let (host, mount, rest) = (host.into(), mount.into(), rest.into());
        Self {
            host,
            mount,
            lead,
            label: lead,
            rest,
            query: call.query.map(Cow::Borrowed),
            model: None,
        }
    }

    /// Puts the pieces together.
    pub(super) fn into_upstream(self, model: ModelAt) -> Result<Upstream, BadTarget> {
        let (mark, query) = self.query.as_deref().map_or(("", ""), |query| ("?", query));
        let path = [&*self.mount, self.lead, &*self.rest, mark, query].concat();
        if path.len() > path::MAX_TARGET {
            return Err(PathError::TooLong.into());
        }
        let endpoint = path::canonical(self.label, &self.rest);
        let model = self
            .model
            .map(str::to_owned)
            .or_else(|| model.find(&endpoint, query));
        Ok(Upstream {
            host: self.host,
            path,
            endpoint,
            model,
        })
    }
}
