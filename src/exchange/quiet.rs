//! How often the operator is told of a matter: once a second at most, whatever else there is to tell.
//!
//! Invariant: matters are named by the code or the configuration, so there are only so many.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// For how long there is silence about a matter, nanoseconds.
const SILENCE: u64 = 1_000_000_000;

/// What was told, and until when no more is told of it: nanoseconds since the epoch, by matter.
#[derive(Debug, Default)]
pub struct Quiet(RefCell<BTreeMap<String, u64>>);

impl Quiet {
    /// Whether there is to be told of this matter now; if so, the next silence begins.
    pub fn ends(&self, matter: &str, now: u64) -> bool {
        let mut told = self.0.borrow_mut();
        if told.get(matter).is_some_and(|until| now < *until) {
            return false;
        }
        told.insert(matter.to_owned(), now.saturating_add(SILENCE));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_matter_has_a_silence_of_its_own() {
        let quiet = Quiet::default();
        assert!(quiet.ends("a", 5) && quiet.ends("b", 6));
        assert!(!quiet.ends("a", SILENCE + 4) && quiet.ends("a", SILENCE + 5));
        assert!(!quiet.ends("b", SILENCE + 5));
    }
}
