//! The unified endpoint `/compat` (contract §1.4): the body names the provider, so it is held before anything else.
//!
//! Invariant: a unified call becomes an ordinary one, with the provider's own slug and path and the body written for it;
//! cache, limits, metering and record know no difference. A body that cannot be read cannot be sent anywhere.

use super::call::{Call, SIGNATURES};
use super::caller::{self, Caller};
use super::cx::{Cx, Event, Gone};
use super::intake::{self, Intake};
use super::options::Options;
use super::plan::{Plan, Stage, Step};
use super::route::{Asked, Route};
use super::{Stop, planned};
use crate::http::capture::Capture;
use crate::http::encoding::{Coding, Decoder, Unread};
use crate::http::header::HeaderList;
use crate::http::reject::{BodyFault, Reject};
use crate::http::reply::Reply;
use crate::llm::compat::{self, ChatBody, ChatModel, Incompatible, Target};
use crate::llm::provider::CREDENTIAL_HEADERS;
use crate::policy::retry::Wishes;
use crate::record::Record;

/// How long a body is waited for on a worker where none ever came, nanoseconds: such a call has nowhere to go, so it
/// waits longer than one that could go on without.
const BODY_PATIENCE: u64 = 5_000_000_000;

/// Largest body that is read here, in bytes: it is in memory up to three times, and a virtual machine has 1 GiB.
const MAX_READ: usize = 128 << 20;

/// What a unified call became.
pub(super) enum Unified {
    /// A call of one attempt.
    Direct(Box<Call>, Box<Intake>),
    /// A call of several, of whose body so many bytes are held.
    Planned(Box<Plan>, u64),
}

/// Waits for the body and makes the call of it that it names.
pub(super) async fn read(
    cx: &Cx,
    (caller, query): (&Caller, Option<&str>),
    (head, end): (&HeaderList, bool),
    record: &mut Record,
) -> Result<Unified, Stop> {
    let held = hold(cx, head, end, &mut record.request_size).await?;
    let size = record.request_size;
    let body = ChatBody::read(held.bytes())?;
    record.is_unified = true;
    record.model = Some(body.model().to_owned());
    record.model_asked = Some(body.model().to_owned());
    let target = match Target::parse(body.model())? {
        Target::Model(target) => target,
        Target::Route(name) => {
            let asked = Asked {
                name,
                query,
                head,
                body: held.bytes(),
                wishes: Wishes::default(),
            };
            let route = Route::find(cx, caller, asked, record)?;
            let stages = [Stage::Route(Box::new(route))];
            let plan = Plan::new(cx, &record.id, caller.clone(), stages);
            let plan = plan.map_err(|refused| refused.tell(record))?;
            return Ok(Unified::Planned(Box::new(plan), size));
        }
    };
    let chat = Chat {
        target,
        query,
        wishes: Wishes::default(),
    };
    let (call, plain, body) = chat.call(caller, &body, head, record)?;
    let body = cx.worker.room.keep(body);
    let body = if planned::is_needed(cx, &call) {
        Some(body)
    } else {
        let intake = Intake::rewritten(cx, &call, &plain, (size, body))?;
        if !(planned::tells(cx, &call) && intake.may_stream()) {
            return Ok(Unified::Direct(Box::new(call), Box::new(intake)));
        }
        intake.into_rewritten()
    };
    let step = Step {
        call,
        head: plain,
        body,
        record: std::mem::take(record),
        accounts: Vec::new(),
        attempt: 1,
    };
    let id = step.record.id.clone();
    let plan = Plan::new(cx, &id, caller.clone(), [Stage::step(step)]);
    let plan = plan.map_err(|refused| refused.tell(record))?;
    Ok(Unified::Planned(Box::new(plan), size))
}

/// Which model a chat call goes to.
pub(super) struct Chat<'a> {
    /// The model and who serves it.
    pub(super) target: ChatModel<'a>,
    /// The query of the URL, without its `?`.
    pub(super) query: Option<&'a str>,
    /// What the step's or the route's own settings say about retries.
    pub(super) wishes: Wishes,
}

impl Chat<'_> {
    /// The call of the provider's compatible endpoint, its head and its body.
    pub(super) fn call(
        &self,
        caller: &Caller,
        body: &ChatBody<'_>,
        head: &HeaderList,
        record: &mut Record,
    ) -> Result<(Call, HeaderList, Vec<u8>), Reject> {
        let target = &self.target;
        record.provider = Some(target.provider.to_owned());
        let path = caller.config.chat_endpoint(target)?;
        let (plain, withheld) = plain(caller, head, target.provider);
        let wanted = caller::Target {
            provider: target.provider,
            path: &path,
            query: self.query,
            wishes: self.wishes,
        };
        let mut call = caller.call(&wanted, &plain, Options::read(&plain), record)?;
        call.withheld = withheld;
        (record.model, record.model_asked) = (None, Some(target.model.to_owned()));
        Ok((call, plain, body.written_for(target)))
    }
}

/// The head without what does not belong to the call that the body named: the coding and signatures of a body that is
/// written anew, and the keys that the client holds for other providers. Compatible endpoints take `authorization`: where
/// that is the provider's, no other key is. With it, the fields that must not go on.
fn plain(caller: &Caller, head: &HeaderList, provider: &str) -> (HeaderList, Vec<String>) {
    let is_authorized = caller.has_provider_authorization(head);
    let is_other_key = |name: &str| {
        let is_shared = matches!(name, "authorization" | "sec-websocket-protocol");
        let is_another = caller.config.is_key_of_another(name, provider);
        !is_shared && (is_another || (is_authorized && CREDENTIAL_HEADERS.contains(&name)))
    };
    let is_withheld = |name: &str| SIGNATURES.contains(&name) || is_other_key(name);
    let (withheld, plain): (Vec<_>, Vec<_>) = head
        .iter()
        .filter(|(name, _)| *name != "content-encoding")
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .partition(|(name, _)| is_withheld(name));
    let withheld = withheld.into_iter().map(|(name, _)| name);
    (HeaderList::new(plain), withheld.collect())
}

/// The list of the models that a unified call can name. It costs nobody anything: no limit, and no record unless it is
/// refused.
pub(super) fn models(
    cx: &Cx,
    (caller, query): (&Caller, Option<&str>),
    record: &Record,
) -> Result<Reply, Incompatible> {
    let provider = query.and_then(compat::listed_provider);
    let models = cx.worker.config.models(&caller.gateway.id, provider)?;
    let mut headers = record.identity();
    headers.retain(|(name, _)| name != "cf-aig-log-id");
    headers.push(("content-type".into(), "application/json".into()));
    Ok(Reply {
        status: 200,
        headers,
        body: compat::list(&models),
    })
}

/// The whole body, decoded; `size` is what has come of it.
pub(super) async fn hold(
    cx: &Cx,
    head: &HeaderList,
    end: bool,
    size: &mut u64,
) -> Result<Capture, Stop> {
    let (mut body, mut decoder) = begin(cx, head)?;
    cx.want(true, false);
    if !cx.worker.bodies_come.get() {
        cx.set_deadline(Some(cx.now().saturating_add(BODY_PATIENCE)));
    }
    let mut ended = end;
    while !ended {
        let (bytes, new) = match cx.next().await {
            Event::RequestBody { bytes, size, end } => {
                ended = end;
                (bytes, size)
            }
            Event::RequestTrailers => break,
            Event::Deadline if !cx.worker.bodies_come.get() => {
                cx.complain(intake::WITHHELD.to_owned());
                return Err(fault("did not come").into());
            }
            Event::Done(ending) => return Err(Gone(ending).into()),
            Event::ResponseHead { headers, .. } => return Err(Stop::Overruled(headers)),
            Event::RequestHead { .. }
            | Event::ResponseBody { .. }
            | Event::ResponseTrailers
            | Event::Woken(_)
            | Event::Deadline => continue,
        };
        *size = size.saturating_add(u64::try_from(new).unwrap_or(u64::MAX));
        if bytes.len() != new {
            return Err(fault("the host did not show all of it").into());
        }
        match &mut decoder {
            Some(decoder) => decoder
                .feed(&bytes, &mut |decoded| body.feed(decoded))
                .map_err(unread)?,
            None => body.feed(&bytes),
        }
        if body.is_crowded_out() {
            return Err(Reject::Overloaded.into());
        }
        if !body.is_whole() {
            return Err(too_large(cx).into());
        }
    }
    cx.set_deadline(None);
    if decoder.is_some_and(|decoder| !decoder.is_whole()) {
        return Err(unread(Unread::Cut).into());
    }
    Ok(body)
}

/// The place for the body, and what reads it. One that says up front that it has none is refused at once.
fn begin(cx: &Cx, head: &HeaderList) -> Result<(Capture, Option<Decoder>), Reject> {
    let (room, limit) = (&cx.worker.room, limit(cx));
    let declared = head
        .text("content-length")
        .and_then(|text| text.parse::<u64>().ok());
    if let Some(size) = declared {
        let size = usize::try_from(size).ok().filter(|size| *size <= limit);
        if !room.has(size.ok_or_else(|| too_large(cx))?) {
            return Err(Reject::Overloaded);
        }
    }
    let coding = Coding::of(head).map_err(unread)?;
    // Of a compressed body it is not known how much it will be.
    let plain = declared.filter(|_| coding.is_none());
    let body = Capture::within(room.needed(), limit).expecting(plain);
    Ok((body, coding.map(Decoder::new)))
}

fn too_large(cx: &Cx) -> Reject {
    Reject::BodyTooLarge(limit(cx))
}

fn limit(cx: &Cx) -> usize {
    cx.worker.config.limits.request_body_bytes.min(MAX_READ)
}

fn unread(reason: Unread) -> Reject {
    fault(reason.reason())
}

fn fault(what: &str) -> Reject {
    Reject::BadBody(BodyFault {
        place: "body".into(),
        what: what.into(),
    })
}
