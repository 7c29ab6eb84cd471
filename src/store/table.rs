//! The answer table: look up, begin a fill, join one. Ending a fill is in `fill`, re-exported here.
//!
//! A hit costs two reads (directory, slot) and at most one write per entry and second (its time of use); a miss costs
//! one read, and one write if it becomes the filler. Invariants: a hit returns only bytes that were stored under its
//! full key; at most one unexpired fill per key exists at a time.
//!
//! The life of a slot: `begin` writes `Filling` with a new generation into the directory (that swap elects the
//! filler); the first `join`, or else `complete`, carries the mark into the slot; `complete` reserves in the ledger,
//! stores into the slot, then says so in the directory. A worker that dies on the way leaves a lease that runs out.

use std::time::Duration;

use crate::host::{Host, HostError};

pub use super::fill::{AT_ONCE, NotStored, abandon, complete, renew, store};
pub use super::ledger::stored_bytes;

use super::bucket::{Bucket, Place, Way};
use super::slot::{Generation, HEAD_BYTES, Head, Slot, State};
use super::waiter::{WAITER_BYTES, Waiter};
use super::{TRIES, after, seconds};

/// Waiters one fill can have; more go alone.
const MAX_WAITERS: usize = 4096;

/// The full SHA-256 of what identifies an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

/// A stored answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    value: Vec<u8>,
    stored_at: u32,
}

impl Entry {
    /// The bytes given to [`complete`] or [`store`].
    pub fn payload(&self) -> &[u8] {
        self.value.get(HEAD_BYTES..).unwrap_or_default()
    }

    /// Whole seconds since it was stored, at wall clock `now` (nanoseconds): the value of an `age` header.
    pub fn age(&self, now: u64) -> u64 {
        u64::from(seconds(now).saturating_sub(self.stored_at))
    }
}

/// A fill under way, as a waiter sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    pub(super) place: Place,
    pub(super) generation: Generation,
    pub(super) key: Key,
}

impl Flight {
    /// What the wake-up message of this fill carries ([`super::waiter::Wake::generation`]).
    pub const fn generation(&self) -> u64 {
        self.generation.0
    }
}

/// The right and duty to end a fill: give it to [`complete`] or [`abandon`].
#[must_use = "others wait until the fill is completed or abandoned"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket(pub(super) Flight);

/// What [`begin`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Begin {
    /// The answer.
    Hit(Entry),
    /// Nobody has it: the caller fetches it and holds the mark.
    Filler(Ticket),
    /// Another caller is fetching it: [`join`] it, or go alone. Its lease ends then, in nanoseconds since the epoch:
    /// by that time it has been renewed, or the caller is dead.
    InFlight(Flight, u64),
    /// Every place for it belongs to another fill, or changed too often: go alone.
    Full,
}

/// What became of [`join`].
#[derive(Debug, PartialEq, Eq)]
pub enum Join {
    /// The waiter will be in the [`super::waiter::WakeUps`] of the fill, unless its filler dies or its lease runs out.
    Joined,
    /// The fill has ended meanwhile: here is the answer.
    AlreadyStored(Entry),
    /// The fill has ended without an answer, or was given to somebody else: [`begin`] again.
    Gone,
    /// Too many wait already: go alone.
    Crowded,
}

/// Looks an answer up, without single flight.
pub fn lookup(host: &dyn Host, key: &Key) -> Result<Option<Entry>, HostError> {
    let mut bucket = Bucket::of(host, key)?;
    match bucket.find(key) {
        Some((place, way)) => hit(host, &mut bucket, place, way),
        None => Ok(None),
    }
}

/// Looks an answer up, or makes the caller its filler for at most `lease`; after that the next caller takes over.
pub fn begin(host: &dyn Host, key: &Key, lease: Duration) -> Result<Begin, HostError> {
    for _ in 0..TRIES {
        let mut bucket = Bucket::of(host, key)?;
        let now = host.now();
        let found = bucket.find(key);
        if let Some((place, way)) = found {
            if way.state == State::Filling && way.is_live(now) {
                let flight = Flight {
                    place,
                    generation: way.generation,
                    key: *key,
                };
                return Ok(Begin::InFlight(flight, way.end()));
            }
            if let Some(entry) = hit(host, &mut bucket, place, way)? {
                return Ok(Begin::Hit(entry));
            }
        }
        let Some((place, way)) = found.or_else(|| bucket.spare(now)) else {
            return Ok(Begin::Full);
        };
        if let Some(ticket) = claim(host, bucket, (place, way), key, lease)? {
            return Ok(Begin::Filler(ticket));
        }
    }
    Ok(Begin::Full)
}

/// Waits for a fill: the waiter is told when it ends.
pub fn join(host: &dyn Host, flight: &Flight, waiter: Waiter) -> Result<Join, HostError> {
    for _ in 0..TRIES {
        let slot = Slot::read(host, flight.place)?;
        let mut waiters = match slot.state_in(flight.generation) {
            // The filler has not been here yet: the first waiter brings the mark. Were the fill over by now, the slot
            // would have reached its generation, for no fill ends without writing to the slot.
            None => Vec::new(),
            Some(State::Filling) => slot.body().to_vec(),
            Some(State::Stored) => {
                return Ok(entry(slot, &flight.key).map_or(Join::Gone, Join::AlreadyStored));
            }
            Some(State::Vacant) => return Ok(Join::Gone),
        };
        if waiters.len() >= MAX_WAITERS.saturating_mul(WAITER_BYTES) {
            return Ok(Join::Crowded);
        }
        waiters.extend(waiter.encode());
        match slot.replace(host, flight.place, flight.mark(), &waiters) {
            Ok(()) => return Ok(Join::Joined),
            Err(HostError::Conflict) => {}
            Err(HostError::Refused) => return Err(HostError::Refused),
        }
    }
    Ok(Join::Crowded)
}

impl Flight {
    /// The head of the slot while the fill lasts.
    pub(super) const fn mark(&self) -> Head {
        Head {
            state: State::Filling,
            generation: self.generation,
            key: self.key,
            stored_at: 0,
        }
    }

    /// The slot as the filler's own, with the mark in it; `None`: the fill is over or was taken over.
    pub(super) fn slot(&self, host: &dyn Host) -> Result<Option<Slot>, HostError> {
        for _ in 0..TRIES {
            let slot = Slot::read(host, self.place)?;
            match slot.state_in(self.generation) {
                Some(State::Filling) => return Ok(Some(slot)),
                Some(State::Stored | State::Vacant) => return Ok(None),
                None => match slot.replace(host, self.place, self.mark(), &[]) {
                    Ok(()) | Err(HostError::Conflict) => {}
                    Err(HostError::Refused) => return Err(HostError::Refused),
                },
            }
        }
        Err(HostError::Conflict)
    }
}

/// Swaps a `Filling` line for `key` into the directory. `Ok(None)`: somebody else changed the bucket.
pub(super) fn claim(
    host: &dyn Host,
    mut bucket: Bucket,
    (place, way): (Place, Way),
    key: &Key,
    lease: Duration,
) -> Result<Option<Ticket>, HostError> {
    let generation = way.generation.next(host.random());
    let line = Way {
        generation,
        key: *key,
        ..way
    };
    bucket.set(place, line.leased(after(host, lease)));
    match bucket.write(host) {
        Ok(()) => {}
        Err(HostError::Conflict) => return Ok(None),
        Err(HostError::Refused) => return Err(HostError::Refused),
    }
    let flight = Flight {
        place,
        generation,
        key: *key,
    };
    if way.state == State::Filling {
        // Taken over from a filler that may still be alive: lock it out of the slot at once, so that its late ending
        // changes nothing. Should the host refuse, it could only store an answer that no directory line points to.
        drop(flight.slot(host));
    }
    Ok(Some(Ticket(flight)))
}

/// The answer a line points to, with its time of use renewed; `None` when it is stale or the slot holds another.
fn hit(
    host: &dyn Host,
    bucket: &mut Bucket,
    place: Place,
    way: Way,
) -> Result<Option<Entry>, HostError> {
    let now = host.now();
    if way.state != State::Stored || !way.is_live(now) {
        return Ok(None);
    }
    let slot = Slot::read(host, place)?;
    if slot.state_in(way.generation) != Some(State::Stored) {
        return Ok(None);
    }
    let used = seconds(now);
    if way.used < used {
        bucket.set(place, Way { used, ..way });
        // Best effort: whoever was faster has used the bucket as well.
        bucket.write(host).unwrap_or_default();
    }
    Ok(entry(slot, &way.key))
}

fn entry(slot: Slot, key: &Key) -> Option<Entry> {
    let head = slot.head.filter(|head| head.key == *key)?;
    Some(Entry {
        value: slot.value,
        stored_at: head.stored_at,
    })
}
