//! What the keeper knows of the records without reading them: where each is, whose it is and how large.
//!
//! Invariant: the sums are those of the records; no slot belongs to two of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use super::segment::{ENTRY_HEAD, HEAD, Head};
use super::{Id, wide};

/// A record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) head: Head,
    pub(super) line_size: usize,
}

/// The records of a segment, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) items: Vec<Item>,
    /// When the oldest call of these began, or earlier; milliseconds.
    oldest_ms: u64,
    /// Bytes of the records in the value.
    record_bytes: usize,
    /// Bytes of the records' payloads.
    payload_bytes: u64,
    /// Bytes of the value, as it was written last.
    pub(super) written: usize,
}

/// The records of one gateway.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    records: u64,
    /// No segment before this one has any.
    from: u64,
}

/// All records.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) first: u64,
    parts: VecDeque<Part>,
    owners: BTreeMap<u64, Owned>,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Item {
    /// Bytes in its segment.
    pub(super) const fn size(&self) -> usize {
        self.line_size.saturating_add(ENTRY_HEAD)
    }

    /// Bytes in its segment and of its payload.
    pub(super) fn weight(&self) -> u64 {
        wide(self.size()).saturating_add(self.payload())
    }

    fn payload(&self) -> u64 {
        u64::from(self.head.payload_size)
    }
}

impl Part {
    /// Bytes of the value.
    pub(super) const fn size(&self) -> usize {
        if self.items.is_empty() {
            0
        } else {
            HEAD.saturating_add(self.record_bytes)
        }
    }

    /// Bytes of the value and of its records' payloads.
    pub(super) fn weight(&self) -> u64 {
        wide(HEAD.saturating_add(self.record_bytes)).saturating_add(self.payload_bytes)
    }

    fn push(&mut self, item: Item) {
        if self.items.is_empty() {
            self.oldest_ms = u64::MAX;
        }
        self.oldest_ms = self.oldest_ms.min(item.head.created_ms);
        self.record_bytes = self.record_bytes.saturating_add(item.size());
        self.payload_bytes = self.payload_bytes.saturating_add(item.payload());
        self.items.push(item);
    }

    fn take(&mut self, is_gone: impl Fn(&Item) -> bool) -> Vec<Item> {
        let gone: Vec<_> = self.items.extract_if(.., |item| is_gone(item)).collect();
        for item in &gone {
            self.record_bytes = self.record_bytes.saturating_sub(item.size());
            self.payload_bytes = self.payload_bytes.saturating_sub(item.payload());
        }
        let oldest = self.items.iter().map(|it| it.head.created_ms).min();
        self.oldest_ms = oldest.unwrap_or(u64::MAX);
        gone
    }

    /// A record's line has another size now; gives the one before.
    fn resize(&mut self, id: &Id, size: usize) -> Option<usize> {
        let item = self.items.iter_mut().find(|it| it.head.id == *id)?;
        let old = std::mem::replace(&mut item.line_size, size);
        let others = self.record_bytes.saturating_sub(old);
        self.record_bytes = others.saturating_add(size);
        Some(old)
    }
}

impl Index {
    /// An index whose first segment has this number.
    pub(super) fn starting(first: u64) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// The number that comes after the newest segment.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(wide(self.parts.len()))
    }

    pub(super) fn segments(&self) -> u64 {
        wide(self.parts.len())
    }

    /// The newest segment.
    pub(super) fn last(&self) -> Option<&Part> {
        self.parts.back()
    }

    pub(super) fn part(&mut self, number: u64) -> Option<&mut Part> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.parts.get_mut(place)
    }

    /// Begins a segment.
    pub(super) fn begin(&mut self) {
        self.parts.push_back(Part::default());
    }

    /// Adds a record to the newest segment.
    pub(super) fn push(&mut self, item: Item) {
        let number = self.next().saturating_sub(1);
        let Some(part) = self.parts.back_mut() else {
            return;
        };
        if part.items.is_empty() {
            self.bytes = self.bytes.saturating_add(wide(HEAD));
        }
        part.push(item);
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(item.weight());
        let new = Owned {
            records: 0,
            from: number,
        };
        let owned = self.owners.entry(item.head.gateway).or_insert(new);
        owned.records = owned.records.saturating_add(1);
    }

    /// How many records a gateway has.
    pub(super) fn records_of(&self, gateway: u64) -> u64 {
        self.owners.get(&gateway).map_or(0, |it| it.records)
    }

    /// The oldest record of a gateway: its segment's number and its id.
    pub(super) fn oldest_of(&mut self, gateway: u64) -> Option<(u64, Id)> {
        let from = self.owners.get(&gateway)?.from.max(self.first);
        let (number, id) = (from..self.next()).find_map(|number| {
            let items = &self.part(number)?.items;
            let item = items.iter().find(|it| it.head.gateway == gateway)?;
            Some((number, item.head.id))
        })?;
        self.owners.get_mut(&gateway)?.from = number;
        Some((number, id))
    }

    /// The segment of a record.
    pub(super) fn find(&self, id: &Id) -> Option<u64> {
        let has = |part: &Part| part.items.iter().any(|it| it.head.id == *id);
        let place = self.parts.iter().rposition(has)?;
        Some(self.first.saturating_add(wide(place)))
    }

    /// Takes records out of a segment.
    pub(super) fn remove(&mut self, number: u64, is_gone: impl Fn(&Item) -> bool) -> Vec<Item> {
        let Some(part) = self.part(number) else {
            return Vec::new();
        };
        let gone = part.take(is_gone);
        let is_emptied = part.items.is_empty() && !gone.is_empty();
        self.forget(&gone, is_emptied);
        gone
    }

    /// Takes the oldest segment away: its number and its records.
    pub(super) fn pop(&mut self) -> Option<(u64, Vec<Item>)> {
        let items = self.parts.pop_front()?.items;
        let number = self.first;
        self.first = number.saturating_add(1);
        self.forget(&items, !items.is_empty());
        Some((number, items))
    }

    /// Whether the oldest segment has no records.
    pub(super) fn starts_empty(&self) -> bool {
        self.parts.front().is_some_and(|it| it.items.is_empty())
    }

    /// A record's line has another size now.
    pub(super) fn resize(&mut self, number: u64, id: &Id, size: usize) {
        let part = self.part(number);
        let Some(old) = part.and_then(|part| part.resize(id, size)) else {
            return;
        };
        let bytes = self.bytes.saturating_sub(wide(old));
        self.bytes = bytes.saturating_add(wide(size));
    }

    /// The segments with a call that began before.
    pub(super) fn older_than(&self, created_ms: u64) -> Vec<u64> {
        let numbers = self.first..;
        let parts = numbers.zip(&self.parts);
        let old = parts.filter(|(_, it)| !it.items.is_empty() && it.oldest_ms < created_ms);
        old.map(|(number, _)| number).collect()
    }

    fn forget(&mut self, gone: &[Item], is_segment_gone: bool) {
        for item in gone {
            self.records = self.records.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(item.weight());
            let Entry::Occupied(mut owned) = self.owners.entry(item.head.gateway) else {
                continue;
            };
            owned.get_mut().records = owned.get().records.saturating_sub(1);
            if owned.get().records == 0 {
                owned.remove();
            }
        }
        if is_segment_gone {
            self.bytes = self.bytes.saturating_sub(wide(HEAD));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u8, payload_size: u32) -> Item {
        let head = Head {
            id: [number; 16],
            created_ms: u64::from(number),
            gateway: 1,
            slot: None,
            payload_size,
        };
        let line_size = usize::from(number) * 10;
        Item { head, line_size }
    }

    #[test]
    fn the_sums_of_a_segment_are_those_of_its_records() {
        let mut index = Index::starting(3);
        index.begin();
        let check = |index: &mut Index| {
            let (records, bytes) = (index.records, index.bytes);
            let part = index.part(3).unwrap();
            let heads = if part.items.is_empty() { 0 } else { HEAD };
            let sizes: usize = part.items.iter().map(Item::size).sum();
            let weights: u64 = part.items.iter().map(Item::weight).sum();
            assert_eq!(part.size(), heads + sizes);
            assert_eq!(part.weight(), wide(HEAD) + weights);
            assert_eq!(records, wide(part.items.len()));
            assert_eq!(bytes, wide(heads) + weights);
        };
        for number in 1..=5 {
            index.push(item(number, u32::from(number) << 20));
            check(&mut index);
        }
        index.resize(3, &[2; 16], 4000);
        check(&mut index);
        index.resize(3, &[9; 16], 1);
        check(&mut index);
        assert_eq!(index.remove(3, |it| it.head.id[0] % 2 == 0).len(), 2);
        check(&mut index);
        assert_eq!(index.remove(3, |_| true).len(), 3);
        check(&mut index);
        index.push(item(6, 7));
        assert_eq!(index.pop().map(|(_, items)| items.len()), Some(1));
        assert_eq!((index.records, index.bytes), (0, 0));
    }
}
