//! Eviction over the whole table: what expired first, then the least recently used.
//!
//! Works on a ledger in memory that the caller then swaps in; the slots are emptied before that, never after (see
//! `ledger`). Invariant: a live fill is never evicted.

use crate::host::{Host, HostError};

use super::bucket::{Bucket, Place, Way};
use super::ledger::{Cell, Ledger};
use super::slot::{Head, Slot, State};
use super::{TRIES, seconds};

/// Cells looked at for one store, so that no store holds its worker up for long; the next one goes on from there.
const LOOKS: usize = 1024;

/// Empties cells until `bytes` at `place` fit into `budget`. `Ok(false)`: they do not fit now.
pub(super) fn make_room(
    host: &dyn Host,
    ledger: &mut Ledger,
    place: Place,
    bytes: u32,
    budget: u64,
) -> Result<bool, HostError> {
    let now = host.now();
    let mut spared = vec![place];
    for _ in 0..LOOKS {
        if ledger.total_beside(place).saturating_add(u64::from(bytes)) <= budget {
            return Ok(true);
        }
        let Some((victim, cell)) = ledger.oldest(seconds(now), &spared) else {
            return Ok(false);
        };
        match look(host, victim, cell, now)? {
            Look::Gone => ledger.set(victim, Cell::default()),
            Look::Used(used) => ledger.set(victim, Cell { used, ..cell }),
            Look::Busy => spared.push(victim),
        }
    }
    Ok(false)
}

enum Look {
    /// The slot does not hold the cell's generation any more, and never will again.
    Gone,
    /// It was used later than the ledger claims.
    Used(u32),
    /// It is being stored, or changes under our eyes.
    Busy,
}

fn look(host: &dyn Host, place: Place, cell: Cell, now: u64) -> Result<Look, HostError> {
    let mut bucket = Bucket::read(host, place.bucket)?;
    let way = bucket.way(place);
    // A line of another generation: the slot's bytes are out of reach already, only the slot is left to be emptied.
    if way.generation.tag() == cell.tag && way.state != State::Vacant {
        if way.is_live(now) && way.state == State::Filling {
            return Ok(Look::Busy);
        }
        if way.is_live(now) && way.used > cell.used {
            return Ok(Look::Used(way.used));
        }
        bucket.set(
            place,
            Way {
                state: State::Vacant,
                ..way
            },
        );
        match bucket.write(host) {
            Ok(()) => {}
            // Perhaps a hit: look again with its new time of use.
            Err(HostError::Conflict) => return Ok(Look::Used(cell.used)),
            Err(HostError::Refused) => return Err(HostError::Refused),
        }
    }
    empty(host, place, cell.tag)
}

/// Makes the slot leave the use with this tag. Waiters of a mark that is emptied here lose nothing that its expiry
/// had not already cost them.
fn empty(host: &dyn Host, place: Place, tag: u32) -> Result<Look, HostError> {
    for _ in 0..TRIES {
        let slot = Slot::read(host, place)?;
        let Some(head) = slot.head.filter(|_| slot.is_held_by(tag)) else {
            return Ok(Look::Gone);
        };
        match slot.replace(
            host,
            place,
            Head {
                state: State::Vacant,
                ..head
            },
            &[],
        ) {
            Ok(()) => return Ok(Look::Gone),
            Err(HostError::Conflict) => {}
            Err(HostError::Refused) => return Err(HostError::Refused),
        }
    }
    Ok(Look::Busy)
}
