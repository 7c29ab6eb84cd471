//! Byte layout of a price table: what the writer (`encoder.rs`) and the reader (`table.rs`) share.
//!
//! Invariant: a change here changes both sides at once. Numbers are little-endian. A *text* is `[offset: u24, length:
//! u8]` into the names; a *set* is a u16 offset into the sets; a price is a u32 in millionths of the unit its key has in
//! `data/prices.json`, which for a token is picodollars a token.
//!
//! | section | one entry |
//! |---|---|
//! | lists | provider text, exact start and count u16, glob start and count u16, fallback lists `[u8; 4]` |
//! | exact | name text, set; sorted by name within a list |
//! | globs | glob text, set, nots u16; most literal first within a list |
//! | nots | count u8, then as many texts |
//! | sets | price count u8, rule count u8, prices `[key u8, price]`, rules `[kind u8, argument [u8; 4], set]` |

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    CacheWrite12h,
    Reasoning,
    Citation,
    AudioInput,
    AudioOutput,
    AudioCacheRead,
    ImageInput,
    ImageOutput,
    ImageCacheRead,
    VideoInput,
    VideoOutput,
    WebSearches,
    FileSearches,
    Requests,
    SearchUnits,
    Pages,
    AnnotatedPages,
    Characters,
    AudioInputHours,
    AudioHours,
    OutputHours,
    Images,
    ImagesInput,
    /// No price: the seconds of audio that a request is charged for at least.
    AudioMinimum,
    /// No price: the web searches that a request is charged for at most.
    WebSearchMaximum,
    /// No price: what the prices of tokens are multiplied by.
    TokenFactor,
    /// No price: the model costs nothing, whatever it consumes.
    Free,
}

/// Every key with its name in `data/prices.json`; a key's place here is its byte in the table. Tokens come first.
pub(super) const KEYS: [(Key, &str); 32] = [
    (Key::Input, "input"),
    (Key::Output, "output"),
    (Key::CacheRead, "cache_read"),
    (Key::CacheWrite, "cache_write"),
    (Key::CacheWrite1h, "cache_write_1h"),
    (Key::CacheWrite12h, "cache_write_12h"),
    (Key::Reasoning, "reasoning"),
    (Key::Citation, "citation"),
    (Key::AudioInput, "audio_input"),
    (Key::AudioOutput, "audio_output"),
    (Key::AudioCacheRead, "audio_cache_read"),
    (Key::ImageInput, "image_input"),
    (Key::ImageOutput, "image_output"),
    (Key::ImageCacheRead, "image_cache_read"),
    (Key::VideoInput, "video_input"),
    (Key::VideoOutput, "video_output"),
    (Key::WebSearches, "web_search_1k"),
    (Key::FileSearches, "file_search_1k"),
    (Key::Requests, "request_1k"),
    (Key::SearchUnits, "search_unit_1k"),
    (Key::Pages, "page_1k"),
    (Key::AnnotatedPages, "annotated_page_1k"),
    (Key::Characters, "char_1m"),
    (Key::AudioInputHours, "audio_input_hour"),
    (Key::AudioHours, "audio_hour"),
    (Key::OutputHours, "output_hour"),
    (Key::Images, "image_each"),
    (Key::ImagesInput, "image_input_each"),
    (Key::AudioMinimum, "audio_minimum_s"),
    (Key::WebSearchMaximum, "web_search_maximum"),
    (Key::TokenFactor, "token_factor"),
    (Key::Free, "free"),
];

/// How many of [`KEYS`], from the first on, are prices of tokens.
pub(super) const TOKEN_KEYS: usize = 16;

/// Rule: the set is laid over the prices when there are more input tokens than the argument (u32). Ascending.
pub(super) const TIER: u8 = 0;
/// Rule: the set replaces the row from this day on (u32, days since 1970-01-01). Ascending.
pub(super) const LATER: u8 = 1;
/// Rule: the set replaces the row from the first to before the second minute of the UTC day (two u16).
pub(super) const HOURS: u8 = 2;
/// Rule: the set is laid over the prices when the answer states this service tier (text).
pub(super) const SERVICE_TIER: u8 = 3;
/// Rule: the set is laid over the prices when the answer states this speed (text).
pub(super) const SPEED: u8 = 4;
/// Rule: the set is laid over the prices when the answer states this place of inference (text).
pub(super) const INFERENCE_GEO: u8 = 5;

/// A list byte that names no fallback list.
pub(super) const NO_LIST: u8 = u8::MAX;
