//! The streams that sleep with a deadline, and the clock of their worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proxy_wasm::hostcalls;

use super::live::{Live, Side, heed};
use crate::exchange::cx::Event;

/// The streams of a worker that want to be called again without an event of their own.
#[derive(Default)]
pub(super) struct Sleepers {
    streams: RefCell<std::collections::BTreeMap<u32, Rc<Live>>>,
    ticking: Cell<bool>,
}

/// How often deadlines are looked at.
const TICK: std::time::Duration = std::time::Duration::from_millis(10);

impl Sleepers {
    /// Notes whether the stream sleeps with a deadline; the clock of the worker runs only while one does.
    pub(super) fn note(&self, live: &Rc<Live>) {
        let sleeps = live.task.cx.deadline().is_some();
        if live.noted.replace(sleeps) == sleeps {
            return;
        }
        let id = live.task.cx.id;
        if !sleeps {
            self.forget(id);
            return;
        }
        self.streams.borrow_mut().insert(id, Rc::clone(live));
        if !self.ticking.replace(true) {
            heed(hostcalls::set_tick_period(TICK));
        }
    }

    /// The stream is over or does not sleep.
    pub(super) fn forget(&self, id: u32) {
        self.streams.borrow_mut().remove(&id);
    }

    /// The stream with this number, if it sleeps.
    pub(super) fn find(&self, id: u32) -> Option<Rc<Live>> {
        self.streams.borrow().get(&id).cloned()
    }

    /// The streams whose deadline has passed.
    pub(super) fn due(&self, now: u64) -> Vec<Rc<Live>> {
        let streams = self.streams.borrow();
        if streams.is_empty() && self.ticking.replace(false) {
            heed(hostcalls::set_tick_period(std::time::Duration::ZERO));
        }
        let due = |live: &&Rc<Live>| live.task.cx.deadline().is_some_and(|at| at <= now);
        streams.values().filter(due).cloned().collect()
    }

    /// Calls a sleeping stream from a root callback: only there, since the SDK's maps are borrowed in a stream's own.
    pub(super) fn call(&self, live: &Rc<Live>, event: Event) {
        let id = live.task.cx.id;
        if hostcalls::set_effective_context(id).is_ok() {
            live.on(Side::Other, event);
            self.note(live);
        }
    }
}
