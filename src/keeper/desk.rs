//! What becomes of a message: records go to the log store and to the sinks, changes to the log store.
//!
//! Runs on Envoy's main thread, in small portions: whoever calls says when it is enough.

use super::export::{Exports, Numbers};
use super::message::{self, Message, Record};
use super::queue;
use crate::config::{Config, LogStore};
use crate::host::{Answered, CallId, Host, HostError};
use crate::logbook::{Id, New, Patch, Writer};
use crate::metric::{self, Sent};

/// How often the age of the records is looked at, nanoseconds.
const HOUSEKEEPING: u64 = 1_000_000_000;
/// How much of the log store is written at a time: about half a millisecond's work, in bytes.
const PORTION: usize = 256 << 10;

/// The keeper's desk.
pub struct Desk {
    budget: LogStore,
    /// `None` until the host has shown what is stored already.
    writer: Option<Writer>,
    exports: Option<Exports>,
    /// Bytes that were taken out of the queue and still count as waiting.
    taken: u64,
    /// Whether all that was taken is written, as far as the host lets it be.
    is_settled: bool,
    /// Changes that were made, and are not told yet.
    done: Vec<u64>,
    /// Whether anything came since the last housekeeping.
    is_idle: bool,
    next_housekeeping: u64,
    metrics: metric::Keeper,
}

impl Desk {
    /// A desk by this configuration; `None`: the log store has its defaults, and there are no sinks.
    pub fn new(config: Option<&Config>) -> Self {
        Self {
            budget: config.map_or_else(LogStore::default, |config| config.log_store),
            writer: None,
            exports: config.map(Exports::new),
            taken: 0,
            is_settled: true,
            done: Vec::new(),
            is_idle: false,
            next_housekeeping: 0,
            metrics: metric::Keeper::default(),
        }
    }

    /// Reads what is stored already.
    ///
    /// # Errors
    /// The host refuses. Nothing may be taken before this was done.
    pub fn open(&mut self, host: &dyn Host) -> Result<(), HostError> {
        if self.writer.is_none() {
            self.writer = Some(Writer::open(host, self.budget)?);
        }
        Ok(())
    }

    /// Takes a message of the queue. It is seen by readers once the desk [is settled](Desk::is_settled).
    pub fn take(&mut self, host: &dyn Host, batch: &[u8]) {
        (self.is_idle, self.is_settled) = (false, false);
        self.taken = self.taken.saturating_add(queue::size(batch));
        let mut is_made = true;
        for message in message::read(batch) {
            match message {
                Message::Record(record) => self.record(host, &record),
                Message::Patch(patch) => is_made &= self.patch(host, &patch),
                Message::Delete { segment, ids } => self.delete(segment, &ids),
                Message::Mark(number) => self.done.extend(is_made.then_some(number)),
            }
        }
    }

    /// Whether all that was taken is written. Until then it is in memory: nothing more should be taken.
    pub const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Writes a portion of what was taken.
    pub fn settle(&mut self, host: &dyn Host) {
        if self.taken > 0 && queue::taken(host, self.taken).is_ok() {
            self.taken = 0;
        }
        let Some(writer) = &mut self.writer else {
            self.is_settled = true;
            return;
        };
        if let Ok(account) = queue::account(host) {
            writer.note_dropped(account.dropped);
        }
        match writer.flush_some(host, PORTION) {
            Ok(is_settled) => self.is_settled = is_settled,
            // What the host refuses is tried again with whatever comes next.
            Err(error) => {
                log::warn!("sluice: the log store could not be written: {error}");
                self.is_settled = true;
                self.done.clear();
            }
        }
        if self.is_settled {
            self.tell(host);
        }
        // Nobody has looked whether anything waits.
        self.is_idle = self.is_idle && self.is_settled;
    }

    /// Does what is due: to be called several times a second where there are sinks, else every second.
    pub fn tick(&mut self, host: &dyn Host) {
        if let Some(exports) = &mut self.exports {
            exports.tick(host);
        }
        let now = host.now();
        if now < self.next_housekeeping {
            return;
        }
        self.next_housekeeping = now.saturating_add(HOUSEKEEPING);
        if self.is_idle
            && self.taken == 0
            && let Err(error) = queue::reset(host)
        {
            log::warn!("sluice: the keeper's queue could not be counted: {error}");
        }
        self.is_idle = true;
        if let Some(writer) = &mut self.writer {
            writer.expire(now);
        }
        self.settle(host);
        self.show(host);
    }

    /// The answer to a call of a sink has come; `None`: there will be none.
    pub fn answer(&mut self, host: &dyn Host, call: CallId, answer: Option<&Answered>) {
        if let Some(exports) = &mut self.exports {
            exports.answer(host, call, answer);
        }
    }

    /// Tells who waits that all is written that was taken.
    fn tell(&mut self, host: &dyn Host) {
        for number in self.done.drain(..) {
            if let Err(error) = queue::tell_done(host, number) {
                log::warn!("sluice: nobody could be told of a change of log records: {error}");
            }
        }
    }

    fn show(&mut self, host: &dyn Host) {
        if let Some(writer) = &self.writer {
            self.metrics.show_log(host, &writer.meta());
        }
        for (name, numbers) in self.exports.iter().flat_map(Exports::numbers) {
            let Numbers {
                queued,
                sent,
                dropped,
                failures,
            } = numbers;
            let sent = Sent {
                queued,
                sent,
                dropped,
                failures,
            };
            self.metrics.show_sink(host, name, sent);
        }
    }

    fn record(&mut self, host: &dyn Host, record: &Record<'_>) {
        if let Some(exports) = &mut self.exports {
            exports.take(host, record);
        }
        if let Some(writer) = self.writer.as_mut().filter(|_| record.store) {
            writer.append(&New {
                id: record.id,
                created_ms: record.created_ms,
                owner: (record.account, record.gateway),
                management: record.management,
                line: record.line,
                request: record.request,
                response: record.response,
            });
        }
    }

    /// Whether it was made, or there is no such record.
    fn patch(&mut self, host: &dyn Host, patch: &Patch) -> bool {
        let Some(writer) = &mut self.writer else {
            return false;
        };
        let made = writer.patch(host, patch);
        made.inspect_err(|error| log::warn!("sluice: a log record could not be changed: {error}"))
            .is_ok()
    }

    fn delete(&mut self, segment: u64, ids: &[Id]) {
        if let Some(writer) = &mut self.writer {
            writer.delete(segment, ids);
        }
    }
}
