//! What the provider was asked, and the log records that were exported to it, for `make soak`.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

/// Counts over all connections.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    answers: BTreeMap<String, u64>,
    records: BTreeMap<String, u64>,
    ids: HashSet<String>,
    repeated: u64,
    /// Records that the exporter says it dropped.
    dropped: u64,
}

/// What is counted of an exported line.
#[derive(Deserialize)]
struct Line {
    id: String,
    gateway_id: Option<String>,
    outcome: Option<String>,
    status_code: Option<u16>,
    /// Of a notice that so many records were dropped.
    count: Option<u64>,
}

impl Tally {
    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A request for that answer came.
    pub(crate) fn asked(&self, answer: &str) {
        self.with(|counts| match counts.answers.get_mut(answer) {
            Some(count) => *count += 1,
            None => drop(counts.answers.insert(answer.to_owned(), 1)),
        });
    }

    /// A batch of exported records came: lines of JSON.
    pub(crate) fn exported(&self, batch: &[u8]) -> serde_json::Result<()> {
        let lines: Vec<Line> = serde_json::Deserializer::from_slice(batch)
            .into_iter()
            .collect::<Result<_, _>>()?;
        self.with(|counts| lines.into_iter().for_each(|line| counts.take(line)));
        Ok(())
    }

    /// All counts.
    pub(crate) fn report(&self) -> Value {
        self.with(|counts| {
            json!({
                "answers": counts.answers,
                "records": counts.records,
                "distinct": counts.ids.len(),
                "repeated": counts.repeated,
                "dropped": counts.dropped,
            })
        })
    }
}

impl Counts {
    fn take(&mut self, line: Line) {
        if let Some(count) = line.count {
            self.dropped += count;
            return;
        }
        if !self.ids.insert(line.id) {
            self.repeated += 1;
            return;
        }
        let parts = [line.gateway_id.as_deref(), line.outcome.as_deref()];
        let [gateway, outcome] = parts.map(Option::unwrap_or_default);
        let kind = format!(
            "{gateway} {outcome} {}",
            line.status_code.unwrap_or_default()
        );
        *self.records.entry(kind).or_default() += 1;
    }
}
