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

    /// What was kept as text, in the same memory: what is no UTF-8 shows as U+FFFD.
    pub fn into_text(mut self) -> String {
        let error = std::str::from_utf8(&self.bytes).err();
        // The limit may have cut a character.
        if let Some(end) = error.filter(|it| it.error_len().is_none()) {
            self.bytes.truncate(end.valid_up_to());
            self.bytes.extend_from_slice("\u{FFFD}".as_bytes());
        }
        String::from_utf8(self.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
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

    #[test]
    fn a_capture_reads_as_text_whatever_its_bytes() {
        let texts: [&[u8]; 6] = [
            b"",
            b"plain",
            "caf\u{e9}".as_bytes(),
            b"cut \xE2\x82",
            b"cut \xE2",
            b"\xFF odd \xE2\x82 and cut \xF0\x9F",
        ];
        for bytes in texts {
            let mut capture = Capture::new(64);
            capture.feed(bytes);
            assert_eq!(capture.into_text(), String::from_utf8_lossy(bytes));
        }
    }
}
