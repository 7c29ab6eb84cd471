//! The unified endpoint `/compat`: `model: "provider/model"` names who answers (contract §1.4; providers.md §4).
//!
//! Invariant: the model only ever becomes a part of the body. Paths are made of fixed text and of settings of the
//! configuration, so a model's name cannot lead a call anywhere.

mod body;
mod models;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use super::provider;

pub use body::{ChatBody, element, member};
pub use models::list;

/// What a path below `/compat` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompatCall {
    /// `chat/completions`.
    Chat,
    /// `models`.
    Models,
}

impl CompatCall {
    /// Reads the path after `compat/`; with or without `v1/`, and as the documentation's example misspells it.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path.strip_prefix("v1/").unwrap_or(path) {
            "chat/completions" | "chat/completion" => Some(Self::Chat),
            "models" => Some(Self::Models),
            _ => None,
        }
    }
}

/// The provider whose models a list of models is asked for: the parameter `provider` of its query.
pub fn listed_provider(query: &str) -> Option<&str> {
    let mut pairs = query.split('&');
    pairs
        .find_map(|pair| pair.strip_prefix("provider="))
        .filter(|provider| !provider.is_empty())
}

/// What the `model` of a unified call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A model of a provider.
    Model(ChatModel<'a>),
    /// The dynamic route of that name.
    Route(&'a str),
}

/// A model and who serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatModel<'a> {
    /// The slug of a built-in provider, or `custom-{slug}`, known or not.
    pub provider: &'a str,
    /// The name the provider knows it by; never empty, may hold slashes.
    pub model: &'a str,
}

/// Where a provider's compatible endpoint is, as far as the configuration says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location<'a> {
    /// A project's id (google-vertex-ai).
    pub project: Option<&'a str>,
    /// A region (aws-bedrock, google-vertex-ai).
    pub region: Option<&'a str>,
    /// A resource's name (azure-openai).
    pub resource: Option<&'a str>,
}

/// Why a unified call has no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incompatible {
    /// The body is no JSON object, or its `model` is no text of the form `provider/model`.
    Format,
    /// The provider has no compatible endpoint.
    NoChat,
    /// Bedrock serves this family in its own formats only.
    OwnFormat,
    /// Nobody is called that.
    Provider,
    /// The configuration does not say where the provider's endpoint is; holds the text that says what to write.
    Unset(&'static str),
}

impl Incompatible {
    /// The reason in words for the client; never a part of the request.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Format => "Chat completion bad format",
            Self::NoChat => "This provider has no chat completions: call it at its own endpoint",
            Self::OwnFormat => {
                "Bedrock serves Claude and Nova in their own formats only: call \
                aws-bedrock/bedrock-mantle/{region}/anthropic/v1/messages or \
                aws-bedrock/bedrock-runtime/{region}/model/{id}/converse"
            }
            Self::Provider => "Invalid provider",
            Self::Unset(remedy) => remedy,
        }
    }
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl<'a> Target<'a> {
    /// Reads the value of `model`, cut at its first slash.
    pub fn parse(model: &'a str) -> Result<Self, Incompatible> {
        let (prefix, name) = model.split_once('/').ok_or(Incompatible::Format)?;
        if prefix.is_empty() || name.is_empty() {
            return Err(Incompatible::Format);
        }
        if prefix == "dynamic" {
            return Ok(Self::Route(name));
        }
        let alias = ALIASES.iter().find(|(alias, _)| *alias == prefix);
        let provider = if let Some((_, slug)) = alias {
            slug
        } else if provider::find(prefix).is_some() || prefix.starts_with("custom-") {
            prefix
        } else {
            return Err(Incompatible::Provider);
        };
        Ok(Self::Model(ChatModel {
            provider,
            model: name,
        }))
    }
}

/// Prefixes that are not the slug: the contract's, and those of the SDK's resolver.
const ALIASES: &[(&str, &str)] = &[
    ("azure", "azure-openai"),
    ("bedrock", "aws-bedrock"),
    ("google", "google-ai-studio"),
    ("google-vertex", "google-vertex-ai"),
    ("perplexity", "perplexity-ai"),
    ("xai", "grok"),
];

/// The prefix by which a provider is listed: the contract's spelling.
pub fn prefix(slug: &str) -> &str {
    if slug == "perplexity-ai" {
        "perplexity"
    } else {
        slug
    }
}

/// The path of a built-in provider's compatible endpoint, below its base at the gateway.
pub fn endpoint(
    target: &ChatModel<'_>,
    location: &Location<'_>,
) -> Result<Cow<'static, str>, Incompatible> {
    let region = location.region;
    let path = match target.provider {
        "anthropic" | "baseten" | "huggingface" | "workers-ai" => "v1/chat/completions",
        "cerebras" | "deepseek" | "fireworks" | "grok" | "groq" | "mistral" | "openai"
        | "openrouter" | "parallel" | "perplexity-ai" | "together" => "chat/completions",
        "cohere" => "compatibility/v1/chat/completions",
        "google-ai-studio" => "v1beta/openai/chat/completions",
        "aws-bedrock" if has_own_format(target.model) => return Err(Incompatible::OwnFormat),
        "aws-bedrock" => {
            // Contract §1.4: an API key without more belongs to this region.
            let region = region.unwrap_or("us-east-1");
            return Ok(format!("bedrock-mantle/{region}/v1/chat/completions").into());
        }
        "azure-openai" => {
            let resource = location.resource.ok_or(Incompatible::Unset(
                "azure-openai needs a resource: configure providers: [{slug: azure-openai, resource: …}]",
            ))?;
            return Ok(format!("{resource}/v1/chat/completions").into());
        }
        "google-vertex-ai" => {
            let project = location.project.ok_or(Incompatible::Unset(
                "google-vertex-ai needs a project: configure providers: [{slug: google-vertex-ai, project: …, region: …}]",
            ))?;
            let region = region.unwrap_or("global");
            let path = format!(
                "v1/projects/{project}/locations/{region}/endpoints/openapi/chat/completions"
            );
            return Ok(path.into());
        }
        slug if provider::find(slug).is_some() => return Err(Incompatible::NoChat),
        _ => return Err(Incompatible::Provider),
    };
    Ok(path.into())
}

/// Claude speaks Messages and Nova Converse, whatever region stands before their names or in their ARN.
fn has_own_format(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or_default();
    let mut words = name.split('.');
    let is_family = |word: &str| word == "anthropic" || word.starts_with("nova-");
    words.any(is_family) || name.starts_with("claude-")
}
