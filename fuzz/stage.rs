//! Workers that share data: between any two host calls of one, another may act, the host may refuse, time may pass.
//!
//! What happens is in a script of bytes, so that it happens again in the same way. A worker is a virtual machine: while
//! one of its operations is under way it begins no other, so that operations lie within each other, one per worker.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use sluice::host::fake::FakeHost;
use sluice::host::{CallId, Callout, Expect, Host, HostError, QueueId, Shared};

use crate::script::Script;

/// Shared data, and what may happen on the way to it.
pub(crate) struct Stage<'a> {
    pub(crate) host: FakeHost,
    script: RefCell<Script<'a>>,
    /// Whether the host may refuse a call.
    pub(crate) is_faulty: bool,
    /// Whether each worker is in the middle of an operation.
    busy: [Cell<bool>; WORKERS],
}

/// Workers on a stage.
const WORKERS: usize = 3;

/// What a worker does when it is its turn.
pub(crate) trait Cast {
    fn act(&self, worker: usize);
}

impl<'a> Stage<'a> {
    pub(crate) fn new(script: &'a [u8], is_faulty: bool) -> Self {
        Self {
            host: FakeHost::new(&[0, 1, 2]),
            script: RefCell::new(Script::new(script)),
            is_faulty,
            busy: Default::default(),
        }
    }

    /// A number below `limit` from the script; 0 at its end.
    pub(crate) fn draw(&self, limit: u8) -> u8 {
        self.script.borrow_mut().below(limit)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.script.borrow().is_over()
    }

    /// Lets a worker act that is not in the middle of something.
    pub(crate) fn turn(&self, cast: &impl Cast) {
        let first = usize::from(self.draw(3));
        let order = (0..WORKERS).map(|step| (first + step) % WORKERS);
        for worker in order {
            let Some(busy) = self.busy.get(worker).filter(|busy| !busy.get()) else {
                continue;
            };
            busy.set(true);
            cast.act(worker);
            busy.set(false);
            return;
        }
    }
}

/// The host as an operation of the cast sees it.
pub(crate) struct View<'s, 'a, C> {
    pub(crate) stage: &'s Stage<'a>,
    pub(crate) cast: &'s C,
}

impl<C: Cast> View<'_, '_, C> {
    /// Before a host call.
    fn enter(&self) {
        if self.stage.is_over() {
            return;
        }
        match self.stage.draw(32) {
            0..=3 => self.stage.turn(self.cast),
            4 => self.stage.host.advance(Duration::from_millis(700)),
            5 if self.stage.is_faulty => self.stage.host.fail_at.set(Some(0)),
            _ => {}
        }
    }
}

impl<C: Cast> Host for View<'_, '_, C> {
    fn now(&self) -> u64 {
        self.stage.host.now()
    }

    fn random(&self) -> u64 {
        self.stage.host.random()
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.enter();
        self.stage.host.shared(key)
    }

    fn set_shared(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), HostError> {
        self.enter();
        self.stage.host.set_shared(key, value, expect)
    }

    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError> {
        self.enter();
        self.stage.host.enqueue(queue, message)
    }

    fn call(&self, call: &Callout<'_>) -> Result<CallId, HostError> {
        self.stage.host.call(call)
    }

    fn resolve_queue(&self, name: &str) -> Result<Option<QueueId>, HostError> {
        self.stage.host.resolve_queue(name)
    }
}
