//! The callbacks of one HTTP stream.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::live::{Live, Side, edit, send};
use super::mount::Mount;
use super::sleepers::Sleepers;
use crate::console::access::PEER;
use crate::exchange::attempt::Place;
use crate::exchange::cx::{Ending, Event};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;

/// Envoy's flag for a downstream connection that ended first (`DC`).
const DOWNSTREAM_GONE: u64 = 0x4000;

/// A stream, as the SDK sees it.
pub(super) struct Stream {
    /// Empty until an attempt's plan is known.
    live: OnceCell<Rc<Live>>,
    /// How attempts are lived, and the stream's number.
    attempts: Option<(Rc<Mount>, u32)>,
    /// Whether nothing is to be done.
    passes: Cell<bool>,
    /// Whether the address of the peer is of interest.
    is_console: Cell<bool>,
    sleepers: Rc<Sleepers>,
}

impl Stream {
    pub(super) fn new(live: Live, sleepers: Rc<Sleepers>) -> Self {
        let stream = Self::of(None, sleepers);
        stream.live.get_or_init(|| Rc::new(live));
        stream
    }

    pub(super) fn of_console(live: Live, sleepers: Rc<Sleepers>) -> Self {
        let stream = Self::new(live, sleepers);
        stream.is_console.set(true);
        stream
    }

    pub(super) fn of_attempt(attempts: (Rc<Mount>, u32), sleepers: Rc<Sleepers>) -> Self {
        Self::of(Some(attempts), sleepers)
    }

    fn of(attempts: Option<(Rc<Mount>, u32)>, sleepers: Rc<Sleepers>) -> Self {
        Self {
            live: OnceCell::new(),
            attempts,
            passes: Cell::new(false),
            is_console: Cell::new(false),
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
        self.sleepers.ship(live.task.cx.host());
        action
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        let mut headers = headers(MapType::HttpRequestHeaders);
        if self.is_console.get() {
            headers.push(PEER, property(&["source", "address"]).unwrap_or_default());
        }
        if let Some((mount, id)) = &self.attempts {
            let cluster = mount.cluster();
            if let Some(cluster) = &cluster {
                mount.calls.note_role(cluster);
            }
            let name = mount.name(&headers);
            if name.is_none() && mount.place == Place::Cluster {
                // A call of one attempt.
                self.passes.set(true);
                return Action::Continue;
            }
            let Some(plan) = name.and_then(|name| mount.calls.find(&name)) else {
                // Nobody's plan: the gateway's virtual machine was replaced meanwhile.
                send(&Reject::Unreachable.reply(Vec::new()));
                return Action::Pause;
            };
            let hop = plan.caller.config.attempt_cluster.as_ref();
            // On its way to the hop, where the attempt is made.
            if let (Some(direct), true) =
                (&plan.direct, cluster.is_some() && cluster.as_ref() == hop)
            {
                edit(MapType::HttpRequestHeaders, &direct.hop_edits(&plan));
                self.passes.set(true);
                return Action::Continue;
            }
            self.live.get_or_init(|| Rc::new(mount.begin(*id, plan)));
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
        let Some(live) = self.live.get().filter(|live| !live.is_over()) else {
            return Action::Continue;
        };
        let headers = headers(MapType::HttpResponseHeaders);
        let local = is_local(&headers);
        let status = headers.value(":status");
        if matches!(status, Some(b"401" | b"402" | b"403" | b"429")) && is_of_proxy() {
            live.task.cx.overrule();
        }
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
            self.sleepers.ship(live.task.cx.host());
        }
    }
}

/// Envoy calls no `on_log` of an upstream filter: its context goes, before the next attempt's comes.
impl Drop for Stream {
    fn drop(&mut self) {
        let attempts = self.attempts.as_ref();
        let is_at_cluster = attempts.is_some_and(|(mount, _)| mount.place == Place::Cluster);
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
    matches!(headers.value(":status"), Some(b"502" | b"503" | b"504")) && is_of_proxy()
}

/// Whether the answer is not the upstream's.
fn is_of_proxy() -> bool {
    property(&["response", "code_details"]).is_some_and(|details| details != b"via_upstream")
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

pub(super) fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}
