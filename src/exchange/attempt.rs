//! One attempt of a planned call, lived where the gateway's router sends it: the current step as an ordinary call.
//!
//! An answer that is a failure is held while another attempt may follow, judged, and then let go with a mark that makes
//! the gateway's router ask again. Invariant: a step is recorded once, by the attempt that ends it.

use std::rc::Rc;
use std::time::Duration;

use super::Stop;
use super::cx::{Cx, Edit, Ending, Event, Gone};
use super::failure::Failed;
use super::forward;
use super::handover::{self, is_lost};
use super::intake::Intake;
use super::plan::{Next, Plan, Refused, Step};
use super::relay::{Relay, Sent};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::http::room::Held;
use crate::policy::cache::Found;
use crate::policy::retry::Retry;

/// Where an attempt is lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the hop, before a router of its own.
    Hop,
    /// At the provider's cluster, behind the gateway's router.
    Cluster,
}

/// How long a step is held for the body that its own takes the place of, on a worker where none ever came, nanoseconds: the
/// gateway sends it at once, but a worker that has just begun may be busy.
const BODY_PATIENCE: u64 = 5_000_000_000;

/// What the operator is told then.
const WITHHELD: &str = "an attempt was held for its body and none came: the role `attempt`, or `attempt-upstream`, is mounted \
without `allow_on_headers_stop_iteration: true`";

/// What became of an attempt.
pub(super) enum Lived {
    /// The step is over with it.
    Over(Ending),
    /// It failed, the answer is held until these changes mark it, and this follows.
    Failed(Next, Vec<Edit>),
    /// It failed, its stream is gone already, and this follows.
    Lost(Next),
    /// It failed, and a limit stands before what would follow.
    Refused(Box<Refused>),
}

/// An attempt whose request has been let go.
#[derive(Clone, Copy)]
pub(super) struct Trial {
    /// Which attempt at its step it is, from 1.
    pub(super) number: u32,
    /// How the step is tried.
    pub(super) retry: Retry,
    /// When it was let go, nanoseconds since the epoch.
    pub(super) sent: u64,
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
            return handover::lose(&cx, &plan, step);
        }
        Ok(Lived::Over(ending)) | Err(Stop::Gone(ending)) => ending,
        Ok(Lived::Failed(next, mark)) => {
            return handover::hand_over(&cx, &plan, step, (next, mark), place).await;
        }
        Ok(Lived::Lost(next)) => return handover::lost(&cx, &plan, step, next),
        Ok(Lived::Refused(refused)) => {
            let reply = plan.refuse(&cx, *refused);
            plan.close(&cx, &mut step, &Ending::default());
            plan.part(&cx, reply.clone());
            cx.reply(reply);
            cx.done().await;
            return;
        }
        Err(Stop::Reject(reject)) => {
            // Envoy: who is answered before the end of the request is cut off from the hop, and may come again.
            plan.tell(reject.reply(step.record.identity()));
            super::refuse(&cx, &mut step.record, &reject).await
        }
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
    let fill = match found.inspect_err(|_| step.record.take_request(&mut intake))? {
        Found::Hit(hit) => {
            step.record.take_request(&mut intake);
            cx.reply(hit.reply(cx.now(), &mut step.record));
            return Ok(Lived::Over(cx.done().await));
        }
        Found::Fill(fill) => Some(fill),
        Found::Alone => None,
    };
    plan.count(cx)
        .inspect_err(|_| step.record.take_request(&mut intake))?;
    wait(cx, plan.not_before.replace(0), &mut intake).await?;
    let key = step.call.choose_key(cx)?;
    if let Some(key) = &key {
        step.record.take_key(&key.key);
    }
    let way = (arrived.place, arrived.head);
    let mut edits = forward::step_edits(cx, step, way, key.as_ref());
    if arrived.place == Place::Hop {
        edits.extend(plan.limit(cx, arrived.timeout).map(forward::timeout));
    }
    forward::replace_body(cx, &mut intake, &step.head, &mut edits);
    cx.release_request(edits);
    let trial = Trial {
        number: step.attempt,
        retry: step.call.retry,
        sent: cx.now(),
    };
    let sent = Sent { intake, fill, key };
    let relay = Relay::new(cx, &step.call, &mut step.record, sent).along(&plan.passage);
    follow(cx, (plan, &mut step.body), trial, relay).await
}

/// The step's own body, or the one that came.
async fn intake(cx: &Cx, step: &Step, arrived: &Arrived<'_>) -> Result<Intake, Stop> {
    let Some(body) = &step.body else {
        return Ok(Intake::new(cx, &step.call, &step.head, arrived.end)?);
    };
    cx.want(false, false);
    let (mut held, mut ended) = (0_usize, arrived.end);
    if !cx.worker.bodies_come.get() {
        cx.set_deadline(Some(cx.now().saturating_add(BODY_PATIENCE)));
    }
    while !ended {
        match cx.next().await {
            Event::RequestBody { size, end, .. } => {
                held = held.saturating_add(size);
                ended = end;
            }
            Event::RequestTrailers => ended = true,
            Event::Deadline if !cx.worker.bodies_come.get() => {
                cx.complain(WITHHELD.to_owned());
                return Err(Reject::Unreachable.into());
            }
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
    Ok(Intake::of_step(
        cx,
        &step.call,
        &step.head,
        (held, Rc::clone(body)),
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

/// Relays the answer, unless it is a failure that something follows. Once it passes, nothing is sent to anybody any more.
async fn follow(
    cx: &Cx,
    (plan, body): (&Plan, &mut Option<Rc<Held>>),
    trial: Trial,
    mut relay: Relay<'_>,
) -> Result<Lived, Stop> {
    loop {
        if relay.has_begun() && body.take().is_some() {
            plan.let_go();
        }
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
            && let Some(failed) = Failed::of(plan, trial, (headers, *local), &relay)
        {
            if let Some(lived) = failed.settle(*end, plan, &mut relay).await? {
                return Ok(lived);
            }
            continue;
        }
        relay.on(event)?;
    }
}
