//! The port, over host calls.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::UNIX_EPOCH;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{MetricType, Status};

use crate::host::{
    CallId, Callout, Expect, Host, HostError, MetricId, MetricKind, QueueId, Shared,
};

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
            Expect::Any => None,
            Expect::Version(version) => Some(version),
        };
        Ok(hostcalls::set_shared_data(key, Some(value), version)?)
    }

    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError> {
        Ok(hostcalls::enqueue_shared_queue(queue.0, Some(message))?)
    }

    fn call(&self, call: &Callout<'_>) -> Result<CallId, HostError> {
        let headers = call.headers.to_vec();
        let (cluster, timeout) = (call.cluster, call.timeout);
        let id = hostcalls::dispatch_http_call(cluster, headers, Some(call.body), vec![], timeout)?;
        Ok(CallId(id))
    }

    fn resolve_queue(&self, name: &str) -> Result<Option<QueueId>, HostError> {
        let vm = hostcalls::get_property(vec!["plugin_vm_id"])?.unwrap_or_default();
        let vm = String::from_utf8_lossy(&vm);
        let queue = hostcalls::resolve_shared_queue(&vm, name)?;
        Ok(queue.map(QueueId))
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<MetricId> {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
        };
        hostcalls::define_metric(kind, name).ok().map(MetricId)
    }

    fn increment_metric(&self, id: MetricId, by: u64) {
        // Envoy: refused only for a number that it has not given.
        hostcalls::increment_metric(id.0, i64::try_from(by).unwrap_or(i64::MAX))
            .unwrap_or_default();
    }

    fn record_metric(&self, id: MetricId, value: u64) {
        hostcalls::record_metric(id.0, value).unwrap_or_default();
    }
}
