//! The life of a call against [`FakeHost`]: no proxy, every path.

mod attempt;
mod compat;
mod cost;
mod encoding;
mod guard;
mod held;
mod life;
mod metric;
mod payload;
mod properties;
mod stream_usage;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::cx::{Edit, Ending, Event, Gate, Output, Worker};
use super::task::Task;
use crate::config;
use crate::host::QueueId;
use crate::host::fake::FakeHost;
use crate::http::header::HeaderList;
use crate::http::reply::Reply;
use crate::keeper::pending::{Over, Pending};
use crate::record::Record;
use crate::store::waiter::Wake;

/// The gateways of the shipped example, and one where even streams share.
const CONFIG: &str = r#"{"gateways": [
    {"id": "my-gateway", "cache_ttl": 300, "collect_log_payload": true},
    {"id": "locked", "authentication": true,
     "credentials": [{"name": "demo", "sha256": "b0e5d7d0af7fc87dbed8cdc2d8eb91e36e9cc9a5b8f0d5b4b3c8f54a1ea6e1d4"}]},
    {"id": "limited", "rate_limiting_limit": 2, "rate_limiting_interval": 10, "rate_limiting_technique": "sliding"},
    {"id": "usage", "cache_ttl": 300, "stream_usage": true, "collect_log_payload": true},
    {"id": "shared", "cache_ttl": 300, "cache_single_flight": "all"},
    {"id": "team", "account_id": "one", "rate_limiting_limit": 1, "rate_limiting_interval": 10},
    {"id": "team", "account_id": "two", "rate_limiting_limit": 1, "rate_limiting_interval": 10}
], "custom_providers": [{"slug": "own", "base_url": "https://llm.example.com/v1"}],
"cache": {"max_bytes": 100000, "max_object_bytes": 20000}, "limits": {"request_body_bytes": 50000}}"#;

/// SHA-256 of `demo-token`, put into the configuration where the constant above has a stand-in.
fn config_text() -> String {
    use sha2::{Digest, Sha256};
    let hash: String = Sha256::digest(b"demo-token")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    CONFIG.replace(
        "b0e5d7d0af7fc87dbed8cdc2d8eb91e36e9cc9a5b8f0d5b4b3c8f54a1ea6e1d4",
        &hash,
    )
}

/// One worker of a proxy.
struct Proxy {
    host: Rc<FakeHost>,
    worker: Rc<Worker>,
    next: Cell<u32>,
}

impl Proxy {
    fn new() -> Self {
        Self::beside(&Rc::new(FakeHost::new(&[1, 2])), 1)
    }

    /// Another worker on the same shared data.
    fn beside(host: &Rc<FakeHost>, queue: u32) -> Self {
        Self::of(host, queue, &config_text())
    }

    fn of(host: &Rc<FakeHost>, queue: u32, config: &str) -> Self {
        let config = config::parse(config.as_bytes(), &|_| None).unwrap();
        let worker = Worker::alone(host, config, QueueId(queue));
        Self {
            host: Rc::clone(host),
            worker: Rc::new(worker),
            next: Cell::new(100),
        }
    }

    fn stream(&self) -> Stream {
        self.next.set(self.next.get() + 1);
        Stream {
            task: Task::new(Rc::clone(&self.worker), self.next.get()),
            upstream: None,
            downstream: None,
            reply: None,
            records: Vec::new(),
            lines: Vec::new(),
            complaints: Vec::new(),
            states: BTreeMap::new(),
            asked: None,
            drops_trailers: false,
            shown: Vec::new(),
        }
    }

    /// Delivers the wake-ups that lie in this worker's queue.
    fn wake(&self, streams: &mut [Stream]) {
        let queue = self.worker.queue.unwrap();
        while let Some(message) = self
            .host
            .queues
            .borrow_mut()
            .get_mut(&queue)
            .unwrap()
            .pop_front()
        {
            let wake = Wake::decode(&message).unwrap();
            let stream = streams
                .iter_mut()
                .find(|stream| stream.task.cx.id == wake.context);
            if let Some(stream) = stream {
                stream.on(Event::Woken(wake));
            }
        }
    }
}

/// One stream, and what the proxy was told about it.
struct Stream {
    task: Task,
    /// The changes with which the request was let go.
    upstream: Option<Vec<Edit>>,
    /// The changes with which the response was let go.
    downstream: Option<Vec<Edit>>,
    reply: Option<Reply>,
    records: Vec<Value>,
    /// The same as they are logged.
    lines: Vec<String>,
    complaints: Vec<String>,
    /// The filter state that was set.
    states: BTreeMap<&'static str, String>,
    /// What the request's body was replaced with.
    asked: Option<Vec<u8>>,
    /// Whether the request's trailers were taken away.
    drops_trailers: bool,
    /// What the client was sent of the upstream's answer.
    shown: Vec<u8>,
}

impl Stream {
    fn on(&mut self, event: Event) {
        let mut passed = Vec::new();
        if let Event::ResponseBody { bytes, .. } = &event {
            passed.clone_from(bytes);
        }
        self.task.on(event);
        for output in self.task.cx.take_outputs() {
            match output {
                Output::EditRequest(edits) => {
                    assert!(self.upstream.replace(edits).is_none() && self.reply.is_none());
                }
                Output::EditResponse(edits) => {
                    assert!(self.downstream.replace(edits).is_none() && self.reply.is_none());
                }
                Output::ReplaceRequest { bytes, .. } => {
                    assert!(
                        self.asked.replace(bytes.to_vec()).is_none() && self.upstream.is_none()
                    );
                }
                Output::DropRequestTrailers => self.drops_trailers = true,
                Output::ReplaceResponse { size, bytes } => {
                    assert_eq!(size, passed.len());
                    passed = bytes;
                }
                Output::DiscardResponse => passed.clear(),
                Output::FlushResponse => {}
                Output::AppendResponse { text, .. } => passed.extend(text.bytes()),
                Output::Reply(reply) => assert!(self.reply.replace(reply).is_none()),
                Output::Record(record) => self.take(record),
                Output::State { name, value, .. } => {
                    self.states.insert(name, value);
                }
                Output::Complain(text) => self.complaints.push(text),
            }
        }
        self.shown.extend(passed);
    }

    fn take(&mut self, record: Box<Record>) {
        let worker = &self.task.cx.worker;
        let mut over = Over::new(Rc::clone(&worker.config), record);
        if let Some(line) = over.text() {
            self.records.push(serde_json::from_str(&line).unwrap());
            self.lines.push(line.into_owned());
        }
        let mut pending = Pending::default();
        pending.add(&*worker.host, over);
        pending.flush(&*worker.host);
    }

    /// Sends a whole JSON request.
    fn ask(&mut self, path: &str, headers: &[(&str, &str)], body: &str) {
        self.head(path, headers);
        self.on(body_event(body.as_bytes(), true));
    }

    fn head(&mut self, path: &str, headers: &[(&str, &str)]) {
        let fixed = [
            (":method", "POST"),
            (":path", path),
            (":authority", "gateway"),
            ("content-type", "application/json"),
        ];
        self.on(Event::RequestHead {
            headers: list(fixed.iter().chain(headers)),
            end: false,
        });
    }

    /// The upstream answers, whole.
    fn answer(&mut self, status: &str, content_type: &str, chunks: &[&[u8]]) {
        self.answer_with(status, &[("content-type", content_type)], chunks);
    }

    /// The same, with these fields in its head.
    fn answer_with(&mut self, status: &str, fields: &[(&str, &str)], chunks: &[&[u8]]) {
        assert_eq!(
            self.task.cx.request_gate(),
            Gate::Released,
            "nothing reached the upstream"
        );
        let fixed = [(":status", status), ("set-cookie", "s=1")];
        self.on(Event::ResponseHead {
            headers: list(fixed.iter().chain(fields)),
            end: false,
            local: false,
        });
        for chunk in chunks {
            self.on(answer_event(chunk, false));
        }
        self.on(answer_event(b"", true));
    }

    fn done(&mut self, flags: u64, client_gone: bool) -> &Value {
        self.on(Event::Done(Ending { flags, client_gone }));
        assert_eq!(self.records.len(), 1, "exactly one record per exchange");
        &self.records[0]
    }

    fn error_code(&self) -> u64 {
        let body: Value = serde_json::from_slice(&self.reply.as_ref().unwrap().body).unwrap();
        body["internalCode"].as_u64().unwrap()
    }

    fn told(&self, name: &str) -> Option<String> {
        let reply = self.reply.iter().flat_map(|reply| &reply.headers);
        let own = reply
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.clone());
        let edits = self
            .downstream
            .iter()
            .flatten()
            .filter_map(|edit| match edit {
                Edit::Set(field, value) if field == name => {
                    Some(String::from_utf8(value.clone()).unwrap())
                }
                Edit::Set(..) | Edit::Remove(_) => None,
            });
        own.chain(edits).next()
    }
}

fn list<'a>(fields: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> HeaderList {
    fields
        .into_iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn body_event(bytes: &[u8], end: bool) -> Event {
    Event::RequestBody {
        bytes: bytes.to_vec(),
        size: bytes.len(),
        end,
    }
}

fn answer_event(bytes: &[u8], end: bool) -> Event {
    Event::ResponseBody {
        bytes: bytes.to_vec(),
        size: bytes.len(),
        end,
    }
}

const ANTHROPIC: &str = "/v1/acc/my-gateway/anthropic/v1/messages";
const OPENAI: &str = "/v1/acc/my-gateway/openai/chat/completions";
const QUESTION: &str =
    r#"{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
const ANSWER: &[u8] = br#"{"id":"m","type":"message","model":"claude-haiku-4-5","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5}}"#;
const JSON: &str = "application/json";
const SSE: &str = "text/event-stream";
