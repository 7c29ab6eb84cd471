//! One slot: an answer, a fill mark with its waiters, or the tombstone of either, always with its generation.
//!
//! Layout (little-endian): state 1, generation 8, key 32, stored-at second 4, then the payload (stored) or 8 bytes per
//! waiter (filling). Invariant: **a slot's generation never decreases, and within one generation it moves only
//! Filling -> Stored -> Vacant or Filling -> Vacant.** What has left a generation can therefore never come back, which
//! is what lets a reader, a late writer and the evictor judge by one read. Tombstones keep that memory; they and the
//! marks are bookkeeping, outside the byte budget, bounded by the number of slots.

use crate::host::{Expect, Host, HostError};

use super::bucket::Place;
use super::table::Key;
use super::waiter::{WAITER_BYTES, Waiter};
use super::{read, take};

/// Bytes before the payload.
pub(super) const HEAD_BYTES: usize = 45;

/// What a slot, or its line in the directory, holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing (any more).
    #[default]
    Vacant,
    /// Somebody fetches the answer.
    Filling,
    /// The answer.
    Stored,
}

impl State {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Vacant => 0,
            Self::Filling => 1,
            Self::Stored => 2,
        }
    }

    pub(super) const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Filling,
            2 => Self::Stored,
            _ => Self::Vacant,
        }
    }
}

/// One use of a slot. The low half counts the uses of this slot (given out under the bucket's compare-and-swap, so
/// exact); the high half is random, so that wake-ups of different slots do not look alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Generation(pub(super) u64);

impl Generation {
    /// The use after this one.
    pub(super) fn next(self, random: u64) -> Self {
        Self((random & !u64::from(u32::MAX)) | u64::from(self.tag().wrapping_add(1)))
    }

    /// The counting half.
    pub(super) const fn tag(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Whether this use came before `other`, also over the wrap of the counter.
    const fn precedes(self, other: Self) -> bool {
        let ahead = other.tag().wrapping_sub(self.tag());
        ahead != 0 && ahead <= u32::MAX / 2
    }
}

/// The fixed part of a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) state: State,
    pub(super) generation: Generation,
    pub(super) key: Key,
    /// Second at which the answer was stored.
    pub(super) stored_at: u32,
}

/// A slot as it was read.
pub(super) struct Slot {
    /// `None` when it was never written.
    pub(super) head: Option<Head>,
    /// All bytes, head included.
    pub(super) value: Vec<u8>,
    expect: Expect,
}

impl Slot {
    pub(super) fn read(host: &dyn Host, place: Place) -> Result<Self, HostError> {
        let (value, expect) = read(host, &place.slot_key())?;
        Ok(Self {
            head: decode(&value),
            value,
            expect,
        })
    }

    /// Replaces what was read; `Conflict` when it has changed since.
    pub(super) fn replace(
        &self,
        host: &dyn Host,
        place: Place,
        head: Head,
        body: &[u8],
    ) -> Result<(), HostError> {
        let mut value = Vec::with_capacity(HEAD_BYTES.saturating_add(body.len()));
        value.push(head.state.byte());
        value.extend(head.generation.0.to_le_bytes());
        value.extend(head.key.0);
        value.extend(head.stored_at.to_le_bytes());
        value.extend(body);
        host.set_shared(&place.slot_key(), &value, self.expect)
    }

    /// The state it has in `generation`, or `None` when it has not got there yet.
    /// A slot that is past `generation` counts as vacant in it: that use is over.
    pub(super) fn state_in(&self, generation: Generation) -> Option<State> {
        let head = self
            .head
            .filter(|head| !head.generation.precedes(generation))?;
        Some(if head.generation == generation {
            head.state
        } else {
            State::Vacant
        })
    }

    /// Whether it holds an answer or a mark of the use with this tag.
    pub(super) fn is_held_by(&self, tag: u32) -> bool {
        self.head
            .is_some_and(|head| head.generation.tag() == tag && head.state != State::Vacant)
    }

    /// The bytes after the head.
    pub(super) fn body(&self) -> &[u8] {
        self.value.get(HEAD_BYTES..).unwrap_or_default()
    }

    /// The waiters of a fill mark.
    pub(super) fn waiters(&self) -> Vec<Waiter> {
        let (waiters, _) = self.body().as_chunks::<WAITER_BYTES>();
        waiters.iter().map(|bytes| Waiter::decode(*bytes)).collect()
    }
}

fn decode(mut bytes: &[u8]) -> Option<Head> {
    let [state] = take(&mut bytes)?;
    Some(Head {
        state: State::from_byte(state),
        generation: Generation(u64::from_le_bytes(take(&mut bytes)?)),
        key: Key(take(&mut bytes)?),
        stored_at: u32::from_le_bytes(take(&mut bytes)?),
    })
}
