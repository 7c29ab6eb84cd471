//! Streams of OpenAI's chat completions state their usage only when asked (providers.md §1, trap 1): how to ask where
//! the client did not, and how to take out of the stream what the client then would not have seen.
//!
//! Invariant: what is not understood passes unchanged.

mod hide;

pub use hide::Hide;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::provider::Upstream;

/// Providers whose chat streams are silent unless asked and that accept the question. The others are left alone:
/// cohere's compatible endpoint and mistral refuse the unknown field; deepseek, groq, mistral, openrouter, perplexity,
/// cerebras, fireworks and together state usage unasked, parallel ignores the question; huggingface passes the body on
/// to any of a dozen engines; the compatible endpoints of anthropic, google, workers-ai and aws-bedrock promise nothing.
const ACCEPTS: &[&str] = &["azure-openai", "baseten", "grok", "openai"];

/// The first version of Azure's dated API that accepts the question.
const AZURE_SINCE: &str = "2024-09-01";

/// Whether that provider may be asked, at that endpoint. A custom one may: the operator has switched this on for it.
pub fn is_accepted(provider: &str, upstream: &Upstream) -> bool {
    let known = ACCEPTS.contains(&provider) || provider.starts_with("custom-");
    let is_chat = upstream.endpoint.ends_with("chat/completions");
    known && is_chat && (provider != "azure-openai" || azure_accepts(&upstream.path))
}

/// Azure's `/openai/v1/` has no dates; elsewhere the query names one.
fn azure_accepts(path: &str) -> bool {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let version = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("api-version="));
    path.starts_with("/openai/v1/")
        || version.is_some_and(|version| version.starts_with("20") && version >= AZURE_SINCE)
}

/// The request's body with the question in it, every other byte as it was; `None` where there is no place for it.
pub fn ask(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let Some(options) = Members::of(text)?.stream_options.map(RawValue::get) else {
        return insert(text, text, r#""stream_options":{"include_usage":true}"#);
    };
    if options == "null" {
        return splice(text, options, r#"{"include_usage":true}"#);
    }
    match Members::of(options)?.include_usage {
        Some(value) => splice(text, value.get(), "true"),
        None => insert(text, options, r#""include_usage":true"#),
    }
}

/// `text` with `member` as the first one of `object`, which is a part of it.
fn insert(text: &str, object: &str, member: &str) -> Option<Vec<u8>> {
    let (brace, rest) = object.split_at_checked(object.find('{')?.checked_add(1)?)?;
    let rest = rest.trim_start();
    let comma = if rest.starts_with('}') { "" } else { "," };
    let at = offset(text, object)?.checked_add(brace.len())?;
    let (before, after) = text.split_at_checked(at)?;
    Some([before, member, comma, after].concat().into_bytes())
}

/// `text` with `new` in the place of `old`, which is a part of it.
fn splice(text: &str, old: &str, new: &str) -> Option<Vec<u8>> {
    let (before, rest) = text.split_at_checked(offset(text, old)?)?;
    let after = rest.get(old.len()..)?;
    Some([before, new, after].concat().into_bytes())
}

/// Where in `text` its part begins.
fn offset(text: &str, part: &str) -> Option<usize> {
    let offset = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    (offset <= text.len()).then_some(offset)
}

/// The members of an object that matter, of a request, its options or a chunk.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    choices: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    include_usage: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    usage: Option<&'a RawValue>,
}

impl<'a> Members<'a> {
    /// Reads an object; `None` where it is none or names a member twice.
    fn of(text: &'a str) -> Option<Self> {
        // Of an array the parser would take the elements for the members.
        let is_object = text.trim_start().starts_with('{');
        is_object.then(|| serde_json::from_str(text).ok()).flatten()
    }
}

/// A member that is there, be it `null`.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests;
