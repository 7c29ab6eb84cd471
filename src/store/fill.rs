//! The end of a fill: completed with an answer, or abandoned.
//!
//! Invariant: the slot is written before the directory, and whoever writes a fill's end into the slot gets its waiters,
//! so each waiter is returned once. A stale ticket finds that the slot has left its generation and changes nothing.

use std::time::Duration;

use crate::config::CacheBudget;
use crate::host::{Host, HostError};

use super::bucket::{Bucket, Way};
use super::evict::make_room;
use super::ledger::{Cell, Ledger};
use super::slot::{HEAD_BYTES, Head, Slot, State};
use super::table::{Flight, Key, Ticket, claim};
use super::waiter::{Verdict, WakeUps};
use super::{TRIES, after, deadline, seconds};

/// How long the ticket of a [`store`] lives, which is completed at once.
pub const AT_ONCE: Duration = Duration::from_secs(1);

/// Why an answer is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Larger than the configuration allows one answer to be.
    TooLarge,
    /// No room could be made now.
    NoRoom,
    /// The fill was taken over after its lease, or another caller is filling the key.
    Stale,
    /// The host failed.
    Host(HostError),
}

impl From<HostError> for NotStored {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

/// Makes the lease end `lease` from now. A filler that is alive renews in time, so that a short lease is enough and
/// those who wait for a dead one do not wait long. Best effort: the next renewal may succeed.
pub fn renew(host: &dyn Host, ticket: &Ticket, lease: Duration) {
    let end = after(host, lease);
    update(host, &ticket.0, |way| way.leased(end));
}

/// Ends a fill with its answer, to be served for `ttl` (rounded up to a full second). The limits are those of the
/// present configuration; heads (45 bytes each) count. Marks, tombstones, directory and ledger come on top: they are
/// bounded by the number of slots and waiters. The wake-ups must be sent whether or not it could be stored.
pub fn complete(
    host: &dyn Host,
    ticket: Ticket,
    payload: &[u8],
    ttl: Duration,
    limits: CacheBudget,
) -> (Result<(), NotStored>, WakeUps) {
    match put(host, &ticket.0, payload, ttl, limits) {
        Ok(wake_ups) => (Ok(()), wake_ups),
        Err(reason) => (Err(reason), abandon(host, ticket)),
    }
}

/// Ends a fill without an answer: the next caller starts anew.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a ticket is used up by ending its fill"
)]
pub fn abandon(host: &dyn Host, ticket: Ticket) -> WakeUps {
    let flight = &ticket.0;
    let mut wake_ups = WakeUps {
        generation: flight.generation(),
        waiters: Vec::new(),
    };
    for _ in 0..TRIES {
        let Ok(slot) = Slot::read(host, flight.place) else {
            continue;
        };
        // Also when the mark never got here: the tombstone turns away those who come to join.
        if let None | Some(State::Filling) = slot.state_in(flight.generation) {
            let closed = Head {
                state: State::Vacant,
                ..flight.mark()
            };
            if slot.replace(host, flight.place, closed, &[]).is_err() {
                continue;
            }
            if slot.state_in(flight.generation).is_some() {
                wake_ups.waiters = slot.waiters();
            }
            update(host, flight, |way| Way {
                state: State::Vacant,
                ..way
            });
        }
        break;
    }
    wake_ups
}

/// Stores an answer without single flight, in place of an older one. Leaves a fill of the same key alone.
pub fn store(
    host: &dyn Host,
    key: &Key,
    payload: &[u8],
    ttl: Duration,
    limits: CacheBudget,
) -> Result<(), NotStored> {
    size(payload, limits)?;
    for _ in 0..TRIES {
        let bucket = Bucket::of(host, key)?;
        let now = host.now();
        let line = match bucket.find(key) {
            Some((_, way)) if way.state == State::Filling && way.is_live(now) => {
                return Err(NotStored::Stale);
            }
            Some(line) => line,
            None => bucket.spare(now).ok_or(NotStored::NoRoom)?,
        };
        if let Some(ticket) = claim(host, bucket, line, key, AT_ONCE)? {
            let (stored, wake_ups) = complete(host, ticket, payload, ttl, limits);
            // Somebody may have joined in between.
            wake_ups.send(host, Verdict::LookAgain);
            return stored;
        }
    }
    Err(NotStored::Host(HostError::Conflict))
}

/// Reserves, stores into the slot, publishes in the directory.
fn put(
    host: &dyn Host,
    flight: &Flight,
    payload: &[u8],
    ttl: Duration,
    limits: CacheBudget,
) -> Result<WakeUps, NotStored> {
    let now = seconds(host.now());
    let expires = deadline(host, ttl);
    let cell = Cell {
        tag: flight.generation.tag(),
        bytes: size(payload, limits)?,
        expires,
        used: now,
    };
    let mut slot = reserve(host, flight, cell, limits.max_bytes)?;
    let head = Head {
        state: State::Stored,
        stored_at: now,
        ..flight.mark()
    };
    for _ in 0..TRIES {
        match slot.replace(host, flight.place, head, payload) {
            Ok(()) => {
                update(host, flight, |way| Way {
                    state: State::Stored,
                    expires,
                    used: now,
                    ..way
                });
                return Ok(WakeUps {
                    generation: flight.generation(),
                    waiters: slot.waiters(),
                });
            }
            // One more waiter, or the end of this fill.
            Err(HostError::Conflict) => slot = flight.slot(host)?.ok_or(NotStored::Stale)?,
            Err(HostError::Refused) => return Err(HostError::Refused.into()),
        }
    }
    Err(NotStored::Host(HostError::Conflict))
}

/// Bytes of the slot that will hold the payload.
fn size(payload: &[u8], limits: CacheBudget) -> Result<u32, NotStored> {
    let bytes = u32::try_from(payload.len().saturating_add(HEAD_BYTES)).ok();
    let fits = |bytes: &u32| {
        payload.len() <= limits.max_object_bytes && u64::from(*bytes) <= limits.max_bytes
    };
    bytes.filter(fits).ok_or(NotStored::TooLarge)
}

/// Writes the cell of the flight's slot into the ledger; the order of the steps is argued in `ledger`.
fn reserve(host: &dyn Host, flight: &Flight, cell: Cell, budget: u64) -> Result<Slot, NotStored> {
    for _ in 0..TRIES {
        let mut ledger = Ledger::read(host)?;
        let slot = flight.slot(host)?.ok_or(NotStored::Stale)?;
        let fits = make_room(host, &mut ledger, flight.place, cell.bytes, budget)?;
        if fits {
            ledger.set(flight.place, cell);
        }
        match ledger.write(host) {
            Ok(()) if fits => return Ok(slot),
            // What was freed is kept for the next store.
            Ok(()) => return Err(NotStored::NoRoom),
            Err(HostError::Conflict) => {}
            Err(HostError::Refused) => return Err(HostError::Refused.into()),
        }
    }
    Err(NotStored::Host(HostError::Conflict))
}

/// Changes the flight's line in the directory, while it is its mark; one that eviction took is not revived, for the key
/// may have another line by now. Best effort: without it a stored answer is still found by `join`, and a vacant slot
/// looks like a fill, until the lease runs out.
fn update(host: &dyn Host, flight: &Flight, change: impl Fn(Way) -> Way) {
    for _ in 0..TRIES {
        let Ok(mut bucket) = Bucket::read(host, flight.place.bucket) else {
            continue;
        };
        let way = bucket.way(flight.place);
        if way.generation != flight.generation || way.state != State::Filling {
            return;
        }
        bucket.set(flight.place, change(way));
        if bucket.write(host).is_ok() {
            return;
        }
    }
}
