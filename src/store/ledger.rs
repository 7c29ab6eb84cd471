//! The ledger: one value that says how many bytes each slot may hold. Its sum is what the budget bounds.
//!
//! One cell of 16 bytes per slot (little-endian): tag 4 (the generation's counting half), bytes 4, expires 4, used 4;
//! behind the cells their sum, 8.
//! Invariant: **a slot that holds a stored answer of generation g has the cell (g, its bytes).** It is kept so:
//!
//! - *Reserve* (`fill`): read the ledger, THEN see that the slot is `Filling` in one's own generation, then swap the
//!   ledger from what was read. Nobody else can store into the slot while it is in that state, and whoever put another
//!   generation there must itself reserve, which makes one of the two swaps fail.
//! - *Release* (`evict`): read the ledger, THEN see that the slot has left the cell's generation (or make it leave),
//!   then swap. A generation that was left never comes back, so this is right whoever made it leave, and whether that
//!   worker lived to tell. Hence nobody else needs to release anything, and bytes cannot leak.
//!
//! So the sum may be larger than the bytes in the slots (never smaller), until the next store needs the room. `expires`
//! is exact, `used` a lower bound: hits write to the directory only, eviction asks there before it believes the claim.

use crate::host::{Expect, Host, HostError};

use super::bucket::{BUCKETS, Place, WAYS};
use super::read;

const LEDGER: &str = "sluice/1/ledger";
const CELL_BYTES: usize = 16;
const LEDGER_BYTES: usize = BUCKETS * WAYS * CELL_BYTES + size_of::<u64>();

/// What one slot has reserved. All zero: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) tag: u32,
    pub(super) bytes: u32,
    pub(super) expires: u32,
    pub(super) used: u32,
}

impl Cell {
    /// Smallest first: expired before live, then by time. One number, for it is compared 8192 times per eviction.
    fn rank(self, now: u32) -> u64 {
        let live = self.expires > now;
        (u64::from(live) << u32::BITS) | u64::from(if live { self.used } else { self.expires })
    }
}

/// Bytes that stored answers may hold now.
///
/// # Errors
/// The host refuses.
pub fn stored_bytes(host: &dyn Host) -> Result<u64, HostError> {
    Ledger::read(host).map(|ledger| ledger.total)
}

/// The ledger as it was read, with changes in memory until [`Ledger::write`].
pub(super) struct Ledger {
    value: Vec<u8>,
    expect: Expect,
    total: u64,
}

impl Ledger {
    pub(super) fn read(host: &dyn Host) -> Result<Self, HostError> {
        let (mut value, expect) = read(host, LEDGER)?;
        value.resize(LEDGER_BYTES, 0);
        let (_, sum) = value.as_chunks::<CELL_BYTES>();
        let total = sum.first_chunk().copied().map(u64::from_le_bytes);
        Ok(Self {
            total: total.unwrap_or_default(),
            value,
            expect,
        })
    }

    /// Replaces what was read by what it is now; `Conflict` when it has changed meanwhile.
    pub(super) fn write(&self, host: &dyn Host) -> Result<(), HostError> {
        host.set_shared(LEDGER, &self.value, self.expect)
    }

    /// All reserved bytes except those of `place`.
    pub(super) fn total_beside(&self, place: Place) -> u64 {
        self.total.saturating_sub(u64::from(self.cell(place).bytes))
    }

    pub(super) fn set(&mut self, place: Place, cell: Cell) {
        self.total = self
            .total_beside(place)
            .saturating_add(u64::from(cell.bytes));
        let (cells, sum) = self.value.as_chunks_mut::<CELL_BYTES>();
        if let Some(bytes) = cells.get_mut(ordinal(place)) {
            *bytes = encode(cell);
        }
        if let Some(bytes) = sum.first_chunk_mut() {
            *bytes = self.total.to_le_bytes();
        }
    }

    /// The cell to empty first: of those that expired the earliest, else the one with the oldest claim of use.
    pub(super) fn oldest(&self, now: u32, spared: &[Place]) -> Option<(Place, Cell)> {
        let held = self
            .cells()
            .map(decode)
            .enumerate()
            .filter(|(_, cell)| cell.bytes > 0);
        let ranked = held.map(|(number, cell)| (cell.rank(now), number));
        let (_, number) = ranked
            .filter(|(_, number)| !spared.contains(&place(*number)))
            .min()?;
        Some((place(number), self.cell(place(number))))
    }

    fn cell(&self, place: Place) -> Cell {
        let (cells, _) = self.value.as_chunks::<CELL_BYTES>();
        cells.get(ordinal(place)).map(decode).unwrap_or_default()
    }

    fn cells(&self) -> impl Iterator<Item = &[u8; CELL_BYTES]> {
        self.value.as_chunks().0.iter()
    }
}

const fn place(ordinal: usize) -> Place {
    Place {
        bucket: ordinal / WAYS,
        way: ordinal % WAYS,
    }
}

const fn ordinal(place: Place) -> usize {
    place.bucket.saturating_mul(WAYS).saturating_add(place.way)
}

fn encode(cell: Cell) -> [u8; CELL_BYTES] {
    let mut bytes = [0; CELL_BYTES];
    let fields = [cell.tag, cell.bytes, cell.expires, cell.used];
    for (part, field) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(fields) {
        *part = field.to_le_bytes();
    }
    bytes
}

fn decode(bytes: &[u8; CELL_BYTES]) -> Cell {
    let (&[tag, bytes, expires, used], _) = bytes.as_chunks::<4>() else {
        return Cell::default();
    };
    let field = u32::from_le_bytes;
    Cell {
        tag: field(tag),
        bytes: field(bytes),
        expires: field(expires),
        used: field(used),
    }
}
