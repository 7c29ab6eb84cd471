//! The keeper's side: what is kept, and what goes when something must.
//!
//! Changes gather in memory until [`Writer::flush_some`]. Invariant: the values in shared data are never larger together
//! than the budget, not even between two portions; what the host refuses is written by the next one.

use std::collections::{BTreeMap, BTreeSet};

use super::edit::Patch;
use super::index::{Index, Item};
use super::owner::Owner;
use super::payload::{self, Payload};
use super::segment::{ENTRY_HEAD, HEAD, Head};
use super::{Id, Meta, RING, narrow, wide};
use crate::config::{LogManagement, LogStore, LogStrategy};
use crate::host::{Host, HostError};

/// Records of a segment.
const MAX_ENTRIES: u64 = 64;
/// Bytes of a segment with more than one record.
const MAX_SEGMENT: u64 = 128 << 10;
/// The budget has room for at least so many segments with their payloads, if no record alone takes more: a segment goes
/// whole to make room.
const MIN_SEGMENTS: u64 = 16;

/// A finished record.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Its UUIDv7.
    pub id: Id,
    /// When its call began, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Its account and gateway.
    pub owner: (&'a str, &'a str),
    /// How many records of that gateway are kept.
    pub management: Option<LogManagement>,
    /// The record as JSON, without the payload.
    pub line: &'a [u8],
    /// What was kept of the request's body.
    pub request: Option<&'a [u8]>,
    /// What was kept of the answer's body.
    pub response: Option<&'a [u8]>,
}

/// The only writer there is.
#[derive(Debug, Default)]
pub struct Writer {
    budget: LogStore,
    pub(super) index: Index,
    /// Lines that are in memory, by segment: of the newest one, and of those that change.
    pub(super) lines: BTreeMap<u64, BTreeMap<Id, Vec<u8>>>,
    /// Segments to be written.
    pub(super) changed: BTreeSet<u64>,
    /// Segments to be emptied.
    pub(super) cleared: BTreeSet<u64>,
    /// Payloads to be written, by slot.
    pub(super) payloads: BTreeMap<u32, Vec<u8>>,
    /// Payloads to be emptied.
    pub(super) freed: BTreeSet<u32>,
    /// Slots that no record has, below `slots`.
    pub(super) free: BTreeSet<u32>,
    pub(super) slots: u32,
    owner: Owner,
    dropped: u64,
    refused: u64,
    /// Where the records are, as readers are told.
    pub(super) written: Meta,
}

impl Writer {
    /// A writer of a store that has nothing in it yet, as far as is known.
    pub(super) fn new(budget: LogStore, meta: Meta) -> Self {
        Self {
            budget,
            index: Index::starting(meta.first),
            dropped: meta.dropped,
            refused: meta.refused,
            written: meta,
            ..Self::default()
        }
    }

    /// Takes a record, and throws away what has to make room for it.
    pub fn append(&mut self, new: &New<'_>) {
        let max = self.budget.max_bytes;
        if max == 0 {
            return;
        }
        let least = wide(new.line.len()).saturating_add(wide(ENTRY_HEAD + HEAD));
        let payload = payload_size(new).filter(|size| least.saturating_add(*size) <= max);
        if least > max || !self.has_room_for(new) {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        let need = least.saturating_add(payload.unwrap_or(0));
        while self.is_over(1, need) {
            self.evict();
        }
        let slot = payload.map(|_| self.take_slot(new));
        let head = Head {
            id: new.id,
            created_ms: new.created_ms,
            gateway: self.owner.number(new.owner),
            slot,
            payload_size: narrow(payload.unwrap_or(0)),
        };
        let line_size = new.line.len();
        let item = Item { head, line_size };
        if !self.has_open_segment(&item) {
            if self.index.segments() >= RING {
                self.evict();
            }
            self.index.begin();
        }
        self.index.push(item);
        let number = self.index.next().saturating_sub(1);
        let lines = self.lines.entry(number).or_default();
        lines.insert(new.id, new.line.to_vec());
        self.changed.insert(number);
    }

    /// Changes a record. Whether there is one.
    ///
    /// # Errors
    /// The host refuses to show the record; nothing was changed.
    pub fn patch(&mut self, host: &dyn Host, patch: &Patch) -> Result<bool, HostError> {
        let Some(number) = self.index.find(&patch.id) else {
            return Ok(false);
        };
        self.load(host, number)?;
        let line = self
            .lines
            .get_mut(&number)
            .and_then(|it| it.get_mut(&patch.id));
        let Some((line, new)) = line.and_then(|line| Some((patch.apply(line)?, line))) else {
            return Ok(false);
        };
        self.index.resize(number, &patch.id, line.len());
        *new = line;
        self.changed.insert(number);
        while self.is_over(0, 0) {
            self.evict();
        }
        Ok(true)
    }

    /// Deletes records of a segment; ids that no record in it has are ignored.
    pub fn delete(&mut self, number: u64, ids: &[Id]) {
        self.remove(number, |item| ids.contains(&item.head.id));
        self.trim();
    }

    /// Deletes the records that are older than they may get.
    pub fn expire(&mut self, now: u64) {
        let Some(max_age) = self.budget.max_age else {
            return;
        };
        let age = u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX);
        let oldest = (now / 1_000_000).saturating_sub(age);
        for number in self.index.older_than(oldest) {
            self.remove(number, |item| item.head.created_ms < oldest);
        }
        self.trim();
    }

    /// Takes over how many records were lost on the way here.
    pub const fn note_dropped(&mut self, dropped: u64) {
        self.dropped = dropped;
    }

    /// Where the records are, once all is written.
    pub fn meta(&self) -> Meta {
        Meta {
            first: self.index.first,
            next: self.index.next(),
            records: self.index.records,
            bytes: self.index.bytes,
            dropped: self.dropped,
            refused: self.refused,
        }
    }

    /// Throws away what is over the budget.
    pub(super) fn settle(&mut self) {
        while self.is_over(0, 0) {
            self.evict();
        }
        self.trim();
    }
}

/// Making room.
impl Writer {
    /// Whether the record's gateway may have it; its oldest ones make room if they are to.
    fn has_room_for(&mut self, new: &New<'_>) -> bool {
        let Some(management) = new.management else {
            return true;
        };
        let owner = self.owner.number(new.owner);
        let limit = u64::from(management.limit.get());
        while self.index.records_of(owner) >= limit {
            if management.strategy == LogStrategy::StopInserting {
                return false;
            }
            let Some((number, id)) = self.index.oldest_of(owner) else {
                break;
            };
            self.remove(number, |item| item.head.id == id);
        }
        self.trim();
        true
    }

    /// Whether with so much more there would be too much; never without records.
    fn is_over(&self, records: u64, bytes: u64) -> bool {
        let is_over = self.index.records.saturating_add(records) > self.budget.max_records
            || self.index.bytes.saturating_add(bytes) > self.budget.max_bytes;
        is_over && self.index.segments() > 0
    }

    /// Takes the oldest segment away.
    fn evict(&mut self) {
        if let Some((number, items)) = self.index.pop() {
            self.cleared.insert(number);
            self.changed.remove(&number);
            self.lines.remove(&number);
            self.free_slots(&items);
        }
    }

    fn remove(&mut self, number: u64, is_gone: impl Fn(&Item) -> bool) {
        let items = self.index.remove(number, is_gone);
        if items.is_empty() {
            return;
        }
        self.changed.insert(number);
        if let Some(lines) = self.lines.get_mut(&number) {
            items.iter().for_each(|it| drop(lines.remove(&it.head.id)));
        }
        self.free_slots(&items);
    }

    /// Segments without records that no others stand before are no segments.
    fn trim(&mut self) {
        while self.index.starts_empty() {
            self.evict();
        }
    }

    fn has_open_segment(&self, item: &Item) -> bool {
        let entries = (self.budget.max_records / MIN_SEGMENTS).clamp(1, MAX_ENTRIES);
        let weight = self.budget.max_bytes / MIN_SEGMENTS;
        self.index.last().is_some_and(|part| {
            let has_room = wide(part.items.len()) < entries
                && wide(part.size()).saturating_add(wide(item.size())) <= MAX_SEGMENT.min(weight)
                && part.weight().saturating_add(item.weight()) <= weight;
            part.items.is_empty() || has_room
        })
    }

    fn take_slot(&mut self, new: &New<'_>) -> u32 {
        let slot = self.free.pop_first().unwrap_or(self.slots);
        self.slots = self.slots.max(slot.saturating_add(1));
        let payload = Payload::encode(&new.id, new.request, new.response);
        self.payloads.insert(slot, payload);
        slot
    }

    pub(super) fn free_slots(&mut self, items: &[Item]) {
        for slot in items.iter().filter_map(|it| it.head.slot) {
            self.payloads.remove(&slot);
            self.freed.insert(slot);
            self.free.insert(slot);
        }
    }
}

/// Bytes of the record's payload, if it has one.
fn payload_size(new: &New<'_>) -> Option<u64> {
    let bodies = [new.request, new.response];
    let sizes = bodies.iter().flatten().map(|it| it.len());
    let size = sizes.fold(payload::HEAD, usize::saturating_add);
    bodies.iter().any(Option::is_some).then(|| wide(size))
}
