//! What a sink is told about the records that it did not get.
//!
//! Invariant: each dropped record is told of once in a batch that the sink takes; a notice whose answer was lost comes
//! again under the same id, as records do.

use serde::Serialize;

use crate::host::Host;
use crate::record::{id, time};

/// A sink's dropped records.
#[derive(Default)]
pub(super) struct Lost {
    /// All of them.
    pub(super) total: u64,
    untold: u64,
    /// The name and the time of the notice that is to come.
    begun: Option<(String, u64)>,
}

/// A line in the stream that says how many records are missing in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    #[serde(rename = "type")]
    kind: &'static str,
    /// A UUIDv7 of its own.
    pub(super) id: String,
    /// When the first of them was dropped.
    created_at: String,
    /// The same, nanoseconds since the Unix epoch.
    #[serde(skip)]
    pub(super) at: u64,
    sink: String,
    /// Since the last notice.
    pub(super) count: u64,
    /// Since the keeper began.
    pub(super) total: u64,
}

impl Lost {
    /// So many more were dropped.
    pub(super) fn add(&mut self, host: &dyn Host, count: u64) {
        if count == 0 {
            return;
        }
        self.total = self.total.saturating_add(count);
        self.untold = self.untold.saturating_add(count);
        self.begun.get_or_insert_with(|| begin(host));
    }

    /// What the sink is to be told.
    pub(super) fn notice(&self, sink: &str) -> Option<Notice> {
        let (id, at) = self.begun.as_ref()?;
        Some(Notice {
            kind: "dropped",
            id: id.clone(),
            created_at: time::rfc3339(*at),
            at: *at,
            sink: sink.to_owned(),
            count: self.untold,
            total: self.total,
        })
    }

    /// The sink was told of so many. What was dropped meanwhile is for another notice.
    pub(super) fn told(&mut self, host: &dyn Host, count: u64) {
        self.untold = self.untold.saturating_sub(count);
        if count > 0 {
            self.begun = (self.untold > 0).then(|| begin(host));
        }
    }
}

fn begin(host: &dyn Host) -> (String, u64) {
    let now = host.now();
    (id::uuid_v7(now, (host.random(), host.random())), now)
}
