//! The log records of all gateways, in shared data: written by the keeper alone, read by every worker.
//!
//! ```text
//!  sluice/1/log/meta        where the records are, and how many
//!  sluice/1/log/s/{n}       segment: up to 64 records in the order in which their calls ended; n = number modulo 16384
//!  sluice/1/log/p/{slot}    the payload of one record
//! ```
//!
//! One value is always read whole, as it was written once. Between two reads the keeper may act: a segment says its own
//! number and a payload the record it belongs to, so a reader sees a record whole, or not at all. The keys are a fixed
//! set, for shared data has no delete: what is gone is an empty value.

mod edit;
mod flush;
mod index;
mod owner;
mod payload;
mod rebuild;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use crate::host::{Host, HostError};

pub use edit::Patch;
pub use payload::Payload;
pub use segment::{Entry, Segment};
pub use writer::{New, Writer};

/// A record's UUIDv7.
pub type Id = [u8; 16];

/// Segments there can be at a time.
const RING: u64 = 16_384;

const META: &str = "sluice/1/log/meta";

/// Where the records are. A reader goes through the segments from `first` to the one before `next`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The number of the oldest segment.
    pub first: u64,
    /// The number that comes after the newest segment.
    pub next: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of them and of their payloads.
    pub bytes: u64,
    /// Records that were lost on the way to the keeper, since the process began: its queue was over its budget.
    pub dropped: u64,
    /// Records that were not taken (`STOP_INSERTING`, or larger than the whole store), since the process began.
    pub refused: u64,
}

/// Where the records are now. Nothing was ever written: an empty one.
///
/// # Errors
/// The host refuses.
pub fn meta(host: &dyn Host) -> Result<Meta, HostError> {
    let value = host.shared(META)?;
    Ok(value
        .and_then(|it| Meta::decode(&it.value))
        .unwrap_or_default())
}

/// A segment; `None` when it is gone or has no records.
///
/// # Errors
/// The host refuses.
pub fn segment(host: &dyn Host, number: u64) -> Result<Option<Segment>, HostError> {
    let value = host.shared(&segment_key(number))?;
    let segment = value.and_then(|it| Segment::decode(it.value));
    Ok(segment.filter(|it| it.number() == number))
}

/// The payload of record `id` in this slot; `None` when it is gone.
///
/// # Errors
/// The host refuses.
pub fn payload(host: &dyn Host, slot: u32, id: &Id) -> Result<Option<Payload>, HostError> {
    payload_heads(host, slot, id, [usize::MAX; 2])
}

/// As [`payload`], but at most so many bytes of the request's body and of the answer's.
///
/// # Errors
/// The host refuses.
pub fn payload_heads(
    host: &dyn Host,
    slot: u32,
    id: &Id,
    most: [usize; 2],
) -> Result<Option<Payload>, HostError> {
    let value = host.shared(&payload_key(slot))?;
    Ok(value.and_then(|it| Payload::decode(&it.value, id, most)))
}

impl Meta {
    fn decode(value: &[u8]) -> Option<Self> {
        let mut rest = value;
        let mut number = || take(&mut rest).map(u64::from_le_bytes);
        Some(Self {
            first: number()?,
            next: number()?,
            records: number()?,
            bytes: number()?,
            dropped: number()?,
            refused: number()?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let numbers = [
            self.first,
            self.next,
            self.records,
            self.bytes,
            self.dropped,
            self.refused,
        ];
        numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
    }
}

fn segment_key(number: u64) -> String {
    format!("sluice/1/log/s/{}", number % RING)
}

fn payload_key(slot: u32) -> String {
    format!("sluice/1/log/p/{slot}")
}

/// Cuts the next `N` bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(*head)
}

/// Cuts the next `size` bytes off the front.
fn take_slice<'a>(bytes: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(size)?;
    *bytes = tail;
    Some(head)
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// A payload has less than 4 GiB: a virtual machine has no more.
fn narrow(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
