//! Several workers on real threads, of which the seed lets exactly one make its next host call.
//!
//! Every write is audited at once: the budget, the moves a slot may make, the elections in the directory. A worker may
//! die inside any host call: from there to the end of its operation the host refuses everything.

mod audit;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::host::{Expect, Host, HostError, QueueId, Shared};
use crate::store::waiter::{Waiter, Wake};

/// SplitMix64.
pub(super) fn draw<T: TryFrom<u64>>(seed: &mut u64, below: u64) -> T {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    T::try_from((mixed ^ (mixed >> 31)) % below).ok().unwrap()
}

pub(super) struct Stage {
    scene: Mutex<Scene>,
    cue: Condvar,
}

pub(super) struct Scene {
    pub(super) clock: u64,
    /// What must not have happened.
    pub(super) faults: Vec<String>,
    /// The waiters that were woken, each with its fill.
    pub(super) woken: Vec<(u64, Waiter)>,
    /// The largest step of the clock between two host calls, nanoseconds.
    pub(super) tempo: u64,
    budget: u64,
    /// The sum of the ledger.
    reserved: u64,
    data: BTreeMap<String, (Vec<u8>, u32)>,
    version: u32,
    seed: u64,
    /// Workers that have not finished, and the one whose turn it is.
    cast: Vec<u32>,
    turn: u32,
}

impl Stage {
    pub(super) fn new(seed: u64, budget: u64) -> Self {
        let scene = Scene {
            clock: 1_790_000_000_000_000_000,
            faults: Vec::new(),
            woken: Vec::new(),
            tempo: 1,
            budget,
            reserved: 0,
            data: BTreeMap::new(),
            version: 0,
            seed,
            cast: Vec::new(),
            turn: 0,
        };
        Self {
            scene: Mutex::new(scene),
            cue: Condvar::new(),
        }
    }

    pub(super) fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `play` as each of so many workers, all at the same time, and returns what they report.
    pub(super) fn run<T: Send>(
        &self,
        workers: u32,
        play: impl Fn(&Worker<'_>) -> T + Sync,
    ) -> Vec<T> {
        self.scene().cast = (0..workers).collect();
        self.scene().turn = 0;
        let enter = |id| {
            let worker = Worker::new(self, id);
            let _exit = Exit(&worker);
            play(&worker)
        };
        let enter = &enter;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|id| scope.spawn(move || enter(id)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    }
}

/// Takes a worker off the stage, also when its assertion failed: the others must not wait for it.
struct Exit<'a>(&'a Worker<'a>);

impl Drop for Exit<'_> {
    fn drop(&mut self) {
        let mut scene = self.0.stage.scene();
        scene.cast.retain(|id| *id != self.0.id);
        scene.pass();
        self.0.stage.cue.notify_all();
    }
}

pub(super) struct Worker<'a> {
    pub(super) stage: &'a Stage,
    pub(super) id: u32,
    /// Dies in one of so many host calls; 0: never.
    pub(super) mortal: Cell<u64>,
    pub(super) dead: Cell<bool>,
    /// The clock it read last.
    pub(super) saw: Cell<u64>,
}

impl<'a> Worker<'a> {
    const fn new(stage: &'a Stage, id: u32) -> Self {
        Self {
            stage,
            id,
            mortal: Cell::new(0),
            dead: Cell::new(false),
            saw: Cell::new(0),
        }
    }

    /// Waits for this worker's turn, acts, and gives the turn away.
    fn act<T>(
        &self,
        action: impl FnOnce(&mut Scene) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let mut scene = self.stage.scene();
        while scene.turn != self.id {
            scene = self
                .stage
                .cue
                .wait(scene)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if self.mortal.get() > 0 && draw::<u64>(&mut scene.seed, self.mortal.get()) == 0 {
            self.dead.set(true);
        }
        let done = if self.dead.get() {
            Err(HostError::Refused)
        } else {
            action(&mut scene)
        };
        scene.pass();
        self.stage.cue.notify_all();
        done
    }
}

impl Host for Worker<'_> {
    fn now(&self) -> u64 {
        let now = self.act(|scene| Ok(scene.clock));
        self.saw.set(now.unwrap_or(self.saw.get()));
        self.saw.get()
    }

    fn random(&self) -> u64 {
        self.act(|scene| Ok(draw(&mut scene.seed, u64::MAX)))
            .unwrap_or_default()
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.act(|scene| {
            let found = scene.data.get(key);
            Ok(found.map(|(value, version)| Shared {
                value: value.clone(),
                version: *version,
            }))
        })
    }

    fn set_shared(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), HostError> {
        self.act(|scene| {
            let current = scene.data.get(key);
            let holds = match expect {
                Expect::Absent => current.is_none(),
                Expect::Any => true,
                Expect::Version(version) => current.is_none_or(|(_, current)| *current == version),
            };
            if !holds {
                return Err(HostError::Conflict);
            }
            let old = current.map_or(Vec::new(), |(value, _)| value.clone());
            scene.version += 1;
            scene
                .data
                .insert(key.to_owned(), (value.to_vec(), scene.version));
            scene.audit(key, &old, value);
            Ok(())
        })
    }

    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError> {
        let Wake {
            context,
            generation,
            ..
        } = Wake::decode(message).unwrap();
        self.act(|scene| {
            scene.woken.push((generation, Waiter { queue, context }));
            Ok(())
        })
    }

    fn call(&self, _: &crate::host::Callout<'_>) -> Result<crate::host::CallId, HostError> {
        Err(HostError::Refused)
    }

    fn resolve_queue(&self, _: &str) -> Result<Option<QueueId>, HostError> {
        Ok(None)
    }
}

const STORED: u8 = 2;

impl Scene {
    fn pass(&mut self) {
        self.clock += draw::<u64>(&mut self.seed, self.tempo);
        if !self.cast.is_empty() {
            let next: usize = draw(&mut self.seed, self.cast.len().try_into().unwrap());
            self.turn = self.cast[next];
        }
    }

    /// Bytes of all answers.
    pub(super) fn stored(&self) -> u64 {
        let slots = self
            .data
            .range("sluice/1/s/".to_owned().."sluice/1/s0".to_owned());
        slots
            .filter(|(_, (value, _))| value.first() == Some(&STORED))
            .map(|(_, (value, _))| u64::try_from(value.len()).unwrap())
            .sum()
    }
}
