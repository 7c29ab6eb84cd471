//! The keeper starts again: what it knew is read from shared data.

use super::index::Item;
use super::segment::Head;
use super::{Meta, RING, Writer, meta, payload_key, segment, segment_key};
use crate::config::LogStore;
use crate::host::{Host, HostError};

impl Writer {
    /// A writer that goes on where the last one ended. What is over a budget that has become smaller goes.
    ///
    /// # Errors
    /// The host refuses; nothing was changed.
    pub fn open(host: &dyn Host, budget: LogStore) -> Result<Self, HostError> {
        let meta: Meta = meta(host)?;
        let mut writer = Self::new(budget, meta);
        for number in meta.first..end(host, &meta)? {
            writer.index.begin();
            let segment = segment(host, number)?;
            for (head, line) in segment.iter().flat_map(|it| it.heads()) {
                let line_size = line.len();
                writer.index.push(Item { head, line_size });
                writer.note_slot(&head);
            }
            if let Some(part) = writer.index.part(number) {
                part.written = part.size();
            }
        }
        writer.find_orphans(host)?;
        writer.settle();
        Ok(writer)
    }

    fn note_slot(&mut self, head: &Head) {
        let Some(slot) = head.slot else { return };
        self.free.extend(self.slots..slot);
        self.free.remove(&slot);
        self.slots = self.slots.max(slot.saturating_add(1));
    }

    /// Empties payloads that no record has. Slots were used in their order, so the first one that never was is the end.
    fn find_orphans(&mut self, host: &dyn Host) -> Result<(), HostError> {
        for slot in 0.. {
            let Some(value) = host.shared(&payload_key(slot))? else {
                break;
            };
            if slot >= self.slots {
                self.slots = slot.saturating_add(1);
                self.free.insert(slot);
            }
            if self.free.contains(&slot) && !value.value.is_empty() {
                self.freed.insert(slot);
            }
        }
        Ok(())
    }
}

/// The number that comes after the last segment there is. The newest ones may have been written, but not yet where they
/// are, and one before them may be empty. Their keys are used in their order: behind one that never was there is none.
fn end(host: &dyn Host, meta: &Meta) -> Result<u64, HostError> {
    let told = meta.next.max(meta.first);
    let mut end = told;
    for number in told..meta.first.saturating_add(RING) {
        if host.shared(&segment_key(number))?.is_none() {
            break;
        }
        if segment(host, number)?.is_some() {
            end = number.saturating_add(1);
        }
    }
    Ok(end)
}
