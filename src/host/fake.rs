//! A host for native tests: a clock, shared data with versions, queues, and faults on demand.
//!
//! It refuses what Envoy refuses (a stale version, an unknown queue), so that it is never kinder than the real one.
//! Several tasks may use one `FakeHost`: that is what two workers look like to shared data.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that overflows or panics here has failed"
)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use super::{CallId, Callout, Expect, Host, HostError, MetricId, MetricKind, QueueId, Shared};

/// A hook that runs inside the next host call: the place where "another worker" acts in a test.
type Interleave = Box<dyn FnOnce(&FakeHost)>;

/// A request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The number it was given.
    pub id: CallId,
    /// The cluster.
    pub cluster: String,
    /// Its header fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// How long its answer may take.
    pub timeout: std::time::Duration,
}

/// See the module's text. All fields are open to tests.
#[derive(Default)]
pub struct FakeHost {
    /// Nanoseconds since the Unix epoch.
    pub clock: Cell<u64>,
    /// Shared data: key to (value, version).
    pub data: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    /// Messages per queue; a queue exists when its key does.
    pub queues: RefCell<BTreeMap<QueueId, VecDeque<Vec<u8>>>>,
    /// The host call (counted from now, 0 = the next) that is refused, if any.
    pub fail_at: Cell<Option<u64>>,
    /// Number of host calls so far, without the clock and random numbers.
    pub calls: Cell<u64>,
    /// Queues that have a name of their own.
    pub names: RefCell<BTreeMap<String, QueueId>>,
    /// The requests that were sent.
    pub sent: RefCell<Vec<Sent>>,
    /// The names of the metrics in the order of their numbers.
    pub defined: RefCell<Vec<String>>,
    /// What each metric was given, by its name.
    pub measured: RefCell<BTreeMap<String, Vec<u64>>>,
    versions: Cell<u32>,
    seed: Cell<u64>,
    interleave: RefCell<Option<(u64, Interleave)>>,
}

impl FakeHost {
    /// A host at a fixed time in 2026, with one queue per given number.
    pub fn new(queues: &[u32]) -> Self {
        let host = Self::default();
        host.clock.set(1_790_000_000_000_000_000);
        for id in queues {
            host.queues
                .borrow_mut()
                .insert(QueueId(*id), VecDeque::new());
        }
        host
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.clock
            .set(self.clock.get() + u64::try_from(by.as_nanos()).unwrap());
    }

    /// Runs `action` just before the host call that comes after `skip` others: another worker's move.
    pub fn interleave(&self, skip: u64, action: impl FnOnce(&Self) + 'static) {
        *self.interleave.borrow_mut() = Some((self.calls.get() + skip, Box::new(action)));
    }

    /// Bytes of all values, the figure that budgets bound.
    pub fn stored_bytes(&self) -> usize {
        self.data
            .borrow()
            .values()
            .map(|(value, _)| value.len())
            .sum()
    }

    /// What the metric of that name was given, altogether.
    pub fn metric(&self, name: &str) -> u64 {
        let measured = self.measured.borrow();
        measured.get(name).map_or(0, |values| values.iter().sum())
    }

    fn enter(&self) -> Result<(), HostError> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let due = self
            .interleave
            .borrow()
            .as_ref()
            .is_some_and(|(at, _)| *at <= call);
        if due && let Some((_, action)) = self.interleave.take() {
            action(self);
        }
        match self.fail_at.get() {
            Some(0) => {
                self.fail_at.set(None);
                Err(HostError::Refused)
            }
            Some(left) => {
                self.fail_at.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Host for FakeHost {
    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn random(&self) -> u64 {
        // SplitMix64: enough for distinct names in tests.
        let seed = self.seed.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.seed.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.enter()?;
        let data = self.data.borrow();
        Ok(data.get(key).map(|(value, version)| Shared {
            value: value.clone(),
            version: *version,
        }))
    }

    fn set_shared(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), HostError> {
        self.enter()?;
        let mut data = self.data.borrow_mut();
        let current = data.get(key).map(|(_, version)| *version);
        let holds = match expect {
            Expect::Absent => current.is_none(),
            Expect::Any => true,
            // Envoy ignores the version when the key does not exist.
            Expect::Version(version) => current.is_none_or(|current| current == version),
        };
        if !holds {
            return Err(HostError::Conflict);
        }
        self.versions.set(self.versions.get() + 1);
        data.insert(key.to_owned(), (value.to_vec(), self.versions.get()));
        Ok(())
    }

    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError> {
        self.enter()?;
        match self.queues.borrow_mut().get_mut(&queue) {
            Some(messages) => {
                messages.push_back(message.to_vec());
                Ok(())
            }
            None => Err(HostError::Refused),
        }
    }

    /// Envoy refuses a cluster that it does not know; here that is one named `unknown`.
    fn call(&self, call: &Callout<'_>) -> Result<CallId, HostError> {
        self.enter()?;
        if call.cluster == "unknown" {
            return Err(HostError::Refused);
        }
        let mut sent = self.sent.borrow_mut();
        let id = CallId(u32::try_from(sent.len()).unwrap() + 1);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        sent.push(Sent {
            id,
            cluster: call.cluster.to_owned(),
            headers: call.headers.iter().map(owned).collect(),
            body: call.body.to_vec(),
            timeout: call.timeout,
        });
        Ok(id)
    }

    fn resolve_queue(&self, name: &str) -> Result<Option<QueueId>, HostError> {
        self.enter()?;
        Ok(self.names.borrow().get(name).copied())
    }

    fn define_metric(&self, _: MetricKind, name: &str) -> Option<MetricId> {
        let mut defined = self.defined.borrow_mut();
        defined.push(name.to_owned());
        u32::try_from(defined.len() - 1).ok().map(MetricId)
    }

    fn increment_metric(&self, id: MetricId, by: u64) {
        self.record_metric(id, by);
    }

    fn record_metric(&self, id: MetricId, value: u64) {
        let name = self.defined.borrow()[usize::try_from(id.0).unwrap()].clone();
        let mut measured = self.measured.borrow_mut();
        measured.entry(name).or_default().push(value);
    }
}
