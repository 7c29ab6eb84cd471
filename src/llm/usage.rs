//! What a provider says it consumed, normalised over all wire formats.
//!
//! Invariant: `input_tokens` and `output_tokens` are totals; every other token field is a part of one of them. A
//! field that the provider did not state is `None`, never a guess (providers.md §1, prices.md "Cost rule").

/// Normalised consumption of one answer. Counts are tokens unless the name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Usage {
    /// All input tokens, cached and written ones included.
    pub input_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// Input tokens read from the provider's prompt cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to the prompt cache for the shortest time (5 or 30 minutes).
    pub cache_write: Option<u64>,
    /// Input tokens written to the prompt cache for one hour.
    pub cache_write_1h: Option<u64>,
    /// Input tokens written to the prompt cache for twelve hours.
    pub cache_write_12h: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
    /// Audio part of the input.
    pub audio_input: Option<u64>,
    /// Audio part of the output.
    pub audio_output: Option<u64>,
    /// Audio part of the cached input.
    pub audio_cache_read: Option<u64>,
    /// Image part of the input.
    pub image_input: Option<u64>,
    /// Image part of the output.
    pub image_output: Option<u64>,
    /// Image part of the cached input.
    pub image_cache_read: Option<u64>,
    /// Video part of the input.
    pub video_input: Option<u64>,
    /// Video part of the output.
    pub video_output: Option<u64>,
    /// Output tokens spent on citing sources.
    pub citation: Option<u64>,
    /// Web searches done by the provider (a count, not tokens).
    pub web_searches: Option<u64>,
    /// Searches in the client's files done by the provider (a count).
    pub file_searches: Option<u64>,
    /// Search units of a reranker or a search engine (a count).
    pub search_units: Option<u64>,
    /// Pages read (a count).
    pub pages: Option<u64>,
    /// Those of `pages` that were annotated (a count).
    pub annotated_pages: Option<u64>,
    /// Characters read or spoken (a count).
    pub characters: Option<u64>,
    /// Pictures taken in (a count).
    pub images_input: Option<u64>,
    /// Pictures made (a count).
    pub images: Option<u64>,
    /// Length of the audio taken in, in milliseconds.
    pub audio_input_ms: Option<u64>,
    /// Length of the audio or video made, in milliseconds.
    pub media_output_ms: Option<u64>,
}

/// Terms of the answer that change the price (prices.md, "variant").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Terms {
    /// The service tier the provider says it used (`default`, `flex`, `priority`, `batch`, …).
    pub service_tier: Option<String>,
    /// Anthropic's `usage.speed` (`fast`).
    pub speed: Option<String>,
    /// Anthropic's `usage.inference_geo` (`us`, `global`).
    pub inference_geo: Option<String>,
    /// Part of what was consumed is billed at prices that the counts of the answer do not meet, so that no sum of theirs
    /// would be the whole: pictures made by another model, what another model has advised.
    #[cfg_attr(test, serde(skip_serializing_if = "std::ops::Not::not"))]
    pub is_unpriced: bool,
}

/// The sum of what is known of two counts; `None` if neither is.
pub(crate) const fn add(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}
