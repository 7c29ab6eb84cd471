//! The streams of a worker that sleep, and its clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proxy_wasm::hostcalls;

use super::live::{Live, Side, heed};
use super::ship;
use crate::exchange::cx::Event;
use crate::host::Host;

/// The streams of a worker that want to be called again without an event of their own.
#[derive(Default)]
pub(super) struct Sleepers {
    streams: RefCell<std::collections::BTreeMap<u32, Rc<Live>>>,
    ticking: Cell<bool>,
    /// Whether the plugin is on its way out: its clock has stopped.
    leaves: Cell<bool>,
    /// Whether deadlines are breaks in long work, to be taken in turns.
    hurried: Cell<bool>,
}

/// How often deadlines are looked at.
const TICK: std::time::Duration = std::time::Duration::from_millis(10);
/// The same where work goes on at each of them.
const SHORT_TICK: std::time::Duration = std::time::Duration::from_millis(1);

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
        self.tick();
    }

    /// What is over is counted and sent by the next tick.
    pub(super) fn ship(&self, host: &dyn Host) {
        if ship::is_empty() {
            return;
        }
        if self.leaves.get() {
            ship::flush(host);
        } else {
            self.tick();
        }
    }

    /// The streams are those of a console.
    pub(super) fn hurry(&self) {
        self.hurried.set(true);
    }

    /// No tick comes any more.
    pub(super) fn leave(&self) {
        self.leaves.set(true);
    }

    fn tick(&self) {
        if !self.ticking.replace(true) {
            let tick = if self.hurried.get() { SHORT_TICK } else { TICK };
            heed(hostcalls::set_tick_period(tick));
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

    /// The streams whose deadline has passed. The clock goes on while there are others, or exchanges that are over wait.
    pub(super) fn due(&self, now: u64) -> Vec<Rc<Live>> {
        let streams = self.streams.borrow();
        if streams.is_empty() && ship::is_empty() && self.ticking.replace(false) {
            heed(hostcalls::set_tick_period(std::time::Duration::ZERO));
        }
        let due = |live: &&Rc<Live>| live.task.cx.deadline().is_some_and(|at| at <= now);
        let due = streams.values().filter(due).cloned();
        if self.hurried.get() {
            // The one that has waited longest: a tick is one slice of work, however many there are.
            let longest = due.min_by_key(|live| live.task.cx.deadline());
            return longest.into_iter().collect();
        }
        due.collect()
    }

    /// Calls a sleeping stream from a root callback: only there, since the SDK's maps are borrowed in a stream's own.
    pub(super) fn call(&self, live: &Rc<Live>, event: Event) {
        let id = live.task.cx.id;
        if hostcalls::set_effective_context(id).is_ok() {
            live.on(Side::Other, event);
            self.note(live);
            self.ship(live.task.cx.host());
        }
    }
}
