//! Which header each provider takes its key in (providers.md §3, §4), and whether a request brings a key of its own.
//!
//! Invariant: a key is put into one header only, and a request that brings any credential gets none of ours (contract
//! §10.1). Keys that sign or must be exchanged are none: aws-bedrock takes its API keys, not pairs for SigV4, and
//! google-vertex-ai an access token, not a service account.

use std::borrow::Cow;

use super::{CREDENTIAL_HEADERS, CREDENTIAL_PARAMETERS};
use crate::http::header::HeaderList;

/// Where in a request a provider looks for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    header: Cow<'static, str>,
    /// The word before the key; empty: none.
    scheme: Cow<'static, str>,
}

const BEARER: Placement = authorization("Bearer");

/// The endpoints, by their beginnings, where a provider's key is no bearer credential, or is one in spite of the row that
/// follows. The first that fits counts; the rest of the world takes a bearer credential.
static TABLE: &[(&str, &str, Placement)] = &[
    ("anthropic", "v1/chat/", BEARER),
    ("anthropic", "", header("x-api-key")),
    // Bedrock's Messages endpoint is Anthropic's own.
    ("aws-bedrock", "anthropic/", header("x-api-key")),
    // A bearer credential is Entra's here; the key goes into its own header, at the compatible endpoint too.
    ("azure-openai", "", header("api-key")),
    ("baseten", "v1/", BEARER),
    ("baseten", "", authorization("Api-Key")),
    ("cartesia", "", header("x-api-key")),
    ("deepgram", "", authorization("Token")),
    ("elevenlabs", "", header("xi-api-key")),
    ("fal", "", authorization("Key")),
    ("google", "", header("x-goog-api-key")),
    ("google-ai-studio", "v1beta/openai/", BEARER),
    ("google-ai-studio", "", header("x-goog-api-key")),
    ("ideogram", "", header("api-key")),
    ("parallel", "v1/chat/", BEARER),
    ("parallel", "", header("x-api-key")),
];

impl Placement {
    /// Where the built-in provider `slug` looks at `endpoint`, as [`super::Upstream`] has it.
    pub fn of(slug: &str, endpoint: &str) -> Self {
        let fits = |row: &&(&str, &str, Self)| row.0 == slug && endpoint.starts_with(row.1);
        let row = TABLE.iter().find(fits);
        row.map_or(BEARER, |(_, _, place)| place.clone())
    }

    /// Whether the built-in provider `slug` takes a key in this header at any of its endpoints.
    pub fn is_known(slug: &str, header: &str) -> bool {
        let mut rows = TABLE.iter().filter(|(known, ..)| *known == slug);
        rows.any(|(_, _, place)| place.header == header)
    }

    /// Where a provider of the operator's own looks; by default as most do. `header` is in lower case.
    pub fn custom(header: Option<String>, scheme: Option<String>) -> Self {
        let header = header.map_or(BEARER.header, Cow::Owned);
        let usual = if header == BEARER.header {
            BEARER.scheme
        } else {
            "".into()
        };
        Self {
            scheme: scheme.map_or(usual, Cow::Owned),
            header,
        }
    }

    /// The header's name, in lower case.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The header's value with that key in it. Never log it.
    pub fn value(&self, key: &str) -> Vec<u8> {
        let space = if self.scheme.is_empty() { "" } else { " " };
        [&*self.scheme, space, key].concat().into_bytes()
    }

    /// Whether the request brings a credential for its provider, wherever it stands; what was `consumed` is the gateway's.
    pub fn is_shown(&self, head: &HeaderList, query: Option<&str>, consumed: &[&str]) -> bool {
        let names = CREDENTIAL_HEADERS.iter().copied().chain([self.header()]);
        let mut names = names.filter(|name| *name != PROTOCOLS && !consumed.contains(name));
        let mut pairs = query.unwrap_or_default().split('&');
        names.any(|name| head.values(name).any(is_filled))
            || head
                .values(PROTOCOLS)
                .flat_map(|value| value.split(|byte| *byte == b','))
                .any(|protocol| is_key(protocol.trim_ascii()))
            || pairs.any(is_credential)
    }
}

/// Browsers can set no other header of a WebSocket, so keys stand among its sub-protocols (contract §1.6).
const PROTOCOLS: &str = "sec-websocket-protocol";

/// A sub-protocol that is a provider's key (`xi-api-key.…`) or announces one (deepgram's `token, …`).
fn is_key(protocol: &[u8]) -> bool {
    let is_announced = [&b"bearer"[..], b"token"]
        .iter()
        .any(|word| protocol.eq_ignore_ascii_case(word));
    let mut parts = protocol.splitn(2, |byte| *byte == b'.');
    let names_key = parts.next().is_some_and(|name| name.ends_with(b"key"));
    is_announced || (names_key && parts.next().is_some())
}

/// An SDK without a key sends the scheme alone.
fn is_filled(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let is_scheme = |scheme: &&str| value.eq_ignore_ascii_case(scheme.as_bytes());
    !value.is_empty() && !SCHEMES.iter().any(is_scheme)
}

/// The words that stand before keys, and before what a client signs with.
const SCHEMES: [&str; 5] = ["api-key", "basic", "bearer", "key", "token"];

/// A query without the parameters that carry a credential; `None`: nothing is left of it.
pub fn without_credentials(query: &str) -> Option<String> {
    let pairs = query.split('&');
    let left: Vec<_> = pairs.filter(|pair| !is_credential(pair)).collect();
    let left = left.join("&");
    (!left.is_empty()).then_some(left)
}

/// Whether a pair of a query carries a credential.
fn is_credential(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or_default();
    let name = name.to_ascii_lowercase();
    !value.is_empty() && CREDENTIAL_PARAMETERS.contains(&name.as_str())
}

const fn header(name: &'static str) -> Placement {
    Placement {
        header: Cow::Borrowed(name),
        scheme: Cow::Borrowed(""),
    }
}

const fn authorization(scheme: &'static str) -> Placement {
    Placement {
        header: Cow::Borrowed("authorization"),
        scheme: Cow::Borrowed(scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{UpstreamCall, all, find};
    use super::*;
    use crate::llm::compat::{self, ChatModel, Location};

    fn line(slug: &str, endpoint: &str) -> String {
        let place = Placement::of(slug, endpoint);
        let value = String::from_utf8(place.value("K")).unwrap();
        format!("{}: {value}", place.header())
    }

    fn shown(fields: &[(&str, &str)], query: Option<&str>) -> bool {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        BEARER.is_shown(&fields.collect(), query, &["x-api-key"])
    }

    #[test]
    fn every_provider_gets_its_key_where_it_looks_for_it() {
        let own = [
            ("anthropic", "x-api-key: K"),
            ("azure-openai", "api-key: K"),
            ("baseten", "authorization: Api-Key K"),
            ("cartesia", "x-api-key: K"),
            ("deepgram", "authorization: Token K"),
            ("elevenlabs", "xi-api-key: K"),
            ("fal", "authorization: Key K"),
            ("google", "x-goog-api-key: K"),
            ("google-ai-studio", "x-goog-api-key: K"),
            ("ideogram", "api-key: K"),
            ("parallel", "x-api-key: K"),
        ];
        for slug in all().iter().map(|provider| provider.slug) {
            let own = own.iter().find(|(with, _)| *with == slug);
            let wanted = own.map_or("authorization: Bearer K", |(_, line)| line);
            assert_eq!(line(slug, "some/path"), wanted, "{slug}");
        }
        assert_eq!(line("aws-bedrock", "anthropic/v1/messages"), "x-api-key: K");
    }

    #[test]
    fn a_compatible_endpoint_takes_a_bearer_credential() {
        let location = Location {
            project: Some("p"),
            region: None,
            resource: Some("r"),
        };
        for provider in all() {
            let model = ChatModel {
                provider: provider.slug,
                model: "m",
            };
            let Ok(path) = compat::endpoint(&model, &location) else {
                continue;
            };
            let call = UpstreamCall {
                account: "0123",
                path: &path,
                query: None,
                fal_target_url: None,
            };
            let endpoint = find(provider.slug)
                .unwrap()
                .upstream(&call)
                .unwrap()
                .endpoint;
            let wanted = match provider.slug {
                "azure-openai" => "api-key: K",
                _ => "authorization: Bearer K",
            };
            assert_eq!(line(provider.slug, &endpoint), wanted, "{endpoint}");
        }
    }

    #[test]
    fn every_header_of_the_table_is_known_as_one_that_carries_credentials() {
        let headers = TABLE.iter().map(|(_, _, place)| place.header());
        assert!(
            headers
                .into_iter()
                .all(|name| CREDENTIAL_HEADERS.contains(&name))
        );
        let slugs = TABLE.iter().map(|(slug, _, _)| find(slug));
        assert!(slugs.into_iter().all(|provider| provider.is_some()));
    }

    #[test]
    fn a_custom_provider_is_given_its_key_as_the_configuration_says() {
        let line = |header: Option<&str>, scheme: Option<&str>| {
            let place = Placement::custom(header.map(str::to_owned), scheme.map(str::to_owned));
            let value = String::from_utf8(place.value("K")).unwrap();
            format!("{}: {value}", place.header())
        };
        assert_eq!(line(None, None), "authorization: Bearer K");
        assert_eq!(line(None, Some("Token")), "authorization: Token K");
        assert_eq!(line(None, Some("")), "authorization: K");
        assert_eq!(line(Some("x-team-key"), None), "x-team-key: K");
        assert_eq!(line(Some("x-auth"), Some("Key")), "x-auth: Key K");
    }

    #[test]
    fn a_clients_own_credential_is_found_wherever_it_stands() {
        for field in [
            ("authorization", "Bearer sk"),
            ("authorization", "sk"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=a"),
            ("x-goog-api-key", "k"),
            (
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.k",
            ),
            ("sec-websocket-protocol", "xi-api-key.k"),
            ("sec-websocket-protocol", "Token, k"),
        ] {
            assert!(shown(&[field], None), "{field:?}");
        }
        for query in ["api_key=k", "model=m&Key=k", "X-Amz-Signature=k"] {
            assert!(shown(&[], Some(query)), "{query}");
        }
        let head: HeaderList = [("x-team-key".to_owned(), b"k".to_vec())]
            .into_iter()
            .collect();
        assert!(Placement::custom(Some("x-team-key".into()), None).is_shown(&head, None, &[]));
    }

    #[test]
    fn what_is_empty_or_the_gateways_or_no_credential_is_no_credential_of_the_client() {
        for field in [
            ("authorization", ""),
            ("authorization", "Bearer "),
            ("authorization", "Token"),
            ("authorization", "key "),
            ("authorization", "Basic"),
            ("x-goog-api-key", "Api-Key"),
            ("x-api-key", "consumed"),
            ("cookie", "session=1"),
            ("x-team-key", "k"),
            ("idempotency-key", "k"),
            (
                "sec-websocket-protocol",
                "realtime, cf-aig-authorization.key.t",
            ),
        ] {
            assert!(!shown(&[field], None), "{field:?}");
        }
        for query in ["", "api_key=", "model=token", "pageToken=3", "key"] {
            assert!(!shown(&[], Some(query)), "{query}");
        }
        for (query, left) in [
            ("key=k", None),
            ("a=1&Api_Key=k&b=2", Some("a=1&b=2")),
            ("model=token", Some("model=token")),
        ] {
            assert_eq!(without_credentials(query).as_deref(), left);
        }
    }
}
