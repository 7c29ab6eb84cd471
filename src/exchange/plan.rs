//! A call that may need several attempts: its steps, the attempt that comes next, and what it may still spend.
//!
//! The gateway makes the plan, each attempt lives one step of it, and both find it in [`Calls`](super::calls::Calls).
//! Invariant: a step is in one pair of hands, the plan's or an attempt's, so its record is made once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use super::call::Call;
use super::caller::Caller;
use super::cx::{Cx, Ending};
use super::direct::Direct;
use super::keys::Keys;
use super::passage::Passage;
use super::route::Route;
use crate::config::StreamErrors;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::http::reply::Reply;
use crate::policy::dynamic_route::count::{self, Account};
use crate::policy::rate_limit;
use crate::policy::retry::{self, Advice, Budget, Failure, Retry, Turn};
use crate::record::Record;

/// One provider to be asked, and everything that is known about it.
pub struct Step {
    /// The call of that provider.
    pub call: Call,
    /// The head as if this step alone had been called.
    pub head: HeaderList,
    /// The provider's body; `None`: the one that comes with each attempt.
    pub body: Option<Vec<u8>>,
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
    /// The step is over: its cost is counted. Its record, if one is wanted.
    fn end(&mut self, cx: &Cx, ending: &Ending) -> Option<String> {
        self.record.end(ending, cx.now());
        if let Some(cost) = self.record.own_cost() {
            for account in &self.accounts {
                count::charge(cx.host(), account, cost, |text| cx.complain(text));
            }
        }
        let record = &self.record;
        record.is_collected().then(|| record.to_json())
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

/// A call and its attempts.
pub struct Plan {
    /// Names the plan among the calls of the virtual machine.
    pub id: String,
    /// Who calls.
    pub caller: Caller,
    rest: RefCell<VecDeque<Stage>>,
    next: RefCell<Option<Box<Step>>>,
    budget: Cell<Budget>,
    /// The next attempt does not begin before this moment, nanoseconds since the epoch.
    pub not_before: Cell<u64>,
    /// The way of the answer to the client.
    pub passage: Passage,
    is_counted: Cell<bool>,
    is_tried: Cell<bool>,
    /// What the client is told when there is no step left.
    pub(super) parting: RefCell<Option<Reply>>,
    /// What it has more where attempts may go straight to their providers.
    pub direct: Option<Direct>,
}

impl Plan {
    /// A plan with these stages; the first one that leads anywhere is next.
    ///
    /// # Errors
    /// None leads anywhere.
    pub fn new(
        cx: &Cx,
        id: &str,
        caller: Caller,
        stages: impl IntoIterator<Item = Stage>,
    ) -> Result<Self, Reject> {
        let budget = Budget::begin(cx.now(), &caller.gateway.retry);
        let plan = Self {
            id: id.to_owned(),
            caller,
            rest: RefCell::new(stages.into_iter().collect()),
            next: RefCell::default(),
            budget: Cell::new(budget),
            not_before: Cell::new(0),
            passage: Passage::default(),
            is_counted: Cell::new(false),
            is_tried: Cell::new(false),
            parting: RefCell::default(),
            direct: cx.worker.config.direct_attempts.then(|| Direct::new(cx.id)),
        };
        let first = plan.other(cx)?.ok_or(Reject::Unreachable)?;
        plan.put(first);
        Ok(plan)
    }

    /// Hands the next step to an attempt. With it, the time to the first part of its answer.
    pub fn take(&self) -> Option<(Box<Step>, Option<Duration>)> {
        let step = self.next.take()?;
        let timeout = self.timeout(&step);
        self.is_tried.set(true);
        Some((step, timeout))
    }

    fn timeout(&self, step: &Step) -> Option<Duration> {
        step.call.retry.timeout(Turn {
            attempt: step.attempt,
            has_next: self.has_rest(),
            is_first: !self.is_tried(),
        })
    }

    /// The cluster of the next attempt, if it can go straight there: a time limit needs the hop's router, and so do a
    /// stored key that has a cluster of its own and a stream whose cut is to be told.
    pub fn straight(&self) -> Option<String> {
        let next = self.next.borrow();
        let step = next.as_ref().filter(|step| self.timeout(step).is_none())?;
        let may_turn = step.call.keys.as_ref().is_some_and(Keys::may_turn);
        let is_told = self.caller.gateway.stream_errors == StreamErrors::All;
        (!may_turn && !is_told).then(|| step.call.cluster.clone())
    }

    /// Whether a step waits for an attempt.
    pub fn has_next(&self) -> bool {
        self.next.borrow().is_some()
    }

    /// The answer where no step is left.
    pub fn parting(&self) -> Reply {
        let parting = self.parting.take();
        parting.unwrap_or_else(|| Reject::Unreachable.reply(Vec::new()))
    }

    /// The step is over: its record goes out, or is kept until all go out together.
    pub fn close(&self, cx: &Cx, step: &mut Step, ending: &Ending) {
        if let Some(record) = step.end(cx, ending) {
            match &self.direct {
                Some(direct) => direct.keep(record),
                None => cx.publish(record),
            }
        }
    }

    /// Gives the next attempt its step.
    pub fn put(&self, step: Box<Step>) {
        self.next.replace(Some(step));
    }

    /// Whether an attempt was ever made.
    pub const fn is_tried(&self) -> bool {
        self.is_tried.get()
    }

    /// The record of the call, if no attempt has made it: none was made, or none is going to end the step.
    pub fn reclaim(&self) -> Option<Record> {
        let is_begun = |step: &Step| !self.is_tried() || step.attempt > 1;
        let step = self.next.take();
        step.filter(|step| is_begun(step)).map(|step| step.record)
    }

    /// The record of the step that the proxy has not led to an attempt.
    pub fn unmet(&self) -> Option<Record> {
        if self.direct.is_none() {
            return self.reclaim();
        }
        self.next.take().map(|step| step.record)
    }

    /// Counts the call against the gateway's limit, once for all its attempts.
    pub fn count(&self, cx: &Cx) -> Result<(), Reject> {
        if self.is_counted.replace(true) {
            return Ok(());
        }
        rate_limit::admit(cx, &self.caller.gateway)
    }

    /// Whether anything could follow this failure.
    pub fn may_go_on(
        &self,
        (attempt, retry): (u32, &Retry),
        failure: Failure,
        advice: Advice,
    ) -> bool {
        let verdict = retry::judge(&self.caller.gateway.retry, failure, advice);
        let retries = verdict.retries && attempt < retry.attempts;
        retries || (verdict.falls_through && self.has_rest())
    }

    /// What follows this failure, if anything does; it is taken from what the call may spend.
    pub fn advance(
        &self,
        cx: &Cx,
        (attempt, retry): (u32, &Retry),
        failure: Failure,
        advice: Advice,
    ) -> Result<Option<Next>, Reject> {
        let settings = &self.caller.gateway.retry;
        let verdict = retry::judge(settings, failure, advice);
        let next = attempt.saturating_add(1);
        let wait = retry
            .wait_before(next, advice.wait, settings.after_cap)
            .filter(|_| verdict.retries && attempt < retry.attempts);
        if let Some(wait) = wait
            && self.spend(cx, wait)
        {
            return Ok(Some(Next { wait, step: None }));
        }
        if !verdict.falls_through || !self.spend(cx, Duration::ZERO) {
            return Ok(None);
        }
        let step = self.other(cx)?;
        Ok(step.map(|step| Next {
            wait: Duration::ZERO,
            step: Some(step),
        }))
    }

    fn spend(&self, cx: &Cx, wait: Duration) -> bool {
        let mut budget = self.budget.get();
        let is_enough = budget.take(cx.now(), wait);
        self.budget.set(budget);
        is_enough
    }

    /// The next step of the rest.
    fn other(&self, cx: &Cx) -> Result<Option<Box<Step>>, Reject> {
        let mut rest = self.rest.borrow_mut();
        while let Some(stage) = rest.front_mut() {
            let found = match stage {
                Stage::Step(step) => step.take(),
                Stage::Route(route) => route.next(cx)?,
            };
            if found.is_some() {
                return Ok(found);
            }
            rest.pop_front();
        }
        Ok(None)
    }

    /// Whether anything is left but what is under way.
    fn has_rest(&self) -> bool {
        let rest = self.rest.borrow();
        rest.iter().any(|stage| match stage {
            Stage::Step(step) => step.is_some(),
            Stage::Route(route) => route.has_rest(),
        })
    }
}
