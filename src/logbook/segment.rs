//! A segment's bytes: its number, then its records one after the other.
//!
//! ```text
//!  number u64 | (id [16] | created_ms u64 | gateway u64 | slot u32 | payload size u32 | line size u32 | line)*
//! ```
//! Numbers are little-endian; slot `u32::MAX` says that there is no payload.

use std::ops::Range;

use super::{Id, take, take_slice};

/// Bytes of a segment without records.
pub(super) const HEAD: usize = 8;
/// Bytes of a record besides its line.
pub(super) const ENTRY_HEAD: usize = 44;
const NO_SLOT: u32 = u32::MAX;

/// Some records, the oldest first.
#[derive(Clone, Debug)]
pub struct Segment {
    bytes: Vec<u8>,
    number: u64,
    places: Vec<Place>,
}

/// A record without its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: Id,
    pub(super) created_ms: u64,
    /// Stands for its account and gateway.
    pub(super) gateway: u64,
    pub(super) slot: Option<u32>,
    /// Bytes of the payload.
    pub(super) payload_size: u32,
}

#[derive(Clone, Debug)]
struct Place {
    head: Head,
    line: Range<usize>,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its UUIDv7.
    pub id: Id,
    /// When its call began, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The record as JSON, without its payload.
    pub line: &'a [u8],
    /// The slot of its payload, if it has one.
    pub payload: Option<u32>,
    /// Bytes of the payload.
    pub payload_size: u32,
}

impl Segment {
    /// The records, the oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.places.iter().filter_map(|place| {
            Some(Entry {
                id: place.head.id,
                created_ms: place.head.created_ms,
                line: self.bytes.get(place.line.clone())?,
                payload: place.head.slot,
                payload_size: place.head.payload_size,
            })
        })
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The records without their lines, and their lines.
    pub(super) fn heads(&self) -> impl Iterator<Item = (Head, &[u8])> {
        let line = |place: &Place| self.bytes.get(place.line.clone()).unwrap_or_default();
        self.places
            .iter()
            .map(move |place| (place.head, line(place)))
    }

    /// `None` of an empty value, and of one that no keeper has written.
    pub(super) fn decode(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let number = u64::from_le_bytes(take(&mut rest)?);
        let mut places = Vec::new();
        while !rest.is_empty() {
            let head = Head::decode(&mut rest)?;
            let size = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
            let start = bytes.len().checked_sub(rest.len())?;
            let line = take_slice(&mut rest, size)?;
            let line = start..start.checked_add(line.len())?;
            places.push(Place { head, line });
        }
        Some(Self {
            bytes,
            number,
            places,
        })
    }
}

impl Head {
    fn decode(rest: &mut &[u8]) -> Option<Self> {
        Some(Self {
            id: take(rest)?,
            created_ms: u64::from_le_bytes(take(rest)?),
            gateway: u64::from_le_bytes(take(rest)?),
            slot: Some(u32::from_le_bytes(take(rest)?)).filter(|slot| *slot != NO_SLOT),
            payload_size: u32::from_le_bytes(take(rest)?),
        })
    }

    /// Writes the record behind what is there. A line has less than 4 GiB.
    pub(super) fn write(&self, line: &[u8], into: &mut Vec<u8>) {
        into.extend_from_slice(&self.id);
        into.extend_from_slice(&self.created_ms.to_le_bytes());
        into.extend_from_slice(&self.gateway.to_le_bytes());
        into.extend_from_slice(&self.slot.unwrap_or(NO_SLOT).to_le_bytes());
        into.extend_from_slice(&self.payload_size.to_le_bytes());
        let size = u32::try_from(line.len()).unwrap_or(u32::MAX);
        into.extend_from_slice(&size.to_le_bytes());
        into.extend_from_slice(line);
    }
}
