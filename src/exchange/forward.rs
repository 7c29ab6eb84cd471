//! The header changes between client and provider.
//!
//! Everything that is not named here passes unchanged, in its order. Invariant: nothing meant for the gateway, and
//! nothing by which a client could steer the proxy, reaches the provider.

use super::call::{BodyKind, Call};
use super::cx::{Cx, Edit};
use super::intake::Intake;
use crate::http::header::HeaderList;
use crate::record::Record;

/// What becomes of the request's header fields on the way to the provider.
pub fn request_edits(cx: &Cx, call: &Call, head: &HeaderList) -> Vec<Edit> {
    let mut edits = Vec::with_capacity(8);
    let mut gone: Vec<&str> = Vec::new();
    for (name, _) in head.iter() {
        if is_ours(name) && !gone.contains(&name) {
            gone.push(name);
            edits.push(Edit::Remove(name.to_owned()));
        }
    }
    for name in &call.admission.consumed {
        edits.push(Edit::Remove((*name).to_owned()));
    }
    if let Some(protocols) = &call.admission.protocols {
        let name = "sec-websocket-protocol".to_owned();
        edits.push(if protocols.is_empty() {
            Edit::Remove(name)
        } else {
            Edit::Set(name, protocols.clone())
        });
    }
    if reads_answer(call, head) {
        // Usage can only be read from an answer that is not compressed; the proxy may compress towards the client.
        edits.push(Edit::Set("accept-encoding".into(), b"identity".to_vec()));
    }
    edits.push(Edit::Set(
        ":path".into(),
        call.upstream.path.clone().into_bytes(),
    ));
    edits.push(Edit::Set(
        ":authority".into(),
        call.upstream.host.as_bytes().to_vec(),
    ));
    edits.push(Edit::Set(
        cx.worker.config.cluster_header.clone(),
        call.cluster.clone().into_bytes(),
    ));
    edits
}

/// Puts what goes to the provider in the place of the client's body, where it is something else.
pub fn replace_body(cx: &Cx, intake: &mut Intake, head: &HeaderList, edits: &mut Vec<Edit>) {
    let Some(body) = intake.changed() else { return };
    if head.contains("content-length") {
        let length = body.len().to_string();
        edits.push(Edit::Set("content-length".into(), length.into_bytes()));
    }
    if head.contains("content-encoding") {
        edits.push(Edit::Remove("content-encoding".into()));
    }
    cx.replace_request(usize::try_from(intake.size).unwrap_or(usize::MAX), body);
}

/// Whether the answer is going to be read for usage, and the request may be changed to that end: a header that the
/// client has signed may not (SigV4).
fn reads_answer(call: &Call, head: &HeaderList) -> bool {
    let is_signed = head
        .text("authorization")
        .is_some_and(|value| value.contains("accept-encoding"));
    (call.body == BodyKind::Json || call.format.is_some()) && !call.upgrades && !is_signed
}

/// A request outside the gateway's URLs passes untouched, but for the header that picks clusters.
pub fn outside_edits(cx: &Cx) -> Vec<Edit> {
    vec![Edit::Remove(cx.worker.config.cluster_header.clone())]
}

/// What the client is told beside the provider's own header fields.
pub fn response_edits(record: &Record, head: &HeaderList, cache_status: Option<&str>) -> Vec<Edit> {
    let mut edits: Vec<Edit> = record
        .identity()
        .into_iter()
        .map(|(name, value)| Edit::Set(name, value.into_bytes()))
        .collect();
    if let Some(status) = cache_status {
        edits.push(Edit::Set("cf-aig-cache-status".into(), status.into()));
    }
    // A provider does not speak in the gateway's name.
    let is_set = |edits: &[Edit], name: &str| {
        edits
            .iter()
            .any(|edit| matches!(edit, Edit::Set(set, _) if set == name))
    };
    for (name, _) in head.iter().filter(|(name, _)| name.starts_with("cf-aig-")) {
        if !is_set(&edits, name) {
            edits.push(Edit::Remove(name.to_owned()));
        }
    }
    edits
}

/// Header fields that are for the gateway or the proxy, never for the provider (contract §2.1).
fn is_ours(name: &str) -> bool {
    name.starts_with("cf-aig-")
        || name.starts_with("x-envoy-")
        || matches!(name, "cf-cache-ttl" | "cf-skip-cache" | "x-fal-target-url")
}
