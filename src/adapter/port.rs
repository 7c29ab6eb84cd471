//! The port, over host calls.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::UNIX_EPOCH;

use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

use crate::host::{Expect, Host, HostError, QueueId, Shared};

/// Envoy ignores the version of a write to a key that does not exist and refuses a wrong one on a key that does, so a
/// version that no value ever has means "only if absent". Versions count up from 1, one per write in the process.
const NO_VERSION: u32 = u32::MAX;

/// The proxy.
#[derive(Default)]
pub(super) struct Proxy {
    random: RandomState,
    drawn: Cell<u64>,
}

impl From<Status> for HostError {
    fn from(status: Status) -> Self {
        if status == Status::CasMismatch {
            Self::Conflict
        } else {
            Self::Refused
        }
    }
}

impl Host for Proxy {
    fn now(&self) -> u64 {
        let now = hostcalls::get_current_time().unwrap_or(UNIX_EPOCH);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn random(&self) -> u64 {
        let drawn = self.drawn.get();
        self.drawn.set(drawn.wrapping_add(1));
        self.random.hash_one(drawn)
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        let (value, version) = hostcalls::get_shared_data(key)?;
        Ok(version.map(|version| Shared {
            value: value.unwrap_or_default(),
            version,
        }))
    }

    fn set_shared(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), HostError> {
        let version = match expect {
            Expect::Absent => Some(NO_VERSION),
            Expect::Version(version) => Some(version),
        };
        Ok(hostcalls::set_shared_data(key, Some(value), version)?)
    }

    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError> {
        Ok(hostcalls::enqueue_shared_queue(queue.0, Some(message))?)
    }
}
