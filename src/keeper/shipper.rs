//! The workers' side: finished records gather, and go to the keeper together.
//!
//! One message for many records: what it costs to send one (counting what waits, waking the main thread) is shared by
//! all. When Envoy starts, workers may have records before the keeper has its queue: they are held until a keeper is
//! found, for a few seconds. Invariant: a record is sent once, or counted as dropped; where there is no keeper by then,
//! nobody keeps, and nothing is gathered.

use super::message::{Message, Record};
use super::queue::{self, QUEUE};
use crate::host::{Host, QueueId};
use crate::record::Finished;

/// So many records do not wait for more.
const MAX_RECORDS: u64 = 128;
/// Nor do so many bytes.
const MAX_BYTES: usize = 256 << 10;
/// A record of more bytes goes alone: what is too much for the queue takes no others with it.
const LARGE: usize = 1 << 20;
/// Bytes that are held until a keeper is found.
const MAX_HELD: usize = 256 << 10;
/// How long after the first record they are, nanoseconds.
const START: u64 = 5_000_000_000;
/// How long a keeper that was not found is not looked for again until then, nanoseconds.
const HURRY: u64 = 100_000_000;
/// More memory than this is given back after a batch, in bytes.
const MAX_SPARE: usize = 1 << 20;
/// The same later on, nanoseconds.
const PATIENCE: u64 = 1_000_000_000;

/// The records of a virtual machine that wait to be sent.
#[derive(Debug, Default)]
pub struct Shipper {
    queue: Option<QueueId>,
    /// When there was a record for the first time, nanoseconds since the epoch.
    began: Option<u64>,
    /// When a keeper is looked for again, nanoseconds since the epoch.
    look_at: u64,
    batch: Vec<u8>,
    records: u64,
    /// Records that were too many to be held, until it is known whether there is a keeper.
    unheld: u64,
    /// Records that could be neither sent nor counted.
    uncounted: u64,
}

impl Shipper {
    /// Takes a finished record; `store`: whether it goes to the log store. It is sent by the next [`Shipper::flush`], or
    /// at once when enough has gathered.
    pub fn add(&mut self, host: &dyn Host, record: &Finished, store: bool) {
        let has_keeper = self.has_keeper(host);
        if !has_keeper && self.is_over(host.now()) {
            return;
        }
        let bodies = [&record.request, &record.response];
        let bodies = bodies.into_iter().flatten().map(String::len);
        let size = bodies.fold(record.line.len(), usize::saturating_add);
        if !has_keeper && self.batch.len().saturating_add(size) > MAX_HELD {
            self.unheld = self.unheld.saturating_add(1);
            return;
        }
        if size > LARGE {
            self.flush(host);
        }
        let record = Record {
            id: record.id,
            created_ms: record.created_ms,
            account: record.account.as_deref().unwrap_or_default(),
            gateway: record.gateway.as_deref().unwrap_or_default(),
            management: record.management,
            store,
            line: record.line.as_bytes(),
            request: record.request.as_deref().map(str::as_bytes),
            response: record.response.as_deref().map(str::as_bytes),
        };
        Message::Record(record).write(&mut self.batch);
        self.records = self.records.saturating_add(1);
        if self.records >= MAX_RECORDS || self.batch.len() >= MAX_BYTES {
            self.flush(host);
        }
    }

    /// Records that wait to be sent.
    pub fn len(&self) -> usize {
        usize::try_from(self.records).unwrap_or(usize::MAX)
    }

    /// Whether nothing waits to be sent.
    pub const fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Sends what has gathered, once a keeper is found.
    pub fn flush(&mut self, host: &dyn Host) {
        if self.batch.is_empty() || !self.has_keeper(host) {
            return;
        }
        let Some(queue) = self.queue else { return };
        let records = std::mem::take(&mut self.records);
        if queue::ship(host, queue, &self.batch, records).is_err() {
            self.uncounted = self.uncounted.saturating_add(records);
        }
        if self.uncounted > 0 && queue::drop_records(host, self.uncounted).is_ok() {
            self.uncounted = 0;
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.records = 0;
        self.batch.clear();
        self.batch.shrink_to(MAX_SPARE);
    }

    /// Whether a keeper is there, which is looked for now and then. When none came in time, nothing is held any longer.
    fn has_keeper(&mut self, host: &dyn Host) -> bool {
        if self.queue.is_some() {
            return true;
        }
        let now = host.now();
        let is_over = self.is_over(now);
        // A longer wait is none of ours: the clock was set back.
        let wait = self.look_at.saturating_sub(now);
        if wait == 0 || wait > PATIENCE {
            let pause = if is_over { PATIENCE } else { HURRY };
            self.look_at = now.saturating_add(pause);
            self.queue = host.resolve_queue(QUEUE).unwrap_or_default();
        }
        let unheld = if self.queue.is_some() || is_over {
            std::mem::take(&mut self.unheld)
        } else {
            0
        };
        if self.queue.is_some() {
            self.uncounted = self.uncounted.saturating_add(unheld);
        } else if is_over {
            self.clear();
        }
        self.queue.is_some()
    }

    /// Whether nobody waits for a keeper any more. Where the clock was set back, the wait begins anew.
    fn is_over(&mut self, now: u64) -> bool {
        let began = self.began.get_or_insert(now);
        *began = now.min(*began);
        now >= began.saturating_add(START)
    }
}
