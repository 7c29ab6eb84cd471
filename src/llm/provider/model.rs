//! Where a provider's path or query names the model (providers.md §1, §3).
//!
//! Invariant: an endpoint that names no model gives `None`, never a guess.

use super::path;

/// The place of the model's name, other than the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModelAt {
    /// `model/{m}/…` (bedrock).
    Bedrock,
    /// Only the body names it.
    Body,
    /// `deployments/{m}/…` (azure).
    Deployment,
    /// `…/ideogram-{version}/…`.
    Ideogram,
    /// `…models/{m}:{method}` or `…tunedModels/{m}:{method}` (Gemini).
    Method,
    /// `…models/{owner}/{name}…` (replicate, hugging face).
    Owner,
    /// The parameter `model` (realtime sockets, deepgram).
    Query,
    /// `run/{m}` (workers-ai).
    Run,
}

impl ModelAt {
    /// The model that `endpoint` (canonical) or `query` names, decoded.
    pub(super) fn find(self, endpoint: &str, query: &str) -> Option<String> {
        let name = match self {
            Self::Bedrock => segment_after(endpoint, "model/"),
            Self::Body => None,
            Self::Deployment => segment_after(endpoint, "deployments/"),
            Self::Ideogram => endpoint
                .split('/')
                .find(|segment| segment.starts_with("ideogram-")),
            Self::Method => method(endpoint),
            Self::Owner => owner_and_name(endpoint),
            Self::Query => return path::parameter(query, "model"),
            Self::Run => endpoint.strip_prefix("run/"),
        };
        name.filter(|name| !name.is_empty()).map(path::decode)
    }
}

fn segment_after<'a>(endpoint: &'a str, prefix: &str) -> Option<&'a str> {
    endpoint.strip_prefix(prefix)?.split('/').next()
}

/// The last colon parts model and method: models of Model Garden have colons of their own.
fn method(endpoint: &str) -> Option<&str> {
    let (named, _) = endpoint.rsplit_once(':')?;
    let (before, model) = named.rsplit_once('/')?;
    match before.rsplit('/').next() {
        // Vertex counts tokens of a model that the body names.
        Some("models") => Some(model).filter(|model| *model != "count-tokens"),
        // The collection is part of a tuned model's name.
        Some("tunedModels") => named.get(before.len().checked_sub("tunedModels".len())?..),
        _ => None,
    }
}

/// `{owner}/{name}`, or the name alone where that is all.
fn owner_and_name(endpoint: &str) -> Option<&str> {
    let (_, name) = endpoint.split_once("models/")?;
    let end = name
        .match_indices('/')
        .nth(1)
        .map_or(name.len(), |(at, _)| at);
    name.get(..end)
}
