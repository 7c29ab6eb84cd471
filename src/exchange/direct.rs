//! Attempts without a hop: the gateway's own router makes them at the provider's cluster, whose upstream filter lives them
//! (docs/attempts.md).
//!
//! The router reads in the filter state which cluster comes next. An upstream filter hears neither of the end of the call
//! nor of an access log, so the gateway ends the attempt whose answer was let go, and publishes the records of all.
//! Invariant: an attempt ends once, with its call or, if it has not answered, with its own stream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::attempt::Place;
use super::cx::{Cx, Edit, Ending, Event, Output};
use super::plan::Plan;
use super::planned::CALL;
use super::task::Task;
use crate::http::reply::Reply;
use crate::record::Record;

/// The filter state that names the plan to the attempts.
pub const CALL_STATE: &str = "sluice.call";
/// The filter state in which the route looks for the cluster of the next attempt.
pub const NEXT_STATE: &str = "sluice.next";

/// What a plan without a hop has more.
pub struct Direct {
    /// The gateway's stream.
    gateway: u32,
    /// The `content-length` of the request around the attempts.
    length: RefCell<Option<Vec<u8>>>,
    attempt: RefCell<Option<Rc<Task>>>,
    is_straight: Cell<bool>,
    records: RefCell<Vec<Record>>,
}

impl Direct {
    /// Of a call on that stream.
    pub fn new(gateway: u32) -> Self {
        Self {
            gateway,
            length: RefCell::default(),
            attempt: RefCell::default(),
            is_straight: Cell::new(false),
            records: RefCell::default(),
        }
    }

    /// An attempt begins, the one before it is over.
    pub fn attach(&self, attempt: &Rc<Task>, place: Place) {
        self.is_straight.set(place == Place::Cluster);
        self.attempt.replace(Some(Rc::clone(attempt)));
    }

    /// Keeps a record until the end of the call; it is counted then, too.
    pub fn keep(&self, record: Record) {
        self.records.borrow_mut().push(record);
    }

    /// The call goes out with this `content-length`.
    pub fn begin(&self, cx: &Cx, plan: &Plan, length: Option<Vec<u8>>) {
        self.length.replace(length);
        cx.set_state(self.gateway, CALL_STATE, plan.id.clone());
        plan.lead(cx);
    }

    /// The call is over, and with it the attempt under way; all records go out.
    pub fn end(&self, cx: &Cx, ending: Ending) {
        let attempt = self.attempt.take();
        if let Some(attempt) = &attempt {
            attempt.on(Event::Done(ending));
        }
        let outputs = attempt.map(|attempt| attempt.cx.take_outputs());
        for output in outputs.into_iter().flatten() {
            if let Output::Complain(text) = output {
                cx.complain(text);
            }
        }
        for record in self.records.take() {
            cx.publish(record);
        }
    }

    /// What sends the next attempt over the hop, whatever the one before it did to the head.
    pub fn hop_edits(&self, plan: &Plan) -> [Edit; 2] {
        let name = "content-length".into();
        let length = match self.length.borrow().clone() {
            Some(length) => Edit::Set(name, length),
            None => Edit::Remove(name),
        };
        [Edit::Set(CALL.into(), plan.id.clone().into_bytes()), length]
    }

    /// No attempt can follow a plan that is forgotten.
    pub fn forget(&self) {
        self.attempt.take();
    }
}

impl Plan {
    /// Tells the router where the next attempt is made: what may not go straight goes over the hop.
    pub fn lead(&self, cx: &Cx) {
        if let Some(direct) = &self.direct {
            let hop = || self.caller.config.attempt_cluster.clone();
            let cluster = self.straight(cx).or_else(hop).unwrap_or_default();
            cx.set_state(direct.gateway, NEXT_STATE, cluster);
        }
    }

    /// Whether the attempt under way was made without the hop: no cut of its answer can be told.
    pub fn is_straight(&self) -> bool {
        let direct = self.direct.as_ref();
        direct.is_some_and(|direct| direct.is_straight.get())
    }

    /// What the client is told by an attempt that finds no step left.
    pub fn part(&self, cx: &Cx, reply: Reply) {
        self.tell(reply);
        self.lead(cx);
    }
}
