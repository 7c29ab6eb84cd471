//! Sums over records: counts, tokens, money, times.

use serde_json::{Map, Value, json};

use super::histogram::Histogram;
use crate::console::log::Row;
use crate::llm::price::Picodollars;
use crate::policy::custom_cost::Decimal;

/// Sums over some records.
#[derive(Clone, Debug, Default)]
pub(in crate::console) struct Totals {
    requests: u64,
    errors: u64,
    cached: u64,
    tokens_in: u64,
    tokens_out: u64,
    /// 10⁻¹² US dollars.
    cost: u64,
    saved_cost: u64,
    latency: Histogram,
    ttft: Histogram,
}

impl Totals {
    /// Counts a record.
    pub(in crate::console) fn add(&mut self, row: &Row<'_>) {
        let count = |sum: &mut u64, by: u64| *sum = sum.saturating_add(by);
        count(&mut self.requests, 1);
        count(&mut self.errors, u64::from(!row.success));
        count(&mut self.cached, u64::from(row.cached));
        count(&mut self.tokens_in, row.tokens_in.unwrap_or(0));
        count(&mut self.tokens_out, row.tokens_out.unwrap_or(0));
        count(&mut self.cost, picodollars(row.cost));
        count(&mut self.saved_cost, picodollars(row.saved_cost));
        if let Some(duration) = row.duration {
            self.latency.add(duration);
        }
        if let Some(latency) = row.timings.latency {
            self.ttft.add(latency);
        }
    }

    /// As the page reads it.
    pub(super) fn written(&self) -> Map<String, Value> {
        let times = |times: &Histogram| json!({"p50": times.percentile(50), "p90": times.percentile(90), "p99": times.percentile(99)});
        let fields = [
            ("requests", json!(self.requests)),
            ("errors", json!(self.errors)),
            ("cached", json!(self.cached)),
            ("tokens_in", json!(self.tokens_in)),
            ("tokens_out", json!(self.tokens_out)),
            ("cost", dollars(self.cost)),
            ("saved_cost", dollars(self.saved_cost)),
            ("latency", times(&self.latency)),
            ("ttft", times(&self.ttft)),
        ];
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}

/// An amount of a record in units of 10⁻¹² US dollars; nothing where it is not known.
pub(in crate::console) fn picodollars(amount: Option<&serde_json::value::RawValue>) -> u64 {
    let amount = amount.and_then(|amount| Decimal::parse(amount.get()).ok());
    amount.map_or(0, |amount| amount.scaled(12))
}

/// US dollars as a JSON number.
pub(in crate::console) fn dollars(picodollars: u64) -> Value {
    let text = Picodollars(picodollars).to_string();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
