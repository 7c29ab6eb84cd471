//! The records that wait for one sink.
//!
//! Invariant: `bytes` is the sum over all records that wait or are on their way, and never above the limit.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::config::Batch;
use crate::keeper::message::Record;

/// What a record costs beside its text.
const OVERHEAD: usize = 96;

/// A record, shared by the sinks that it goes to in this form.
pub(super) struct Item {
    /// When its call began, milliseconds since the Unix epoch.
    pub(super) created_ms: u64,
    /// The record as JSON, without the payload.
    pub(super) line: Vec<u8>,
    /// What was kept of the request's body, for sinks with payloads.
    pub(super) request: Option<Vec<u8>>,
    /// What was kept of the answer's body, likewise.
    pub(super) response: Option<Vec<u8>>,
}

impl Item {
    /// The record without its bodies.
    pub(super) fn bare(record: &Record<'_>) -> Self {
        Self {
            created_ms: record.created_ms,
            line: record.line.to_vec(),
            request: None,
            response: None,
        }
    }

    /// The record with what was kept of its bodies.
    pub(super) fn whole(record: &Record<'_>) -> Self {
        Self {
            request: record.request.map(<[u8]>::to_vec),
            response: record.response.map(<[u8]>::to_vec),
            ..Self::bare(record)
        }
    }

    /// Bytes of memory, and nearly those that are sent.
    pub(super) fn size(&self) -> usize {
        let bodies = self.request.iter().chain(&self.response);
        let bodies = bodies.fold(OVERHEAD, |sum, body| sum.saturating_add(body.len()));
        self.line.len().saturating_add(bodies)
    }
}

/// A record in a queue.
pub(super) struct Waiting {
    pub(super) item: Rc<Item>,
    pub(super) bytes: usize,
    /// When it came, nanoseconds since the Unix epoch.
    pub(super) since: u64,
}

/// See the module's text.
pub(super) struct Queue {
    records: VecDeque<Waiting>,
    bytes: usize,
    /// Of these, what was taken out and is on its way.
    held: usize,
    limit: usize,
}

impl Queue {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            held: 0,
            limit,
        }
    }

    /// Takes a record. The oldest go to make room for it, or it goes itself; says how many went.
    pub(super) fn push(&mut self, waiting: Waiting) -> usize {
        let mut dropped = 0_usize;
        if self.held.saturating_add(waiting.bytes) > self.limit {
            return 1;
        }
        while self.bytes.saturating_add(waiting.bytes) > self.limit {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            dropped = dropped.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(waiting.bytes);
        self.records.push_back(waiting);
        dropped
    }

    /// How many records make a batch now; 0: none yet. `count`: no more than these, and at once.
    pub(super) fn due(&self, batch: Batch, count: Option<usize>, now: u64) -> usize {
        let Some(oldest) = self.records.front() else {
            return 0;
        };
        if let Some(count) = count {
            return count.clamp(1, self.records.len());
        }
        let mut bytes = 0_usize;
        let fitting = self.records.iter().take(batch.records).take_while(|it| {
            bytes = bytes.saturating_add(it.bytes);
            bytes <= batch.bytes
        });
        // One that is larger than a batch goes alone.
        let count = fitting.count().max(1);
        let is_full = count == batch.records || count < self.records.len();
        let wait = u64::try_from(batch.wait.as_nanos()).unwrap_or(u64::MAX);
        let is_late = oldest.since.saturating_add(wait) <= now;
        if is_full || is_late { count } else { 0 }
    }

    /// Takes the oldest ones out; they still count until [`Queue::forget`] or [`Queue::put_back`].
    pub(super) fn take(&mut self, count: usize) -> Vec<Waiting> {
        let count = count.min(self.records.len());
        let taken: Vec<_> = self.records.drain(..count).collect();
        self.held = self.held.saturating_add(bytes_of(&taken));
        taken
    }

    /// Puts back what was taken out last.
    pub(super) fn put_back(&mut self, records: Vec<Waiting>) {
        self.held = self.held.saturating_sub(bytes_of(&records));
        for waiting in records.into_iter().rev() {
            self.records.push_front(waiting);
        }
    }

    /// What was taken out is gone.
    pub(super) fn forget(&mut self, records: &[Waiting]) {
        let bytes = bytes_of(records);
        self.held = self.held.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Of all of them.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that those who wait hold, counted or not.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        let body = |it: &Option<Vec<u8>>| it.as_ref().map_or(0, Vec::capacity);
        let items = self.records.iter().map(|it| &it.item);
        let sizes = items.map(|it| it.line.capacity() + body(&it.request) + body(&it.response));
        sizes.sum()
    }

    /// How many wait, without those that were taken out.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }
}

/// Of some of them.
pub(super) fn bytes_of(records: &[Waiting]) -> usize {
    records.iter().map(|it| it.bytes).sum()
}
