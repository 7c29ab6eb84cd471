//! Where every provider lives and how a gateway path becomes the provider's own (contract §1.2, §1.3; providers.md §3).
//!
//! Invariant: whatever a call says, [`Provider::upstream`] names a host of that provider and a path below its base.
//! Hosts are either fixed or put together from parts with a strict alphabet; a path is checked by [`path::check`]
//! and then sent byte for byte, because a client may have signed it.

mod alphabet;
mod credential;
mod custom;
mod model;
pub mod path;
mod place;
mod steer;
mod table;

use std::borrow::Cow;
use std::fmt;

pub use credential::{Placement, without_credentials};
pub use custom::{BaseUrl, BaseUrlError};
use model::ModelAt;
use path::PathError;
use place::Spelling;

/// Request headers (lower case) that carry a provider's credential: for redaction and for the cache key.
pub const CREDENTIAL_HEADERS: &[&str] = &[
    "api-key",
    "authorization",
    "ocp-apim-subscription-key",
    "sec-websocket-protocol",
    "x-amz-security-token",
    "x-api-key",
    "x-goog-api-key",
    "xi-api-key",
];

/// Query parameters that carry a provider's credential, in lower case: compare without regard to case, and redact.
pub const CREDENTIAL_PARAMETERS: &[&str] = &[
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "authorization",
    "conversation_signature",
    "fal_jwt_token",
    "key",
    "single_use_token",
    "subscription-key",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "xi-api-key",
    "xi_api_key",
];

/// Whether a request header (lower case) carries, or by its name may carry, a credential for a provider: custom
/// providers have headers of their own.
pub fn is_credential_header(name: &str) -> bool {
    let by_name = ["auth", "cookie", "key", "secret", "token"]
        .iter()
        .any(|word| name.contains(word));
    let other = [":", "cf-aig-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || name.contains("idempotency");
    CREDENTIAL_HEADERS.contains(&name) || (by_name && !other)
}

/// A built-in provider.
#[derive(Debug)]
pub struct Provider {
    /// Its name in the URL; by default also the name of its Envoy cluster.
    pub slug: &'static str,
    /// The host or hosts that answer for it.
    pub site: Site,
    /// The path below which every call stays; begins and ends with a slash.
    pub base: &'static str,
    rule: Rule,
    model: ModelAt,
}

/// The hosts of a provider, always HTTPS on port 443.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The call chooses a host: one of these domains or a name below one.
    Chosen(&'static [&'static str]),
    /// One host.
    Fixed(&'static str),
}

/// What decides where a call goes. Everything is as the client sent it.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamCall<'a> {
    /// The account id of the URL (workers-ai has it in its path).
    pub account: &'a str,
    /// What follows the slash after the provider's slug, or a universal step's `endpoint` without its query.
    pub path: &'a str,
    /// The query without its `?`.
    pub query: Option<&'a str>,
    /// The value of `x-fal-target-url`.
    pub fal_target_url: Option<&'a [u8]>,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The `:authority`: a host in lower case, with a port only for a custom provider.
    pub host: Cow<'static, str>,
    /// The `:path`: path and query, exactly what is sent.
    pub path: String,
    /// The provider's own path without its mount point and query, one spelling for all that mean the same, e.g.
    /// `v1/chat/completions` (also for groq's `/openai/v1/…` and fireworks' `/inference/v1/…`). For the cache key, the
    /// log and the choice of format; never sent.
    pub endpoint: String,
    /// The model, when path or query name it.
    pub model: Option<String>,
}

/// Why there is nowhere to send a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// The account id cannot be part of a path.
    Account,
    /// The deployment's name is malformed.
    Deployment,
    /// The model's id is malformed where it is part of the host or base path.
    Model,
    /// The path or query cannot be sent on.
    Path(PathError),
    /// The project's id is malformed.
    Project,
    /// The region is malformed.
    Region,
    /// The resource's name is malformed.
    Resource,
    /// The path lacks a part; holds the text that says which form is expected.
    Shape(&'static str),
    /// `x-fal-target-url` is not an `https` URL of fal's own hosts.
    TargetUrl,
}

impl BadTarget {
    /// The reason in words for the client; never a part of the request.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Account => "the account id in the URL is malformed",
            Self::Deployment => "the deployment in the path is malformed",
            Self::Model => "the model in the path or query is malformed",
            Self::Path(error) => error.what(),
            Self::Project => "the project in the path is malformed",
            Self::Region => "the region in the path is malformed",
            Self::Resource => "the resource in the path is malformed",
            Self::Shape(form) => form,
            Self::TargetUrl => "x-fal-target-url must be an https URL of fal.run or fal.ai",
        }
    }
}

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl From<PathError> for BadTarget {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

/// The built-in provider of that slug. `compat` and `custom-{slug}` are not providers of this table.
pub fn find(slug: &str) -> Option<&'static Provider> {
    table::TABLE.iter().find(|provider| provider.slug == slug)
}

/// Every built-in provider, by slug.
pub const fn all() -> &'static [Provider] {
    table::TABLE
}

impl Provider {
    /// Where `call` goes; refuses what could reach another host or leave [`Provider::base`].
    pub fn upstream(&self, call: &UpstreamCall<'_>) -> Result<Upstream, BadTarget> {
        path::check(call.path)?;
        call.query.map_or(Ok(()), path::check_query)?;
        let place = match &self.rule {
            Rule::Azure => steer::azure(call),
            Rule::Baseten => steer::baseten(call),
            Rule::Bedrock => steer::bedrock(call),
            Rule::Fal => steer::fal(call),
            Rule::GoogleLive => Ok(steer::google_live(call)),
            Rule::HuggingFace => Ok(steer::hugging_face(call)),
            Rule::Plain(spelling) => Ok(spelling.place(self, call)),
            Rule::Vertex => steer::vertex(call),
            Rule::WorkersAi => steer::workers_ai(call),
        }?;
        place.into_upstream(self.model)
    }
}

/// How a path of the gateway becomes a path of the provider.
#[derive(Debug)]
enum Rule {
    Azure,
    Baseten,
    Bedrock,
    Fal,
    GoogleLive,
    HuggingFace,
    Plain(Spelling),
    Vertex,
    WorkersAi,
}

#[cfg(test)]
mod tests;
