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

use crate::config::Gateway;
use crate::exchange::call::BodyKind;
use crate::exchange::options::Options;
use crate::http::header::HeaderList;

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

impl Caching {
    /// Whether a call takes part: a POST with a readable JSON body on a gateway with a lifetime, or with a key of its
    /// own. `cf-aig-cache-ttl` alone changes the lifetime but does not opt in (contract §3.1).
    pub fn plan(
        gateway: &Gateway,
        options: Options,
        head: &HeaderList,
        body: BodyKind,
    ) -> Option<Self> {
        let fallback = options.cache_key.as_ref().map(|_| CUSTOM_KEY_TTL);
        let opted_in = gateway
            .cache_ttl
            .map(std::num::NonZeroU32::get)
            .or(fallback)?;
        let ttl = options.cache_ttl.unwrap_or(opted_in);
        if ttl == 0 || body != BodyKind::Json || head.value(":method") != Some(b"POST") {
            return None;
        }
        let credential = key::credential(head);
        Some(Self {
            ttl,
            reads: !options.skip_cache,
            custom_key: options.cache_key,
            credential,
        })
    }
}
