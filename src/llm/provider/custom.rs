//! An operator's own provider: a base URL, and the path of a call appended to it (contract §1.7).
//!
//! Invariant: a [`BaseUrl`] in hand is `https`, names one host, and its prefix is as safe as any provider's base.

use std::fmt;

use super::model::ModelAt;
use super::path::{self, PathError};
use super::place::{Place, VERSION, collapse};
use super::{BadTarget, Upstream, UpstreamCall, alphabet};

/// The base URL of a custom provider, checked: `https://host[:port][/prefix]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Host in lower case, and port when it is not 443.
    authority: String,
    /// The path of the URL up to a `v1/` at its end; begins and ends with a slash.
    mount: String,
    /// `v1/` when the URL ends with it.
    version: &'static str,
}

/// Why a base URL is refused; the text is made to stand after `base_url: `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseUrlError {
    /// The host is not a DNS name in ASCII or an IPv4 address.
    Host,
    /// It has a query or fragment.
    Query,
    /// The path has a shape that could be misread.
    Path(PathError),
    /// The port is not a number from 1 to 65535.
    Port,
    /// It does not start with `https://`.
    Scheme,
    /// It has a user name or password.
    UserInfo,
}

impl fmt::Display for BaseUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => {
                f.write_str("the host must be a DNS name or IPv4 address (write international names in punycode)")
            }
            Self::Path(error) => error.fmt(f),
            Self::Port => f.write_str("the port must be a number from 1 to 65535"),
            Self::Query => f.write_str("remove the query and fragment: only host and path are used"),
            Self::Scheme => f.write_str("must be a valid HTTPS URL starting with https://"),
            Self::UserInfo => f.write_str("remove the user name: clients send their own credential"),
        }
    }
}

impl BaseUrl {
    /// Checks the URL of a configuration. A slash at its end changes nothing.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Https::parse(text)?;
        if url.query.is_some() {
            return Err(BaseUrlError::Query);
        }
        let prefix = url.path.strip_suffix('/').unwrap_or(url.path);
        path::check(prefix).map_err(BaseUrlError::Path)?;
        let (mount, version) = match prefix.strip_suffix("v1") {
            Some(mount) if mount.is_empty() || mount.ends_with('/') => {
                (mount.strip_suffix('/').unwrap_or(mount), VERSION)
            }
            _ => (prefix, ""),
        };
        let mount = if mount.is_empty() {
            "/".to_owned()
        } else {
            format!("/{mount}/")
        };
        let authority = url
            .port
            .map_or_else(|| url.host.clone(), |port| format!("{}:{port}", url.host));
        Ok(Self {
            authority,
            mount,
            version,
        })
    }

    /// The URL, without a slash at its end.
    pub fn text(&self) -> String {
        let Self {
            authority,
            mount,
            version,
        } = self;
        let url = format!("https://{authority}{mount}{version}");
        url.trim_end_matches('/').to_owned()
    }

    /// Where `call` goes: the path appended to the base URL, `v1/` never twice.
    pub fn upstream(&self, call: &UpstreamCall<'_>) -> Result<Upstream, BadTarget> {
        path::check(call.path)?;
        call.query.map_or(Ok(()), path::check_query)?;
        let Self {
            authority,
            mount,
            version,
        } = self;
        let own: &[&str] = if version.is_empty() { &[] } else { &[VERSION] };
        let rest = collapse(call.path, own);
        Place::new(call, authority.clone(), mount.as_str(), version, rest)
            .into_upstream(ModelAt::Body)
    }

    /// The path of its chat completions: below the base URL, as an SDK puts it, where the URL has a path at all.
    pub fn chat_endpoint(&self) -> &'static str {
        if self.mount == "/" {
            "v1/chat/completions"
        } else {
            "chat/completions"
        }
    }

    /// Host, and port when it is not 443: what is sent as `:authority`.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// The parts of an `https` URL. Path and query are not checked here.
pub(super) struct Https<'a> {
    /// In lower case.
    pub(super) host: String,
    /// `None` is 443, written or not.
    pub(super) port: Option<u16>,
    /// Without its first slash.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl<'a> Https<'a> {
    /// Takes `https://host[:port][/path][?query]` apart; refuses user info and fragments.
    pub(super) fn parse(text: &'a str) -> Result<Self, BaseUrlError> {
        let (scheme, rest) = text
            .split_at_checked("https://".len())
            .ok_or(BaseUrlError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("https://") {
            return Err(BaseUrlError::Scheme);
        }
        if rest.contains('#') {
            return Err(BaseUrlError::Query);
        }
        let (rest, query) = rest
            .split_once('?')
            .map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(read_port(port)?)),
            None => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        if !alphabet::is_host(&host) {
            return Err(BaseUrlError::Host);
        }
        Ok(Self {
            host,
            port: port.filter(|port| *port != 443),
            path,
            query,
        })
    }
}

fn read_port(text: &str) -> Result<u16, BaseUrlError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|port| digits && *port > 0)
        .ok_or(BaseUrlError::Port)
}
