//! How many log records are kept: of all gateways together, and of each.
//!
//! Invariant: every number is within its stated range.

use std::num::NonZeroU32;
use std::time::Duration;

use super::section::{Field, Range, Section};

/// How much the log store may hold; over it, the oldest records go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStore {
    /// Bytes of records and payloads, at most 1 GiB; 0: no record is kept. Default 64 MiB.
    pub max_bytes: u64,
    /// Records, at most 1000000. Default 100000.
    pub max_records: u64,
    /// Time since the call began, at most ten years; `None`: records do not age. Default `None`.
    pub max_age: Option<Duration>,
}

impl Default for LogStore {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            max_records: 100_000,
            max_age: None,
        }
    }
}

/// How many records of one gateway of one account are kept (contract §1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogManagement {
    /// Records, at most 10000000.
    pub limit: NonZeroU32,
    /// What happens at the limit. Default [`LogStrategy::DeleteOldest`].
    pub strategy: LogStrategy,
}

/// What happens when a gateway has as many records as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStrategy {
    /// Its oldest record makes room.
    DeleteOldest,
    /// The new record is not kept.
    StopInserting,
}

const BYTES: Range = Range {
    min: 0,
    max: 1 << 30,
    unit: "byte",
};
const RECORDS: Range = Range {
    min: 1,
    max: 1_000_000,
    unit: "record",
};
const AGE: Range = Range {
    min: 1,
    max: 315_360_000,
    unit: "second",
};
const LIMIT: Range = Range {
    min: 1,
    max: 10_000_000,
    unit: "record",
};

/// Reads `log_store`.
pub(super) fn read(field: &Field<'_>) -> Option<LogStore> {
    let mut section = field.section()?;
    let default = LogStore::default();
    let max_bytes = section.field("max_bytes").whole(&BYTES);
    let max_records = section.field("max_records").whole(&RECORDS);
    let max_age = section.field("max_age").whole_unless_off(&AGE);
    section.finish();
    Some(LogStore {
        max_bytes: max_bytes.unwrap_or(default.max_bytes),
        max_records: max_records.unwrap_or(default.max_records),
        max_age: max_age.map(Duration::from_secs),
    })
}

/// Reads `log_management` and `log_management_strategy` of a gateway.
pub(super) fn read_management(section: &mut Section<'_>) -> Option<LogManagement> {
    let limit = section.field("log_management").whole_unless_off(&LIMIT);
    let strategy = section.field("log_management_strategy").choice(&[
        ("DELETE_OLDEST", LogStrategy::DeleteOldest),
        ("STOP_INSERTING", LogStrategy::StopInserting),
    ]);
    let limit = u32::try_from(limit?).ok().and_then(NonZeroU32::new)?;
    Some(LogManagement {
        limit,
        strategy: strategy.unwrap_or(LogStrategy::DeleteOldest),
    })
}
