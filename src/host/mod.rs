//! The port to the proxy: the few services that must answer in the middle of a thought.
//!
//! Bodies and header lists are not here: they go in and out of the core as values. The adapter implements the trait
//! over host calls; `fake::FakeHost` implements it for native tests, with a clock and faults.

#[cfg(any(test, feature = "fake-host"))]
pub mod fake;

use crate::http::header::HeaderList;

/// What the proxy must do for the core. All calls return at once.
pub trait Host {
    /// Wall clock, nanoseconds since the Unix epoch. Never goes through a system call of its own.
    fn now(&self) -> u64;

    /// 64 random bits, good for identifiers and names, not for keys.
    fn random(&self) -> u64;

    /// Reads a value of the table that all workers share. `Ok(None)`: the key was never written.
    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError>;

    /// Writes a value that all workers share. There is no delete: write an empty value to free the memory.
    fn set_shared(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), HostError>;

    /// Puts a message into a queue of some worker and wakes it.
    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError>;

    /// Sends a request of its own. The answer comes later, to the root context, under the number that is returned.
    fn call(&self, call: &Callout<'_>) -> Result<CallId, HostError>;

    /// The queue that some plugin of this virtual machine's id has registered under this name, on whatever thread.
    fn resolve_queue(&self, name: &str) -> Result<Option<QueueId>, HostError>;

    /// The number under which a metric of the proxy is counted. Each call makes a new number for the same metric, and
    /// none is ever given back: it is to be kept. `None`: the host has no metrics.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<MetricId> {
        let _ = (kind, name);
        None
    }

    /// Adds to a counter.
    fn increment_metric(&self, id: MetricId, by: u64) {
        let _ = (id, by);
    }

    /// Sets a gauge, or adds an observation to a histogram.
    fn record_metric(&self, id: MetricId, value: u64) {
        let _ = (id, value);
    }
}

/// What a metric does with the values that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Adds them up.
    Counter,
    /// Shows the last one.
    Gauge,
    /// Counts them by their size. Envoy: whole numbers of no unit, kept to two significant digits.
    Histogram,
}

/// The number of a metric in its virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricId(pub u32);

/// A request of the filter's own.
#[derive(Clone, Copy, Debug)]
pub struct Callout<'a> {
    /// The cluster that it goes to; one that does not exist is refused at once.
    pub cluster: &'a str,
    /// Header fields, with `:method`, `:path` and `:authority`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, whole.
    pub body: &'a [u8],
    /// How long the answer may take; over it, it is a 504.
    pub timeout: std::time::Duration,
}

/// The number of a request of the filter's own, unique in its virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// The answer to a request of the filter's own. The proxy's own 503 and 504 look like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Header fields, with `:status`.
    pub head: HeaderList,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// A value of shared data, with the version that a later write may demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The bytes; empty when the value was freed.
    pub value: Vec<u8>,
    /// The version to pass to [`Expect::Version`].
    pub version: u32,
}

/// The precondition of a write to shared data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The key was never written.
    Absent,
    /// None: for a value that only one writer has.
    Any,
    /// The value still has this version.
    Version(u32),
}

/// The process-wide number of a worker's wake-up queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueId(pub u32);

/// Why the platform refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The precondition of a write does not hold: somebody else was faster.
    Conflict,
    /// Anything else; nothing was changed.
    Refused,
}

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Conflict => "the value was changed by somebody else",
            Self::Refused => "the host refused the call",
        })
    }
}
