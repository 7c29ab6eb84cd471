//! One live stream: its task, and what the last callbacks of each direction returned.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, BufferType, MapType, Status};

use super::ship;
use crate::exchange::cx::{Edit, Ending, Event, Gate, Output};
use crate::exchange::task::Task;
use crate::http::reply::Reply;
use crate::keeper::pending::Over;
use crate::record::Record;

/// The filter state and log prefix under which a record is published.
const RECORD: &str = "sluice.record";

/// From which side the current callback comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A request callback: its return value moves the request.
    Request,
    /// A response callback: its return value moves the response.
    Response,
    /// Any other: a released gate must be opened by a host call.
    Other,
}

/// A stream that is under way.
pub(super) struct Live {
    pub(super) task: Rc<Task>,
    request_paused: Cell<bool>,
    response_paused: Cell<bool>,
    /// Whether the local reply was handed to the proxy: what comes after it is not for the task.
    answered: Cell<bool>,
    /// Whether it stands among the [`Sleepers`](super::sleepers::Sleepers).
    pub(super) noted: Cell<bool>,
    /// What it has published.
    records: RefCell<Vec<String>>,
    /// How much of each body an earlier callback has shown.
    pub(super) request_seen: Cell<usize>,
    pub(super) response_seen: Cell<usize>,
}

impl Live {
    pub(super) fn new(task: impl Into<Rc<Task>>) -> Self {
        Self {
            task: task.into(),
            request_paused: Cell::new(false),
            response_paused: Cell::new(false),
            answered: Cell::new(false),
            noted: Cell::new(false),
            records: RefCell::default(),
            request_seen: Cell::new(0),
            response_seen: Cell::new(0),
        }
    }

    /// Whether the request is being held by an earlier callback.
    pub(super) fn holds_request(&self) -> bool {
        self.request_paused.get()
    }

    /// Whether the response is being held by an earlier callback.
    pub(super) fn holds_response(&self) -> bool {
        self.response_paused.get()
    }

    /// Whether nothing more is of interest: answered by ourselves, or none of the gateway's.
    pub(super) fn is_over(&self) -> bool {
        self.answered.get() || self.task.is_over()
    }

    /// The stream is gone. If nothing was told to anybody yet, that is its end; nothing can be done to it any more.
    pub(super) fn lose(&self) {
        if self.is_over() || self.task.cx.response_gate() == Gate::Released {
            return;
        }
        self.task.on(Event::Done(Ending::default()));
        let outputs = self.task.cx.take_outputs().into_iter();
        let left = outputs.filter(|it| matches!(it, Output::State { .. } | Output::Complain(_)));
        left.for_each(|output| self.perform(output));
    }

    /// Hands an event to the task, does what it asks for, and says what the callback returns.
    pub(super) fn on(&self, side: Side, event: Event) -> Action {
        if self.answered.get() && !matches!(event, Event::Done(_)) {
            // Our own reply on its way out (or a late body of a request that has been answered).
            return if side == Side::Request {
                Action::Pause
            } else {
                Action::Continue
            };
        }
        self.task.on(event);
        for output in self.task.cx.take_outputs() {
            self.perform(output);
        }
        if self.answered.get() {
            return Action::Pause;
        }
        self.open(side)
    }

    /// Moves the gates: the current side by the return value, the other one by a host call.
    fn open(&self, side: Side) -> Action {
        let cx = &self.task.cx;
        let request_held = cx.request_gate() == Gate::Held;
        let response_held = cx.response_gate() == Gate::Held;
        if side == Side::Request {
            self.request_paused.set(request_held);
        } else if self.request_paused.get() && !request_held {
            self.request_paused.set(false);
            heed(hostcalls::resume_http_request());
        }
        if side == Side::Response {
            self.response_paused.set(response_held);
        } else if self.response_paused.get() && !response_held {
            self.response_paused.set(false);
            heed(hostcalls::resume_http_response());
        }
        let held = match side {
            Side::Request => request_held,
            Side::Response => response_held,
            Side::Other => false,
        };
        if held {
            Action::Pause
        } else {
            Action::Continue
        }
    }

    /// Envoy: what is held goes out, also from inside the callback that holds it.
    fn flush(&self) {
        self.response_seen.set(0);
        heed(hostcalls::resume_http_response());
    }

    /// Envoy: a start behind the end of the buffer appends. The stream may be another one of this virtual machine.
    fn append(&self, text: &str) {
        let text = text.as_bytes();
        let buffer = BufferType::HttpResponseBody;
        heed(hostcalls::set_buffer(buffer, usize::MAX, 0, text));
        self.flush();
    }

    /// Does something to a stream of this virtual machine.
    fn on_stream(&self, stream: u32, act: impl FnOnce()) {
        let own = self.task.cx.id;
        if stream == own {
            act();
        } else if hostcalls::set_effective_context(stream).is_ok() {
            act();
            heed(hostcalls::set_effective_context(own));
        }
    }

    fn perform(&self, output: Output) {
        match output {
            Output::EditRequest(edits) => edit(MapType::HttpRequestHeaders, &edits),
            Output::EditResponse(edits) => edit(MapType::HttpResponseHeaders, &edits),
            Output::ReplaceRequest { size, bytes } => {
                replace(BufferType::HttpRequestBody, size, &bytes);
            }
            Output::DropRequestTrailers => drop_all(MapType::HttpRequestTrailers),
            Output::ReplaceResponse { size, bytes } => {
                replace(BufferType::HttpResponseBody, size, &bytes);
            }
            Output::FlushResponse => self.flush(),
            Output::AppendResponse { stream, text } => {
                self.on_stream(stream, || self.append(text));
            }
            Output::DiscardResponse => replace(BufferType::HttpResponseBody, usize::MAX, b""),
            Output::Reply(reply) => {
                self.answered.set(true);
                send(&reply);
            }
            Output::Record(record) => self.publish(record),
            Output::State {
                stream,
                name,
                value,
            } => self.on_stream(stream, || set_state(name, &value)),
            Output::Complain(text) => log::error!("sluice: {text}"),
        }
    }

    fn publish(&self, record: Box<Record>) {
        let worker = &self.task.cx.worker;
        let log = &worker.config.log;
        let mut over = Over::new(Rc::clone(&worker.config), record);
        if let Some(text) = over.text() {
            if log.line {
                log::info!("sluice record {text}");
            }
            if log.filter_state {
                self.show(text);
            }
        }
        ship::add(&*worker.host, over);
    }

    /// Envoy: a property set in `on_log` is seen by the access loggers, which run after it (facts §10). One path segment:
    /// the segments of a longer one would be joined by a zero byte. Several records are one list.
    fn show(&self, text: Cow<'_, str>) {
        let mut records = self.records.borrow_mut();
        if records.is_empty() {
            set_state(RECORD, &text);
        }
        records.push(text.into_owned());
        if let [_, _, ..] = records.as_slice() {
            set_state(RECORD, &format!("[{}]", records.join(",")));
        }
    }
}

fn set_state(name: &str, text: &str) {
    heed(hostcalls::set_property(vec![name], Some(text.as_bytes())));
}

pub(super) fn edit(map: MapType, edits: &[Edit]) {
    for edit in edits {
        let done = match edit {
            Edit::Remove(name) => hostcalls::remove_map_value(map, name),
            Edit::Set(name, value) => hostcalls::set_map_value_bytes(map, name, Some(value)),
        };
        heed(done);
    }
}

/// Envoy: the map of trailers can only be had in their own callback; elsewhere there is none.
fn drop_all(map: MapType) {
    for (name, _) in hostcalls::get_map_bytes(map).unwrap_or_default() {
        heed(hostcalls::remove_map_value(map, &name));
    }
}

/// Envoy: all of a buffer can be replaced, or something be put before or after it, but no piece inside be changed.
fn replace(buffer: BufferType, size: usize, bytes: &[u8]) {
    heed(hostcalls::set_buffer(buffer, 0, size, bytes));
}

pub(super) fn send(reply: &Reply) {
    let headers = reply
        .headers
        .iter()
        .map(|(name, value)| (&**name, value.as_str()))
        .collect();
    heed(hostcalls::send_http_response(
        u32::from(reply.status),
        headers,
        Some(&reply.body),
    ));
}

/// A host that refuses leaves nothing to do but to say so.
pub(super) fn heed(done: Result<(), Status>) {
    if let Err(status) = done {
        log::warn!("sluice: the host refused a call: {status:?}");
    }
}
