//! The callbacks of one HTTP stream.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::live::{Live, Side, Sleepers, edit, send};
use crate::exchange::attempt::Place;
use crate::exchange::calls::Calls;
use crate::exchange::cx::{Ending, Event, Worker};
use crate::exchange::direct::CALL_STATE;
use crate::exchange::plan::Plan;
use crate::exchange::planned::CALL;
use crate::exchange::task::Task;
use crate::host::{Host, QueueId};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;

/// Envoy's flag for a downstream connection that ended first (`DC`).
const DOWNSTREAM_GONE: u64 = 0x4000;

/// What begins the life of an attempt, once its plan is known.
pub(super) struct Attempts {
    pub(super) place: Place,
    pub(super) id: u32,
    pub(super) host: Rc<dyn Host>,
    pub(super) calls: Rc<Calls>,
    pub(super) queue: Option<QueueId>,
}

impl Attempts {
    /// The name of the request's plan: a client can set the header, but never the filter state.
    fn name(&self, head: &HeaderList) -> Option<Vec<u8>> {
        match self.place {
            Place::Hop => head.value(CALL).map(<[u8]>::to_vec),
            Place::Cluster => property(&[CALL_STATE]),
        }
    }

    fn begin(&self, plan: Rc<Plan>) -> Live {
        let worker = Worker {
            host: Rc::clone(&self.host),
            config: Rc::clone(&plan.caller.config),
            queue: self.queue,
            calls: Rc::clone(&self.calls),
            bodies_come: Cell::new(true),
            quiet_until: Cell::new(0),
        };
        let direct = Rc::clone(&plan);
        let task = Task::attempt(Rc::new(worker), self.id, (plan, self.place));
        let task = Rc::new(task);
        if let Some(direct) = &direct.direct {
            direct.attach(&task, self.place);
        }
        Live::new(task)
    }

    /// Whether the request is on its way to the hop, where the attempt is made.
    fn leads_to_hop(&self, plan: &Plan) -> bool {
        let hop = plan.caller.config.attempt_cluster.as_deref();
        let cluster = || property(&["xds", "cluster_name"]);
        self.place == Place::Cluster && cluster().as_deref() == hop.map(str::as_bytes)
    }
}

/// A stream, as the SDK sees it.
pub(super) struct Stream {
    /// Empty until an attempt's plan is known.
    live: OnceCell<Rc<Live>>,
    attempts: Option<Attempts>,
    /// Whether nothing is to be done.
    passes: Cell<bool>,
    sleepers: Rc<Sleepers>,
}

impl Stream {
    pub(super) fn new(live: Live, sleepers: Rc<Sleepers>) -> Self {
        let stream = Self::of(None, sleepers);
        stream.live.get_or_init(|| Rc::new(live));
        stream
    }

    pub(super) fn of_attempt(attempts: Attempts, sleepers: Rc<Sleepers>) -> Self {
        Self::of(Some(attempts), sleepers)
    }

    fn of(attempts: Option<Attempts>, sleepers: Rc<Sleepers>) -> Self {
        Self {
            live: OnceCell::new(),
            attempts,
            passes: Cell::new(false),
            sleepers,
        }
    }

    fn on(&self, side: Side, event: Event) -> Action {
        // Without a life the stream was answered when it came.
        let Some(live) = self.live.get() else {
            return Action::Continue;
        };
        let action = live.on(side, event);
        self.sleepers.note(live);
        action
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        let headers = headers(MapType::HttpRequestHeaders);
        if let Some(attempts) = &self.attempts {
            let name = attempts.name(&headers);
            if name.is_none() && attempts.place == Place::Cluster {
                // A call of one attempt.
                self.passes.set(true);
                return Action::Continue;
            }
            let Some(plan) = name.and_then(|name| attempts.calls.find(&name)) else {
                // Nobody's plan: the gateway's virtual machine was replaced meanwhile.
                send(&Reject::Unreachable.reply(Vec::new()));
                return Action::Pause;
            };
            if let Some(direct) = plan
                .direct
                .as_ref()
                .filter(|_| attempts.leads_to_hop(&plan))
            {
                edit(MapType::HttpRequestHeaders, &direct.hop_edits(&plan));
                self.passes.set(true);
                return Action::Continue;
            }
            self.live.get_or_init(|| Rc::new(attempts.begin(plan)));
        }
        self.on(Side::Request, Event::RequestHead { headers, end })
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        let Some(live) = self.live.get() else {
            return if self.passes.get() {
                Action::Continue
            } else {
                Action::Pause
            };
        };
        let held = live.holds_request();
        if held {
            live.task.cx.worker.bodies_come.set(true);
        }
        let wanted = live.task.cx.wanted().0;
        let (bytes, size) = fresh(
            BufferType::HttpRequestBody,
            &live.request_seen,
            (held, wanted),
            size,
        );
        self.on(Side::Request, Event::RequestBody { bytes, size, end })
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.on(Side::Request, Event::RequestTrailers)
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        if self.live.get().is_none_or(|live| live.is_over()) {
            return Action::Continue;
        }
        let headers = headers(MapType::HttpResponseHeaders);
        let local = is_local(&headers);
        self.on(
            Side::Response,
            Event::ResponseHead {
                headers,
                end,
                local,
            },
        )
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        let Some(live) = self.live.get() else {
            return Action::Continue;
        };
        let (held, wanted) = (live.holds_response(), live.task.cx.wanted().1);
        let (bytes, size) = fresh(
            BufferType::HttpResponseBody,
            &live.response_seen,
            (held, wanted),
            size,
        );
        self.on(Side::Response, Event::ResponseBody { bytes, size, end })
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.on(Side::Response, Event::ResponseTrailers)
    }

    fn on_log(&mut self) {
        if let Some(live) = self.live.get() {
            live.on(Side::Other, Event::Done(ending()));
            self.sleepers.forget(live.task.cx.id);
        }
    }
}

/// Envoy calls no `on_log` of an upstream filter: its context goes, before the next attempt's comes.
impl Drop for Stream {
    fn drop(&mut self) {
        let attempts = self.attempts.as_ref();
        let is_at_cluster = attempts.is_some_and(|attempts| attempts.place == Place::Cluster);
        if let Some(live) = self.live.get().filter(|_| is_at_cluster) {
            live.lose();
            self.sleepers.forget(live.task.cx.id);
        }
    }
}

fn headers(map: MapType) -> HeaderList {
    HeaderList::new(hostcalls::get_map_bytes(map).unwrap_or_default())
}

/// The part of a body that no earlier callback has shown, and its size.
///
/// Envoy: while a direction is held, `size` grows with everything held so far; while it flows, it is the chunk's own.
fn fresh(
    buffer: BufferType,
    seen: &Cell<usize>,
    (held, wanted): (bool, bool),
    size: usize,
) -> (Vec<u8>, usize) {
    let start = if held { seen.get().min(size) } else { 0 };
    seen.set(size);
    let new = size.saturating_sub(start);
    let read = wanted && new > 0;
    let bytes = if read {
        hostcalls::get_buffer(buffer, start, new).ok().flatten()
    } else {
        None
    };
    (bytes.unwrap_or_default(), new)
}

/// Whether the proxy made the answer because no upstream gave one. What other filters and limits of the proxy say is
/// not about the provider, and has other statuses.
fn is_local(headers: &HeaderList) -> bool {
    matches!(headers.value(":status"), Some(b"502" | b"503" | b"504"))
        && property(&["response", "code_details"]).is_some_and(|details| details != b"via_upstream")
}

fn ending() -> Ending {
    let flags = property(&["response", "flags"])
        .and_then(|bytes| bytes.try_into().ok().map(u64::from_le_bytes));
    let flags = flags.unwrap_or_default();
    let reset_by_client = || {
        let details = property(&["response", "code_details"]).unwrap_or_default();
        details.starts_with(b"downstream") || details.starts_with(b"http2.remote_reset")
    };
    Ending {
        flags,
        client_gone: flags & DOWNSTREAM_GONE != 0 || (flags != 0 && reset_by_client()),
    }
}

fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}
