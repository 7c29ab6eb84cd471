//! The name of an answer (contract §3.2).
//!
//! SHA-256 over these parts, each preceded by its length as eight bytes, big-endian: a format tag, account, gateway,
//! then for a computed key `provider`, host, `endpoint` (path and query as sent), `model`, the provider credential and the
//! SHA-256 of the whole body; for a custom key the provider, the answer's format, the
//! client's text and whether the call streams. Invariant: no two
//! different lists of parts give the same bytes to hash, and no answer leaves its account and gateway.

use sha2::{Digest, Sha256};

use super::Caching;
use crate::exchange::call::Call;
use crate::exchange::intake::Intake;
use crate::http::header::HeaderList;
use crate::llm::provider::is_credential_header;
use crate::store::table::Key;

/// The key of the call's answer; `None` while the body is not known to its end.
pub(super) fn of(call: &Call, caching: &Caching, intake: &Intake) -> Option<Key> {
    let body = intake.digest()?;
    // What only seems to be JSON may mean another thing to the provider, `stream` above all.
    let facts = intake.settled_facts()?;
    let mut hash = Sha256::new();
    let scope = [call.account.as_bytes(), call.gateway.id.as_bytes()];
    match &caching.custom_key {
        Some(key) => {
            // A streamed and an unstreamed answer are different things even under one name.
            let stream: &[u8] = if facts.stream { b"stream" } else { b"whole" };
            // One key may stand over several steps; answers of different formats are different things, too.
            let api = call.format.map(|format| format!("{format:?}"));
            let api = api.as_deref().unwrap_or_default().as_bytes();
            let provider = call.provider.as_bytes();
            parts(
                &mut hash,
                &[
                    b"sluice.custom.2",
                    scope[0],
                    scope[1],
                    provider,
                    api,
                    key,
                    stream,
                ],
            );
        }
        None => {
            let model = call
                .upstream
                .model
                .as_deref()
                .or(facts.model.as_deref())
                .unwrap_or_default();
            let tag = b"sluice.computed.2";
            parts(
                &mut hash,
                &[tag, scope[0], scope[1], call.provider.as_bytes()],
            );
            parts(
                &mut hash,
                &[
                    call.upstream.host.as_bytes(),
                    call.upstream.path.as_bytes(),
                    model.as_bytes(),
                    &caching.credential,
                    &body,
                ],
            );
        }
    }
    Some(Key(hash.finalize().into()))
}

/// Everything in the request that may be a credential for the provider, one field after the other, and how the body is
/// to be read.
/// What was `consumed` is the gateway's own and says nothing about the answer.
pub(super) fn credential(head: &HeaderList, consumed: &[&str]) -> Vec<u8> {
    let mut all = Vec::new();
    let shown = |name: &str| {
        let tells = is_credential_header(name) || name == "content-encoding";
        tells && !consumed.contains(&name)
    };
    for (name, value) in head.iter().filter(|(name, _)| shown(name)) {
        for part in [name.as_bytes(), value] {
            all.extend_from_slice(&length(part));
            all.extend_from_slice(part);
        }
    }
    all
}

fn parts(hash: &mut Sha256, parts: &[&[u8]]) {
    for part in parts {
        hash.update(length(part));
        hash.update(part);
    }
}

fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}
