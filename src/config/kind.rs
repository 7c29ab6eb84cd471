//! What the text of a field may be: names, clusters, hosts and header names.
//!
//! Invariant: whatever these accept can stand in a URL segment or a header value as it is.

use super::section::Kind;
use crate::llm::provider::BaseUrl;
use crate::llm::provider::path::is_id;

/// Any text; its reader says more.
pub(super) const fn any(wanted: &'static str) -> Kind<String> {
    Kind {
        wanted,
        parse: |text| Some(text.to_owned()),
    }
}

/// A gateway's or account's id: one segment of a URL.
pub(super) const NAME: Kind<String> = Kind {
    wanted: "1 to 64 of A-Z, a-z, 0-9, _ and -",
    parse: |text| is_id(text).then(|| text.to_owned()),
};

/// A name for people, as it appears in the log record.
pub(super) const LABEL: Kind<String> = Kind {
    wanted: "1 to 64 visible ASCII characters",
    parse: |text| owned_if(text, 64, |byte| byte.is_ascii_graphic()),
};

/// The name of a region, a project or a resource; its provider says more.
pub(super) const PLACE: Kind<String> = Kind {
    wanted: "1 to 64 of a-z, 0-9, -, . and :",
    parse: |text| {
        owned_if(text, 64, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':')
        })
    },
};

/// The slug of a provider of the operator's own; with its `custom-` it is one segment of a URL.
pub(super) const SLUG: Kind<String> = Kind {
    wanted: "1 to 57 of a-z, 0-9 and -, without the custom- that clients put before it",
    parse: |text| {
        let accepts = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        owned_if(text, 57, accepts).filter(|slug| !slug.starts_with("custom-"))
    },
};

/// A cluster of any naming scheme, `outbound|443||api.openai.com` for one.
pub(super) const CLUSTER: Kind<String> = Kind {
    wanted: "the name of a cluster: 1 to 512 visible ASCII characters",
    parse: |text| owned_if(text, 512, |byte| byte.is_ascii_graphic()),
};

/// A variable of the environment.
pub(super) const VARIABLE: Kind<String> = Kind {
    wanted: "the name of an environment variable: A-Z, a-z, 0-9 and _, without a leading digit",
    parse: |text| {
        let is_name = !text.starts_with(|first: char| first.is_ascii_digit());
        owned_if(text, 256, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'_'
        })
        .filter(|_| is_name)
    },
};

/// A host, with a port or without: as in the base URL of a custom provider, by the same rules.
pub(super) const HOST: Kind<String> = Kind {
    wanted: "a host such as api.example.com or api.example.com:8443",
    parse: |text| {
        let url = BaseUrl::parse(&format!("https://{text}")).ok()?;
        (!text.contains('/')).then(|| url.authority().to_owned())
    },
};

/// A request header of the filter's own. One that clients or providers give a meaning to would be overwritten, hence
/// the `x-`.
pub(super) const HEADER: Kind<String> = Kind {
    wanted: "a header name such as x-sluice-cluster: x- and up to 62 of a-z, 0-9, _ and -",
    parse: |text| {
        let name = (NAME.parse)(text)?.to_ascii_lowercase();
        (name.len() > 2 && name.starts_with("x-")).then_some(name)
    },
};

fn owned_if(text: &str, longest: usize, accepts: fn(u8) -> bool) -> Option<String> {
    let is_good = (1..=longest).contains(&text.len()) && text.bytes().all(accepts);
    is_good.then(|| text.to_owned())
}
