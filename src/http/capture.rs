//! A bounded copy of a body.

/// The first bytes of a body, up to a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl Capture {
    /// Keeps at most `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            over: false,
        }
    }

    /// Adds what fits.
    pub fn feed(&mut self, chunk: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        let (kept, lost) = chunk.split_at_checked(room).unwrap_or((chunk, &[]));
        self.bytes.extend_from_slice(kept);
        self.over |= !lost.is_empty();
    }

    /// What was kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing was lost.
    pub const fn is_whole(&self) -> bool {
        !self.over
    }
}

#[cfg(test)]
mod tests {
    use super::Capture;

    #[test]
    fn a_capture_never_grows_beyond_its_limit_and_says_so() {
        let mut capture = Capture::new(5);
        capture.feed(b"abc");
        capture.feed(b"de");
        assert!(capture.is_whole());
        capture.feed(b"f");
        assert_eq!(
            (capture.bytes(), capture.is_whole()),
            (&b"abcde"[..], false)
        );
    }
}
