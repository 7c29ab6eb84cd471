//! What is around the compressed data of a gzip member (RFC 1952 §2.3), read byte by byte.

use crate::http::crc32::Crc;

/// The head of a member so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    at: At,
    flags: u8,
    is_further: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the ten bytes that every member has.
    Fixed(u8),
    /// At the length of the extra field; its first byte.
    ExtraLength(Option<u8>),
    /// In the extra field, with this many bytes to come.
    Extra(u16),
    /// In the name or comment, which a zero ends.
    Text,
    /// In the checksum of the head, with this many bytes to come.
    Checksum(u8),
}

/// What a byte of a head was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Not the last one.
    More,
    /// The last one: the compressed data follow.
    Data,
    /// None: this is not a member.
    NoMember,
}

const CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xE0;

impl Member {
    /// The first member.
    pub(super) const fn first() -> Self {
        Self {
            at: At::Fixed(0),
            flags: 0,
            is_further: false,
        }
    }

    /// One that may follow another.
    pub(super) const fn further() -> Self {
        Self {
            is_further: true,
            ..Self::first()
        }
    }

    /// Whether it follows another.
    pub(super) const fn is_further(self) -> bool {
        self.is_further
    }

    /// Whether the content is whole without it.
    pub(super) const fn may_be_missing(self) -> bool {
        self.is_further && matches!(self.at, At::Fixed(0))
    }

    /// Reads the next byte.
    pub(super) fn read(&mut self, byte: u8) -> Step {
        match self.at {
            At::Fixed(at) => {
                let fits = match at {
                    0 => byte == 0x1F,
                    1 => byte == 0x8B,
                    2 => byte == 8,
                    3 => byte & RESERVED == 0,
                    _ => true,
                };
                if at == 3 {
                    self.flags = byte;
                }
                match (fits, at) {
                    (false, _) => Step::NoMember,
                    (true, 9..) => self.next(),
                    (true, _) => self.to(At::Fixed(at.saturating_add(1))),
                }
            }
            At::ExtraLength(None) => self.to(At::ExtraLength(Some(byte))),
            At::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.next(),
                length => self.to(At::Extra(length)),
            },
            At::Extra(1) | At::Checksum(1) => self.next(),
            At::Extra(left) => self.to(At::Extra(left.saturating_sub(1))),
            At::Checksum(left) => self.to(At::Checksum(left.saturating_sub(1))),
            At::Text if byte == 0 => self.next(),
            At::Text => Step::More,
        }
    }

    fn to(&mut self, at: At) -> Step {
        self.at = at;
        Step::More
    }

    /// The optional part that comes next, in the order of the format.
    fn next(&mut self) -> Step {
        for (flag, at) in [
            (EXTRA, At::ExtraLength(None)),
            (NAME, At::Text),
            (COMMENT, At::Text),
            (CHECKSUM, At::Checksum(2)),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return self.to(at);
            }
        }
        Step::Data
    }
}

/// Checksum and size of the decoded data, to be compared with the eight bytes that follow the compressed ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trailer {
    crc: Crc,
    size: u32,
    stated: [u8; 8],
    read: usize,
}

impl Default for Trailer {
    fn default() -> Self {
        Self {
            crc: Crc::START,
            size: 0,
            stated: [0; 8],
            read: 0,
        }
    }
}

impl Trailer {
    /// Counts decoded data.
    pub(super) fn count(&mut self, decoded: &[u8]) {
        let length = u32::try_from(decoded.len()).unwrap_or_default();
        self.size = self.size.wrapping_add(length);
        self.crc = self.crc.of(decoded);
    }

    /// The checksum as it should be stated.
    pub(super) fn expected_crc(&self) -> [u8; 4] {
        self.crc.value().to_le_bytes()
    }

    /// Reads the next byte; after the last one it says whether both are right.
    pub(super) fn read(&mut self, byte: u8) -> Option<bool> {
        if let Some(place) = self.stated.get_mut(self.read) {
            *place = byte;
        }
        self.read = self.read.saturating_add(1);
        (self.read >= self.stated.len()).then(|| {
            let (crc, size) = self.stated.split_at(4);
            crc == self.expected_crc() && size == self.size.to_le_bytes()
        })
    }
}
