//! The parts of the usage that the provider stated, as the record has them.
//!
//! Invariant: the contract's fields (§7.2, `usage_metadata`) are always there; what is counted in another unit than
//! tokens only where it was stated.

use serde::{Serialize, Serializer};

use super::cost;
use crate::llm::usage::Usage;
use crate::policy::custom_cost::Decimal;

/// Consumption: tokens, then counts of other things.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UsageMetadata {
    /// All input.
    pub input_tokens: Option<u64>,
    /// All output.
    pub output_tokens: Option<u64>,
    /// Both.
    pub total_tokens: Option<u64>,
    /// Output spent on reasoning.
    pub output_reasoning_tokens: Option<u64>,
    /// Input read from the provider's own cache.
    pub input_cached_tokens: Option<u64>,
    /// Input written to the provider's own cache.
    pub input_cache_write_tokens: Option<u64>,
    /// Pictures taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_in: Option<u64>,
    /// Pictures made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Pages read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    /// Pages annotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotated_pages: Option<u64>,
    /// Characters read or spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<u64>,
    /// Length of the audio taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_in: Option<Seconds>,
    /// Length of the audio or video made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<Seconds>,
    /// Searches of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_searches: Option<u64>,
    /// Searches in the client's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_searches: Option<u64>,
    /// Search units of a reranker or a search engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_units: Option<u64>,
}

/// A length of time in milliseconds, written in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(u64);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        cost::number(&Decimal::new(self.0, 3), serializer)
    }
}

impl UsageMetadata {
    /// The parts of a usage.
    pub(super) fn of(usage: &Usage) -> Self {
        let written = [
            usage.cache_write,
            usage.cache_write_1h,
            usage.cache_write_12h,
        ];
        let total = usage
            .input_tokens
            .zip(usage.output_tokens)
            .map(|(input, output)| input.saturating_add(output));
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: total,
            output_reasoning_tokens: usage.reasoning,
            input_cached_tokens: usage.cache_read,
            input_cache_write_tokens: written.into_iter().flatten().reduce(u64::saturating_add),
            images_in: usage.images_input,
            images: usage.images,
            pages: usage.pages,
            annotated_pages: usage.annotated_pages,
            characters: usage.characters,
            seconds_in: usage.audio_input_ms.map(Seconds),
            seconds: usage.media_output_ms.map(Seconds),
            web_searches: usage.web_searches,
            file_searches: usage.file_searches,
            search_units: usage.search_units,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn other_units_than_tokens_show_only_where_they_were_stated() {
        let usage = Usage {
            audio_input_ms: Some(61_250),
            pages: Some(3),
            ..Usage::default()
        };
        let expected = json!({
            "input_tokens": null, "output_tokens": null, "total_tokens": null, "output_reasoning_tokens": null,
            "input_cached_tokens": null, "input_cache_write_tokens": null, "pages": 3, "seconds_in": 61.25,
        });
        let text = serde_json::to_string(&UsageMetadata::of(&usage)).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            expected
        );
    }
}
