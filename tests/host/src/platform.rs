//! What all virtual machines of one proxy share: the clock, shared data, queues, metrics, the log, requests of the
//! filter's own, and the account of what was used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::abi::{Fields, Status, value};
use crate::ledger::Ledger;

/// What the proxy is called with `plugin_vm_id`.
pub const VM_ID: &str = "sluice";

/// When every world begins: 2026-11-30T00:00:00Z, in nanoseconds.
const BEGINNING: u64 = 1_795_996_800_000_000_000;

/// What each look at the clock takes, nanoseconds: a loop that waits for time to pass must end.
const LOOK: u64 = 1_000;

/// Which host calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The one with this number since the ledger was opened, from 0.
    One(usize),
    /// The one of this name with this number, likewise.
    Nth(&'static str, usize),
    /// All of this name.
    Every(&'static str),
}

/// A host call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which one.
    pub failing: Failing,
    /// What it answers; with [`Status::OK`] it claims to have done what it has not, and gives nothing.
    pub status: Status,
}

/// A context: on which thread, in which of the virtual machines that it has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) thread: usize,
    pub(crate) start: u32,
    pub(crate) context: u32,
}

#[derive(Clone, Debug)]
struct Queue {
    name: Vec<u8>,
    reader: Place,
    messages: VecDeque<Vec<u8>>,
    notices: usize,
}

/// A request of the filter's own.
#[derive(Clone, Debug)]
pub struct Callout {
    pub(crate) from: Place,
    pub(crate) token: u32,
    /// Where it goes.
    pub cluster: String,
    /// With the pseudo fields.
    pub head: Fields,
    /// Its body.
    pub body: Vec<u8>,
}

/// The shared part.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Nanoseconds since the epoch.
    pub now: u64,
    /// What was used.
    pub ledger: Ledger,
    /// The call that fails.
    pub fault: Option<Fault>,
    /// Lines of the log, with their level: 0 trace to 5 critical.
    pub log: Vec<(u32, String)>,
    /// Requests of the filter's own that wait for an answer.
    pub callouts: Vec<Callout>,
    pub(crate) clusters: BTreeSet<String>,
    data: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    version: u32,
    queues: Vec<Queue>,
    metrics: Vec<(u32, Vec<u8>)>,
    values: BTreeMap<Vec<u8>, u64>,
    calls_out: u32,
}

impl Platform {
    pub(crate) fn new(clusters: impl IntoIterator<Item = String>) -> Self {
        Self {
            now: BEGINNING,
            ledger: Ledger::default(),
            fault: None,
            log: Vec::new(),
            callouts: Vec::new(),
            clusters: clusters.into_iter().collect(),
            data: BTreeMap::new(),
            version: 0,
            queues: Vec::new(),
            metrics: Vec::new(),
            values: BTreeMap::new(),
            calls_out: 0,
        }
    }

    /// Notes a call; the status that it is to answer instead of being made.
    pub(crate) fn begin(&mut self, name: &'static str) -> Option<Status> {
        let calls = &mut self.ledger.calls;
        let at = calls.len();
        calls.push(name);
        let count = |name| calls.iter().filter(|it| **it == name).count() - 1;
        let fails = |fault: &Fault| match fault.failing {
            Failing::One(number) => number == at,
            Failing::Nth(failing, number) => failing == name && count(name) == number,
            Failing::Every(failing) => failing == name,
        };
        self.fault.filter(fails).map(|fault| fault.status)
    }

    pub(crate) fn look(&mut self) -> u64 {
        self.now += LOOK;
        self.now
    }

    pub(crate) fn shared(&self, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.data.get(key).cloned().ok_or(Status::NOT_FOUND)
    }

    /// As Envoy: a version is heeded only when the key exists, and 0 is none; versions count the writes of all keys.
    pub(crate) fn set_shared(
        &mut self,
        key: Vec<u8>,
        value: Vec<u8>,
        version: u32,
    ) -> Result<(), Status> {
        let old = self.data.get(&key).map(|(_, version)| *version);
        if version != 0 && old.is_some_and(|old| old != version) {
            return Err(Status::CAS_MISMATCH);
        }
        self.version += 1;
        self.data.insert(key, (value, self.version));
        Ok(())
    }

    /// As Envoy: of several that register one name, the last one is told.
    pub(crate) fn register_queue(&mut self, name: Vec<u8>, reader: Place) -> u32 {
        let found = self.queues.iter().position(|queue| queue.name == name);
        let index = found.unwrap_or_else(|| {
            self.queues.push(Queue {
                name,
                reader,
                messages: VecDeque::new(),
                notices: 0,
            });
            self.queues.len() - 1
        });
        self.queues[index].reader = reader;
        number(index)
    }

    pub(crate) fn resolve_queue(&self, vm: &[u8], name: &[u8]) -> Result<u32, Status> {
        let found = self.queues.iter().position(|queue| queue.name == name);
        let found = found.filter(|_| vm == VM_ID.as_bytes());
        found.map(number).ok_or(Status::NOT_FOUND)
    }

    pub(crate) fn enqueue(&mut self, queue: u32, message: Vec<u8>) -> Result<(), Status> {
        let queue = self.queue(queue)?;
        queue.messages.push_back(message);
        queue.notices += 1;
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, queue: u32) -> Result<Vec<u8>, Status> {
        self.queue(queue)?.messages.pop_front().ok_or(Status::EMPTY)
    }

    fn queue(&mut self, number: u32) -> Result<&mut Queue, Status> {
        let index = usize::try_from(number).unwrap().checked_sub(1);
        let queue = index.and_then(|index| self.queues.get_mut(index));
        queue.ok_or(Status::NOT_FOUND)
    }

    /// The next reader to be told of a message, and the number of its queue.
    pub(crate) fn take_notice(&mut self) -> Option<(Place, u32)> {
        let index = self.queues.iter().position(|queue| queue.notices > 0)?;
        let queue = &mut self.queues[index];
        queue.notices -= 1;
        Some((queue.reader, number(index)))
    }

    /// As Envoy: each definition is a number of its own.
    pub(crate) fn define_metric(&mut self, kind: u32, name: Vec<u8>) -> Result<u32, Status> {
        if kind > 2 {
            return Err(Status::BAD_ARGUMENT);
        }
        self.metrics.push((kind, name));
        Ok(number(self.metrics.len() - 1))
    }

    pub(crate) fn metric(&mut self, id: u32) -> Result<(u32, &mut u64), Status> {
        let index = usize::try_from(id).unwrap().checked_sub(1);
        let found = index.and_then(|index| self.metrics.get(index));
        let (kind, name) = found.ok_or(Status::NOT_FOUND)?;
        Ok((*kind, self.values.entry(name.clone()).or_default()))
    }

    /// The value of the metric of that name: the sum, for a histogram.
    pub fn metric_value(&self, name: &str) -> Option<u64> {
        self.values.get(name.as_bytes()).copied()
    }

    /// As Envoy: a cluster that is not there and a head without its pseudo fields are refused at once.
    pub(crate) fn call_out(&mut self, mut callout: Callout) -> Result<u32, Status> {
        let pseudo = [":method", ":path", ":authority"];
        let is_whole = pseudo
            .iter()
            .all(|name| value(&callout.head, name).is_some());
        if !is_whole || !self.clusters.contains(&callout.cluster) {
            return Err(Status::BAD_ARGUMENT);
        }
        self.calls_out += 1;
        callout.token = self.calls_out;
        self.callouts.push(callout);
        Ok(self.calls_out)
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap()
}
