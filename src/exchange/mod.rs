//! The life of a call, read from top to bottom in [`run`].
//!
//! ```text
//!  head -> call (URL, gateway, credential, provider) -> body, if cache or change need it -> cache -> rate limit
//!         (of a unified call the body comes first: it names the provider)
//!       -> forward and relay (meter, capture) -> settle (cache, waiters) -> record
//! ```
//!
//! A call that may need several attempts is planned instead ([`plan`]); each attempt ([`attempt`]) then lives the same
//! life from the cache on.
//!
//! The order of the features is the order of the lines. Invariant: whatever the end of a call is, one record is made of
//! it, or one of each step and model that was tried or refused; everything that was reserved is given back (by `Drop` where
//! an await may end the call). The list of models is no call, nor is a path that is not the gateway's: they have none.

mod answer;
pub mod attempt;
pub mod call;
pub mod caller;
pub mod calls;
pub mod cx;
pub mod direct;
mod event;
mod failure;
pub mod forward;
mod handover;
pub mod intake;
pub mod keys;
pub mod options;
pub mod output;
pub mod passage;
pub mod plan;
pub mod planned;
pub mod quiet;
pub mod relay;
pub mod route;
pub mod stage;
pub mod steps;
pub mod task;
#[cfg(test)]
mod tests;
mod unified;
mod universal;
pub mod url;

use std::rc::Rc;

use self::call::Call;
use self::caller::Reading;
use self::cx::{Cx, Ending, Event, Gone};
use self::intake::Intake;
use self::relay::Sent;
use self::unified::Unified;
use crate::config::OutsidePaths;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::compat::Incompatible;
use crate::policy::cache::{self, Found};
use crate::policy::rate_limit;
use crate::record::Record;

/// Why the ordinary course of a call ended early.
#[derive(Debug)]
pub enum Stop {
    /// The client is told no.
    Reject(Reject),
    /// The stream is over.
    Gone(Ending),
    /// The proxy answered by itself while the call was held: its own limit, its own timeout.
    Overruled(HeaderList),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<Incompatible> for Stop {
    fn from(reason: Incompatible) -> Self {
        Self::Reject(reason.into())
    }
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone.0)
    }
}

/// Lives one stream from its first event to its last.
pub async fn run(cx: Rc<Cx>) {
    let mut record = Record::begin(cx.host());
    let ending = match serve(&cx, &mut record).await {
        Ok(Some(ending)) => ending,
        // Nobody's call: nothing to record.
        Ok(None) => return,
        Err(Stop::Gone(ending)) => ending,
        Err(Stop::Reject(reject)) => refuse(&cx, &mut record, &reject).await,
        Err(Stop::Overruled(head)) => overruled(&cx, &mut record, &head).await,
    };
    record.end(&ending, cx.now());
    cx.publish(record);
}

async fn refuse(cx: &Cx, record: &mut Record, reject: &Reject) -> Ending {
    record.refuse(reject);
    cx.set_deadline(None);
    cx.reply(reject.reply(record.identity()));
    cx.done().await
}

/// The proxy's own limit on bodies gets our envelope; what else it says passes as it is.
async fn overruled(cx: &Cx, record: &mut Record, head: &HeaderList) -> Ending {
    record.take_response_head(cx.now(), head);
    if record.status_code == 413 {
        let limit = cx.worker.config.limits.request_body_bytes;
        return refuse(cx, record, &Reject::BodyTooLarge(limit)).await;
    }
    cx.set_deadline(None);
    cx.release_response(forward::response_edits(record, head, None));
    cx.done().await
}

/// The ordinary course. Ends with how the stream ended, or `None` when it was none of the gateway's.
async fn serve(cx: &Cx, record: &mut Record) -> Result<Option<Ending>, Stop> {
    let Event::RequestHead { headers, end } = cx.next().await else {
        return Ok(None);
    };
    let (call, mut intake) = match Reading::of(cx, &headers, record)? {
        Reading::Call(call, caller) if planned::is_needed(cx, &call) => {
            return planned::single(cx, (*call, *caller), (&headers, end), record).await;
        }
        Reading::Call(call, caller) => {
            let mut intake = Intake::new(cx, &call, &headers, end)?;
            if planned::is_told(cx, &call, &headers, &mut intake).await? {
                let head = (&headers, intake.ended);
                return planned::single(cx, (*call, *caller), head, record).await;
            }
            (call, intake)
        }
        Reading::Unified(caller, query) => {
            let caller = (&*caller, query.as_deref());
            match unified::read(cx, caller, (&headers, end), record).await? {
                Unified::Direct(call, intake) => (call, *intake),
                Unified::Planned(plan, held) => {
                    return planned::serve(cx, *plan, (&headers, Some(held)), record).await;
                }
            }
        }
        Reading::Universal(caller) => {
            let (plan, held) = universal::read(cx, *caller, (&headers, end), record).await?;
            return planned::serve(cx, plan, (&headers, Some(held)), record).await;
        }
        Reading::Models(caller, query) => {
            cx.reply(unified::models(cx, (&caller, query.as_deref()), record)?);
            return Ok(None);
        }
        Reading::Outside => return outside(cx),
    };
    let found = find(cx, &call, &headers, &mut intake).await;
    let fill = match found.inspect_err(|_| record.take_request(&mut intake))? {
        Found::Hit(hit) => {
            record.take_request(&mut intake);
            cx.reply(hit.reply(cx.now(), record));
            return Ok(Some(cx.done().await));
        }
        Found::Fill(fill) => Some(fill),
        Found::Alone => None,
    };
    rate_limit::admit(cx, &call.gateway).inspect_err(|_| record.take_request(&mut intake))?;
    let key = call.choose_key(cx)?;
    if let Some(key) = &key {
        record.take_key(&key.key);
    }
    let mut edits = forward::request_edits(cx, &call, &headers, key.as_ref());
    if let Some(timeout) = call.retry.only_timeout() {
        edits.push(forward::timeout(timeout));
    }
    forward::replace_body(cx, &mut intake, &headers, &mut edits);
    cx.release_request(edits);
    let sent = Sent { intake, fill, key };
    relay::relay(cx, &call, sent, record).await.map(Some)
}

/// The stored answer, or the right to go on; the body is held for it where that is needed.
async fn find(cx: &Cx, call: &Call, head: &HeaderList, intake: &mut Intake) -> Result<Found, Stop> {
    let mut found = Found::Alone;
    let caching = call.caching.as_ref().filter(|caching| caching.reads);
    if caching.is_some() || call.adds_usage {
        intake.hold(cx).await?;
    }
    if let Some(caching) = caching {
        found = cache::find(cx, call, caching, intake).await?;
    }
    if matches!(&found, Found::Hit(hit) if !hit.is_readable(head)) {
        // It was stored compressed, for a client that understands that; the new answer takes its place.
        found = Found::Alone;
    }
    Ok(found)
}

fn outside(cx: &Cx) -> Result<Option<Ending>, Stop> {
    match cx.worker.config.outside_paths {
        OutsidePaths::Reject => Err(Reject::BadUrl.into()),
        OutsidePaths::Pass => {
            cx.release_request(forward::outside_edits(cx));
            cx.release_response(Vec::new());
            Ok(None)
        }
    }
}
