//! What the life of a call sees of its stream: events come in, gates and outputs go out.
//!
//! The adapter puts one event into the inbox per host callback, polls the task, performs the outputs and asks the two
//! gates what to return. Invariant: nothing here touches the proxy; everything is data.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::calls::Calls;
pub use super::event::{Ending, Event};
pub use super::output::{Edit, Output};
use super::quiet::Quiet;
use crate::config::Config;
use crate::host::{Host, QueueId};
use crate::http::reply::Reply;
use crate::http::room::{Held, Room};
use crate::record::Record;

/// What one worker's plugin instance knows; shared by all its streams.
pub struct Worker {
    /// The port to the proxy.
    pub host: Rc<dyn Host>,
    /// The configuration in force when its streams began.
    pub config: Rc<Config>,
    /// Where other workers send wake-ups for this worker's streams; `None` where the host has no queues.
    pub queue: Option<QueueId>,
    /// The calls of this virtual machine that may need several attempts.
    pub calls: Rc<Calls>,
    /// Whether a body callback was ever seen while request headers were held: the proof that the plugin was mounted
    /// with `allow_on_headers_stop_iteration` (the host cannot be asked).
    pub bodies_come: Rc<Cell<bool>>,
    /// What the operator was told a moment ago.
    pub quiet: Rc<Quiet>,
    /// Room for the bodies that are held in this virtual machine.
    pub room: Room,
}

/// For tests and fuzz targets.
#[cfg(any(test, feature = "fake-host"))]
impl Worker {
    /// A worker with one plugin, of whose mount it is known that bodies come.
    pub fn alone(
        host: &Rc<crate::host::fake::FakeHost>,
        config: impl Into<Rc<Config>>,
        queue: QueueId,
    ) -> Self {
        let config = config.into();
        Self {
            host: Rc::<crate::host::fake::FakeHost>::clone(host),
            room: Room::new(config.limits.held_bytes, Rc::default()),
            config,
            queue: Some(queue),
            calls: Rc::default(),
            bodies_come: Rc::new(Cell::new(true)),
            quiet: Rc::default(),
        }
    }
}

/// Whether one direction of the stream is held back or flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing passes.
    Held,
    /// Everything passes as it comes.
    Released,
}

/// Why an await ended the ordinary course of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone(pub Ending);

/// The stream, as the exchange sees it.
pub struct Cx {
    /// The worker the stream runs on.
    pub worker: Rc<Worker>,
    /// The stream's number on this worker.
    pub id: u32,
    inbox: RefCell<VecDeque<Event>>,
    outputs: RefCell<Vec<Output>>,
    request: Cell<Gate>,
    response: Cell<Gate>,
    wanted: Cell<(bool, bool)>,
    deadline: Cell<Option<u64>>,
    replied: Cell<bool>,
    overruled: Cell<bool>,
}

impl Cx {
    /// A stream that has not begun: both gates held, both bodies unwanted.
    pub fn new(worker: Rc<Worker>, id: u32) -> Self {
        Self {
            worker,
            id,
            inbox: RefCell::default(),
            outputs: RefCell::default(),
            request: Cell::new(Gate::Held),
            response: Cell::new(Gate::Held),
            wanted: Cell::new((false, false)),
            deadline: Cell::new(None),
            replied: Cell::new(false),
            overruled: Cell::new(false),
        }
    }

    /// The port to the proxy.
    pub fn host(&self) -> &dyn Host {
        &*self.worker.host
    }

    /// Wall clock, nanoseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.host().now()
    }

    /// The next event; suspends until there is one. After [`Event::Done`] nothing comes any more.
    pub async fn next(&self) -> Event {
        poll_fn(|_| match self.inbox.borrow_mut().pop_front() {
            Some(event) => Poll::Ready(event),
            None => Poll::Pending,
        })
        .await
    }

    /// Suspends until the stream is over.
    pub async fn done(&self) -> Ending {
        loop {
            if let Event::Done(ending) = self.next().await {
                return ending;
            }
        }
    }

    /// Whether the response is what a rule or a limit of the proxy says: it tells nothing about the upstream.
    pub fn is_overruled(&self) -> bool {
        self.overruled.get()
    }

    /// Asks for the bytes of the bodies from now on (they are not copied out otherwise).
    pub fn want(&self, request: bool, response: bool) {
        self.wanted.set((request, response));
    }

    /// Asks for an [`Event::Deadline`] at about `at` (nanoseconds since the epoch), or for none.
    pub fn set_deadline(&self, at: Option<u64>) {
        self.deadline.set(at);
    }

    /// Lets the request go to the upstream, with these header changes.
    pub fn release_request(&self, edits: Vec<Edit>) {
        self.push(Output::EditRequest(edits));
        self.request.set(Gate::Released);
    }

    /// Lets the response go to the client, with these header changes.
    pub fn release_response(&self, edits: Vec<Edit>) {
        self.push(Output::EditResponse(edits));
        self.response.set(Gate::Released);
    }

    /// Changes the whole of a request's body, all of which is held.
    pub fn replace_request(&self, size: usize, bytes: Rc<Held>) {
        self.push(Output::ReplaceRequest { size, bytes });
    }

    /// Takes away the trailers with which the request has just ended, if it has any.
    pub fn drop_request_trailers(&self) {
        self.push(Output::DropRequestTrailers);
    }

    /// Changes the piece of the response's body that the current event has brought.
    pub fn replace_response(&self, size: usize, bytes: Vec<u8>) {
        self.push(Output::ReplaceResponse { size, bytes });
    }

    /// Holds what comes of the response from now on.
    pub fn hold_response(&self) {
        self.response.set(Gate::Held);
    }

    /// Holds nothing of the response any more; its head is on its way already.
    pub fn open_response(&self) {
        self.response.set(Gate::Released);
    }

    /// Lets go what is held of the response, and holds what comes next: only while it is held.
    pub fn flush_response(&self) {
        self.push(Output::FlushResponse);
    }

    /// Puts a text behind what `stream` of this worker holds of its response, and lets it go: only while it is held.
    pub fn append_response(&self, stream: u32, text: &'static str) {
        self.push(Output::AppendResponse { stream, text });
    }

    /// Throws away what is held of the response's body: Envoy holds no more than its buffer takes.
    pub fn discard_response(&self) {
        self.push(Output::DiscardResponse);
    }

    /// Answers the client. Only the first answer counts.
    pub fn reply(&self, reply: Reply) {
        if !self.replied.replace(true) {
            self.push(Output::Reply(reply));
        }
    }

    /// Has an exchange that is over counted, and its record published if one is wanted.
    pub fn publish(&self, record: Record) {
        self.push(Output::Record(Box::new(record)));
    }

    /// Sets a filter state of `stream`, which is under way.
    pub fn set_state(&self, stream: u32, name: &'static str, value: String) {
        self.push(Output::State {
            stream,
            name,
            value,
        });
    }

    /// Tells the operator what only the operator can mend; at most once a second on a worker.
    pub fn complain(&self, text: String) {
        self.complain_of("", text);
    }

    /// The same, of a matter of its own: other complaints do not drown it.
    pub fn complain_of(&self, matter: &str, text: String) {
        if self.worker.quiet.ends(matter, self.now()) {
            self.push(Output::Complain(text));
        }
    }

    fn push(&self, output: Output) {
        self.outputs.borrow_mut().push(output);
    }
}

/// The adapter's side.
impl Cx {
    /// Adds an event; the caller polls next.
    pub fn deliver(&self, event: Event) {
        self.inbox.borrow_mut().push_back(event);
    }

    /// The outputs since the last call.
    pub fn take_outputs(&self) -> Vec<Output> {
        self.outputs.take()
    }

    /// The gate of the request.
    pub fn request_gate(&self) -> Gate {
        self.request.get()
    }

    /// The gate of the response.
    pub fn response_gate(&self) -> Gate {
        self.response.get()
    }

    /// Whether an answer of our own was given.
    pub fn has_replied(&self) -> bool {
        self.replied.get()
    }

    /// The head of the response that comes next is a rule's or a limit's of the proxy, not the upstream's.
    pub fn overrule(&self) {
        self.overruled.set(true);
    }

    /// Whether the bytes of the (request, response) body are to be read.
    pub fn wanted(&self) -> (bool, bool) {
        self.wanted.get()
    }

    /// When the stream wants to be called again.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline.get()
    }
}
