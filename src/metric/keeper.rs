//! The keeper's own metrics: how full the log store is, and what became of the records for each sink.
//!
//! The keeper has its numbers already; here they are shown, about once a second.

use super::catalog::{
    EXPORT_DROPPED, EXPORT_FAILURES, EXPORT_QUEUED, EXPORT_SENT, LOG_BYTES, LOG_DROPPED,
    LOG_RECORDS, LOG_REFUSED, Metric,
};
use super::series::Series;
use crate::host::Host;
use crate::logbook::Meta;

/// Those of one keeper.
#[derive(Debug, Default)]
pub struct Keeper {
    log: Series,
    sinks: Vec<Sink>,
}

/// What became of a sink's records, since the keeper began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Records that wait or are on their way.
    pub queued: u64,
    /// Records that the sink has taken.
    pub sent: u64,
    /// Records that it never gets.
    pub dropped: u64,
    /// Calls to it that did not succeed.
    pub failures: u64,
}

#[derive(Debug)]
struct Sink {
    name: String,
    series: Series,
    /// What was shown last.
    shown: Sent,
}

impl Keeper {
    /// Shows the state of the log store.
    pub fn show_log(&mut self, host: &dyn Host, meta: &Meta) {
        let values: [(&'static Metric, u64); 4] = [
            (&LOG_RECORDS, meta.records),
            (&LOG_BYTES, meta.bytes),
            (&LOG_DROPPED, meta.dropped),
            (&LOG_REFUSED, meta.refused),
        ];
        for (metric, value) in values {
            self.log.record(host, metric, [""; 3], value);
        }
    }

    /// Shows the numbers of the sink with that name.
    pub fn show_sink(&mut self, host: &dyn Host, name: &str, now: Sent) {
        if !self.sinks.iter().any(|sink| sink.name == name) {
            self.sinks.push(Sink {
                name: name.to_owned(),
                series: Series::of_sink(name),
                shown: Sent::default(),
            });
        }
        if let Some(sink) = self.sinks.iter_mut().find(|sink| sink.name == name) {
            sink.show(host, now);
        }
    }
}

impl Sink {
    fn show(&mut self, host: &dyn Host, now: Sent) {
        let last = std::mem::replace(&mut self.shown, now);
        let series = &mut self.series;
        series.record(host, &EXPORT_QUEUED, [""; 3], now.queued);
        let grown: [(&'static Metric, u64, u64); 3] = [
            (&EXPORT_SENT, last.sent, now.sent),
            (&EXPORT_DROPPED, last.dropped, now.dropped),
            (&EXPORT_FAILURES, last.failures, now.failures),
        ];
        for (metric, last, now) in grown {
            series.add(host, metric, [""; 3], now.saturating_sub(last));
        }
    }
}
