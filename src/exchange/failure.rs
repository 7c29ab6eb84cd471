//! An attempt's answer that is a failure: held, heard out, and judged by what may follow it.
//!
//! Invariant: nothing of it reaches the client while something may follow, and all of it does when nothing can.

use super::Stop;
use super::attempt::{Lived, Turn};
use super::cx::{Cx, Ending, Event};
use super::plan::Plan;
use super::relay::Relay;
use crate::http::header::HeaderList;
use crate::policy::retry::{Advice, BodyHint, Failure};

/// How long the body of a failure is waited for, nanoseconds: it may say how long to wait.
const PATIENCE: u64 = 500_000_000;
/// As much of a failure's body is read, in bytes.
const MAX_HEARD: usize = 1 << 16;

/// A failure whose answer is held.
pub(super) struct Failed<'a> {
    cx: &'a Cx,
    head: &'a HeaderList,
    failure: Failure,
    /// What the head says about asking again.
    advice: Advice,
}

impl<'a> Failed<'a> {
    /// The failure that an answer's head tells of, if anything may follow it; `local`: the proxy made the answer.
    pub(super) fn of(
        cx: &'a Cx,
        plan: &Plan,
        (attempt, retry): &Turn,
        (head, local): (&'a HeaderList, bool),
    ) -> Option<Self> {
        let status = || head.text(":status")?.parse().ok();
        let failure = if local {
            Failure::NoAnswer
        } else {
            Failure::Status(status().filter(|status| *status >= 400)?)
        };
        let advice = Advice::read(head, cx.now());
        let follows = plan.may_go_on((*attempt, retry), failure, advice);
        follows.then_some(Self {
            cx,
            head,
            failure,
            advice,
        })
    }

    /// Hears the failure out, and decides what follows; `end`: it has no body. `None`: nothing follows, and the answer
    /// is on its way to the client.
    pub(super) async fn settle(
        self,
        end: bool,
        plan: &Plan,
        (attempt, retry): Turn,
        relay: &mut Relay<'_>,
    ) -> Result<Option<Lived>, Stop> {
        let cx = self.cx;
        let (mut advice, mut lost) = (self.advice, None);
        if self.failure != Failure::NoAnswer {
            relay.begin(self.head, end);
            (advice, lost) = self.hear(end, relay).await;
        }
        if let Some(ending) = lost.filter(|ending| ending.client_gone) {
            return Ok(Some(Lived::Over(relay.finish(&ending))));
        }
        let Some(next) = plan.advance(cx, (attempt, &retry), self.failure, advice)? else {
            return match (self.failure, lost) {
                (_, Some(ending)) => Ok(Some(Lived::Over(relay.finish(&ending)))),
                (Failure::NoAnswer, None) => Err(relay.unreachable().into()),
                (Failure::Status(_), None) => {
                    relay.show(self.head);
                    Ok(None)
                }
            };
        };
        if next.step.is_none() {
            relay.record.note_attempt(cx.now(), self.failure);
        }
        if self.failure == Failure::NoAnswer {
            let reject = relay.unreachable();
            relay.record.refuse(&reject);
        } else {
            relay.finish(&Ending::default());
        }
        Ok(Some(match lost {
            Some(_) => Lived::Lost(next),
            None => Lived::Failed(next),
        }))
    }

    /// Reads the body of the failure, as far as it comes at once.
    async fn hear(&self, end: bool, relay: &mut Relay<'_>) -> (Advice, Option<Ending>) {
        let cx = self.cx;
        let mut hint = BodyHint::new(self.advice);
        let (mut heard, mut ended) = (0_usize, end);
        let until = cx.now().saturating_add(PATIENCE);
        cx.want(false, true);
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
                Event::RequestHead { .. }
                | Event::RequestBody { .. }
                | Event::RequestTrailers
                | Event::ResponseHead { .. }
                | Event::Woken(_)
                | Event::Deadline => {}
            }
        }
        cx.set_deadline(None);
        (hint.advice(), None)
    }
}
