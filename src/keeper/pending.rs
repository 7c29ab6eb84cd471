//! Exchanges that are over, until there is time to count them and to write their records.
//!
//! Between two events of a stream everything else of the proxy has passed through the processor's caches, so that code
//! that runs once per call is fetched anew for each: done for many calls in a row, the same work takes a third of the time.
//! Invariant: an exchange is counted once, and its record goes to the keeper once.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;

use super::shipper::Shipper;
use crate::config::Config;
use crate::host::Host;
use crate::metric::Meters;
use crate::record::{Finished, Record};

/// So many exchanges do not wait for more.
const MAX_CALLS: usize = 32;
/// Nor do so many bytes of payloads.
const MAX_PAYLOAD: usize = 64 << 10;
/// So few exchanges do not wait for more: there is not much traffic.
const FEW: usize = 8;
/// How long others do, nanoseconds from the first tick that finds them: to the third one, also when it comes early.
const PATIENCE: u64 = 15_000_000;
/// Of exchanges whose labels were never seen before, only so many are counted at a time: the host takes each of their
/// metrics' names apart.
const MAX_NEW: usize = 4;

/// An exchange that is over.
pub struct Over {
    config: Rc<Config>,
    record: Box<Record>,
    finished: Option<Finished>,
    /// Bytes of its payload.
    payload: usize,
}

impl Over {
    /// Under the configuration in which it began.
    pub fn new(config: Rc<Config>, record: Box<Record>) -> Self {
        Self {
            payload: record.payload_size(),
            config,
            record,
            finished: None,
        }
    }

    /// Its record as JSON text, if one is wanted, and there at once: by the log or the access loggers.
    pub fn text(&mut self) -> Option<Cow<'_, str>> {
        let is_read = self.config.log.line || self.config.log.filter_state;
        if !is_read || !self.record.is_collected() {
            return None;
        }
        let record = &mut self.record;
        let finished = self.finished.get_or_insert_with(|| record.finish());
        Some(finished.to_json())
    }

    /// Whether its record goes to the log store, and whether it goes to the keeper at all.
    fn destinations(&self) -> (bool, bool) {
        let store = self.config.log_store.max_bytes > 0;
        let is_kept = store || self.config.sinks().next().is_some();
        (store, is_kept && self.record.is_collected())
    }
}

/// What waits in a virtual machine.
#[derive(Default)]
pub struct Pending {
    calls: VecDeque<Over>,
    payload: usize,
    /// When a tick first found what waits now, nanoseconds since the epoch.
    found: Option<u64>,
    meters: Meters,
    shipper: Shipper,
}

impl Pending {
    /// Takes an exchange; one of the next [`Pending::tick`]s is done with it.
    pub fn add(&mut self, host: &dyn Host, over: Over) {
        self.payload = self.payload.saturating_add(over.payload);
        self.calls.push_back(over);
        if self.calls.len() >= MAX_CALLS || self.payload >= MAX_PAYLOAD {
            self.settle(host, MAX_NEW);
            self.forget();
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.shipper.is_empty()
    }

    /// Counts what is over, and sends the records, when it is time: as much of it as one callback should do.
    pub fn tick(&mut self, host: &dyn Host, now: u64) {
        let waiting = self.calls.len().saturating_add(self.shipper.len());
        let found = *self.found.get_or_insert(now);
        let has_time = now.checked_sub(found).is_some_and(|age| age < PATIENCE);
        if waiting > FEW && has_time {
            return;
        }
        self.settle(host, MAX_NEW);
        self.shipper.flush(host);
        self.forget();
    }

    /// The same with all of it.
    pub fn flush(&mut self, host: &dyn Host) {
        self.settle(host, usize::MAX);
        self.shipper.flush(host);
        self.forget();
    }

    /// What comes after all that was found waits for a time of its own.
    fn forget(&mut self) {
        if self.is_empty() {
            self.found = None;
        }
    }

    fn settle(&mut self, host: &dyn Host, most_new: usize) {
        let mut new: usize = 0;
        while new < most_new
            && let Some(mut over) = self.calls.pop_front()
        {
            self.payload = self.payload.saturating_sub(over.payload);
            let is_new = self.meters.measure(host, &over.config, &over.record);
            new = new.saturating_add(usize::from(is_new));
            let (store, is_kept) = over.destinations();
            if is_kept {
                let finished = over.finished.take();
                let finished = finished.unwrap_or_else(|| over.record.finish());
                self.shipper.add(host, &finished, store);
            }
        }
    }
}
