//! Long work takes breaks, and goes on after them.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;

use super::{API, Console};
use crate::exchange::cx::{Ending, Event};
use crate::exchange::task::Task;
use crate::host::fake::FakeHost;
use crate::host::{CallId, Callout, Expect, Host, HostError, QueueId, Shared};
use crate::http::header::HeaderList;

/// A host on which every look at the clock takes 100 microseconds.
struct Slow {
    inner: Rc<FakeHost>,
    longest: Rc<Cell<u64>>,
    begun: Rc<Cell<u64>>,
    /// Reads of shared data.
    reads: Rc<Cell<u64>>,
}

impl Host for Slow {
    fn now(&self) -> u64 {
        self.inner.clock.set(self.inner.clock.get() + 100_000);
        let now = self.inner.now();
        self.longest
            .set(self.longest.get().max(now - self.begun.get()));
        now
    }
    fn random(&self) -> u64 {
        self.inner.random()
    }
    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.reads.set(self.reads.get() + 1);
        self.inner.shared(key)
    }
    fn set_shared(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), HostError> {
        self.inner.set_shared(key, value, expect)
    }
    fn enqueue(&self, queue: QueueId, message: &[u8]) -> Result<(), HostError> {
        self.inner.enqueue(queue, message)
    }
    fn call(&self, call: &Callout<'_>) -> Result<CallId, HostError> {
        self.inner.call(call)
    }
    fn resolve_queue(&self, name: &str) -> Result<Option<QueueId>, HostError> {
        self.inner.resolve_queue(name)
    }
}

/// A console on such a host.
pub(super) struct Slowed {
    pub(super) console: Console,
    /// Of the records.
    pub(super) ids: Vec<String>,
    pub(super) reads: Rc<Cell<u64>>,
    longest: Rc<Cell<u64>>,
    begun: Rc<Cell<u64>>,
}

/// With a thousand records.
pub(super) fn slow() -> Slowed {
    let changes: Vec<_> = (0..1000)
        .map(|n| json!({"model": format!("{n:04}")}))
        .collect();
    slow_with(&changes)
}

pub(super) fn slow_with(changes: &[serde_json::Value]) -> Slowed {
    let mut console = Console::new();
    let ids = console.store(changes);
    let begun = Rc::new(Cell::new(console.host.clock.get()));
    let [longest, reads] = [(); 2].map(|()| Rc::new(Cell::new(0)));
    let worker = Rc::get_mut(&mut console.worker).unwrap();
    worker.host = Rc::new(Slow {
        inner: Rc::clone(&console.host),
        longest: Rc::clone(&longest),
        begun: Rc::clone(&begun),
        reads: Rc::clone(&reads),
    });
    Slowed {
        console,
        ids,
        reads,
        longest,
        begun,
    }
}

pub(super) fn begin(console: &Console, path: &str) -> Task {
    let task = Task::console(Rc::clone(&console.worker), 7);
    let head = [
        (":method", "GET"),
        (":path", &format!("{API}{path}")),
        (":authority", "localhost"),
        (":peer", "127.0.0.1:1"),
    ];
    let head = head.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    task.on(Event::RequestHead {
        headers: HeaderList::new(head.into()),
        end: true,
    });
    task
}

#[test]
fn no_slice_is_long_and_the_answer_is_whole() {
    for path in [
        "/gateways/gw/logs?per_page=50",
        "/gateways/gw/logs?order_by=model&meta_info=true",
        "/gateways/gw/logs?format=ndjson",
        "/gateways/gw/logs?format=csv&order_by_direction=asc",
        "/gateways/gw/analytics?start_date=2026-09-21&end_date=2026-09-23",
        "/gateways/gw/limits",
        "/gateways/gw/logs/019a0000-0000-7000-8000-000000000009",
    ] {
        let Slowed {
            console,
            longest,
            begun,
            ..
        } = slow();
        let task = begin(&console, path);
        let mut slices = 1;
        let outputs = loop {
            let outputs = task.cx.take_outputs();
            if !outputs.is_empty() {
                break outputs;
            }
            assert!(
                task.cx
                    .deadline()
                    .is_some_and(|at| at <= console.host.clock.get()),
                "{path} waits for nothing"
            );
            slices += 1;
            begun.set(console.host.clock.get());
            task.on(Event::Deadline);
        };
        // Sixteen steps, each with some looks at the clock.
        assert!(longest.get() <= 3_000_000, "{path}: {} ns", longest.get());
        assert!(slices >= 2, "{path}: {slices} slices");
        assert_eq!(outputs.len(), 1);
    }
}

#[test]
fn a_client_that_leaves_ends_the_work() {
    let console = slow().console;
    let task = begin(&console, "/gateways/gw/logs?order_by=model");
    assert!(task.cx.deadline().is_some());
    task.on(Event::Done(Ending::default()));
    assert!(task.is_over());
    assert!(task.cx.take_outputs().is_empty());
}

#[test]
fn a_list_of_ten_thousand_is_right() {
    let console = Console::new();
    let changes: Vec<_> = (0..10_000)
        .map(|n| json!({"model": format!("{n:05}"), "cost": n % 7}))
        .collect();
    console.store(&changes);
    let body = console
        .get("/gateways/gw/logs?order_by=model&order_by_direction=asc&page=150&per_page=50")
        .json();
    assert_eq!(body["result_info"]["total_count"], 10_000);
    assert_eq!(
        (&body["result"][0]["model"], &body["result"][49]["model"]),
        (&json!("07450"), &json!("07499"))
    );
}
