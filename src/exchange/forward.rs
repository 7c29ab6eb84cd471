//! The header changes between client and provider.
//!
//! Everything that is not named here passes unchanged, in its order. Invariant: nothing meant for the gateway, and
//! nothing by which a client could steer the proxy, reaches the provider.

use std::time::Duration;

use super::attempt::Place;
use super::call::{BodyKind, Call, is_ours};
use super::cx::{Cx, Edit};
use super::intake::Intake;
use super::plan::Step;
use super::planned::RETRY;
use crate::http::header::HeaderList;
use crate::policy::key_pool::Chosen;
use crate::record::Record;

/// What becomes of the request's header fields on the way to the provider.
///
/// `key`: the stored key it is sent with.
pub fn request_edits(cx: &Cx, call: &Call, head: &HeaderList, key: Option<&Chosen>) -> Vec<Edit> {
    let mut edits = Vec::with_capacity(8);
    let mut gone: Vec<&str> = Vec::new();
    for (name, _) in head.iter() {
        if is_ours(name) && !gone.contains(&name) {
            gone.push(name);
            edits.push(Edit::Remove(name.to_owned().into()));
        }
    }
    let consumed = call.admission.consumed.iter().copied();
    edits.extend(consumed.map(|name| Edit::Remove(name.into())));
    let withheld = call.withheld.iter().cloned();
    edits.extend(withheld.map(|name| Edit::Remove(name.into())));
    if let Some(protocols) = &call.admission.protocols {
        let name = "sec-websocket-protocol".into();
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
        cx.worker.config.cluster_header.clone().into(),
        call.cluster.clone().into_bytes(),
    ));
    if let (Some(keys), Some(key)) = (&call.keys, key) {
        edits.extend(keys.edits(cx, key, head));
    }
    edits
}

/// Puts what goes to the provider in the place of the client's body, where it is something else.
pub fn replace_body(cx: &Cx, intake: &mut Intake, head: &HeaderList, edits: &mut Vec<Edit>) {
    let Some(body) = intake.changed(cx) else {
        return;
    };
    let held = intake.held();
    if head.contains("content-length") {
        let length = body.len().to_string();
        edits.push(Edit::Set("content-length".into(), length.into_bytes()));
    }
    if head.contains("content-encoding") {
        edits.push(Edit::Remove("content-encoding".into()));
    }
    cx.replace_request(held, body);
}

/// Whether the answer is going to be read for usage, and the request may be changed to that end: a header that the
/// client has signed may not (SigV4).
fn reads_answer(call: &Call, head: &HeaderList) -> bool {
    let is_signed = head
        .text("authorization")
        .is_some_and(|value| value.contains("accept-encoding"));
    (call.body == BodyKind::Json || call.format.is_some()) && !call.upgrades && !is_signed
}

/// What makes the request that arrived at an attempt that of its step, whatever it held before.
pub fn step_edits(
    cx: &Cx,
    step: &Step,
    (place, arrived): (Place, &HeaderList),
    key: Option<&Chosen>,
) -> Vec<Edit> {
    let mut wanted: Vec<(&str, Vec<&[u8]>)> = Vec::with_capacity(24);
    for (name, value) in step.head.iter() {
        match wanted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => wanted.push((name, vec![value])),
        }
    }
    let own = request_edits(cx, &step.call, &step.head, key);
    for edit in &own {
        let (Edit::Remove(name) | Edit::Set(name, _)) = edit;
        wanted.retain(|(known, _)| known != name);
        if let Edit::Set(name, value) = edit {
            wanted.push((name, vec![value]));
        }
    }
    if place == Place::Cluster {
        // The router took the scheme from the cluster of the first attempt, and picks no cluster by a header any more.
        wanted.retain(|(name, _)| *name != ":scheme" && *name != cx.worker.config.cluster_header);
        wanted.push((":scheme", vec![b"https"]));
    }
    let is_of_way = |name: &str| is_of_way(place, name);
    wanted.retain(|(name, _)| !is_of_way(name));
    let mut edits: Vec<Edit> = Vec::with_capacity(wanted.len());
    let stays = |name: &str| is_of_way(name) || wanted.iter().any(|(known, _)| *known == name);
    for (name, _) in arrived.iter().filter(|(name, _)| !stays(name)) {
        edits.push(Edit::Remove(name.to_owned().into()));
    }
    for (name, values) in &wanted {
        if !arrived.values(name).eq(values.iter().copied()) {
            let between: &[u8] = if *name == "cookie" { b"; " } else { b", " };
            edits.push(Edit::Set((*name).to_owned().into(), values.join(between)));
        }
    }
    edits
}

/// Fields that belong to the way on which the attempt came; over the hop also those of the body that came with it, while
/// at the cluster all attempts share one head.
fn is_of_way(place: Place, name: &str) -> bool {
    match name {
        ":method" | "transfer-encoding" => true,
        ":scheme" | "content-length" => place == Place::Hop,
        "x-forwarded-proto" => place == Place::Cluster,
        _ => false,
    }
}

/// The time to the first part of the answer, for the router.
pub fn timeout(timeout: Duration) -> Edit {
    let millis = timeout.as_millis().max(1).to_string();
    let name = "x-envoy-upstream-rq-per-try-timeout-ms";
    Edit::Set(name.into(), millis.into_bytes())
}

/// A request outside the gateway's URLs passes untouched, but for the header that picks clusters.
pub fn outside_edits(cx: &Cx) -> Vec<Edit> {
    vec![Edit::Remove(cx.worker.config.cluster_header.clone().into())]
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
    for (name, _) in head.iter() {
        let speaks = name.starts_with("cf-aig-") || name == RETRY;
        if speaks && !is_set(&edits, name) {
            edits.push(Edit::Remove(name.to_owned().into()));
        }
    }
    edits
}
