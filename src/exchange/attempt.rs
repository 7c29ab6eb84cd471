//! One attempt of a planned call, lived where the gateway's router sends it: the current step as an ordinary call.
//!
//! An answer that is a failure is held while another attempt may follow, judged, and then let go with a mark that makes
//! the gateway's router ask again. Invariant: a step is recorded once, by the attempt that ends it.

use std::rc::Rc;
use std::time::Duration;

use super::Stop;
use super::cx::{Cx, Edit, Ending, Event, Gate, Gone};
use super::failure::Failed;
use super::forward;
use super::intake::Intake;
use super::plan::{Next, Plan, Step};
use super::planned::RETRY;
use super::relay::{Relay, Sent};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::policy::cache::Found;
use crate::policy::retry::{Advice, Failure, Retry};
use crate::record::Outcome;

/// Where an attempt is lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the hop, before a router of its own.
    Hop,
    /// At the provider's cluster, behind the gateway's router.
    Cluster,
}

/// What became of an attempt.
pub(super) enum Lived {
    /// The step is over with it.
    Over(Ending),
    /// It failed, the answer is held, and this follows.
    Failed(Next),
    /// It failed, its stream is gone already, and this follows.
    Lost(Next),
    /// It failed, and a limit stands before what would follow.
    Refused(Reject),
}

/// Lives one attempt.
pub async fn run(cx: Rc<Cx>, plan: Rc<Plan>, place: Place) {
    let Event::RequestHead { headers, end } = cx.next().await else {
        return;
    };
    let Some((mut step, timeout)) = plan.take() else {
        cx.reply(plan.parting());
        cx.done().await;
        return;
    };
    let arrived = Arrived {
        head: &headers,
        end,
        timeout,
        place,
    };
    if step.attempt == 1 {
        step.record.begin_step(cx.now());
    }
    let ending = match live(&cx, &plan, &mut step, &arrived).await {
        Ok(Lived::Over(ending)) | Err(Stop::Gone(ending))
            if place == Place::Cluster && is_lost(&cx, &ending) =>
        {
            return lose(&cx, &plan, step);
        }
        Ok(Lived::Over(ending)) | Err(Stop::Gone(ending)) => ending,
        Ok(Lived::Failed(next)) => return hand_over(&cx, &plan, step, next).await,
        Ok(Lived::Lost(next)) => {
            let due = due(&cx, next.wait);
            plan.not_before.set(due);
            pass_on(&cx, &plan, step, next.step);
            return;
        }
        Ok(Lived::Refused(reject)) => {
            let reply = reject.reply(step.record.identity());
            plan.close(&cx, &mut step, &Ending::default());
            plan.part(&cx, reply.clone());
            cx.reply(reply);
            cx.done().await;
            return;
        }
        Err(Stop::Reject(reject)) => super::refuse(&cx, &mut step.record, &reject).await,
        Err(Stop::Overruled(head)) => super::overruled(&cx, &mut step.record, &head).await,
    };
    plan.close(&cx, &mut step, &ending);
}

/// What came to the attempt.
struct Arrived<'a> {
    head: &'a HeaderList,
    end: bool,
    timeout: Option<Duration>,
    place: Place,
}

async fn live(cx: &Cx, plan: &Plan, step: &mut Step, arrived: &Arrived<'_>) -> Result<Lived, Stop> {
    let mut intake = intake(cx, step, arrived).await?;
    let found = super::find(cx, &step.call, &step.head, &mut intake).await;
    let fill = match found.inspect_err(|_| step.record.take_request(&intake))? {
        Found::Hit(hit) => {
            step.record.take_request(&intake);
            cx.reply(hit.reply(cx.now(), &mut step.record));
            return Ok(Lived::Over(cx.done().await));
        }
        Found::Fill(fill) => Some(fill),
        Found::Alone => None,
    };
    plan.count(cx)
        .inspect_err(|_| step.record.take_request(&intake))?;
    wait(cx, plan.not_before.replace(0), &mut intake).await?;
    let key = step.call.choose_key(cx)?;
    if let Some(key) = &key {
        step.record.take_key(&key.key);
    }
    let way = (arrived.place, arrived.head);
    let mut edits = forward::step_edits(cx, step, way, key.as_ref());
    if let (Some(timeout), Place::Hop) = (arrived.timeout, arrived.place) {
        edits.push(forward::timeout(timeout));
    }
    forward::replace_body(cx, &mut intake, &step.head, &mut edits);
    cx.release_request(edits);
    let turn = (step.attempt, step.call.retry);
    let sent = Sent { intake, fill, key };
    let relay = Relay::new(cx, &step.call, &mut step.record, sent).along(&plan.passage);
    follow(cx, plan, turn, relay).await
}

/// The step's own body, or the one that came.
async fn intake(cx: &Cx, step: &Step, arrived: &Arrived<'_>) -> Result<Intake, Stop> {
    let Some(body) = &step.body else {
        return Ok(Intake::new(cx, &step.call, &step.head, arrived.end)?);
    };
    cx.want(false, false);
    let (mut held, mut ended) = (0_usize, arrived.end);
    while !ended {
        match cx.next().await {
            Event::RequestBody { size, end, .. } => {
                held = held.saturating_add(size);
                ended = end;
            }
            Event::RequestTrailers => ended = true,
            Event::Done(ending) => return Err(Gone(ending).into()),
            Event::ResponseHead { headers, .. } => return Err(Stop::Overruled(headers)),
            Event::RequestHead { .. }
            | Event::ResponseBody { .. }
            | Event::ResponseTrailers
            | Event::Woken(_)
            | Event::Deadline => {}
        }
    }
    Ok(Intake::of_step(
        cx,
        &step.call,
        &step.head,
        (held, body.clone()),
    )?)
}

/// Waits until `moment`; what comes of the body meanwhile is taken in.
async fn wait(cx: &Cx, moment: u64, intake: &mut Intake) -> Result<(), Stop> {
    if moment > cx.now() {
        cx.set_deadline(Some(moment));
        while moment > cx.now() {
            match cx.next().await {
                Event::RequestBody { bytes, size, end } => intake.feed(&bytes, size, end),
                Event::RequestTrailers => intake.ended = true,
                Event::Done(ending) => return Err(Gone(ending).into()),
                Event::ResponseHead { headers, .. } => return Err(Stop::Overruled(headers)),
                Event::RequestHead { .. }
                | Event::ResponseBody { .. }
                | Event::ResponseTrailers
                | Event::Woken(_)
                | Event::Deadline => {}
            }
        }
        cx.set_deadline(None);
    }
    Ok(())
}

/// Relays the answer, unless it is a failure that something follows.
async fn follow(cx: &Cx, plan: &Plan, turn: Turn, mut relay: Relay<'_>) -> Result<Lived, Stop> {
    loop {
        let event = cx.next().await;
        if let Event::Done(ending) = event {
            return Ok(Lived::Over(relay.finish(&ending)));
        }
        if let Event::ResponseHead {
            headers,
            end,
            local,
        } = &event
            && !relay.has_begun()
            && let Some(failed) = Failed::of(plan, &turn, (headers, *local), &mut relay)
        {
            if let Some(lived) = failed.settle(*end, plan, turn, &mut relay).await? {
                return Ok(lived);
            }
            continue;
        }
        relay.on(event)?;
    }
}

/// Which attempt of its step it is, and how the step is tried.
pub(super) type Turn = (u32, Retry);

/// Waits with the failed answer in hand, then lets it go with the mark: the gateway's router makes the next attempt.
async fn hand_over(cx: &Cx, plan: &Plan, mut step: Box<Step>, next: Next) {
    let due = due(cx, next.wait);
    match pause(cx, due).await {
        None => {
            pass_on(cx, plan, step, next.step);
            cx.release_response(vec![Edit::Set(RETRY.to_owned(), b"1".to_vec())]);
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

/// Holds the answer until then. How the stream ended, if it did before.
async fn pause(cx: &Cx, due: u64) -> Option<Ending> {
    cx.want(false, false);
    cx.set_deadline(Some(due));
    while cx.now() < due {
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

/// Gives the plan the next attempt; a step that is not tried again is recorded.
fn pass_on(cx: &Cx, plan: &Plan, mut step: Box<Step>, other: Option<Box<Step>>) {
    if let Some(other) = other {
        plan.close(cx, &mut step, &Ending::default());
        plan.put(other);
    } else {
        step.attempt = step.attempt.saturating_add(1);
        step.record.forget_answer();
        plan.put(step);
    }
    plan.lead(cx);
}

/// Whether the connection to the provider has ended and the client still waits for an answer.
fn is_lost(cx: &Cx, ending: &Ending) -> bool {
    !ending.client_gone && !cx.has_replied() && cx.response_gate() == Gate::Held
}

/// The gateway's router makes another attempt after each that was lost. When no step is left for it, it brings the
/// client the refusal.
fn lose(cx: &Cx, plan: &Plan, mut step: Box<Step>) {
    let turn = (step.attempt, &step.call.retry);
    let (next, reject) = match plan.advance(cx, turn, Failure::NoAnswer, Advice::default()) {
        Ok(next) => (next, Reject::Unreachable),
        Err(reject) => (None, reject),
    };
    step.record.refuse(&reject);
    if let Some(next) = next {
        if next.step.is_none() {
            step.record.note_attempt(cx.now(), Failure::NoAnswer);
        }
        plan.not_before.set(due(cx, next.wait));
        return pass_on(cx, plan, step, next.step);
    }
    let reply = reject.reply(step.record.identity());
    plan.close(cx, &mut step, &Ending::default());
    plan.part(cx, reply);
}
