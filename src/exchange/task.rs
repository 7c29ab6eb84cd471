//! The executor: one future per stream, polled after each event.
//!
//! Invariant: a poll happens only right after an event was delivered, so there is nothing to wake and the waker does
//! nothing. Dropping the task is cancellation.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use super::attempt::Place;
use super::cx::{Cx, Event, Worker};
use super::plan::Plan;

/// A stream and the function that lives its life.
pub struct Task {
    /// The stream.
    pub cx: Rc<Cx>,
    life: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl Task {
    /// Starts the life of a call on stream `id`.
    pub fn new(worker: Rc<Worker>, id: u32) -> Self {
        let cx = Rc::new(Cx::new(worker, id));
        let life = super::run(Rc::clone(&cx));
        Self::living(cx, life)
    }

    /// Starts the life of an attempt of a planned call on stream `id`.
    pub fn attempt(worker: Rc<Worker>, id: u32, (plan, place): (Rc<Plan>, Place)) -> Self {
        let cx = Rc::new(Cx::new(worker, id));
        let life = super::attempt::run(Rc::clone(&cx), plan, place);
        Self::living(cx, life)
    }

    /// Starts the life of a request to the control API on stream `id`.
    pub fn console(worker: Rc<Worker>, id: u32) -> Self {
        let cx = Rc::new(Cx::new(worker, id));
        let life = crate::console::run(Rc::clone(&cx));
        Self::living(cx, life)
    }

    fn living(cx: Rc<Cx>, life: impl Future<Output = ()> + 'static) -> Self {
        Self {
            cx,
            life: RefCell::new(Some(Box::pin(life))),
        }
    }

    /// Whether the life has come to its end.
    pub fn is_over(&self) -> bool {
        self.life.try_borrow().is_ok_and(|life| life.is_none())
    }

    /// Hands over one event and runs until the next wait.
    pub fn on(&self, event: Event) {
        // A host callback cannot come while another one of this stream runs; if one ever did, its event would be lost.
        let Ok(mut life) = self.life.try_borrow_mut() else {
            return;
        };
        if life.is_some() {
            self.cx.deliver(event);
        }
        let mut context = Context::from_waker(Waker::noop());
        if let Some(future) = life.as_mut()
            && future.as_mut().poll(&mut context).is_ready()
        {
            *life = None;
        }
    }
}
