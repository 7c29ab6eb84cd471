//! Times, and their percentiles.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Times to a thousandth of themselves.
#[derive(Clone)]
pub(crate) struct Timing(Histogram<u64>);

impl Timing {
    /// No time yet.
    pub(crate) fn new() -> io::Result<Self> {
        Histogram::new(3).map(Self).map_err(io::Error::other)
    }

    /// Counts one time in.
    pub(crate) fn add(&mut self, time: Duration) -> io::Result<()> {
        self.add_nanoseconds(time.as_nanos())
    }

    /// Counts one time in.
    pub(crate) fn add_nanoseconds(&mut self, time: u128) -> io::Result<()> {
        let time = u64::try_from(time).map_err(io::Error::other)?;
        self.0.record(time).map_err(io::Error::other)
    }

    /// Counts all of the other's in.
    pub(crate) fn merge(&mut self, other: &Self) -> io::Result<()> {
        self.0.add(&other.0).map_err(io::Error::other)
    }

    /// The number of times, and percentiles in microseconds.
    pub(crate) fn report(&self) -> Value {
        let at = |percent| {
            let nanoseconds = Duration::from_nanos(self.0.value_at_percentile(percent));
            nanoseconds.as_secs_f64() * 1e6
        };
        json!({
            "count": self.0.len(),
            "p50": at(50.0), "p90": at(90.0), "p99": at(99.0), "p99.9": at(99.9), "max": at(100.0),
        })
    }
}
