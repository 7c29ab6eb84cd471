//! The URL space of the gateway: `/v1/{account_id}/{gateway_id}/{provider}/{path}?{query}` (contract §1.1).
//!
//! Invariant: what [`parse`] calls a call has well-formed ids, and its path and query may be sent to a provider byte
//! for byte ([`path::check`]).
//!
//! What is outside: every path that does not begin with `/v1/{one}/{two}`, and every path whose `{one}` is the name
//! of a resource of the APIs that are served under `/v1/` themselves (`/v1/chat/completions`, `/v1/models/m`, …:
//! [`is_reserved`]), so that a mesh that already serves such an API keeps it. No account can have such a name.
//! Anything else under `/v1/` is the gateway's, an unknown gateway or provider too: that is an error of its own.

use std::fmt;

use crate::llm::provider::path::{self, PathError};

/// What the `:path` of a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallUrl<'a> {
    /// Not in the gateway's URL space. Nothing about it was checked.
    Outside,
    /// A call in a provider's own format; also `compat` and `custom-{slug}`.
    Provider {
        /// The account id, as in the URL.
        account: &'a str,
        /// The gateway id, as in the URL.
        gateway: &'a str,
        /// The provider's slug, known or not.
        provider: &'a str,
        /// What follows the slash after the slug, byte for byte; may be empty.
        path: &'a str,
        /// What follows the `?`, byte for byte.
        query: Option<&'a str>,
    },
    /// The universal endpoint: the steps are in the body. A query has no meaning and is dropped.
    Universal {
        /// The account id, as in the URL.
        account: &'a str,
        /// The gateway id, as in the URL.
        gateway: &'a str,
    },
}

/// Why a URL in the gateway's space is refused (404).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// An account id, gateway id or slug that is empty, too long, or not of `A-Z a-z 0-9 _ -`.
    Id,
    /// A provider's path or the query cannot be sent on.
    Path(PathError),
    /// The query is not UTF-8.
    Query,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => {
                f.write_str("the account id, gateway id or provider in the URL is malformed")
            }
            Self::Path(error) => error.fmt(f),
            Self::Query => f.write_str("the query is not UTF-8"),
        }
    }
}

impl From<PathError> for UrlError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

/// Reads the `:path` of a request. Errors are hostile or broken shapes inside the gateway's URL space.
pub fn parse(target: &[u8]) -> Result<CallUrl<'_>, UrlError> {
    let Some(rest) = target.strip_prefix(b"/v1/") else {
        return Ok(CallUrl::Outside);
    };
    let (path, query) = split_once(rest, b'?');
    let (account, rest) = split_once(path, b'/');
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return Ok(CallUrl::Outside);
    };
    if is_reserved(account) {
        return Ok(CallUrl::Outside);
    }
    if target.len() > path::MAX_TARGET {
        return Err(PathError::TooLong.into());
    }
    let (gateway, rest) = split_once(rest, b'/');
    let (account, gateway) = (id(account)?, id(gateway)?);
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return Ok(CallUrl::Universal { account, gateway });
    };
    let (provider, path) = split_once(rest, b'/');
    let path = std::str::from_utf8(path.unwrap_or_default())
        .ok()
        .ok_or(PathError::NonAscii)?;
    path::check(path)?;
    let query = query
        .map(std::str::from_utf8)
        .transpose()
        .ok()
        .ok_or(UrlError::Query)?;
    query.map_or(Ok(()), path::check_query)?;
    Ok(CallUrl::Provider {
        account,
        gateway,
        provider: id(provider)?,
        path,
        query,
    })
}

/// Whether `account` is a resource name of the APIs that are served under `/v1/`, and so never an account id.
pub fn is_reserved(account: &[u8]) -> bool {
    RESERVED.iter().any(|name| name.as_bytes() == account)
}

/// The text up to the first `separator`, and what follows it.
fn split_once(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == separator);
    (parts.next().unwrap_or_default(), parts.next())
}

fn id(text: &[u8]) -> Result<&str, UrlError> {
    std::str::from_utf8(text)
        .ok()
        .filter(|text| path::is_id(text))
        .ok_or(UrlError::Id)
}

/// First segments after `/v1/` of the OpenAI and Anthropic APIs and of the servers that imitate them.
const RESERVED: &[&str] = &[
    "assistants",
    "audio",
    "batches",
    "chat",
    "chatkit",
    "classify",
    "complete",
    "completions",
    "containers",
    "conversations",
    "decisions",
    "detokenize",
    "edits",
    "embeddings",
    "engines",
    "evals",
    "files",
    "fine-tunes",
    "fine_tuning",
    "images",
    "live",
    "messages",
    "models",
    "moderations",
    "organization",
    "organizations",
    "pooling",
    "realtime",
    "rerank",
    "responses",
    "score",
    "skills",
    "threads",
    "tokenize",
    "uploads",
    "vector_stores",
    "videos",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn provider(target: &str) -> (&str, &str, &str, &str, Option<&str>) {
        match parse(target.as_bytes()) {
            Ok(CallUrl::Provider {
                account,
                gateway,
                provider,
                path,
                query,
            }) => (account, gateway, provider, path, query),
            other => panic!("{target}: {other:?}"),
        }
    }

    #[test]
    fn a_provider_call_is_taken_apart_byte_for_byte() {
        assert_eq!(
            provider("/v1/0123/my-gw/openai/v1/responses"),
            ("0123", "my-gw", "openai", "v1/responses", None)
        );
        assert_eq!(
            provider("/v1/a/g_1/openai"),
            ("a", "g_1", "openai", "", None)
        );
        assert_eq!(
            provider("/v1/a/g/deepgram/?x"),
            ("a", "g", "deepgram", "", Some("x"))
        );
        assert_eq!(
            provider("/v1/a/g/openai?model=m"),
            ("a", "g", "openai", "", Some("model=m"))
        );
        assert_eq!(
            provider("/v1/a/g/anthropic/v1/messages?beta=true&u=https://x/../y?z%2e%2e"),
            (
                "a",
                "g",
                "anthropic",
                "v1/messages",
                Some("beta=true&u=https://x/../y?z%2e%2e")
            )
        );
        assert_eq!(provider("/v1/a/g/openai/models/?").4, Some(""));
    }

    #[test]
    fn legitimate_odd_characters_of_provider_paths_pass() {
        for path in [
            "@cf/meta/llama-3.1-8b-instruct",
            "v1beta/models/gemini-2.5-pro:streamGenerateContent",
            "bedrock-runtime/us-east-1/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0/converse",
            "v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict",
            "v1/voices/caf%C3%A9%20one",
            "accounts/a/models/m%23deployment",
            "v1/files/a..b/..c/d../.well-known",
            "v1/chat/completions/",
        ] {
            assert_eq!(provider(&format!("/v1/a/g/p/{path}")).3, path);
        }
    }

    #[test]
    fn the_universal_endpoint_has_no_provider() {
        for target in ["/v1/a/g", "/v1/a/g/", "/v1/a/g?x=y", "/v1/a/g/?x=y"] {
            assert_eq!(
                parse(target.as_bytes()),
                Ok(CallUrl::Universal {
                    account: "a",
                    gateway: "g"
                }),
                "{target}"
            );
        }
    }

    #[test]
    fn the_paths_of_an_existing_mesh_are_outside() {
        for target in [
            "",
            "*",
            "/",
            "/v1",
            "/v1/",
            "/v1/a",
            "/v1/a/",
            "/V1/a/g/openai/x",
            "//v1/a/g/openai/x",
            "/v2/a/g/openai/x",
            "/healthz",
            "/v1/models",
            "/v1/models/gpt-5",
            "/v1/chat/completions",
            "/v1/chat/completions?x=y",
            "/v1/chat/completions/id/messages",
            "/v1/audio/transcriptions",
            "/v1/messages/batches/id/results",
            "/v1/vector_stores/../..\\\u{7f}",
            "http://h/v1/a/g/openai/x",
        ] {
            assert_eq!(parse(target.as_bytes()), Ok(CallUrl::Outside), "{target}");
        }
    }

    #[test]
    fn an_unknown_provider_is_inside() {
        assert_eq!(provider("/v1/a/g/no-such/x").2, "no-such");
        assert_eq!(provider("/v1/a/g/compat/chat/completions").2, "compat");
    }

    #[test]
    fn hostile_ids_are_refused() {
        let long = "i".repeat(65);
        for id in [
            "",
            ".",
            "..",
            "%2e%2e",
            "a%2fb",
            "a%5cb",
            "a%00",
            "a%2Dg",
            "a@b",
            "a:b",
            "a.b",
            "a;b",
            "a b",
            "a\tb",
            "a\r\nb",
            "a\0b",
            "a\\b",
            "a#b",
            "ü",
            "a\u{ff0e}",
            &long,
        ] {
            for target in [
                format!("/v1/{id}/g/openai/x"),
                format!("/v1/a/{id}/openai/x"),
                format!("/v1/a/g/{id}/x"),
            ] {
                assert_eq!(parse(target.as_bytes()), Err(UrlError::Id), "{target:?}");
            }
        }
        assert_eq!(parse(b"/v1/a/g\xff/openai/x"), Err(UrlError::Id));
        assert_eq!(parse(b"/v1/a/g#f"), Err(UrlError::Id));
        assert_eq!(
            provider(&format!("/v1/a/{}/openai/x", "i".repeat(64))).2,
            "openai"
        );
    }

    #[test]
    fn hostile_paths_are_refused() {
        use PathError::{
            Backslash, Control, Delimiter, DotSegment, EmptySegment, Escape, NonAscii,
        };
        for (path, error) in [
            ("..", DotSegment),
            ("v1/../x", DotSegment),
            ("v1/./x", DotSegment),
            ("v1/.../x", DotSegment),
            ("v1/..;p/x", DotSegment),
            ("v1/..", DotSegment),
            ("v1/%2e%2e/x", DotSegment),
            ("v1/%2E./x", DotSegment),
            ("v1/.%2e%2fx", DotSegment),
            ("v1/a%2f..%2Fx", DotSegment),
            ("v1/%252e%252e/x", DotSegment),
            ("v1/%25252e./x", DotSegment),
            ("v1/%2%35%65/x", Escape),
            ("v1/%252%65%252%65/x", DotSegment),
            ("v1/%2525252525252e/x", Escape),
            ("v1/..%20/x", DotSegment),
            ("v1/%EF%BC%8E%EF%BC%8E/x", DotSegment),
            ("v1/%E2%80%A5/x", DotSegment),
            ("v1%EF%BC%8F..%EF%BC%8Fx", DotSegment),
            ("v1/%c0%ae%c0%ae/x", Escape),
            ("v1/%ff", Escape),
            ("v1/%", Escape),
            ("v1/%zz", Escape),
            ("v1\\..\\x", Backslash),
            ("v1/%5c..%5cx", Backslash),
            ("v1/%255c", Backslash),
            ("v1/%EF%BC%BC", Backslash),
            ("/evil.example/x", EmptySegment),
            ("v1//x", EmptySegment),
            ("v1/x//", EmptySegment),
            ("%2fevil.example", EmptySegment),
            ("v1/%00", Control),
            ("v1/%0d%0ax-evil:1", Control),
            ("v1/%250a", Control),
            ("v1/\r\nx-evil: 1", Control),
            ("v1/a b", Control),
            ("v1/\u{7f}", Control),
            ("v1/%C2%85", Control),
            ("v1/x#y", Delimiter),
            ("v1/ü", NonAscii),
            ("v1/\u{ff0e}\u{ff0e}/x", NonAscii),
        ] {
            let target = format!("/v1/a/g/openai/{path}");
            assert_eq!(
                parse(target.as_bytes()),
                Err(UrlError::Path(error)),
                "{path:?}"
            );
        }
        assert_eq!(
            parse(b"/v1/a/g/openai/\xc0\xae"),
            Err(UrlError::Path(NonAscii))
        );
    }

    #[test]
    fn a_query_can_not_end_the_request_line() {
        for query in ["a=\r\nx: y", "a=b c", "a=\0", "a=\u{7f}", "a\tb"] {
            let target = format!("/v1/a/g/openai/x?{query}");
            assert_eq!(
                parse(target.as_bytes()),
                Err(UrlError::Path(PathError::Control)),
                "{query:?}"
            );
        }
        assert_eq!(
            parse(b"/v1/a/g/openai/x?a#b"),
            Err(UrlError::Path(PathError::Delimiter))
        );
        assert_eq!(parse(b"/v1/a/g/openai/x?\xff"), Err(UrlError::Query));
    }

    #[test]
    fn an_oversize_target_is_refused() {
        let fits = format!("/v1/a/g/openai/{}", "x".repeat(8192 - 15));
        assert_eq!(fits.len(), 8192);
        assert_eq!(provider(&fits).2, "openai");
        for longer in [
            format!("{fits}x"),
            format!("/v1/a/g/openai/x?{}", "q".repeat(8192)),
        ] {
            assert_eq!(
                parse(longer.as_bytes()),
                Err(UrlError::Path(PathError::TooLong))
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_parser_and_its_parts_are_the_input(
            rest in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "[a/.%2efc5@:?#\\\\-]{0,40}".prop_map(String::into_bytes),
            ],
        ) {
            let target = [b"/v1/", rest.as_slice()].concat();
            if let Ok(CallUrl::Provider { account, gateway, provider, path, query }) = parse(&target) {
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                let head = format!("/v1/{account}/{gateway}/{provider}");
                let text = std::str::from_utf8(&target).unwrap();
                let tails = [format!("/{path}{query}"), query];
                prop_assert!(tails.iter().any(|tail| text == format!("{head}{tail}")), "{}", text);
            }
        }
    }
}
