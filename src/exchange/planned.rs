//! The gateway's side of a call with several attempts: the request goes to the cluster where attempts are made, and what
//! comes back passes.
//!
//! Envoy makes the attempts: each answer that an attempt has marked is followed by another one, unless Envoy cannot repeat
//! the request. Invariant: nothing of the answer is looked at here; the attempts meter and record it.

use super::Stop;
use super::call::{BodyKind, Call, is_ours};
use super::caller::Caller;
use super::cx::{Cx, Edit, Ending, Event};
use super::intake::Intake;
use super::passage::Passing;
use super::plan::{Plan, Stage, Step};
use crate::config::StreamErrors;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::cut_notice;
use crate::policy::retry::MAX_TOTAL_ATTEMPTS;
use crate::record::Record;

/// Names the plan to the attempt.
pub const CALL: &str = "x-sluice-call";
/// Marks an answer after which another attempt is to be made.
pub const RETRY: &str = "x-sluice-retry";
/// What goes to the attempts in the place of a body that the plan holds.
const PLACEHOLDER: &[u8] = b"{}";
/// Bytes of a body that are waited for to learn whether it asks for a stream.
const GLANCE: u64 = 1 << 20;

/// Sends the call to its attempts; `held` bytes of body are held, if the plan has them. `None`: the attempts have
/// recorded it.
pub(super) async fn serve(
    cx: &Cx,
    plan: Plan,
    (head, held): (&HeaderList, Option<u64>),
    record: &mut Record,
) -> Result<Option<Ending>, Stop> {
    let registered = cx.worker.calls.register(plan);
    let plan = &registered.plan;
    if held.is_some() {
        plan.come();
    }
    send(cx, plan, head, held);
    let (mut told, mut passing) = (None, None);
    loop {
        let event = cx.next().await;
        if let Some(passing) = &mut passing {
            Passing::on(passing, &event);
        }
        match event {
            Event::ResponseHead { headers, local, .. } => {
                let is_marked = headers.contains(RETRY);
                if !local && !is_marked && !is_unasked(plan, &headers) {
                    let errors = plan.caller.gateway.stream_errors;
                    let tells = errors != StreamErrors::Off && !plan.is_straight();
                    passing = Some(Passing::begin(cx, &plan.passage, &headers, tells));
                    told = Some((cx.now(), headers));
                    continue;
                }
                // Envoy did not ask again: the next step was not begun.
                let gave_up = is_marked || (local && plan.is_tried());
                let Some(own) = take_left(cx, plan, gave_up) else {
                    cx.reply(plan.parting());
                    continue;
                };
                if let Some(direct) = &plan.direct {
                    direct.end(cx, Ending::default());
                }
                *record = own;
                return Err(Reject::Unreachable.into());
            }
            Event::Done(ending) => {
                if let Some(direct) = &plan.direct {
                    direct.end(cx, ending);
                }
                let Some(own) = plan.take_unended() else {
                    return Ok(None);
                };
                *record = own;
                if let Some((at, head)) = &told {
                    record.take_response_head(*at, head);
                }
                return Ok(Some(ending));
            }
            Event::RequestBody { end: true, .. } | Event::RequestTrailers => plan.come(),
            Event::RequestHead { .. }
            | Event::RequestBody { .. }
            | Event::ResponseBody { .. }
            | Event::ResponseTrailers
            | Event::Woken(_)
            | Event::Deadline => {}
        }
    }
}

/// Lets the request go to where the first attempt is made.
fn send(cx: &Cx, plan: &Plan, head: &HeaderList, held: Option<u64>) {
    let mut edits: Vec<_> = bare(head)
        .filter(|_| plan.direct.is_some() && held.is_some())
        .collect();
    edits.extend(steering(cx, plan, head));
    let mut length = head.value("content-length").map(<[u8]>::to_vec);
    if let Some(held) = held {
        if let Some(length) = &mut length {
            *length = PLACEHOLDER.len().to_string().into_bytes();
            edits.push(Edit::Set("content-length".into(), length.clone()));
        }
        edits.push(Edit::Remove("content-encoding".into()));
        let held = usize::try_from(held).unwrap_or(usize::MAX);
        cx.replace_request(held, cx.worker.room.keep(PLACEHOLDER.to_vec()));
        // They are nobody's: no step has any.
        cx.drop_request_trailers();
    }
    if let Some(direct) = &plan.direct {
        direct.begin(cx, plan, length);
    }
    cx.want(false, false);
    cx.release_request(edits);
}

/// Whether the call may need more than one attempt.
pub(super) fn is_needed(cx: &Cx, call: &Call) -> bool {
    call.retry.attempts > 1 && has_hop(cx, call)
}

/// Whether the call needs the hop if it asks for a stream: there it is seen that the provider breaks off.
pub(super) fn tells(cx: &Cx, call: &Call) -> bool {
    call.gateway.stream_errors == StreamErrors::All
        && call.body == BodyKind::Json
        && call.format.is_some_and(cut_notice::has_event)
        && has_hop(cx, call)
}

fn has_hop(cx: &Cx, call: &Call) -> bool {
    cx.worker.config.attempt_cluster.is_some() && !call.upgrades
}

/// Whether the call takes the hop so that its client can be told of a cut. To see whether it asks for a stream it is held
/// for its body, unless that is long: then it may.
pub(super) async fn is_told(
    cx: &Cx,
    call: &Call,
    head: &HeaderList,
    intake: &mut Intake,
) -> Result<bool, Stop> {
    if !tells(cx, call) {
        return Ok(false);
    }
    let size = head.text("content-length").and_then(|it| it.parse().ok());
    let is_long = size.is_some_and(|size: u64| size > GLANCE);
    // As `streamGenerateContent`: there is nothing more to learn.
    if is_long || call.upstream.endpoint.contains("stream") {
        return Ok(true);
    }
    intake.hold(cx).await?;
    Ok(intake.may_stream())
}

/// Sends a call that one provider is to answer to its attempts, with the body that comes; `ended`: all of it has come.
pub(super) async fn single(
    cx: &Cx,
    (call, caller): (Call, Caller),
    (head, ended): (&HeaderList, bool),
    record: &mut Record,
) -> Result<Option<Ending>, Stop> {
    let step = Step {
        call,
        head: head.clone(),
        body: None,
        record: std::mem::take(record),
        accounts: Vec::new(),
        attempt: 1,
    };
    let id = step.record.id.clone();
    let plan = Plan::new(cx, &id, caller, [Stage::step(step)]);
    let plan = plan.map_err(|refused| refused.tell(record))?;
    if ended {
        plan.come();
    }
    serve(cx, plan, (head, None), record).await
}

/// What makes Envoy lead the request to the attempts and repeat it.
fn steering(cx: &Cx, plan: &Plan, head: &HeaderList) -> Vec<Edit> {
    let config = &cx.worker.config;
    let mut edits: Vec<_> = head
        .iter()
        .filter(|(name, _)| is_ours(name))
        .map(|(name, _)| Edit::Remove(name.to_owned().into()))
        .collect();
    let consumed = plan.caller.admission.consumed.iter();
    edits.extend(consumed.map(|name| Edit::Remove((*name).into())));
    let cluster = config.attempt_cluster.as_deref().unwrap_or_default();
    let retries = MAX_TOTAL_ATTEMPTS.saturating_sub(1).to_string();
    // An attempt whose provider breaks off while its answer is held ends as a reset.
    let (retry_on, call) = if plan.direct.is_some() {
        (
            "retriable-headers,reset,connect-failure,refused-stream",
            None,
        )
    } else {
        ("retriable-headers,reset", Some((CALL, plan.id.as_str())))
    };
    let set = [
        (config.cluster_header.as_str(), cluster),
        ("x-envoy-retry-on", retry_on),
        ("x-envoy-retriable-header-names", RETRY),
        ("x-envoy-max-retries", &retries),
    ];
    let set = set.into_iter().chain(call);
    edits.extend(set.map(|(name, value)| Edit::Set(name.to_owned().into(), value.into())));
    edits
}

/// A request whose steps have their own heads shows a cluster without the role nothing that could matter to anybody.
fn bare(head: &HeaderList) -> impl Iterator<Item = Edit> {
    let stays = |name: &str| {
        name.starts_with(':')
            || matches!(
                name,
                "content-length" | "transfer-encoding" | "content-type"
            )
            || name.starts_with("x-forwarded-")
    };
    let gone = head.iter().filter(move |(name, _)| !stays(name));
    gone.map(|(name, _)| Edit::Remove(name.to_owned().into()))
}

/// Whether an answer comes from a cluster that made no attempt, for its role is not mounted; not one of the proxy's limits.
fn is_unasked(plan: &Plan, head: &HeaderList) -> bool {
    let is_limit = matches!(head.text(":status"), Some("408" | "413" | "431"));
    plan.direct.is_some() && plan.has_next() && !is_limit
}

/// The record of the call that gets no further attempt, if no attempt has made it; `gave_up`: Envoy did not repeat the
/// request.
fn take_left(cx: &Cx, plan: &Plan, gave_up: bool) -> Option<Record> {
    if plan.has_next() {
        complain(cx, plan, gave_up);
    }
    if gave_up {
        plan.take_unended()
    } else {
        plan.take_unmade()
    }
}

/// Tells the operator why a step that waits for an attempt gets none.
fn complain(cx: &Cx, plan: &Plan, gave_up: bool) {
    let config = &cx.worker.config;
    let straight = plan.straight(cx);
    let role = match &straight {
        Some(_) => "attempt-upstream",
        None => "attempt",
    };
    let cluster = straight.or_else(|| config.attempt_cluster.clone());
    let cluster = cluster.unwrap_or_default();
    cx.complain(if gave_up {
        format!(
            "a call was not repeated in the cluster {cluster}: its body was larger than request_body_buffer_limit, a circuit \
             breaker (max_retries) was open, or the cluster is not there"
        )
    } else {
        format!(
            "no attempt was made in the cluster {cluster}: is the role `{role}` mounted there, and do its circuit breakers \
             leave room?"
        )
    });
}
