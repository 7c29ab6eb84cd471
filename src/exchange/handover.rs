//! What becomes of a call whose attempt has failed: the step goes on to the next attempt, or is recorded.
//!
//! Invariant: what is let go with the mark has nothing of the provider's that could steer a router or speak in the gateway's
//! name, for the router may not ask again.

use std::time::Duration;

use super::attempt::Place;
use super::cx::{Cx, Edit, Ending, Event, Gate};
use super::plan::{Next, Plan, Step};
use super::planned::RETRY;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::policy::retry::{Advice, Failure};
use crate::record::Outcome;

/// How often it is looked whether the whole request has come, nanoseconds.
const LOOK: u64 = 10_000_000;

/// Marks an answer, so that the gateway's router asks again. Envoy: it does not heed the mark on an answer that has
/// `x-envoy-ratelimited`.
pub(super) fn mark(head: &HeaderList) -> Vec<Edit> {
    let steers = |name: &str| name.starts_with("x-envoy-") || name.starts_with("cf-aig-");
    let mut edits: Vec<_> = head
        .iter()
        .filter(|(name, _)| steers(name))
        .map(|(name, _)| Edit::Remove(name.to_owned().into()))
        .collect();
    edits.push(Edit::Set(RETRY.into(), b"1".to_vec()));
    edits
}

/// Waits with the failed answer in hand, then lets it go with the mark: the gateway's router makes the next attempt.
pub(super) async fn hand_over(
    cx: &Cx,
    plan: &Plan,
    mut step: Box<Step>,
    (next, mark): (Next, Vec<Edit>),
    place: Place,
) {
    let due = due(cx, next.wait);
    // Envoy: an upstream filter that holds an answer while the request goes on to its end takes the process down.
    let is_ready = || place == Place::Cluster || plan.may_repeat(cx);
    match pause(cx, due, is_ready).await {
        None => {
            pass_on(cx, plan, step, next.step);
            cx.release_response(mark);
            cx.done().await;
        }
        Some(ending) if ending.client_gone => {
            if next.step.is_none() {
                step.record.forget_answer();
            }
            step.record.outcome = Outcome::ClientGone;
            plan.close(cx, &mut step, &ending);
        }
        Some(_) => {
            plan.not_before.set(due);
            pass_on(cx, plan, step, next.step);
        }
    }
}

/// The attempt's stream is gone already.
pub(super) fn lost(cx: &Cx, plan: &Plan, step: Box<Step>, next: Next) {
    plan.not_before.set(due(cx, next.wait));
    pass_on(cx, plan, step, next.step);
}

/// Whether the connection to the provider has ended and the client still waits for an answer.
pub(super) fn is_lost(cx: &Cx, ending: &Ending) -> bool {
    !ending.client_gone && !cx.has_replied() && cx.response_gate() == Gate::Held
}

/// The gateway's router makes another attempt after each that was lost. When no step is left for it, it brings the
/// client the refusal.
pub(super) fn lose(cx: &Cx, plan: &Plan, mut step: Box<Step>) {
    let turn = (step.attempt, &step.call.retry);
    let next = plan.advance(cx, turn, Failure::NoAnswer, Advice::default());
    step.record.refuse(&Reject::Unreachable);
    if let Ok(Some(next)) = next {
        if next.step.is_none() {
            step.record.note_attempt(cx.now(), Failure::NoAnswer);
        }
        return lost(cx, plan, step, next);
    }
    let reply = match next {
        Err(refused) => plan.refuse(cx, *refused),
        Ok(_) => Reject::Unreachable.reply(step.record.identity()),
    };
    plan.close(cx, &mut step, &Ending::default());
    plan.part(cx, reply);
}

/// Holds the answer until then, and until it can be asked again. How the stream ended, if it did before.
async fn pause(cx: &Cx, due: u64, is_ready: impl Fn() -> bool) -> Option<Ending> {
    cx.want(false, false);
    while cx.now() < due || !is_ready() {
        let look = cx.now().saturating_add(LOOK);
        cx.set_deadline(Some(if cx.now() < due { due } else { look }));
        let event = cx.next().await;
        if let Event::ResponseBody { .. } = event {
            cx.discard_response();
        }
        if let Event::Done(ending) = event {
            return Some(ending);
        }
    }
    cx.set_deadline(None);
    None
}

fn due(cx: &Cx, wait: Duration) -> u64 {
    let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
    cx.now().saturating_add(wait)
}

/// Gives the plan the next attempt; a step that is not tried again is recorded, also when its call is over already.
fn pass_on(cx: &Cx, plan: &Plan, mut step: Box<Step>, other: Option<Box<Step>>) {
    if let Some(other) = other {
        plan.close(cx, &mut step, &Ending::default());
        plan.put(other);
        return plan.lead(cx);
    }
    step.record.forget_answer();
    if plan.is_over() {
        step.record.outcome = Outcome::ClientGone;
        return plan.close(cx, &mut step, &Ending::default());
    }
    step.attempt = step.attempt.saturating_add(1);
    plan.put(step);
    plan.lead(cx);
}
