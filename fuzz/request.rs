//! Bodies of requests: JSON and forms.

use sluice::llm::multipart::MultipartScan;
use sluice::llm::request::RequestScan;

use crate::pieces;

/// The first byte chooses the cuts; the rest is the body.
pub(crate) fn run(bytes: &[u8]) {
    let Some((seed, body)) = bytes.split_first() else {
        return;
    };
    let mut whole = RequestScan::new();
    whole.feed(body);
    let mut cut = RequestScan::new();
    pieces(body, *seed).for_each(|piece| cut.feed(piece));
    assert_eq!(whole.facts(), cut.facts());
    assert_eq!(whole.is_settled(), cut.is_settled());
}

/// The same for a form. Its boundary is `x`.
pub(crate) fn form(bytes: &[u8]) {
    let Some((seed, body)) = bytes.split_first() else {
        return;
    };
    let scan = || MultipartScan::new("multipart/form-data; boundary=x");
    let (Some(mut whole), Some(mut cut)) = (scan(), scan()) else {
        return;
    };
    whole.feed(body);
    pieces(body, *seed).for_each(|piece| cut.feed(piece));
    assert_eq!(whole.facts(), cut.facts());
    assert_eq!(whole.is_settled(), cut.is_settled());
}
