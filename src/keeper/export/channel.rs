//! One sink: what waits for it, the call that is under way, and what came of the last one.

use std::rc::Rc;

use super::answer::{Verdict, verdict};
use super::body;
use super::notice::Lost;
use super::numbers::Numbers;
use super::pace::Pace;
use super::queue::{Item, Queue, Waiting, bytes_of};
use crate::config::{Batch, Config, Sink};
use crate::host::{Answered, CallId, Callout, Host};
use crate::keeper::message::Record;

/// How long after its time limit a call is given up whose answer never came, in nanoseconds: the proxy ends it before.
const GRACE: u64 = 5_000_000_000;
/// After each batch that is taken, the next may be larger by this part of itself, up to what is configured.
const GROWTH: usize = 64;
/// How often a sink's failures are told in the log, in nanoseconds.
const COMPLAINT: u64 = 60_000_000_000;

/// See the module's text.
pub(super) struct Channel {
    sink: Rc<Sink>,
    queue: Queue,
    flight: Option<Flight>,
    /// How many records the next batch has, where they have been sent before.
    again: Option<usize>,
    /// How many bytes a batch may have: fewer than are configured once one was too large.
    batch_bytes: usize,
    pace: Pace,
    lost: Lost,
    sent: u64,
    failures: u64,
    published: Option<Numbers>,
    quiet_until: u64,
}

/// A batch on its way.
struct Flight {
    call: CallId,
    /// Nanoseconds since the Unix epoch.
    until: u64,
    records: Vec<Waiting>,
    /// The dropped records that it tells of.
    told: u64,
}

impl Channel {
    pub(super) fn new(sink: Rc<Sink>) -> Self {
        Self {
            queue: Queue::new(sink.queue_bytes),
            batch_bytes: sink.batch.bytes,
            sink,
            flight: None,
            again: None,
            pace: Pace::default(),
            lost: Lost::default(),
            sent: 0,
            failures: 0,
            published: None,
            quiet_until: 0,
        }
    }

    /// Whether the record is one of those that the sink is for: every one, or those of the gateway whose setting it is.
    pub(super) fn wants(&self, config: &Config, record: &Record<'_>) -> bool {
        self.sink.gateway.is_none() || {
            let gateway = config.gateway(record.account, record.gateway);
            let sinks = gateway.iter().flat_map(|it| &it.otel);
            sinks.into_iter().any(|it| Rc::ptr_eq(it, &self.sink))
        }
    }

    /// Whether bodies go along.
    pub(super) fn has_payloads(&self) -> bool {
        self.sink.payloads
    }

    pub(super) fn take(&mut self, host: &dyn Host, item: &Rc<Item>) {
        let dropped = self.queue.push(Waiting {
            item: Rc::clone(item),
            bytes: item.size(),
            since: host.now(),
        });
        self.again = self
            .again
            .map(|count| count.saturating_sub(dropped))
            .filter(|count| *count > 0);
        self.lost.add(host, count(dropped));
    }

    pub(super) fn awaits(&self, call: CallId) -> bool {
        self.flight.as_ref().is_some_and(|it| it.call == call)
    }

    /// Sends what is due.
    pub(super) fn tick(&mut self, host: &dyn Host) {
        let now = host.now();
        if self.flight.as_ref().is_some_and(|it| it.until <= now) {
            self.answer(host, None);
        }
        if self.flight.is_none() && self.pace.allows(now) {
            let batch = Batch {
                bytes: self.batch_bytes,
                ..self.sink.batch
            };
            let count = self.queue.due(batch, self.again, now);
            if count > 0 {
                self.send(host, count);
            }
        }
        self.publish(host);
    }

    fn send(&mut self, host: &dyn Host, count: usize) {
        let records = self.queue.take(count);
        self.again = None;
        let notice = self.lost.notice(&self.sink.name);
        let told = notice.as_ref().map_or(0, |notice| notice.count);
        let (headers, body) = body::of(&self.sink, &records, notice.as_ref());
        let headers: Vec<_> = headers.iter().map(|it| (it.0.as_str(), it.1)).collect();
        let call = host.call(&Callout {
            cluster: &self.sink.target.cluster,
            headers: &headers,
            body: &body,
            timeout: self.sink.timeout,
        });
        let limit = u64::try_from(self.sink.timeout.as_nanos()).unwrap_or(u64::MAX);
        match call {
            Ok(call) => {
                self.flight = Some(Flight {
                    call,
                    until: host.now().saturating_add(limit).saturating_add(GRACE),
                    records,
                    told,
                });
            }
            Err(_) => self.fail(host, records, None, "could not be called"),
        }
    }

    /// Takes the answer to the call under way; `None`: there is none.
    pub(super) fn answer(&mut self, host: &dyn Host, answer: Option<&Answered>) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let size = flight.records.len();
        match verdict(host, self.sink.form, answer) {
            Verdict::Taken(rejected) => {
                let rejected = rejected.min(count(size));
                self.sent = self
                    .sent
                    .saturating_add(count(size).saturating_sub(rejected));
                self.lost.told(host, flight.told);
                if rejected > 0 {
                    self.lost.add(host, rejected);
                    self.complain(host, &format!("refused {rejected} spans"));
                }
                self.queue.forget(&flight.records);
                self.pace.succeeded();
                let larger = (self.batch_bytes / GROWTH).saturating_add(1);
                let larger = self.batch_bytes.saturating_add(larger);
                self.batch_bytes = larger.min(self.sink.batch.bytes);
            }
            Verdict::Again(wait) => {
                let status = answer.and_then(|it| it.head.text(":status"));
                let what = status.map_or_else(
                    || "did not answer".to_owned(),
                    |status| format!("answered {status}"),
                );
                self.fail(host, flight.records, wait, &what);
            }
            Verdict::Smaller if size > 1 => {
                self.failures = self.failures.saturating_add(1);
                self.batch_bytes = bytes_of(&flight.records) / 2;
                self.queue.put_back(flight.records);
            }
            Verdict::Smaller => {
                self.batch_bytes = self.batch_bytes.min(bytes_of(&flight.records));
                self.give_up(host, &flight.records, 413);
            }
            Verdict::Refused(status) => self.give_up(host, &flight.records, status),
        }
    }

    /// The batch waits for its next try.
    fn fail(
        &mut self,
        host: &dyn Host,
        records: Vec<Waiting>,
        wait: Option<std::time::Duration>,
        what: &str,
    ) {
        self.failures = self.failures.saturating_add(1);
        self.again = Some(records.len());
        self.queue.put_back(records);
        self.pace.failed(host, wait);
        self.complain(host, what);
    }

    /// The batch is dropped: what the sink refuses now it will refuse for ever. The next one waits as after any failure,
    /// since it may be like this one.
    fn give_up(&mut self, host: &dyn Host, records: &[Waiting], status: u16) {
        self.failures = self.failures.saturating_add(1);
        self.lost.add(host, count(records.len()));
        let count = records.len();
        self.complain(host, &format!("answered {status}: {count} records dropped"));
        self.queue.forget(records);
        self.pace.failed(host, None);
    }

    /// Says what is wrong, once a minute at most.
    fn complain(&mut self, host: &dyn Host, what: &str) {
        let now = host.now();
        if now >= self.quiet_until {
            log::warn!("sluice: the sink {} {what}", self.sink.name);
            self.quiet_until = now.saturating_add(COMPLAINT);
        }
    }

    /// Its name, and what became of its records.
    pub(super) fn numbers(&self) -> (&str, Numbers) {
        let flight = self.flight.as_ref().map_or(0, |it| it.records.len());
        let numbers = Numbers {
            queued: count(self.queue.len().saturating_add(flight)),
            sent: self.sent,
            dropped: self.lost.total,
            failures: self.failures,
        };
        (&self.sink.name, numbers)
    }

    /// The bytes that wait or are on their way.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// The bytes of memory that wait, counted or not.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.queue.memory()
    }

    fn publish(&mut self, host: &dyn Host) {
        let (name, numbers) = self.numbers();
        let is_new = self.published != Some(numbers);
        if is_new && numbers.publish(host, name).is_ok() {
            self.published = Some(numbers);
        }
    }
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}
