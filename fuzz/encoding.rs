//! Compressed bodies.

use sluice::http::encoding::{Coding, Decoder};
use sluice::http::header::HeaderList;

use crate::pieces;

/// The first two bytes choose coding and cuts; the rest is the body.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some(([coding, seed], body)) = bytes.split_first_chunk() else {
        return false;
    };
    let name = if coding % 2 == 0 { "gzip" } else { "deflate" };
    let head: HeaderList = [("content-encoding".to_owned(), name.into())]
        .into_iter()
        .collect();
    let Ok(Some(coding)) = Coding::of(&head) else {
        return false;
    };
    let whole = decoded(coding, [body]);
    let cut = decoded(coding, pieces(body, *seed));
    assert_eq!((whole.1, whole.2), (cut.1, cut.2));
    // Of a damaged body more or less may have been decoded when the damage is found.
    let common = whole.0.len().min(cut.0.len());
    assert_eq!(whole.0.get(..common), cut.0.get(..common));
    assert!(whole.2 || whole.0.len() == cut.0.len());
    !whole.0.is_empty()
}

/// What was decoded, whether it is all, and whether it was found to be damaged.
fn decoded<'a>(
    coding: Coding,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, bool, bool) {
    let mut decoder = Decoder::new(coding);
    let mut text = Vec::new();
    let mut is_damaged = false;
    for piece in pieces {
        is_damaged |= decoder
            .feed(piece, &mut |bytes| text.extend_from_slice(bytes))
            .is_err();
    }
    (text, decoder.is_whole(), is_damaged)
}
