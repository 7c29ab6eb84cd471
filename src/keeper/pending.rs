//! Exchanges that are over, until there is time to count them and to write their records.
//!
//! Between two events of a stream everything else of the proxy has passed through the processor's caches, so that code
//! that runs once per call is fetched anew for each: done for many calls in a row, the same work takes a third of the time.
//! Invariant: an exchange is counted once, and its record goes to the keeper once.

use std::borrow::Cow;
use std::rc::Rc;

use super::shipper::Shipper;
use crate::config::Config;
use crate::host::Host;
use crate::metric::Meters;
use crate::record::{Finished, Record};

/// So many exchanges do not wait for more: what is done for all of them at once takes less than a millisecond.
const MAX_CALLS: usize = 32;
/// Nor do so many bytes of payloads.
const MAX_PAYLOAD: usize = 64 << 10;

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

    /// Its record as JSON text, if one is wanted.
    pub fn text(&mut self) -> Option<Cow<'_, str>> {
        let Self {
            record, finished, ..
        } = self;
        record
            .is_collected()
            .then(|| finished.get_or_insert_with(|| record.finish()).to_json())
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
    calls: Vec<Over>,
    payload: usize,
    meters: Meters,
    shipper: Shipper,
}

impl Pending {
    /// Takes an exchange; the next [`Pending::flush`] is done with it.
    pub fn add(&mut self, host: &dyn Host, over: Over) {
        self.payload = self.payload.saturating_add(over.payload);
        self.calls.push(over);
        if self.calls.len() >= MAX_CALLS || self.payload >= MAX_PAYLOAD {
            self.settle(host);
        }
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.shipper.is_empty()
    }

    /// Counts what is over, and sends all records.
    pub fn flush(&mut self, host: &dyn Host) {
        self.settle(host);
        self.shipper.flush(host);
    }

    fn settle(&mut self, host: &dyn Host) {
        self.payload = 0;
        for mut over in self.calls.drain(..) {
            self.meters.measure(host, &over.config, &over.record);
            let (store, is_kept) = over.destinations();
            if is_kept {
                let finished = over.finished.take();
                let finished = finished.unwrap_or_else(|| over.record.finish());
                self.shipper.add(host, &finished, store);
            }
        }
    }
}
