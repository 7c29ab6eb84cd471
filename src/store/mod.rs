//! State that all workers share: bounded answers with single flight, and rate-limit windows.
//!
//! Shared data has no delete, no bound and no transaction over two keys (`Envoy: shared data`), so everything here has
//! a fixed set of keys and moves by compare-and-swap on one key at a time. Between any two host calls another worker
//! may act, or this one may die: each step leaves a state from which any other worker can go on. The invariant of the
//! table: for every stored answer the ledger holds its bytes, and the ledger's sum never exceeds the budget.
//!
//! - [`table`]: what callers use: look up, begin, join, complete, abandon, store.
//! - `bucket` (the directory), `slot` (one answer or mark), `ledger` (bytes and eviction): the three kinds of values.
//! - [`waiter`]: who sleeps on a fill and how it is woken.
//! - [`window`], [`tally`]: what was counted in fixed and sliding windows, by name and by name and key (`marks`).

mod bucket;
mod evict;
mod fill;
mod ledger;
mod marks;
mod slot;
pub mod table;
pub mod tally;
pub mod waiter;
pub mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::host::{Expect, Host, HostError, Shared};

/// How often a compare-and-swap is tried. Each lost try means that another worker got its own through, so this many in
/// a row are reached only on a host that is out of order.
const TRIES: usize = 256;

const NANOS: u64 = 1_000_000_000;

/// Reads a value, and the precondition under which it may be replaced.
fn read(host: &dyn Host, key: &str) -> Result<(Vec<u8>, Expect), HostError> {
    // Envoy ignores the version of a write to a key that does not exist, so the first write must say `Absent`.
    Ok(match host.shared(key)? {
        Some(Shared { value, version }) => (value, Expect::Version(version)),
        None => (Vec::new(), Expect::Absent),
    })
}

/// Whole seconds since the Unix epoch.
fn seconds(nanos: u64) -> u32 {
    u32::try_from(nanos / NANOS).unwrap_or(u32::MAX)
}

/// The moment at which something that begins now and lasts `span` is over, nanoseconds since the epoch.
fn after(host: &dyn Host, span: Duration) -> u64 {
    host.now().saturating_add(nanos(span))
}

/// The second of that moment; rounded up, so never too early.
fn deadline(host: &dyn Host, span: Duration) -> u32 {
    u32::try_from(after(host, span).div_ceil(NANOS)).unwrap_or(u32::MAX)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Cuts the next `N` bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(*head)
}
