//! What a call may try, one after the other: steps, and routes that lead to steps.
//!
//! Invariant: what cannot be sent is recorded, and never keeps what stands behind it from being tried.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::call::Call;
use super::cx::{Cx, Ending};
use super::route::Route;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::http::reply::Reply;
use crate::http::room::Held;
use crate::policy::dynamic_route::count::{self, Account};
use crate::record::Record;

/// One provider to be asked, and everything that is known about it.
pub struct Step {
    /// The call of that provider.
    pub call: Call,
    /// The head as if this step alone had been called.
    pub head: HeaderList,
    /// The provider's body; `None`: the one that comes with each attempt.
    pub body: Option<Rc<Held>>,
    /// The record of the step.
    pub record: Record,
    /// Limits of a dynamic route that count what the step costs.
    pub accounts: Vec<Account>,
    /// Which attempt at this step is next or under way, from 1.
    pub attempt: u32,
}

/// What may be tried when everything before has failed.
pub enum Stage {
    /// This step, until it is taken.
    Step(Option<Box<Step>>),
    /// The models of a dynamic route, one after the other.
    Route(Box<Route>),
}

impl Step {
    /// The step is over: its cost is counted. Its record, which it has no more.
    pub(super) fn end(&mut self, cx: &Cx, ending: &Ending) -> Record {
        self.record.end(ending, cx.now());
        if let Some(cost) = self.record.own_cost() {
            for account in &self.accounts {
                count::charge(cx.host(), account, cost, |text| cx.complain(text));
            }
        }
        std::mem::take(&mut self.record)
    }
}

impl Stage {
    /// A step.
    pub fn step(step: Step) -> Self {
        Self::Step(Some(Box::new(step)))
    }
}

/// What comes after a failure.
pub struct Next {
    /// How long to wait first.
    pub wait: Duration,
    /// The step; `None`: the same again.
    pub step: Option<Box<Step>>,
}

impl Next {
    /// Another step, at once.
    pub(super) fn other(mut step: Box<Step>) -> Self {
        step.record.is_fallback = true;
        Self {
            wait: Duration::ZERO,
            step: Some(step),
        }
    }
}

/// What could not be sent, and its record.
pub struct Refused {
    /// Why.
    pub reject: Reject,
    /// What is known of it.
    pub record: Record,
}

impl Refused {
    /// It is the whole call that is refused: its record takes the place of the call's.
    pub(super) fn tell(self, record: &mut Record) -> Reject {
        *record = self.record;
        self.reject
    }
}

/// What has not been tried yet.
#[derive(Default)]
pub struct Stages {
    left: RefCell<VecDeque<Stage>>,
    /// Records of what was refused on the way to the latest step.
    refused: RefCell<Vec<Record>>,
}

impl Stages {
    /// These, in their order.
    pub fn new(stages: impl IntoIterator<Item = Stage>) -> Self {
        Self {
            left: RefCell::new(stages.into_iter().collect()),
            refused: RefCell::default(),
        }
    }

    /// The next step. What is refused on the way there is [noted](Self::note).
    ///
    /// # Errors
    /// There is none: what was refused last.
    pub fn next(&self, cx: &Cx) -> Result<Option<Box<Step>>, Box<Refused>> {
        let mut left = self.left.borrow_mut();
        let mut last: Option<Box<Refused>> = None;
        while let Some(stage) = left.front_mut() {
            let found = match stage {
                Stage::Step(step) => Ok(step.take()),
                Stage::Route(route) => route.next(cx),
            };
            let before = match &found {
                Ok(None) => None,
                Ok(Some(_)) | Err(_) => last.take(),
            };
            if let Some(before) = before {
                self.note(cx, *before);
            }
            match found {
                Ok(Some(step)) => return Ok(Some(step)),
                Ok(None) => drop(left.pop_front()),
                Err(refused) => last = Some(refused),
            }
        }
        last.map_or(Ok(None), Err)
    }

    /// The last step that there is; nothing is left after it. What is refused behind it is [noted](Self::note).
    pub fn last(&self, cx: &Cx) -> Option<Box<Step>> {
        let mut left = self.left.take();
        while let Some(stage) = left.pop_back() {
            self.left.replace(VecDeque::from([stage]));
            let found = self.next(cx);
            self.left.take();
            match found {
                Ok(Some(step)) => return Some(step),
                Ok(None) => {}
                Err(refused) => drop(self.note(cx, *refused)),
            }
        }
        None
    }

    /// Nothing is left.
    pub fn clear(&self) {
        self.left.take();
    }

    /// Whether anything is left but what is under way.
    pub fn is_left(&self) -> bool {
        let left = self.left.borrow();
        left.iter().any(|stage| match stage {
            Stage::Step(step) => step.is_some(),
            Stage::Route(route) => route.has_rest(),
        })
    }

    /// Notes a refusal. The answer that tells of it.
    pub fn note(&self, cx: &Cx, refused: Refused) -> Reply {
        let Refused { reject, mut record } = refused;
        record.refuse(&reject);
        record.end(&Ending::default(), cx.now());
        let reply = reject.reply(record.identity());
        self.refused.borrow_mut().push(record);
        reply
    }

    /// The records of the refusals, in their order.
    pub fn take_refused(&self) -> Vec<Record> {
        self.refused.take()
    }
}
