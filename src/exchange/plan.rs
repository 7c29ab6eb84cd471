//! A call that may need several attempts: its steps, the attempt that comes next, and what it may still spend.
//!
//! The gateway makes the plan, each attempt lives one step of it, and both find it in [`Calls`](super::calls::Calls).
//! Invariant: a step is in one pair of hands, the plan's or an attempt's, so its record is made once.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::caller::Caller;
use super::cx::{Cx, Ending};
use super::direct::Direct;
use super::keys::Keys;
use super::passage::Passage;
use super::stage::Stages;
use crate::config::StreamErrors;
use crate::http::header::Name;
use crate::http::reject::Reject;
use crate::http::reply::Reply;
use crate::policy::rate_limit;
use crate::policy::retry::{self, Advice, Budget, Failure, Retry, Turn};
use crate::record::Record;

pub use super::stage::{Next, Refused, Stage, Step};

/// An attempt is given up so much after the call's time is over: Envoy's clock may be a little fast.
const GRACE: Duration = Duration::from_millis(10);

/// A call and its attempts.
pub struct Plan {
    /// Names the plan among the calls of the virtual machine.
    pub id: String,
    /// Who calls.
    pub caller: Caller,
    rest: Stages,
    next: RefCell<Option<Box<Step>>>,
    budget: Cell<Budget>,
    /// The next attempt does not begin before this moment, nanoseconds since the epoch.
    pub not_before: Cell<u64>,
    /// The way of the answer to the client.
    pub passage: Passage,
    is_counted: Cell<bool>,
    has_come: Cell<bool>,
    is_tried: Cell<bool>,
    is_over: Cell<bool>,
    /// The response headers that name the step of the latest attempt.
    identity: RefCell<Vec<(Name, String)>>,
    /// What the client is told when there is no step left.
    parting: RefCell<Option<Reply>>,
    /// What it has more where attempts may go straight to their providers.
    pub direct: Option<Direct>,
}

impl Plan {
    /// A plan with these stages; the first one that leads anywhere is next.
    ///
    /// # Errors
    /// None leads anywhere: the last refusal.
    pub fn new(
        cx: &Cx,
        id: &str,
        caller: Caller,
        stages: impl IntoIterator<Item = Stage>,
    ) -> Result<Self, Box<Refused>> {
        let budget = Budget::begin(cx.now(), &caller.gateway.retry);
        let plan = Self {
            id: id.to_owned(),
            caller,
            rest: Stages::new(stages),
            next: RefCell::default(),
            budget: Cell::new(budget),
            not_before: Cell::new(0),
            passage: Passage::default(),
            is_counted: Cell::new(false),
            has_come: Cell::new(false),
            is_tried: Cell::new(false),
            is_over: Cell::new(false),
            identity: RefCell::default(),
            parting: RefCell::default(),
            direct: cx.worker.config.direct_attempts.then(|| Direct::new(cx.id)),
        };
        let first = plan.rest.next(cx);
        for record in plan.rest.take_refused() {
            cx.publish(record);
        }
        let nowhere = || Refused {
            reject: Reject::Unreachable,
            record: Record::begin(cx.host()),
        };
        plan.put(first?.ok_or_else(nowhere)?);
        Ok(plan)
    }

    /// Hands the next step to an attempt. With it, the time to the first part of its answer that it is to have.
    pub fn take(&self) -> Option<(Box<Step>, Option<Duration>)> {
        let step = self.next.take()?;
        let timeout = self.timeout(&step);
        self.is_tried.set(true);
        self.identity.replace(step.record.identity());
        Some((step, timeout))
    }

    /// How long the attempt that is let go now may be waited for, over the hop: while a step is left, at most the call's time.
    pub fn limit(&self, cx: &Cx, timeout: Option<Duration>) -> Option<Duration> {
        let left = self
            .rest
            .is_left()
            .then(|| self.budget.get().remaining(cx.now()).saturating_add(GRACE));
        timeout.into_iter().chain(left).min()
    }

    fn timeout(&self, step: &Step) -> Option<Duration> {
        step.call.retry.timeout(Turn {
            attempt: step.attempt,
            has_next: self.rest.is_left(),
            is_first: !self.is_tried(),
        })
    }

    /// The cluster of the next attempt, if it can go straight there: a time limit needs the hop's router, and so do a
    /// stored key that has a cluster of its own and a stream whose cut is to be told. A cluster in which the role was never
    /// seen would send on what the attempt before it was sent with.
    pub fn straight(&self, cx: &Cx) -> Option<String> {
        let next = self.next.borrow();
        let step = next.as_ref().filter(|step| self.timeout(step).is_none())?;
        let may_turn = step.call.keys.as_ref().is_some_and(Keys::may_turn);
        let is_told = self.caller.gateway.stream_errors == StreamErrors::All;
        let has_role = cx.worker.calls.has_role(&step.call.cluster);
        (has_role && !may_turn && !is_told).then(|| step.call.cluster.clone())
    }

    /// Whether a step waits for an attempt.
    pub fn has_next(&self) -> bool {
        self.next.borrow().is_some()
    }

    /// Notes the answer for where no step is left.
    pub fn tell(&self, parting: Reply) {
        self.parting.replace(Some(parting));
    }

    /// The answer for where no step is left; it names the step of the latest attempt.
    pub fn parting(&self) -> Reply {
        let parting = self.parting.borrow().clone();
        parting.unwrap_or_else(|| Reject::Unreachable.reply(self.identity.borrow().clone()))
    }

    /// The call is over: no attempt takes a step any more.
    pub fn end(&self) {
        self.is_over.set(true);
    }

    /// Whether the call is over.
    pub const fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// The step is over: its record goes out, or is kept until all go out together. So do those of what was refused after
    /// it.
    pub fn close(&self, cx: &Cx, step: &mut Step, ending: &Ending) {
        let own = step.end(cx, ending);
        for record in std::iter::once(own).chain(self.rest.take_refused()) {
            match &self.direct {
                Some(direct) => direct.keep(record),
                None => cx.publish(record),
            }
        }
    }

    /// Notes a refusal, for when the step under way is [closed](Self::close). The answer that tells of it.
    pub fn refuse(&self, cx: &Cx, refused: Refused) -> Reply {
        self.rest.note(cx, refused)
    }

    /// Nothing follows the attempt under way: what would have is held no longer.
    pub fn let_go(&self) {
        self.rest.clear();
    }

    /// Gives the next attempt its step.
    pub fn put(&self, step: Box<Step>) {
        self.next.replace(Some(step));
    }

    /// The gateway's router has the whole request.
    pub fn come(&self) {
        self.has_come.set(true);
    }

    /// Whether the router can ask again: Envoy repeats only what it has seen the end of; nobody waits for that for ever.
    pub fn may_repeat(&self, cx: &Cx) -> bool {
        self.has_come.get() || self.budget.get().remaining(cx.now()).is_zero()
    }

    /// Whether an attempt was ever made.
    pub const fn is_tried(&self) -> bool {
        self.is_tried.get()
    }

    /// Takes the record that no attempt is going to end: of the first step if none was made, or of a step that was tried and
    /// would have been again.
    pub fn take_unended(&self) -> Option<Record> {
        let is_begun = |step: &Step| !self.is_tried() || step.attempt > 1;
        let step = self.next.take();
        step.filter(|step| is_begun(step)).map(|step| step.record)
    }

    /// Takes the record of the step that the proxy has led to a place where no attempt was made: where attempts go straight
    /// to their clusters, that may be any step.
    pub fn take_unmade(&self) -> Option<Record> {
        if self.direct.is_none() {
            return self.take_unended();
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
        retries || (verdict.falls_through && self.rest.is_left())
    }

    /// What follows this failure, if anything does; it is taken from what the call may spend.
    ///
    /// # Errors
    /// Nothing follows, for a limit stands before it: that is the answer. What cannot be called otherwise is as good as not
    /// there, and the answer that failed stands.
    pub fn advance(
        &self,
        cx: &Cx,
        (attempt, retry): (u32, &Retry),
        failure: Failure,
        advice: Advice,
    ) -> Result<Option<Next>, Box<Refused>> {
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
        if !verdict.falls_through {
            return Ok(None);
        }
        let found = if self.spend(cx, Duration::ZERO) {
            self.rest.next(cx)
        } else {
            Ok(self.last(cx))
        };
        let step = match found {
            Err(refused) if !matches!(refused.reject, Reject::RateLimited(_)) => {
                self.refuse(cx, *refused);
                None
            }
            found => found?,
        };
        Ok(step.map(Next::other))
    }

    /// The last step of all, for one attempt that is waited for, if all that the call lacks is time.
    fn last(&self, cx: &Cx) -> Option<Box<Step>> {
        let mut budget = self.budget.get();
        if !budget.take_last(cx.now()) {
            return None;
        }
        self.budget.set(budget);
        let mut step = self.rest.last(cx)?;
        step.call.retry.attempts = 1;
        Some(step)
    }

    fn spend(&self, cx: &Cx, wait: Duration) -> bool {
        let mut budget = self.budget.get();
        let is_enough = budget.take(cx.now(), wait);
        self.budget.set(budget);
        is_enough
    }
}
