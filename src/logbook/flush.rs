//! What has changed is written.

use super::{META, Writer, payload_key, segment, segment_key};
use crate::host::{Expect, Host, HostError};

/// What a value costs beside its bytes, as bytes.
const VALUE: usize = 1 << 10;

impl Writer {
    /// Writes a portion of what has changed: first what takes less room than before, then what takes more, then where it
    /// all is. `portion`: bytes, of which each value costs 1024 beside its own; one value is written at least. Whether
    /// all is written: until then readers are told of what was there before.
    ///
    /// # Errors
    /// The host refuses; what is not written yet is left for the next time.
    pub fn flush_some(&mut self, host: &dyn Host, portion: usize) -> Result<bool, HostError> {
        let mut written = 0_usize;
        while let Some(size) = self.write_next(host)? {
            written = written.saturating_add(size).saturating_add(VALUE);
            if written >= portion {
                return Ok(false);
            }
        }
        let newest = self.index.next().saturating_sub(1);
        self.lines.retain(|number, _| *number == newest);
        let meta = self.meta();
        if meta != self.written {
            host.set_shared(META, &meta.encode(), Expect::Any)?;
            self.written = meta;
        }
        Ok(true)
    }

    /// Writes one value: its bytes. `None`: there is none to be written.
    fn write_next(&mut self, host: &dyn Host) -> Result<Option<usize>, HostError> {
        let empty = |key: &str| host.set_shared(key, b"", Expect::Any);
        if let Some(number) = self.cleared.first() {
            empty(&segment_key(*number))?;
            self.cleared.pop_first();
            return Ok(Some(0));
        }
        if let Some(slot) = self.freed.first() {
            empty(&payload_key(*slot))?;
            self.freed.pop_first();
            return Ok(Some(0));
        }
        let index = &mut self.index;
        let mut is_less = |number: &u64| {
            let part = index.part(*number);
            part.is_none_or(|part| part.size() <= part.written)
        };
        if let Some(number) = self.changed.iter().copied().find(|it| is_less(it)) {
            return self.write(host, number).map(Some);
        }
        if let Some((slot, payload)) = self.payloads.first_key_value() {
            let size = payload.len();
            host.set_shared(&payload_key(*slot), payload, Expect::Any)?;
            self.payloads.pop_first();
            return Ok(Some(size));
        }
        let more = self.changed.first().copied();
        more.map(|it| self.write(host, it)).transpose()
    }

    /// Writes a segment: its bytes. Its lines are in memory no longer, but those of the newest one.
    fn write(&mut self, host: &dyn Host, number: u64) -> Result<usize, HostError> {
        self.load(host, number)?;
        let lines = self.lines.entry(number).or_default();
        // A record whose line nobody has is none.
        let lost = self
            .index
            .remove(number, |it| !lines.contains_key(&it.head.id));
        let mut size = 0;
        if let Some(part) = self.index.part(number) {
            let mut value = Vec::with_capacity(part.size());
            if !part.items.is_empty() {
                value.extend_from_slice(&number.to_le_bytes());
            }
            for item in &part.items {
                let line = lines.get(&item.head.id).map_or(&[][..], Vec::as_slice);
                item.head.write(line, &mut value);
            }
            host.set_shared(&segment_key(number), &value, Expect::Any)?;
            part.written = value.len();
            size = value.len();
        }
        self.free_slots(&lost);
        self.changed.remove(&number);
        if number.saturating_add(1) != self.index.next() {
            self.lines.remove(&number);
        }
        Ok(size)
    }

    /// Brings the lines of a segment into memory, as far as they are not there.
    pub(super) fn load(&mut self, host: &dyn Host, number: u64) -> Result<(), HostError> {
        let Some(part) = self.index.part(number) else {
            return Ok(());
        };
        let lines = self.lines.entry(number).or_default();
        if part.items.iter().all(|it| lines.contains_key(&it.head.id)) {
            return Ok(());
        }
        let segment = segment(host, number)?;
        for (head, line) in segment.iter().flat_map(|it| it.heads()) {
            lines.entry(head.id).or_insert_with(|| line.to_vec());
        }
        Ok(())
    }
}
