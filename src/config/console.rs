//! The control API and its page (role `console`): who may use them, and what they say about where the gateway is.
//!
//! Invariant: there is always a rule; that anybody may come in is only by saying so.

use super::credential::{self, Credential};
use super::node::Node;
use super::section::Field;
use super::{Environment, kind};

/// The settings of the role `console`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// Who may use the control API.
    pub access: ConsoleAccess,
    /// Where clients reach the gateway, without a slash at the end; `None`: at the console's own address.
    pub gateway_url: Option<String>,
}

/// Who may use the control API. The page itself, which holds no data, is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleAccess {
    /// Whoever shows one of these; not empty.
    Credentials(Vec<Credential>),
    /// Whoever calls from this machine (`open: true`).
    Loopback,
    /// Everybody who reaches the listener (`open: any`).
    Anyone,
}

/// Reads `console`; `None` where there is none, or a faulty one.
pub(super) fn read(field: &Field<'_>, environment: Environment<'_>) -> Option<Console> {
    if !field.is_given() {
        return None;
    }
    let mut section = field.section()?;
    let list = section.field("credentials");
    let credentials = credential::read_all(&list, false, environment);
    let open = section.field("open");
    let is_open = read_open(&open);
    let url = section.field("gateway_url");
    let gateway_url = url.text(&kind::any("the address of the gateway"));
    let gateway_url = gateway_url.map(|text| text.trim_end_matches('/').to_owned());
    if gateway_url.as_deref().is_some_and(|text| !is_url(text)) {
        url.fault("must be an address such as http://127.0.0.1:10000, without query");
    }
    section.finish();
    let credentials = credentials?;
    match (is_open?, credentials.is_empty()) {
        (None, true) => {
            field.fault("lets nobody in: write credentials, or open: true for this machine alone");
            None
        }
        (Some(_), false) => {
            open.fault("contradicts credentials: keep one of them");
            None
        }
        (Some(access), true) => Some(access),
        (None, false) => Some(ConsoleAccess::Credentials(credentials)),
    }
    .map(|access| Console {
        access,
        gateway_url,
    })
}

/// Inside, `None` where it is closed.
fn read_open(field: &Field<'_>) -> Option<Option<ConsoleAccess>> {
    match field.node {
        None | Some(Node::Flag(false)) => Some(None),
        Some(Node::Flag(true)) => Some(Some(ConsoleAccess::Loopback)),
        Some(Node::Text(text)) if text == "any" => Some(Some(ConsoleAccess::Anyone)),
        Some(_) => {
            field.fault("must be true (for this machine alone), any (for everybody) or false");
            None
        }
    }
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_plain = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>' | b'\\' | b'@')
    };
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(is_plain)
    })
}
