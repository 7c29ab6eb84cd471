//! Settings of the whole filter: budgets, bounds, and what happens beside the gateways.
//!
//! Invariant: every number is within its stated range.

use super::section::{Field, Range};

/// How much the response cache of all workers together may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBudget {
    /// Bytes of all answers, at most 1 TiB. Default 64 MiB.
    pub max_bytes: u64,
    /// Bytes of one answer, at most `max_bytes` and 1 GiB. Default 1 MiB, or `max_bytes` when that is less.
    pub max_object_bytes: usize,
}

/// Bounds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body that must be held before it can go on, at most 1 GiB. Default 25 MiB.
    pub request_body_bytes: usize,
    /// What happens to a longer one. Default [`OverLimit::Reject`].
    pub over_limit: OverLimit,
    /// Bytes of bodies that all calls of a worker hold in the module's memory, at most 384 MiB. Default 256 MiB.
    pub held_bytes: usize,
}

/// What happens to a request body that is too long to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverLimit {
    /// The call is refused with 413.
    Reject,
    /// The call goes on, uncached.
    Pass,
}

/// What happens to a request outside the gateway's URL space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsidePaths {
    /// It is answered with 404.
    Reject,
    /// It passes untouched, for a filter that is loaded into an existing mesh.
    Pass,
}

/// What a log record may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Bytes of each body that are kept when payloads are logged, at most 10 MiB. Default 64 KiB.
    pub max_payload_bytes: usize,
    /// Whether a finished record is a line of Envoy's own log. Default true.
    pub line: bool,
    /// Whether it is in the filter state for the access loggers. Default true.
    pub filter_state: bool,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const BUDGET: Range = Range {
    min: 1,
    max: GIB << 10,
    unit: "byte",
};
/// What is held in one piece must fit into a VM of 4 GiB, several times.
const HELD: Range = Range {
    min: 1,
    max: GIB,
    unit: "byte",
};
/// A worker's virtual machine has 1 GiB, and what is made of a body that is held is held beside it.
const HELD_TOGETHER: Range = Range {
    min: 1,
    max: 384 * MIB,
    unit: "byte",
};
const PAYLOAD: Range = Range {
    min: 0,
    max: 10 * MIB,
    unit: "byte",
};

/// Reads `cache`.
pub(super) fn read_cache(field: &Field<'_>) -> Option<CacheBudget> {
    let mut section = field.section()?;
    let max_bytes = section
        .field("max_bytes")
        .whole(&BUDGET)
        .unwrap_or(64 * MIB);
    let object = section.field("max_object_bytes");
    let max_object_bytes = object.whole(&HELD).unwrap_or(MIB.min(max_bytes));
    if max_object_bytes > max_bytes {
        object.fault(format!(
            "{max_object_bytes} is above cache.max_bytes, which is {max_bytes}: lower it"
        ));
    }
    section.finish();
    Some(CacheBudget {
        max_bytes,
        max_object_bytes: usize::try_from(max_object_bytes).ok()?,
    })
}

/// Reads `limits`.
pub(super) fn read_limits(field: &Field<'_>) -> Option<Limits> {
    let mut section = field.section()?;
    let request_body_bytes = section
        .field("request_body_bytes")
        .whole(&HELD)
        .unwrap_or(25 * MIB);
    let over_limit = section
        .field("over_limit")
        .choice(&[("reject", OverLimit::Reject), ("pass", OverLimit::Pass)]);
    let held_bytes = section
        .field("held_bytes")
        .whole(&HELD_TOGETHER)
        .unwrap_or(256 * MIB);
    section.finish();
    Some(Limits {
        request_body_bytes: usize::try_from(request_body_bytes).ok()?,
        over_limit: over_limit.unwrap_or(OverLimit::Reject),
        held_bytes: usize::try_from(held_bytes).ok()?,
    })
}

/// Reads `outside_paths`.
pub(super) fn read_outside_paths(field: &Field<'_>) -> OutsidePaths {
    let words = [
        ("reject", OutsidePaths::Reject),
        ("pass", OutsidePaths::Pass),
    ];
    field.choice(&words).unwrap_or(OutsidePaths::Reject)
}

/// Reads `log`.
pub(super) fn read_log(field: &Field<'_>) -> Option<LogSettings> {
    let mut section = field.section()?;
    let bytes = section
        .field("max_payload_bytes")
        .whole(&PAYLOAD)
        .unwrap_or(64 * KIB);
    let line = section.field("line").flag(true);
    let filter_state = section.field("filter_state").flag(true);
    section.finish();
    Some(LogSettings {
        max_payload_bytes: usize::try_from(bytes).ok()?,
        line,
        filter_state,
    })
}
