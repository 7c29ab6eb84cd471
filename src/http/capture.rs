//! A bounded copy of a body.

use super::room::Share;

/// The first bytes of a body, up to a limit, or until there is no more room for them.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    limit: usize,
    /// As many bytes as may come.
    expected: usize,
    over: bool,
    share: Option<Share>,
}

impl Capture {
    /// Keeps at most `limit` bytes, for as long as one event lasts.
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            expected: limit,
            over: false,
            share: None,
        }
    }

    /// Keeps at most `limit` bytes, and no more than the share gets.
    pub fn within(share: Share, limit: usize) -> Self {
        let mut capture = Self::new(limit);
        capture.share = Some(share);
        capture
    }

    /// The size that was stated: no more memory is taken for a body that keeps to it.
    pub fn expecting(mut self, size: Option<u64>) -> Self {
        let size = size.and_then(|size| usize::try_from(size).ok());
        self.expected = size.unwrap_or(self.limit).min(self.limit);
        self
    }

    /// Adds what fits.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.over {
            return;
        }
        let room = self.limit.saturating_sub(self.bytes.len());
        let (kept, lost) = chunk.split_at_checked(room).unwrap_or((chunk, &[]));
        let is_kept = self.make_room(kept.len());
        if is_kept {
            self.bytes.extend_from_slice(kept);
        }
        self.over = !is_kept || !lost.is_empty();
    }

    /// Grows by doubling, so that a body that comes in small pieces is not copied for each.
    fn make_room(&mut self, more: usize) -> bool {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        let size = length.saturating_add(more);
        if size <= capacity {
            return true;
        }
        let twice = capacity.saturating_mul(2).min(self.expected).max(size);
        let granted = match self.share.as_mut() {
            None => Some(twice),
            // Where there is not so much room, there may be enough.
            Some(share) => [twice, size].into_iter().find(|size| share.grow(*size)),
        };
        let more = granted.map(|size| size.saturating_sub(length));
        more.is_some_and(|more| self.bytes.try_reserve_exact(more).is_ok())
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

    /// Whether something was lost because others hold too much.
    pub const fn is_crowded_out(&self) -> bool {
        self.over && self.bytes.len() < self.limit
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::Capture;
    use crate::http::room::Room;

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
    fn a_capture_that_finds_no_room_keeps_its_beginning_and_says_so() {
        let room = Room::new(8, Rc::default());
        let mut other = room.needed();
        assert!(other.grow(4));
        let mut capture = Capture::within(room.needed(), 100);
        for chunk in [b"abc", b"def", b"g--"] {
            capture.feed(chunk);
        }
        assert_eq!(capture.bytes(), b"abc");
        assert!(capture.is_crowded_out() && !capture.is_whole());
        drop(other);
        capture.feed(b"later");
        assert_eq!(capture.bytes(), b"abc", "nothing is left out in the middle");
        drop(capture);
        assert!(room.has(8));
    }

    #[test]
    fn a_body_for_which_there_is_just_enough_room_is_kept() {
        let room = Room::new(100, Rc::default());
        let mut other = room.needed();
        assert!(other.grow(40));
        let mut capture = Capture::within(room.needed(), 500);
        for size in [50, 10] {
            capture.feed(&vec![b'x'; size]);
        }
        assert!(capture.is_whole() && !room.has(1));
        capture.feed(b"x");
        assert!(capture.is_crowded_out());
    }

    #[test]
    fn memory_is_taken_for_no_more_than_a_body_has_said_it_brings() {
        let taken = Rc::default();
        let room = Room::new(1000, Rc::clone(&taken));
        let mut capture = Capture::within(room.needed(), 500).expecting(Some(100));
        for _ in 0..10 {
            capture.feed(&[b'x'; 10]);
            assert!(taken.get() <= 100 && taken.get() >= capture.bytes().len());
        }
        capture.feed(b"more");
        assert!(capture.is_whole() && taken.get() == 104);
        let unstated = Capture::within(room.needed(), 500).expecting(None);
        assert_eq!(unstated.expected, 500);
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
