//! What became of a sink's records, as numbers that others can read.
//!
//! `sluice/1/export/{name}` in shared data holds them as JSON.

use serde::Serialize;

use crate::host::{Expect, Host, HostError};

/// Counts since the keeper began. `sent + dropped + queued` is what was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Records that wait or are on their way.
    pub queued: u64,
    /// Records that the sink has taken.
    pub sent: u64,
    /// Records that were given up: the queue was full, or the sink refused them.
    pub dropped: u64,
    /// Calls to the sink that did not succeed.
    pub failures: u64,
}

impl Numbers {
    /// Writes them for a sink of that name. The keeper is the only writer.
    ///
    /// # Errors
    /// The host refuses; the old ones stand.
    pub(super) fn publish(&self, host: &dyn Host, name: &str) -> Result<(), HostError> {
        let key = format!("sluice/1/export/{name}");
        // Four numbers cannot fail to be written.
        let text = serde_json::to_vec(self).unwrap_or_default();
        host.set_shared(&key, &text, Expect::Any)
    }
}
