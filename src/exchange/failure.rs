//! An attempt's answer that is a failure: held, heard out, and judged by what may follow it.
//!
//! Invariant: nothing of it reaches the client while something may follow, and all of it does when nothing can.

use std::time::Duration;

use super::Stop;
use super::attempt::{Lived, Trial};
use super::call::is_json;
use super::cx::{Ending, Event};
use super::handover;
use super::plan::Plan;
use super::relay::Relay;
use crate::http::header::HeaderList;
use crate::llm::opening::Opening;
use crate::policy::retry::{Advice, BodyHint, Failure};

/// How long the body of a failure is waited for, nanoseconds: it may say how long to wait.
const PATIENCE: u64 = 500_000_000;
/// How long a good answer without content is held for the error that may come in its place, nanoseconds, where the step
/// has no request timeout.
const WITHHELD: u64 = 30_000_000_000;
/// As much of a failure's body is read, in bytes.
const MAX_HEARD: usize = 1 << 16;

/// A failure whose answer is held, or what may turn out to be one.
pub(super) struct Failed<'a> {
    head: &'a HeaderList,
    failure: Failure,
    /// What the head says about asking again.
    advice: Advice,
    trial: Trial,
}

impl<'a> Failed<'a> {
    /// The failure that an answer's head tells of, if anything may follow it; `local`: the proxy made the answer.
    pub(super) fn of(
        plan: &Plan,
        trial: Trial,
        (head, local): (&'a HeaderList, bool),
        relay: &Relay<'_>,
    ) -> Option<Self> {
        let status = head.text(":status")?.parse().ok()?;
        let advice = Advice::read(head, relay.cx().now());
        let failure = match status {
            _ if local => Failure::NoAnswer,
            200 if plan.caller.gateway.retry.error_answers => Failure::ErrorAnswer,
            400.. => Failure::Status(status),
            _ => return None,
        };
        let has_spare = matches!(status, 401..=403 | 429) && relay.has_spare_key();
        let turn = (trial.number, &trial.retry);
        let follows = plan.may_go_on(turn, failure, with_key(advice, has_spare));
        follows.then_some(Self {
            head,
            failure,
            advice,
            trial,
        })
    }

    /// Hears the failure out, and decides what follows; `end`: it has no body. `None`: nothing follows, and the answer
    /// is on its way to the client.
    pub(super) async fn settle(
        self,
        end: bool,
        plan: &Plan,
        relay: &mut Relay<'_>,
    ) -> Result<Option<Lived>, Stop> {
        let cx = relay.cx();
        let (mut advice, mut lost) = (self.advice, None);
        match self.failure {
            Failure::NoAnswer => {}
            Failure::Status(_) => {
                relay.begin(self.head, end);
                (advice, lost) = self.hear(end, relay).await;
                let has_spare = relay.judge_key(self.head, advice);
                advice = with_key(advice, has_spare);
            }
            Failure::ErrorAnswer => {
                relay.judge_key(self.head, advice);
                relay.begin(self.head, end);
                let mut passed = Vec::new();
                lost = self.watch(end, relay, &mut passed).await;
                if lost.is_none() && !relay.is_error() {
                    relay.show(self.head);
                    relay.pass(&passed, passed.len());
                    relay.store();
                    return Ok(None);
                }
            }
        }
        if let Some(ending) = lost.filter(|ending| ending.client_gone) {
            return Ok(Some(Lived::Over(relay.finish(&ending))));
        }
        let turn = (self.trial.number, &self.trial.retry);
        let next = match plan.advance(cx, turn, self.failure, advice) {
            Ok(Some(next)) => Ok(next),
            Ok(None) => return self.last(lost, relay),
            Err(refused) => Err(refused),
        };
        if next.as_ref().is_ok_and(|next| next.step.is_none()) {
            relay.record.note_attempt(cx.now(), self.failure);
        }
        if self.failure == Failure::NoAnswer {
            let reject = relay.unreachable();
            relay.record.refuse(&reject);
        } else {
            relay.finish(&Ending::default());
        }
        Ok(Some(match (next, lost) {
            (Err(refused), _) => Lived::Refused(refused),
            (Ok(next), Some(_)) => Lived::Lost(next),
            (Ok(next), None) => Lived::Failed(next, handover::mark(self.head)),
        }))
    }

    /// Nothing follows: the client gets what there is.
    fn last(&self, lost: Option<Ending>, relay: &mut Relay<'_>) -> Result<Option<Lived>, Stop> {
        match (self.failure, lost) {
            (_, Some(ending)) => Ok(Some(Lived::Over(relay.finish(&ending)))),
            (Failure::NoAnswer, None) => Err(relay.unreachable().into()),
            (Failure::Status(_) | Failure::ErrorAnswer, None) => {
                relay.show(self.head);
                Ok(None)
            }
        }
    }

    /// Reads the body of the failure, as far as it comes at once.
    async fn hear(&self, end: bool, relay: &mut Relay<'_>) -> (Advice, Option<Ending>) {
        let cx = relay.cx();
        let mut hint = BodyHint::new(self.advice);
        let (mut heard, mut ended) = (0_usize, end);
        let until = cx.now().saturating_add(PATIENCE);
        cx.want(relay.reads_request(), true);
        cx.set_deadline(Some(until));
        while !ended && heard < MAX_HEARD && cx.now() < until {
            match cx.next().await {
                Event::ResponseBody { bytes, size, end } => {
                    hint.feed(&bytes);
                    relay.hear(&bytes, size, end);
                    heard = heard.saturating_add(size);
                    ended = end;
                }
                Event::ResponseTrailers => {
                    relay.end();
                    ended = true;
                }
                Event::Done(ending) => return (hint.advice(), Some(ending)),
                Event::RequestBody { bytes, size, end } => relay.send(&bytes, size, end),
                Event::RequestTrailers => relay.send(&[], 0, true),
                Event::RequestHead { .. }
                | Event::ResponseHead { .. }
                | Event::Woken(_)
                | Event::Deadline => {}
            }
        }
        cx.set_deadline(None);
        (hint.advice(), None)
    }

    /// Waits with a good answer in hand until its content begins, or an error in the place of it. How the stream ended, if it
    /// did. What is silent for too long, or finds no room, is shown as it is.
    async fn watch(
        &self,
        end: bool,
        relay: &mut Relay<'_>,
        passed: &mut Vec<u8>,
    ) -> Option<Ending> {
        let cx = relay.cx();
        let content_type = self.head.text("content-type").unwrap_or_default();
        let is_stream = relay.is_stream();
        let mut opening = Opening::default();
        let (mut heard, mut ended) = (0_usize, end || !(is_stream || is_json(content_type)));
        let mut share = cx.worker.room.spare();
        // Whether the client shall get something else than what came.
        let mut is_changed = false;
        let until = self.withheld_until();
        cx.want(relay.reads_request(), true);
        relay.sleep(until);
        while !ended && heard < MAX_HEARD && !relay.is_error() && cx.now() < until {
            match cx.next().await {
                Event::ResponseBody { bytes, size, end } => {
                    let shown = relay.hear(&bytes, size, end);
                    is_changed |= shown.is_some();
                    passed.extend_from_slice(shown.as_deref().unwrap_or(&bytes));
                    heard = heard.saturating_add(size);
                    // Gemini's stream is an array of answers.
                    let is_list = heard == size && bytes.trim_ascii_start().starts_with(b"[");
                    ended = end || (is_stream && opening.feed(&bytes)) || (!is_stream && is_list);
                    ended |= !share.grow(passed.capacity());
                }
                Event::ResponseTrailers => {
                    relay.end();
                    ended = true;
                }
                Event::Done(ending) => return Some(ending),
                Event::Deadline => {
                    relay.renew();
                    relay.sleep(until);
                }
                Event::RequestBody { bytes, size, end } => relay.send(&bytes, size, end),
                Event::RequestTrailers => relay.send(&[], 0, true),
                Event::RequestHead { .. } | Event::ResponseHead { .. } | Event::Woken(_) => {}
            }
        }
        relay.renew();
        if is_changed && !relay.is_error() {
            cx.replace_response(heard, passed.clone());
        }
        None
    }

    /// When a good answer is shown whatever it may turn out to be: the time to its first part is over.
    fn withheld_until(&self) -> u64 {
        let Trial { retry, sent, .. } = self.trial;
        let timeout = retry
            .timeout_ms
            .map(|millis| millis.saturating_mul(1_000_000));
        sent.saturating_add(timeout.unwrap_or(WITHHELD))
    }
}

/// What is to be heeded where another key can be had: it does not share this one's fate, nor its rest.
fn with_key(advice: Advice, has_spare: bool) -> Advice {
    if !has_spare {
        return advice;
    }
    Advice {
        should_retry: Some(true),
        wait: Some(Duration::ZERO),
        ..advice
    }
}
