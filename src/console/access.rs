//! Who may use the control API: whoever shows an admin credential, or, where it is open, whoever is on this machine.
//!
//! Invariant: comparisons take the same time whatever the bytes are, and a web page of another origin gets nothing,
//! even from the browser of somebody who may.

use super::envelope::Refusal;
use crate::config::ConsoleAccess;
use crate::http::header::HeaderList;
use crate::policy::auth;

/// The field in which the adapter hands over the address of the peer; no client can send one of that name.
pub const PEER: &str = ":peer";

/// Whether the request may be served.
pub(super) fn check(access: &ConsoleAccess, head: &HeaderList) -> Result<(), Refusal> {
    check_origin(head)?;
    match access {
        ConsoleAccess::Credentials(credentials) => {
            let shown = head.value("authorization").and_then(auth::bearer);
            let known = shown.and_then(|shown| auth::recognise(credentials, &auth::hash(shown)));
            known.map(|_| ()).ok_or_else(Refusal::unauthenticated)
        }
        ConsoleAccess::Loopback => check_loopback(head),
        ConsoleAccess::Anyone => Ok(()),
    }
}

/// A page of another site may send requests that need no consent (a form, a picture); it must not change anything.
fn check_origin(head: &HeaderList) -> Result<(), Refusal> {
    let own = head.text(":authority").unwrap_or_default();
    let is_own = |origin: &str| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some_and(|host| host.eq_ignore_ascii_case(own))
    };
    let foreign = head.contains("origin") && !head.text("origin").is_some_and(is_own);
    if foreign || head.text("sec-fetch-site") == Some("cross-site") {
        return Err(Refusal::forbidden(
            "The control API takes no calls from other web pages",
        ));
    }
    Ok(())
}

/// Envoy: without `use_remote_address` the address of the peer is what the client writes into `x-forwarded-for`, so
/// that field may not be there at all. The host keeps out a page whose name leads to this machine (DNS rebinding).
fn check_loopback(head: &HeaderList) -> Result<(), Refusal> {
    let peer = head.text(PEER).unwrap_or_default();
    if !is_loopback_peer(peer) || head.contains("x-forwarded-for") {
        return Err(Refusal::forbidden(
            "The console is open to this machine only: configure console.credentials, or console.open: any",
        ));
    }
    let host = head.text(":authority").unwrap_or_default();
    if !is_loopback_host(host) {
        return Err(Refusal::forbidden(
            "An open console answers to localhost, 127.0.0.1 and [::1] only: configure console.credentials",
        ));
    }
    Ok(())
}

/// `127.0.0.1:4711`, `[::1]:4711`, or the name of a Unix socket, which only this machine has.
fn is_loopback_peer(peer: &str) -> bool {
    if peer.starts_with('/') || peer.starts_with('@') {
        return true;
    }
    let address: Result<std::net::SocketAddr, _> = peer.parse();
    address.is_ok_and(|address| address.ip().to_canonical().is_loopback())
}

fn is_loopback_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix("[::1]") {
        return rest.is_empty() || rest.starts_with(':');
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let is_address = || {
        let address: Result<std::net::Ipv4Addr, _> = name.parse();
        address.is_ok_and(|address| address.is_loopback())
    };
    name.eq_ignore_ascii_case("localhost") || is_address()
}
