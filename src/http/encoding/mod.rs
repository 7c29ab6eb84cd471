//! Takes the content coding off a copy of a body while it passes (RFC 9110 §8.4.1): gzip and deflate. [`gzip()`] puts one on.
//!
//! Not read: `br` (its dictionary alone is 120 KB of module) and `zstd` (no decoder without panics and with a bound on
//! a hostile block). Invariant: memory is one 32 KB window, what is decoded is bounded, and damaged content is an error,
//! never a panic.

mod encode;
mod gzip;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use self::gzip::{Member, Step, Trailer};
use super::header::HeaderList;

pub use self::encode::gzip;

/// The most that is decoded of one body, in bytes.
const DECODED_LIMIT: usize = 64 << 20;

/// What any body may become, and for each of its bytes what it may become beside that: text shrinks to a hundredth at
/// best, but a small body can claim to be a thousand times larger, and all of it would be decoded in one callback.
const DECODED_FLOOR: usize = 1 << 20;
const DECODED_RATIO: usize = 200;

/// Why encoded content is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstandard,
    /// A coding that nobody knows, or several at once.
    Unknown,
    /// It is not what it says it is.
    Damaged,
    /// It ended early.
    Cut,
    /// More than 64 MiB came out of it, or far more than went in.
    TooLarge,
}

impl Unread {
    /// The reason in words, for the record.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Brotli => "content-encoding br is not read",
            Self::Zstandard => "content-encoding zstd is not read",
            Self::Unknown => "this content-encoding is not read",
            Self::Damaged => "the compressed content is damaged",
            Self::Cut => "the compressed content is cut",
            Self::TooLarge => "the compressed content is too large to be read",
        }
    }
}

/// A content coding that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `deflate`.
    Deflate,
}

impl Coding {
    /// The coding of the message with that head; `None` when its content is not encoded.
    pub fn of(head: &HeaderList) -> Result<Option<Self>, Unread> {
        let mut codings = head
            .values("content-encoding")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
        let Some(coding) = codings.next() else {
            return Ok(None);
        };
        match coding.to_ascii_lowercase().as_slice() {
            _ if codings.next().is_some() => Err(Unread::Unknown),
            b"gzip" | b"x-gzip" => Ok(Some(Self::Gzip)),
            b"deflate" => Ok(Some(Self::Deflate)),
            b"br" => Err(Unread::Brotli),
            b"zstd" => Err(Unread::Zstandard),
            _ => Err(Unread::Unknown),
        }
    }
}

/// The decoder of one body.
pub struct Decoder {
    stage: Stage,
    inflate: Box<InflateState>,
    decoded: usize,
    /// How much may be decoded of what has come.
    limit: usize,
}

enum Stage {
    /// `deflate`: whether it has the zlib wrapper it should have, or is raw as some servers send it, shows in its
    /// first two bytes.
    Start(Option<u8>),
    /// The compressed data of `deflate`.
    Deflate,
    /// The head of a gzip member.
    Head(Member),
    /// The compressed data of a gzip member.
    Body(Trailer),
    /// What follows the compressed data of a gzip member.
    Trailer(Trailer),
    /// All that counts has come.
    End,
    /// Nothing more is decoded.
    Failed(Unread),
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new(coding: Coding) -> Self {
        Self {
            stage: match coding {
                Coding::Gzip => Stage::Head(Member::first()),
                Coding::Deflate => Stage::Start(None),
            },
            inflate: InflateState::new_boxed(DataFormat::Raw),
            decoded: 0,
            limit: DECODED_FLOOR,
        }
    }

    /// Decodes the next bytes; what comes out goes to `sink` in pieces. After an error nothing more comes out.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Unread> {
        let more = bytes.len().saturating_mul(DECODED_RATIO);
        self.limit = self.limit.saturating_add(more).min(DECODED_LIMIT);
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.step(rest, sink) {
                Ok(after) => rest = after,
                Err(unread) => self.stage = Stage::Failed(unread),
            }
            if let Stage::Failed(unread) = self.stage {
                return Err(unread);
            }
        }
        Ok(())
    }

    /// Whether the encoded content has come to its proper end.
    pub const fn is_whole(&self) -> bool {
        match &self.stage {
            Stage::End => true,
            Stage::Head(member) => member.may_be_missing(),
            Stage::Start(_)
            | Stage::Deflate
            | Stage::Body(_)
            | Stage::Trailer(_)
            | Stage::Failed(_) => false,
        }
    }

    fn step<'a>(
        &mut self,
        bytes: &'a [u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<&'a [u8], Unread> {
        let (first, after) = bytes.split_first().ok_or(Unread::Damaged)?;
        match &mut self.stage {
            Stage::Start(None) => {
                self.stage = Stage::Start(Some(*first));
                Ok(after)
            }
            Stage::Start(Some(earlier)) => {
                let earlier = *earlier;
                self.inflate.reset(zlib_or_raw(earlier, *first));
                self.stage = Stage::Deflate;
                // Even the shortest stream has more than one byte.
                self.deflated(&[earlier], sink)?;
                Ok(bytes)
            }
            Stage::Deflate => {
                let (after, ended) = self.deflated(bytes, sink)?;
                if ended {
                    self.stage = Stage::End;
                }
                Ok(after)
            }
            Stage::Head(member) => {
                let step = member.read(*first);
                let is_further = member.is_further();
                match step {
                    Step::More => {}
                    Step::Data => self.stage = self.body(),
                    // What follows the last member is none of it (as gzip itself has it).
                    Step::NoMember if is_further => self.stage = Stage::End,
                    Step::NoMember => return Err(Unread::Damaged),
                }
                Ok(after)
            }
            Stage::Body(trailer) => {
                let mut trailer = *trailer;
                let (after, ended) = self.deflated(bytes, &mut |decoded| {
                    trailer.count(decoded);
                    sink(decoded);
                })?;
                self.stage = if ended {
                    Stage::Trailer(trailer)
                } else {
                    Stage::Body(trailer)
                };
                Ok(after)
            }
            Stage::Trailer(trailer) => {
                match trailer.read(*first) {
                    None => {}
                    Some(true) => self.stage = Stage::Head(Member::further()),
                    Some(false) => return Err(Unread::Damaged),
                }
                Ok(after)
            }
            Stage::End => Ok(&[]),
            Stage::Failed(unread) => Err(*unread),
        }
    }

    fn body(&mut self) -> Stage {
        self.inflate.reset(DataFormat::Raw);
        Stage::Body(Trailer::default())
    }

    /// Inflates; what is left of `bytes`, and whether the compressed data have ended.
    fn deflated<'a>(
        &mut self,
        bytes: &'a [u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(&'a [u8], bool), Unread> {
        let mut rest = bytes;
        let mut piece = [0_u8; 4096];
        loop {
            let result = inflate(&mut self.inflate, rest, &mut piece, MZFlush::None);
            let decoded = piece.get(..result.bytes_written).unwrap_or_default();
            self.decoded = self.decoded.saturating_add(decoded.len());
            if self.decoded > self.limit {
                return Err(Unread::TooLarge);
            }
            if !decoded.is_empty() {
                sink(decoded);
            }
            rest = rest.get(result.bytes_consumed..).unwrap_or_default();
            match result.status {
                Ok(MZStatus::StreamEnd) => return Ok((rest, true)),
                // All was read, and nothing is left in the window.
                Ok(_) if rest.is_empty() && decoded.len() < piece.len() => {
                    return Ok((rest, false));
                }
                Ok(_) => {}
                Err(MZError::Buf) if rest.is_empty() => return Ok((rest, false)),
                Err(_) => return Err(Unread::Damaged),
            }
        }
    }
}

/// RFC 1950 §2.2: the method is 8 and the two bytes are a multiple of 31.
const fn zlib_or_raw(first: u8, second: u8) -> DataFormat {
    let both = u16::from_be_bytes([first, second]);
    if first & 0x0F == 8 && first >> 4 <= 7 && both.is_multiple_of(31) {
        DataFormat::Zlib
    } else {
        DataFormat::Raw
    }
}

#[cfg(test)]
mod tests;
