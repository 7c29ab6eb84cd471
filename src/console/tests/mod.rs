//! The control API against a fake host and a real keeper's desk: no proxy, every path.

mod access;
mod analytics;
mod answer;
mod change;
mod dataset;
mod deletion;
mod evaluation;
mod export;
mod filter;
mod fixture;
mod gateway;
mod hostile;
mod list;
mod page;
mod parameter;
mod patch;
mod property;
mod slice;
mod work;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use self::answer::Answer;
use self::fixture::{encode, filter, record};
use crate::config;
use crate::exchange::cx::{Ending, Event, Output, Worker};
use crate::exchange::task::Task;
use crate::host::QueueId;
use crate::host::fake::FakeHost;
use crate::http::header::HeaderList;
use crate::http::reply::Reply;
use crate::keeper::QUEUE;
use crate::keeper::desk::Desk;
use crate::keeper::message::{Message, Record};

const KEEPER: QueueId = QueueId(9);
/// The clock's beginning, milliseconds.
const NOW: u64 = 1_790_000_000_000;

/// One console beside a keeper.
struct Console {
    host: Rc<FakeHost>,
    worker: Rc<Worker>,
    desk: RefCell<Desk>,
    /// How often a call took a break.
    breaks: Cell<usize>,
    has_keeper: Cell<bool>,
}

const API: &str = "/client/v4/accounts/acc/ai-gateway";

impl Console {
    fn new() -> Self {
        Self::with(&json!({"open": true}))
    }

    fn with(console: &Value) -> Self {
        Self::configured(&json!({
            "console": console,
            "attempt_cluster": "hop",
            "gateways": [
                {"id": "gw", "cache_ttl": 300, "rate_limiting_limit": 5, "rate_limiting_interval": 10,
                 "log_management": 10000, "log_management_strategy": "STOP_INSERTING", "retry_max_attempts": 3},
                {"id": "other"},
                {"id": "mine", "account_id": "acc", "authentication": true,
                 "credentials": [{"name": "ci", "sha256": "00".repeat(32)}]},
                {"id": "theirs", "account_id": "else"},
            ],
            "custom_providers": [{"slug": "own", "base_url": "https://llm.example.com/v1"}],
        }))
    }

    fn configured(config: &Value) -> Self {
        let host = Rc::new(FakeHost::new(&[1, KEEPER.0]));
        host.names.borrow_mut().insert(QUEUE.to_owned(), KEEPER);
        let config = config::parse(config.to_string().as_bytes(), &|_| None).unwrap();
        let mut desk = Desk::new(Some(&config));
        desk.open(&*host).unwrap();
        let worker = Worker::alone(&host, config, QueueId(1));
        Self {
            host,
            worker: Rc::new(worker),
            desk: RefCell::new(desk),
            breaks: Cell::new(0),
            has_keeper: Cell::new(true),
        }
    }

    /// Stores records made of these changes to an ordinary one; answers their ids.
    fn store(&self, changes: &[Value]) -> Vec<String> {
        self.store_with(changes, None, None)
    }

    fn store_with(
        &self,
        changes: &[Value],
        request: Option<&str>,
        response: Option<&str>,
    ) -> Vec<String> {
        let mut desk = self.desk.borrow_mut();
        let mut ids = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let line = record(index, change);
            let created_ms =
                super::log::parse_instant(line["created_at"].as_str().unwrap()).unwrap();
            let mut batch = Vec::new();
            let text = line.to_string();
            let id =
                u128::from_str_radix(&line["id"].as_str().unwrap().replace('-', ""), 16).unwrap();
            let message = Record {
                id: id.to_be_bytes(),
                created_ms,
                account: line["account_id"].as_str().unwrap_or_default(),
                gateway: line["gateway_id"].as_str().unwrap_or_default(),
                store: true,
                line: text.as_bytes(),
                request: request.map(str::as_bytes),
                response: response.map(str::as_bytes),
                ..Record::default()
            };
            Message::Record(message).write(&mut batch);
            desk.take(&*self.host, &batch);
            ids.push(line["id"].as_str().unwrap().to_owned());
        }
        settle(&mut desk, &self.host);
        ids
    }

    fn get(&self, path: &str) -> Answer {
        self.call("GET", &format!("{API}{path}"), &[], None)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.call(method, &format!("{API}{path}"), &[], Some(body.as_bytes()))
    }

    fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", &format!("{API}{path}"), &[], None)
    }

    /// The logs of `gw` that such a query finds.
    fn list(&self, query: &str) -> Vec<Value> {
        let result = self.get(&format!("/gateways/gw/logs?{query}")).result();
        result.as_array().unwrap().clone()
    }

    /// Their models.
    fn models(&self, query: &str) -> Vec<String> {
        let model = |item: &Value| item["model"].as_str().unwrap().to_owned();
        self.list(query).iter().map(model).collect()
    }

    fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        self.finish(&self.begin(method, target, headers, body))
    }

    /// Sends a request and does not wait.
    fn begin(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Task {
        let mut head: Vec<(String, Vec<u8>)> = Vec::new();
        let given = |name: &str| headers.iter().any(|(field, _)| *field == name);
        let usual = [
            (":method", method),
            (":path", target),
            (":authority", "localhost:10001"),
            (":scheme", "http"),
            (":peer", "127.0.0.1:4711"),
        ];
        for (name, value) in usual.iter().filter(|(name, _)| !given(name)).chain(headers) {
            head.push(((*name).to_owned(), value.as_bytes().to_vec()));
        }
        let task = Task::console(Rc::clone(&self.worker), 7);
        task.on(Event::RequestHead {
            headers: HeaderList::new(head),
            end: body.is_none(),
        });
        // In two pieces, as it may come.
        for (piece, end) in body.iter().flat_map(|body| {
            let (one, other) = body.split_at(body.len() / 2);
            [(one, false), (other, true)]
        }) {
            task.on(Event::RequestBody {
                bytes: piece.to_vec(),
                size: piece.len(),
                end,
            });
        }
        task
    }

    /// Lets time pass until there is an answer; the keeper works meanwhile.
    fn finish(&self, task: &Task) -> Answer {
        for _ in 0..100_000 {
            if let Some(Output::Reply(Reply {
                status,
                headers,
                body,
            })) = task.cx.take_outputs().into_iter().next()
            {
                task.on(Event::Done(Ending::default()));
                assert!(task.is_over());
                return Answer {
                    status,
                    headers,
                    body,
                };
            }
            assert!(
                task.cx.deadline().is_some(),
                "nothing would ever wake this call"
            );
            self.breaks.set(self.breaks.get() + 1);
            self.host.advance(Duration::from_millis(1));
            self.keep();
            if task.cx.deadline().unwrap() <= self.host.clock.get() {
                task.on(Event::Deadline);
            }
        }
        panic!("no answer");
    }

    /// The keeper takes what there is and writes it.
    fn keep(&self) {
        self.keep_some();
        if self.has_keeper.get() {
            settle(&mut self.desk.borrow_mut(), &self.host);
        }
    }

    /// The keeper takes what there is, or writes a portion.
    fn keep_some(&self) {
        if !self.has_keeper.get() {
            return;
        }
        let mut desk = self.desk.borrow_mut();
        if !desk.is_settled() {
            return desk.settle(&*self.host);
        }
        let mut queues = self.host.queues.borrow_mut();
        let batches: Vec<_> = queues.get_mut(&KEEPER).unwrap().drain(..).collect();
        drop(queues);
        for batch in &batches {
            desk.take(&*self.host, batch);
        }
    }
}

/// Everything that was taken is written.
fn settle(desk: &mut Desk, host: &FakeHost) {
    while !desk.is_settled() {
        desk.settle(host);
    }
}
