//! The directory: one small value per bucket that says which slot holds which key.
//!
//! Layout of each of the [`WAYS`] lines (little-endian): state 1, generation 8, expires 4, used 4, key 32. Invariant: a
//! key has at most one line, and a line changes owner only by compare-and-swap of the whole bucket with a new
//! generation, so two callers can never both become the filler of a key. It is a directory only: whether the bytes
//! are really there, the slot itself tells.

use crate::host::{Expect, Host, HostError};

use super::slot::{Generation, State};
use super::table::Key;
use super::{NANOS, read, seconds, take};

/// Buckets of the table. Part of the stored format: a change needs another key prefix.
pub(super) const BUCKETS: usize = 1024;
/// Slots per bucket.
pub(super) const WAYS: usize = 8;
const WAY_BYTES: usize = 49;

/// A slot's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) way: usize,
}

impl Place {
    pub(super) fn slot_key(self) -> String {
        format!("sluice/1/s/{}/{}", self.bucket, self.way)
    }
}

/// One line of the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) state: State,
    pub(super) generation: Generation,
    /// Second from which the answer is stale; of a mark, the second in which its lease ends.
    pub(super) expires: u32,
    /// Second of the last hit; of a mark, how many nanoseconds into that second its lease ends.
    pub(super) used: u32,
    pub(super) key: Key,
}

impl Way {
    /// Becomes a mark whose lease ends at `end`, nanoseconds since the epoch: leases are too short for whole seconds.
    pub(super) fn leased(self, end: u64) -> Self {
        Self {
            state: State::Filling,
            expires: seconds(end),
            used: u32::try_from(end % NANOS).unwrap_or_default(),
            ..self
        }
    }

    /// When the answer is stale or the mark's lease over, nanoseconds since the epoch.
    pub(super) fn end(&self) -> u64 {
        let part = match self.state {
            State::Filling => self.used,
            State::Vacant | State::Stored => 0,
        };
        u64::from(self.expires)
            .saturating_mul(NANOS)
            .saturating_add(part.into())
    }

    /// Whether it means something at `now`, nanoseconds since the epoch.
    pub(super) fn is_live(&self, now: u64) -> bool {
        self.end() > now
    }

    /// How willingly it is given to another key, smallest first; a live mark never is.
    fn rank(&self, now: u64) -> Option<(u8, u32)> {
        match self.state {
            State::Vacant => Some((0, 0)),
            State::Filling | State::Stored if !self.is_live(now) => Some((1, self.expires)),
            State::Stored => Some((2, self.used)),
            State::Filling => None,
        }
    }
}

/// A bucket as it was read.
pub(super) struct Bucket {
    number: usize,
    ways: [Way; WAYS],
    expect: Expect,
}

impl Bucket {
    pub(super) fn read(host: &dyn Host, number: usize) -> Result<Self, HostError> {
        let (value, expect) = read(host, &index_key(number))?;
        let mut ways = [Way::default(); WAYS];
        let (lines, _) = value.as_chunks::<WAY_BYTES>();
        for (way, line) in ways.iter_mut().zip(lines) {
            *way = decode(line).unwrap_or_default();
        }
        Ok(Self {
            number,
            ways,
            expect,
        })
    }

    /// The bucket that is responsible for `key`.
    pub(super) fn of(host: &dyn Host, key: &Key) -> Result<Self, HostError> {
        let [a, b, ..] = key.0;
        Self::read(host, usize::from(u16::from_le_bytes([a, b])) % BUCKETS)
    }

    /// Replaces what was read by what it is now; `Conflict` when it has changed meanwhile.
    pub(super) fn write(&self, host: &dyn Host) -> Result<(), HostError> {
        let value: Vec<u8> = self.ways.iter().flat_map(encode).collect();
        host.set_shared(&index_key(self.number), &value, self.expect)
    }

    /// The line of `key`, whatever its age.
    pub(super) fn find(&self, key: &Key) -> Option<(Place, Way)> {
        let found = |(_, way): &(usize, &Way)| way.state != State::Vacant && way.key == *key;
        self.ways
            .iter()
            .enumerate()
            .find(found)
            .map(|(way, line)| (self.place(way), *line))
    }

    /// The line to give to another key: vacant, else expired, else least recently used; `None` if all are live marks.
    pub(super) fn spare(&self, now: u64) -> Option<(Place, Way)> {
        let ranked = self
            .ways
            .iter()
            .enumerate()
            .filter_map(|(way, line)| Some((line.rank(now)?, way, line)));
        ranked
            .min_by_key(|(rank, way, _)| (*rank, *way))
            .map(|(_, way, line)| (self.place(way), *line))
    }

    pub(super) fn way(&self, place: Place) -> Way {
        self.ways.get(place.way).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, place: Place, line: Way) {
        if let Some(way) = self.ways.get_mut(place.way) {
            *way = line;
        }
    }

    const fn place(&self, way: usize) -> Place {
        Place {
            bucket: self.number,
            way,
        }
    }
}

fn index_key(number: usize) -> String {
    format!("sluice/1/b/{number}")
}

fn encode(way: &Way) -> Vec<u8> {
    let mut line = Vec::with_capacity(WAY_BYTES);
    line.push(way.state.byte());
    line.extend(way.generation.0.to_le_bytes());
    line.extend(way.expires.to_le_bytes());
    line.extend(way.used.to_le_bytes());
    line.extend(way.key.0);
    line
}

fn decode(mut line: &[u8]) -> Option<Way> {
    let [state] = take(&mut line)?;
    Some(Way {
        state: State::from_byte(state),
        generation: Generation(u64::from_le_bytes(take(&mut line)?)),
        expires: u32::from_le_bytes(take(&mut line)?),
        used: u32::from_le_bytes(take(&mut line)?),
        key: Key(take(&mut line)?),
    })
}
