//! Who may call a gateway (contract §5).
//!
//! A gateway credential is known by its SHA-256 only. It may come in `cf-aig-authorization`, in the header where an
//! SDK puts its API key, or as a WebSocket sub-protocol; wherever it is found, it is never forwarded. Invariant:
//! comparisons take the same time whatever the bytes are.

use sha2::{Digest, Sha256};

use crate::config::{Config, Credential, Gateway};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::provider::CREDENTIAL_HEADERS;

/// The header that is the gateway's own.
const OWN_HEADER: &str = "cf-aig-authorization";
/// The header that carries sub-protocols, and the prefix of ours among them (contract §1.6).
const PROTOCOLS: &str = "sec-websocket-protocol";
const PROTOCOL_PREFIX: &[u8] = b"cf-aig-authorization.";

/// The outcome of admission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// The configured name of the credential that was shown, if a valid one was.
    pub credential: Option<String>,
    /// Request headers that hold a gateway credential and must not reach the provider. `cf-aig-*` go anyway.
    pub consumed: Vec<&'static str>,
    /// What is left of the sub-protocols when ours was among them.
    pub protocols: Option<Vec<u8>>,
}

/// Decides whether the call may use `gateway`. Without `authentication` everybody may; a valid credential is still
/// recognised, named in the log and kept from the provider.
pub fn admit(config: &Config, gateway: &Gateway, head: &HeaderList) -> Result<Admission, Reject> {
    let admission = examine(config, gateway, head);
    if gateway.authentication && admission.credential.is_none() {
        return Err(Reject::Unauthorized);
    }
    Ok(admission)
}

/// What a head shows of gateway credentials, whoever lets the call in: also for the head of a step, which admits nobody.
pub fn examine(config: &Config, gateway: &Gateway, head: &HeaderList) -> Admission {
    let mut admission = Admission::default();
    if let Some(value) = head.value(OWN_HEADER) {
        admission.credential =
            bearer(value).and_then(|shown| recognise(&gateway.credentials, &hash(shown)));
    }
    // When the own header is there, `Authorization` belongs to the provider (contract §5); still, a value that is
    // one of our credentials is never the provider's.
    for name in CREDENTIAL_HEADERS {
        for value in head.values(name) {
            let token = bearer(value);
            let shown = token.unwrap_or(value.trim_ascii());
            let digest = hash(shown);
            let found = recognise(&gateway.credentials, &digest);
            // Another gateway's credential opens nothing here, and is no business of the provider either.
            let is_ours = found.is_some() || is_anybodys(config, value, (shown, digest));
            admission.consumed.extend(is_ours.then_some(*name));
            let is_well_formed = token.is_some() || *name != "authorization";
            if is_well_formed && !head.contains(OWN_HEADER) {
                admission.credential = admission.credential.or(found);
            }
        }
    }
    split_protocols(gateway, head, &mut admission);
    admission
}

/// The SHA-256 of what a client shows.
pub(crate) fn hash(shown: &[u8]) -> [u8; 32] {
    Sha256::digest(shown).into()
}

/// The name of the credential that was shown. Every credential is compared to its last byte, so that time
/// does not tell which one matched.
pub(crate) fn recognise(credentials: &[Credential], shown: &[u8; 32]) -> Option<String> {
    let mut found = None;
    for credential in credentials {
        let pairs = shown.iter().zip(&credential.hash);
        if pairs.fold(0, |sum, (a, b)| sum | (a ^ b)) == 0 {
            found = Some(credential.name.clone());
        }
    }
    found
}

/// What follows `Bearer ` (RFC 6750 §2.1).
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.trim_ascii().split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
}

/// Whether a header's value is a credential of any gateway, alone or behind a word such as `Bearer`, `Token` or `Key`.
/// `shown`: the value, or what follows `Bearer `, and its hash. No credential has that word in itself.
fn is_anybodys(config: &Config, value: &[u8], shown: (&[u8], [u8; 32])) -> bool {
    let whole = value.trim_ascii();
    let key = whole.rsplit(|byte| *byte == b' ').next().unwrap_or(whole);
    let is_known = |hash: &[u8; 32]| {
        let mut gateways = config.gateways();
        gateways.any(|gateway| recognise(&gateway.credentials, hash).is_some())
    };
    // A hash is most of what all this costs: none is made twice.
    is_known(&shown.1) || key != shown.0 && is_known(&hash(key))
}

fn split_protocols(gateway: &Gateway, head: &HeaderList, admission: &mut Admission) {
    let (ours, others): (Vec<_>, Vec<_>) = head
        .values(PROTOCOLS)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .partition(|protocol| protocol.starts_with(PROTOCOL_PREFIX));
    if ours.is_empty() {
        return;
    }
    let named = ours.iter().find_map(|ours| {
        recognise(
            &gateway.credentials,
            &hash(ours.strip_prefix(PROTOCOL_PREFIX)?),
        )
    });
    admission.credential = admission.credential.take().or(named);
    admission.protocols = Some(others.join(&b", "[..]));
}
