//! Several workers on real threads, of which the seed lets exactly one make its next host call.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::host::{Expect, Host, HostError, QueueId, Shared};

/// SplitMix64.
pub(super) fn draw(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % below
}

pub(super) struct Stage {
    scene: Mutex<Scene>,
    cue: Condvar,
}

pub(super) struct Scene {
    pub(super) data: BTreeMap<String, (Vec<u8>, u32)>,
    pub(super) clock: u64,
    /// The largest step of the clock between two host calls, nanoseconds.
    tempo: u64,
    version: u32,
    seed: u64,
    /// Workers that have not finished, and the one whose turn it is.
    cast: Vec<u32>,
    turn: u32,
}

impl Stage {
    pub(super) fn new(seed: u64, tempo: u64) -> Self {
        let scene = Scene {
            data: BTreeMap::new(),
            clock: 1_790_000_000_000_000_000,
            tempo,
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
        let play = &play;
        let enter = |id| {
            let worker = Worker {
                stage: self,
                id,
                saw: Cell::new(0),
            };
            let _exit = Exit(&worker);
            play(&worker)
        };
        let enter = &enter;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|id| scope.spawn(move || enter(id)))
                .collect();
            let reports = threads.into_iter().map(|thread| thread.join().unwrap());
            reports.collect()
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
    stage: &'a Stage,
    pub(super) id: u32,
    saw: Cell<u64>,
}

impl Worker<'_> {
    /// Waits for this worker's turn, acts, and gives the turn away.
    fn act<T>(&self, action: impl FnOnce(&mut Scene) -> T) -> T {
        let mut scene = self.stage.scene();
        while scene.turn != self.id {
            let woken = self.stage.cue.wait(scene);
            scene = woken.unwrap_or_else(PoisonError::into_inner);
        }
        let done = action(&mut scene);
        scene.pass();
        self.stage.cue.notify_all();
        done
    }
}

impl Scene {
    fn pass(&mut self) {
        self.clock += draw(&mut self.seed, self.tempo);
        let cast = u64::try_from(self.cast.len()).unwrap();
        if cast > 0 {
            self.turn = self.cast[usize::try_from(draw(&mut self.seed, cast)).unwrap()];
        }
    }
}

impl Host for Worker<'_> {
    fn now(&self) -> u64 {
        self.saw.set(self.act(|scene| scene.clock));
        self.saw.get()
    }

    fn random(&self) -> u64 {
        self.act(|scene| draw(&mut scene.seed, u64::MAX))
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
            let current = scene.data.get(key).map(|(_, version)| *version);
            let holds = match expect {
                Expect::Absent => current.is_none(),
                Expect::Any => true,
                Expect::Version(version) => current.is_none_or(|current| current == version),
            };
            if !holds {
                return Err(HostError::Conflict);
            }
            scene.version += 1;
            let value = (value.to_vec(), scene.version);
            scene.data.insert(key.to_owned(), value);
            Ok(())
        })
    }

    fn enqueue(&self, _: QueueId, _: &[u8]) -> Result<(), HostError> {
        Err(HostError::Refused)
    }

    fn call(&self, _: &crate::host::Callout<'_>) -> Result<crate::host::CallId, HostError> {
        Err(HostError::Refused)
    }

    fn resolve_queue(&self, _: &str) -> Result<Option<QueueId>, HostError> {
        Ok(None)
    }
}
