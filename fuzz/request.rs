//! Bodies of requests, JSON and forms, and streams of which something is to be hidden.

use sluice::llm::multipart::MultipartScan;
use sluice::llm::request::{RequestFacts, RequestScan, Scan};
use sluice::llm::stream_usage::{self, Hide};

use crate::pieces;

/// The first byte chooses the cuts; the rest is the body.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((seed, body)) = bytes.split_first() else {
        return false;
    };
    if let Some(asking) = stream_usage::ask(body) {
        assert_eq!(
            stream_usage::ask(&asking),
            Some(asking.clone()),
            "it asks now"
        );
    }
    scan(|| Some(Scan::Json(RequestScan::new())), *seed, body)
}

/// The same for a form. Its boundary is `x`.
pub(crate) fn form(bytes: &[u8]) -> bool {
    let Some((seed, body)) = bytes.split_first() else {
        return false;
    };
    let form = || MultipartScan::new("multipart/form-data; boundary=x").map(Scan::Form);
    scan(form, *seed, body)
}

/// Whether anything was read.
fn scan(scan: impl Fn() -> Option<Scan>, seed: u8, body: &[u8]) -> bool {
    let (Some(mut whole), Some(mut cut)) = (scan(), scan()) else {
        return false;
    };
    whole.feed(body);
    pieces(body, seed).for_each(|piece| cut.feed(piece));
    assert_eq!(whole.facts(), cut.facts());
    assert_eq!(whole.is_settled(), cut.is_settled());
    *whole.facts() != RequestFacts::default()
}

/// The first byte chooses the cuts; the rest is the stream.
pub(crate) fn hide(bytes: &[u8]) -> bool {
    let Some((seed, body)) = bytes.split_first() else {
        return false;
    };
    let whole = shown([body]);
    assert_eq!(whole, shown(pieces(body, *seed)));
    assert!(whole.len() <= body.len());
    whole.len() < body.len()
}

fn shown<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut hide = Hide::default();
    let mut shown = Vec::new();
    for piece in pieces {
        shown.extend(hide.feed(piece));
    }
    hide.finish(&mut shown);
    shown
}
