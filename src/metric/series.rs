//! The metrics of one gateway, provider and model.
//!
//! Invariant: a metric is defined when it is first needed, once.

use super::catalog::{
    CACHE, CALL_LABELS, COST, DURATION, FALLBACKS, Metric, REQUESTS, RETRIES, SAVED_COST,
    SAVED_TOKENS, SINK, TIME_PER_TOKEN, TIME_TO_FIRST, TOKEN_USAGE, TOKENS, UNPRICED,
};
use super::label::{self, Labels};
use crate::host::{Host, MetricId};
use crate::record::{Cost, Outcome, Record};

/// The values of a metric's further labels, in their order; empty: there is no such label.
pub(super) type Values = [&'static str; 3];

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Series {
    labels: [String; 4],
    /// The labels as they stand in a name.
    text: String,
    ids: Vec<(&'static str, Values, MetricId)>,
    cost: Rest,
    saved: Rest,
}

impl Series {
    /// Of the calls with these labels.
    pub(super) fn new(labels: Labels<'_>) -> Self {
        Self {
            labels: labels.0.map(str::to_owned),
            text: text(&CALL_LABELS, &labels.0),
            ..Self::default()
        }
    }

    /// Of that sink.
    pub(super) fn of_sink(name: &str) -> Self {
        Self {
            text: text(&[SINK], &[name]),
            ..Self::default()
        }
    }

    /// The labels.
    pub(super) fn labels(&self) -> Labels<'_> {
        Labels(self.labels.each_ref().map(String::as_str))
    }

    /// Measures an exchange.
    pub(super) fn measure(&mut self, host: &dyn Host, record: &Record) {
        let (status, error) = (label::status(record.status_code), label::error(record));
        let values = [label::outcome(record), status, error];
        self.add(host, &REQUESTS, values, 1);
        for failed in &record.failed_attempts {
            let status = label::status(failed.status_code.unwrap_or_default());
            self.add(host, &RETRIES, [status, "", ""], 1);
        }
        if record.is_fallback {
            self.add(host, &FALLBACKS, [""; 3], 1);
        }
        if record.cached {
            self.measure_saved(host, record);
            return;
        }
        if record.is_missed {
            self.add(host, &CACHE, ["miss", "", ""], 1);
        }
        let is_asked =
            record.outcome != Outcome::Refused || record.error_code == Some(label::UNREACHABLE);
        if is_asked {
            let values = [label::operation(record), error, ""];
            self.record(host, &DURATION, values, record.duration);
        }
        self.measure_usage(host, record);
        if record.stream && error.is_empty() {
            self.measure_stream(host, record);
        }
    }

    fn measure_saved(&mut self, host: &dyn Host, record: &Record) {
        self.add(host, &CACHE, ["hit", "", ""], 1);
        let saved = [
            ("input", record.saved_tokens_in),
            ("output", record.saved_tokens_out),
        ];
        for (kind, count) in saved {
            self.add(host, &SAVED_TOKENS, [kind, "", ""], count.unwrap_or(0));
        }
        if let Some(cost) = &record.saved_cost {
            let saved = self.saved.nanodollars(cost);
            self.add(host, &SAVED_COST, [""; 3], saved);
        }
    }

    fn measure_usage(&mut self, host: &dyn Host, record: &Record) {
        let operation = label::operation(record);
        let used = [("input", record.tokens_in), ("output", record.tokens_out)];
        for (kind, count) in used {
            if let Some(count) = count.filter(|count| *count > 0) {
                self.add(host, &TOKENS, [kind, "", ""], count);
                self.record(host, &TOKEN_USAGE, [kind, operation, ""], count);
            }
        }
        if let Some(cost) = &record.cost {
            let cost = self.cost.nanodollars(cost);
            self.add(host, &COST, [""; 3], cost);
        } else if used
            .iter()
            .any(|(_, count)| count.is_some_and(|count| count > 0))
        {
            self.add(host, &UNPRICED, [""; 3], 1);
        }
    }

    fn measure_stream(&mut self, host: &dyn Host, record: &Record) {
        let Some(first) = record.timings.latency else {
            return;
        };
        let values = [label::operation(record), "", ""];
        self.record(host, &TIME_TO_FIRST, values, first);
        let later = record.tokens_out.unwrap_or(0).saturating_sub(1);
        let micros = record.duration.saturating_sub(first).saturating_mul(1000);
        if let Some(each) = micros.checked_div(later) {
            self.record(host, &TIME_PER_TOKEN, values, each);
        }
    }

    /// Adds to a counter, which is shown from then on.
    pub(super) fn add(
        &mut self,
        host: &dyn Host,
        metric: &'static Metric,
        values: Values,
        by: u64,
    ) {
        let id = self.id(host, metric, values);
        if let Some(id) = id.filter(|_| by > 0) {
            host.increment_metric(id, by);
        }
    }

    /// Adds an observation, or shows a value.
    pub(super) fn record(
        &mut self,
        host: &dyn Host,
        metric: &'static Metric,
        values: Values,
        value: u64,
    ) {
        if let Some(id) = self.id(host, metric, values) {
            host.record_metric(id, value);
        }
    }

    fn id(&mut self, host: &dyn Host, metric: &'static Metric, values: Values) -> Option<MetricId> {
        let is_it = |(name, of, _): &&(_, _, _)| *name == metric.name && *of == values;
        if let Some((.., id)) = self.ids.iter().find(is_it) {
            return Some(*id);
        }
        let id = host.define_metric(metric.kind, &self.name(metric, values))?;
        self.ids.push((metric.name, values, id));
        Some(id)
    }

    fn name(&self, metric: &Metric, values: Values) -> String {
        let further = text(metric.labels, &values);
        [metric.name, &self.text, &further].concat()
    }
}

/// Labels as they stand in a name; an empty value is none.
fn text(labels: &[&str], values: &[&str]) -> String {
    let mut text = String::new();
    let pairs = labels.iter().zip(values);
    for (label, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        text.extend([";", label, "=", value]);
    }
    text
}

/// What was too little for a billionth of a dollar, in picodollars: it counts with what comes next.
#[derive(Debug, Default)]
struct Rest(u64);

impl Rest {
    fn nanodollars(&mut self, cost: &Cost) -> u64 {
        let picodollars = cost.picodollars().saturating_add(self.0);
        self.0 = picodollars % 1000;
        picodollars / 1000
    }
}
