//! Skips a container that nobody wants: only its quotes and brackets are looked at.
//!
//! Invariant: the depth is a counter, so no nesting is too deep. That brackets fit each other is checked in the
//! outermost 64 levels; what stands between them (commas, words) is not.

use crate::llm::find::Pair;

/// Quotes and brackets: `[`, `]`, `{`, `}` (and `Y`, `_`, `y`, DEL, which do not matter) are 0x7F under this mask.
const STRUCTURE: Pair = Pair::masked(b'"', 0x7F, 0x26);

/// The container being skipped.
#[derive(Default)]
pub(super) struct Skip {
    depth: u64,
    /// One bit for each of the outermost 64 levels: it is an array.
    arrays: u64,
}

/// What the skipping has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The container goes on.
    Inside,
    /// A string begins.
    String,
    /// The container has closed.
    End,
    /// A bracket does not fit the one that it should close.
    Broken,
}

impl Skip {
    /// Starts with the opening bracket just read.
    pub(super) fn open(is_array: bool) -> Self {
        let mut skip = Self::default();
        skip.enter(is_array);
        skip
    }

    /// Goes on to the next string, or to the end of the container; returns the bytes after it.
    pub(super) fn feed<'a>(&mut self, bytes: &'a [u8]) -> (Found, &'a [u8]) {
        let mut rest = bytes;
        loop {
            // Brackets like company: what follows one is looked at before it is searched for.
            let (byte, after) = match rest {
                [byte @ (b'"' | b'{' | b'[' | b'}' | b']'), after @ ..] => (*byte, after),
                _ => match STRUCTURE.split(rest).1 {
                    [byte, after @ ..] => (*byte, after),
                    [] => return (Found::Inside, &[]),
                },
            };
            let found = match byte {
                b'"' => Found::String,
                b'{' | b'[' => self.enter(byte == b'['),
                b'}' | b']' => self.leave(byte == b']'),
                _ => Found::Inside,
            };
            if found != Found::Inside {
                return (found, after);
            }
            rest = after;
        }
    }

    fn enter(&mut self, is_array: bool) -> Found {
        if let Some(level) = self.level() {
            self.arrays = if is_array {
                self.arrays | level
            } else {
                self.arrays & !level
            };
        }
        self.depth = self.depth.saturating_add(1);
        Found::Inside
    }

    fn leave(&mut self, is_array: bool) -> Found {
        self.depth = self.depth.saturating_sub(1);
        let fits = self
            .level()
            .is_none_or(|level| (self.arrays & level != 0) == is_array);
        match (fits, self.depth) {
            (false, _) => Found::Broken,
            (true, 0) => Found::End,
            (true, _) => Found::Inside,
        }
    }

    fn level(&self) -> Option<u64> {
        u32::try_from(self.depth)
            .ok()
            .and_then(|depth| 1_u64.checked_shl(depth))
    }
}
