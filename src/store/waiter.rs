//! Who sleeps until a fill has ended, and the message that wakes it.
//!
//! A waiter is named by its worker's own queue and its stream. Invariant: a wake-up is advice, so a
//! late, repeated or lost one costs time, never a wrong answer; its generation tells which wait it is meant for.

use crate::host::{Host, QueueId};

use super::take;

/// A suspended call: the queue of its worker and the stream's context there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiter {
    /// The wake-up queue of the worker the call runs on.
    pub queue: QueueId,
    /// The stream context on that worker.
    pub context: u32,
}

/// Bytes of one encoded waiter.
pub(super) const WAITER_BYTES: usize = 8;

impl Waiter {
    pub(super) fn encode(self) -> [u8; WAITER_BYTES] {
        let ([a, b, c, d], [e, f, g, h]) = (self.queue.0.to_le_bytes(), self.context.to_le_bytes());
        [a, b, c, d, e, f, g, h]
    }

    pub(super) fn decode(bytes: [u8; WAITER_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self {
            queue: QueueId(u32::from_le_bytes([a, b, c, d])),
            context: u32::from_le_bytes([e, f, g, h]),
        }
    }
}

/// What the filler advises those who waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Begin again: the answer is there, or the first to come becomes the next filler.
    LookAgain,
    /// The answer cannot be shared: waiting for another filler would be in vain.
    GoAlone,
}

/// The message in a worker's queue: a fill that one of its streams waited for has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The stream context to poll.
    pub context: u32,
    /// The fill that ended ([`super::table::Flight::generation`]).
    pub generation: u64,
    /// What to do.
    pub verdict: Verdict,
}

impl Wake {
    /// The message's bytes: context, generation (little-endian), verdict.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = self.context.to_le_bytes().to_vec();
        bytes.extend(self.generation.to_le_bytes());
        bytes.push(match self.verdict {
            Verdict::LookAgain => 0,
            Verdict::GoAlone => 1,
        });
        bytes
    }

    /// Reads a message; `None` for anything else that may lie in a queue.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let context = u32::from_le_bytes(take(&mut bytes)?);
        let generation = u64::from_le_bytes(take(&mut bytes)?);
        let verdict = match bytes {
            [0] => Verdict::LookAgain,
            [1] => Verdict::GoAlone,
            _ => return None,
        };
        Some(Self {
            context,
            generation,
            verdict,
        })
    }
}

/// The calls to wake after a fill has ended. Dropping it unsent leaves them to their own time limits.
#[must_use = "suspended calls wait for it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WakeUps {
    /// The fill that ended.
    pub generation: u64,
    /// Every call that joined it, in the order of joining.
    pub waiters: Vec<Waiter>,
}

impl WakeUps {
    /// Wakes them all and returns how many could be reached; a queue that is gone had a VM that is gone.
    pub fn send(&self, host: &dyn Host, verdict: Verdict) -> usize {
        let sent = |waiter: &&Waiter| {
            let message = Wake {
                context: waiter.context,
                generation: self.generation,
                verdict,
            };
            host.enqueue(waiter.queue, &message.encode()).is_ok()
        };
        self.waiters.iter().filter(sent).count()
    }
}
