//! The port to the proxy: the few services that must answer in the middle of a thought.
//!
//! Bodies and header lists are not here: they go in and out of the core as values. The adapter implements the trait
//! over host calls; `fake::FakeHost` implements it for native tests, with a clock and faults.

#[cfg(test)]
pub mod fake;

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
