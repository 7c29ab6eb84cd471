//! A proxy around the life of calls: two workers on one [`FakeHost`], and what each stream was told to do.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use sluice::config::{self, Config};
use sluice::exchange::attempt::Place;
use sluice::exchange::cx::{Edit, Ending, Event, Gate, Output, Worker};
use sluice::exchange::plan::Plan;
use sluice::exchange::task::Task;
use sluice::host::QueueId;
use sluice::host::fake::FakeHost;
use sluice::http::header::HeaderList;
use sluice::http::reply::Reply;
use sluice::keeper::pending::{Over, Pending};
use sluice::record::Record;
use sluice::store::waiter::Wake;

/// One worker's virtual machine.
pub(crate) struct Machine {
    pub(crate) host: Rc<FakeHost>,
    pub(crate) worker: Rc<Worker>,
    next: Cell<u32>,
}

impl Machine {
    /// Two workers that share their data; `None`: the configuration is refused.
    pub(crate) fn two(text: &str) -> Option<[Self; 2]> {
        let host = Rc::new(FakeHost::new(&[1, 2]));
        let config = Rc::new(config::parse(text.as_bytes(), &|_| None).ok()?);
        Some([1, 2].map(|queue| Self::new(&host, &config, queue)))
    }

    fn new(host: &Rc<FakeHost>, config: &Rc<Config>, queue: u32) -> Self {
        let worker = Worker::alone(host, Rc::clone(config), QueueId(queue));
        Self {
            host: Rc::clone(host),
            worker: Rc::new(worker),
            next: Cell::new(100),
        }
    }

    pub(crate) fn stream(&self) -> Stream {
        Stream::new(Task::new(Rc::clone(&self.worker), self.number()))
    }

    pub(crate) fn attempt(&self, plan: Rc<Plan>) -> Stream {
        let plan = (plan, Place::Hop);
        Stream::new(Task::attempt(Rc::clone(&self.worker), self.number(), plan))
    }

    fn number(&self) -> u32 {
        self.next.set(self.next.get().saturating_add(1));
        self.next.get()
    }

    /// The wake-ups that lie in this worker's queue.
    pub(crate) fn wakes(&self) -> Vec<Wake> {
        let mut queues = self.host.queues.borrow_mut();
        let messages = self.worker.queue.and_then(|queue| queues.get_mut(&queue));
        let messages = messages.into_iter().flat_map(|messages| messages.drain(..));
        messages
            .filter_map(|message| Wake::decode(&message))
            .collect()
    }
}

/// One stream.
pub(crate) struct Stream {
    pub(crate) task: Task,
    /// The changes with which the request was let go.
    pub(crate) upstream: Option<Vec<Edit>>,
    pub(crate) reply: Option<Reply>,
    pub(crate) records: Vec<String>,
    /// Filter states, complaints: what else is shown to anybody.
    pub(crate) told: Vec<String>,
    pub(crate) request_ended: bool,
    pub(crate) response_begun: bool,
    pub(crate) response_ended: bool,
    downstream: bool,
    pub(crate) is_done: bool,
}

impl Stream {
    const fn new(task: Task) -> Self {
        Self {
            task,
            upstream: None,
            reply: None,
            records: Vec::new(),
            told: Vec::new(),
            request_ended: false,
            response_begun: false,
            response_ended: false,
            downstream: false,
            is_done: false,
        }
    }

    pub(crate) fn on(&mut self, event: Event) {
        let mut size_of_piece = None;
        match &event {
            Event::RequestHead { end, .. } | Event::RequestBody { end, .. } => {
                self.request_ended |= end;
            }
            Event::RequestTrailers => self.request_ended = true,
            Event::ResponseHead { end, .. } => {
                self.response_begun = true;
                self.response_ended |= end;
            }
            Event::ResponseBody { end, size, .. } => {
                size_of_piece = Some(*size);
                self.response_ended |= end;
            }
            Event::ResponseTrailers => self.response_ended = true,
            Event::Woken(_) | Event::Deadline | Event::Done(_) => {}
        }
        // The adapter hands over nothing of a stream that it has answered, but its end.
        if self.reply.is_some() && !matches!(event, Event::Done(_)) {
            return;
        }
        self.task.on(event);
        for output in self.task.cx.take_outputs() {
            self.perform(output, size_of_piece);
        }
    }

    fn perform(&mut self, output: Output, size_of_piece: Option<usize>) {
        let is_open = self.reply.is_none();
        match output {
            Output::EditRequest(edits) => {
                assert!(
                    is_open && self.upstream.replace(edits).is_none(),
                    "request let go twice"
                );
            }
            Output::EditResponse(_) => {
                assert!(is_open && !self.downstream, "response let go twice");
                self.downstream = true;
            }
            Output::ReplaceRequest { .. } => assert!(is_open && self.upstream.is_none()),
            Output::ReplaceResponse { size, .. } => assert_eq!(Some(size), size_of_piece),
            Output::Reply(reply) => {
                assert!(
                    is_open && !self.downstream,
                    "answered after the provider's answer"
                );
                assert!(self.reply.replace(reply).is_none(), "answered twice");
            }
            Output::Record(record) => self.take(record),
            Output::State { value, .. } => self.told.push(value),
            Output::Complain(text) => self.told.push(text),
            Output::DropRequestTrailers
            | Output::DiscardResponse
            | Output::FlushResponse
            | Output::AppendResponse { .. } => {}
        }
    }

    fn take(&mut self, record: Box<Record>) {
        let worker = &self.task.cx.worker;
        let mut over = Over::new(Rc::clone(&worker.config), record);
        self.records.extend(over.text().map(Cow::into_owned));
        let mut pending = Pending::default();
        pending.add(&*worker.host, over);
        pending.flush(&*worker.host);
    }

    /// A call that is held must have something that moves it on.
    pub(crate) fn check(&self) {
        let cx = &self.task.cx;
        if self.is_done || self.reply.is_some() || cx.deadline().is_some() {
            return;
        }
        let is_held = self.request_ended && cx.request_gate() == Gate::Held;
        assert!(
            !is_held || self.response_begun,
            "a request that nothing lets go"
        );
        let is_held = self.response_ended && cx.response_gate() == Gate::Held;
        assert!(!is_held, "an answer that nothing lets go");
    }

    /// The stream ends, and its life with it.
    pub(crate) fn end(&mut self, ending: Ending) {
        if !self.is_done {
            self.on(Event::Done(ending));
            self.is_done = true;
            assert!(self.task.is_over(), "it lives on");
        }
    }

    /// The value that a field of the request is given on its way.
    pub(crate) fn sets(&self, field: &str) -> Option<&[u8]> {
        self.upstream.iter().flatten().find_map(|edit| match edit {
            Edit::Set(name, value) if name == field => Some(value.as_slice()),
            Edit::Set(..) | Edit::Remove(_) => None,
        })
    }

    /// The request's head as it is sent on.
    pub(crate) fn sent(&self, head: &HeaderList) -> HeaderList {
        let edits: Vec<_> = self.upstream.iter().flatten().collect();
        let changed: BTreeSet<&str> = edits
            .iter()
            .map(|edit| match edit {
                Edit::Set(name, _) | Edit::Remove(name) => &**name,
            })
            .collect();
        let kept = head.iter().filter(|(name, _)| !changed.contains(name));
        let kept = kept.map(|(name, value)| (name.to_owned(), value.to_vec()));
        let set = edits.iter().filter_map(|edit| match edit {
            Edit::Set(name, value) => Some((name.to_string(), value.clone())),
            Edit::Remove(_) => None,
        });
        kept.chain(set).collect()
    }
}
