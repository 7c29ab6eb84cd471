//! Answers that were paid for once are served again (contract §3).
//!
//! [`Caching::plan`] decides whether a call takes part, `key` names the answer, `flight` looks it up and makes identical
//! calls wait for the first one, `entry` is the stored form. The table itself, with its byte budget, is
//! [`store::table`](crate::store::table).

mod entry;
mod flight;
mod key;

pub use entry::{Hit, StoredHead};
pub use flight::{Fill, Found, find, keep};

use std::num::NonZeroU32;

use crate::exchange::call::{BodyKind, Call};
use crate::exchange::options::Options;
use crate::http::header::HeaderList;
use crate::llm::provider::Upstream;

/// Lifetime of an answer under a custom key when nobody says otherwise, seconds (contract §3.1).
const CUSTOM_KEY_TTL: u32 = 300;

/// How the cache takes part in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caching {
    /// How long the answer may be served, in seconds.
    pub ttl: u32,
    /// Whether a stored answer may be served; otherwise the new answer only replaces it.
    pub reads: bool,
    /// The client's own key.
    pub custom_key: Option<Vec<u8>>,
    /// The provider's credential: callers with different ones never share an answer (contract §3.2).
    credential: Vec<u8>,
}

/// Endpoints whose answer depends on the request alone, by the last part of their path. What creates something (a
/// batch, a thread, a key of a session) or reports on it must reach the provider each time.
const ANSWERS: &[&str] = &[
    "batchEmbedContents",
    "chat",
    "classifications",
    "completions",
    "converse",
    "converse-stream",
    "count_tokens",
    "countTokens",
    "embed",
    "embedContent",
    "embeddings",
    "generate",
    "generateContent",
    "generations",
    "invoke",
    "invoke-with-response-stream",
    "messages",
    "moderations",
    "ocr",
    "predict",
    "rawPredict",
    "rerank",
    "responses",
    "search",
    "streamGenerateContent",
    "streamRawPredict",
];

/// Things that a provider keeps: what is asked of one of them depends on more than the request.
const STATEFUL: &[&str] = &[
    "batches",
    "conversations",
    "files",
    "threads",
    "vector_stores",
];

/// Providers and hosts where every path is a model.
const MODELS: &[(&str, &str)] = &[
    ("fal", "fal.run"),
    ("huggingface", "router.huggingface.co"),
    ("workers-ai", "api.cloudflare.com"),
];

impl Caching {
    /// Whether a call takes part: a POST with a readable JSON body on a gateway with a lifetime, to an endpoint that only
    /// answers; or one with a key of its own. `cf-aig-cache-ttl` alone changes the lifetime but does not opt in
    /// (contract §3.1).
    pub fn plan(call: &Call, options: Options, head: &HeaderList) -> Option<Self> {
        let fallback = options.cache_key.as_ref().map(|_| CUSTOM_KEY_TTL);
        let opted_in = call.gateway.cache_ttl.map(NonZeroU32::get).or(fallback)?;
        let ttl = options.cache_ttl.unwrap_or(opted_in);
        let posts_json = call.body == BodyKind::Json && head.value(":method") == Some(b"POST");
        let answers = options.cache_key.is_some() || only_answers(&call.provider, &call.upstream);
        if ttl == 0 || !posts_json || !answers || call.upgrades {
            return None;
        }
        let credential = key::credential(head, &call.admission.consumed);
        Some(Self {
            ttl,
            reads: options.skip_cache != Some(true),
            custom_key: options.cache_key,
            credential,
        })
    }
}

fn only_answers(provider: &str, upstream: &Upstream) -> bool {
    let last = upstream
        .endpoint
        .rsplit(['/', ':'])
        .next()
        .unwrap_or_default();
    let is_stateful = upstream
        .endpoint
        .split('/')
        .any(|part| STATEFUL.contains(&part));
    (ANSWERS.contains(&last) && !is_stateful) || MODELS.contains(&(provider, &upstream.host))
}
