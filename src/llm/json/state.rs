//! Where in a JSON text the scanner is.
//!
//! Invariant: together with the open frames it is all that survives a cut.

use super::Place;

/// An open container on a wanted path.
pub(super) struct Frame<I: 'static> {
    pub(super) place: Place<I>,
    pub(super) is_array: bool,
}

/// What must come next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// At the very start, after this many bytes of a byte order mark.
    Start(usize),
    /// A value must come.
    Value,
    /// A value or the end of the array must come.
    FirstElement,
    /// A key or the end of the object must come.
    FirstKey,
    Key,
    Colon,
    /// A comma or the end of the container must come.
    After,
    InKey,
    InString,
    /// In a number, `true`, `false` or `null`.
    InWord,
    Skipping,
    SkippingString,
    Complete,
    Broken,
}
