//! Requests to the control API: whatever is asked, there is one answer, and only the asked account's.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use sluice::config;
use sluice::exchange::cx::{Ending, Event, Output, Worker};
use sluice::exchange::task::Task;
use sluice::host::QueueId;
use sluice::host::fake::FakeHost;
use sluice::http::header::HeaderList;
use sluice::http::reply::Reply;
use sluice::keeper::QUEUE;
use sluice::keeper::desk::Desk;
use sluice::keeper::message::{Message, Record};

const KEEPER: QueueId = QueueId(9);
const METHODS: [&str; 6] = ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"];
/// What only the other account's answers bear.
const FOREIGN: &str = "foreign-model";
/// Ways to the resources, the rest of the path and the query come from the input.
const PLACES: [&str; 10] = [
    "gateways/gw/logs",
    "gateways/gw/logs/00000000-0000-0000-0000-000000000003",
    "gateways/gw/logs/00000000-0000-0000-0000-000000000003/request",
    "gateways/gw/analytics",
    "gateways/gw/datasets",
    "gateways/gw/evaluations",
    "gateways",
    "custom-providers",
    "evaluation-types",
    "",
];
/// SHA-256 of `demo-token`.
const CLOSED: &str = r#"{"credentials": [{"name": "demo",
    "sha256": "7c43ef5ae21d43ce2743f770c68e24def1a43ee2f416d2438410c8af7af2ff2c"}]}"#;

/// A byte chooses the method, another one place and access; then come lines: the rest of the target, the body, header
/// fields.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some(([method, place], rest)) = bytes.split_first_chunk() else {
        return false;
    };
    let method = METHODS.get(usize::from(*method) % METHODS.len());
    let is_open = place % 4 > 0;
    let place = PLACES.get(usize::from(place / 4) % PLACES.len());
    let mut lines = rest.split(|byte| *byte == b'\n');
    let tail = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let body = lines.next().unwrap_or_default();
    let target = format!(
        "/client/v4/accounts/acc/ai-gateway/{}{tail}",
        place.copied().unwrap_or_default()
    );
    let mut head = vec![
        (
            ":method".to_owned(),
            method.copied().unwrap_or_default().as_bytes().to_vec(),
        ),
        (":path".to_owned(), target.into_bytes()),
        (":authority".to_owned(), b"localhost:10001".to_vec()),
        (":scheme".to_owned(), b"http".to_vec()),
        (":peer".to_owned(), b"127.0.0.1:4711".to_vec()),
    ];
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = String::from_utf8_lossy(parts.next().unwrap_or_default());
        // The peer's address is the adapter's to say.
        if !name.is_empty() {
            head.push((
                name.to_ascii_lowercase(),
                parts.next().unwrap_or_default().to_vec(),
            ));
        }
    }
    // What the request itself says may be repeated.
    let asks = bytes.windows(5).any(|part| part == b"model");
    let knows = head
        .iter()
        .any(|(_, value)| value.windows(10).any(|part| part == b"demo-token"));
    let Some(reply) = Console::new(is_open).and_then(|console| console.ask(head, body)) else {
        panic!("no answer");
    };
    check(&reply, is_open || knows, asks)
}

/// An answer that can be shown.
fn check(reply: &Reply, is_admitted: bool, asks: bool) -> bool {
    assert!((200..600).contains(&reply.status));
    let text = String::from_utf8_lossy(&reply.body);
    assert!(asks || !text.contains(FOREIGN), "{text}");
    for (name, value) in &reply.headers {
        assert!(
            !name.is_empty() && !value.contains(['\r', '\n', '\0']),
            "{name}: {value}"
        );
    }
    let mut fields = reply.headers.iter();
    if fields.any(|(name, value)| name == "content-type" && value.starts_with("application/json")) {
        assert!(
            serde_json::from_slice::<Value>(&reply.body).is_ok(),
            "{text}"
        );
    }
    if !is_admitted {
        assert!(
            reply.status >= 400 && (asks || !text.contains("own-model")),
            "{} {text}",
            reply.status
        );
    }
    reply.status < 400
}

struct Console {
    host: Rc<FakeHost>,
    worker: Rc<Worker>,
    desk: Desk,
}

impl Console {
    /// With a few records of two accounts.
    fn new(is_open: bool) -> Option<Self> {
        let console = if is_open { r#"{"open": true}"# } else { CLOSED };
        let text = format!(
            r#"{{"console": {console}, "gateways": [{{"id": "gw", "cache_ttl": 300}}, {{"id": "other"}}],
            "custom_providers": [{{"slug": "own", "base_url": "https://llm.example.com/v1"}}]}}"#
        );
        let host = Rc::new(FakeHost::new(&[1, KEEPER.0]));
        host.names.borrow_mut().insert(QUEUE.to_owned(), KEEPER);
        let config = config::parse(text.as_bytes(), &|_| None).ok()?;
        let mut desk = Desk::new(Some(&config));
        desk.open(&*host).ok()?;
        for (number, account) in (0..).zip(["acc", "else", "acc", "acc", "else"]) {
            desk.take(&*host, &record(number, account));
        }
        let worker = Worker::alone(&host, config, QueueId(1));
        let mut console = Self {
            host,
            worker: Rc::new(worker),
            desk,
        };
        console.keep();
        Some(console)
    }

    /// The keeper does what there is to do.
    fn keep(&mut self) {
        let mut queues = self.host.queues.borrow_mut();
        let batches: Vec<_> = queues
            .get_mut(&KEEPER)
            .into_iter()
            .flat_map(|it| it.drain(..))
            .collect();
        drop(queues);
        for batch in &batches {
            self.desk.take(&*self.host, batch);
        }
        while !self.desk.is_settled() {
            self.desk.settle(&*self.host);
        }
    }

    fn ask(mut self, head: Vec<(String, Vec<u8>)>, body: &[u8]) -> Option<Reply> {
        let task = Task::console(Rc::clone(&self.worker), 7);
        task.on(Event::RequestHead {
            headers: HeaderList::new(head),
            end: false,
        });
        task.on(Event::RequestBody {
            bytes: body.to_vec(),
            size: body.len(),
            end: true,
        });
        for _ in 0..10_000 {
            let mut outputs = task.cx.take_outputs().into_iter();
            if let Some(reply) = outputs.find_map(reply_of) {
                task.on(Event::Done(Ending::default()));
                assert!(task.is_over(), "it lives on");
                return Some(reply);
            }
            let at = task.cx.deadline()?;
            self.host.advance(Duration::from_millis(1));
            self.keep();
            if at <= self.host.clock.get() {
                task.on(Event::Deadline);
            }
        }
        None
    }
}

fn reply_of(output: Output) -> Option<Reply> {
    if let Output::Reply(reply) = output {
        Some(reply)
    } else {
        None
    }
}

fn record(number: u8, account: &str) -> Vec<u8> {
    let model = if account == "acc" {
        "own-model"
    } else {
        FOREIGN
    };
    let id = format!("00000000-0000-0000-0000-00000000000{number}");
    let line = format!(
        r#"{{"id":"{id}","event_id":"{id}","created_at":"2026-09-21T13:33:2{number}.000Z","account_id":"{account}",
        "gateway_id":"gw","provider":"openai","model":"{model}","model_type":"text","duration":1200,"status_code":200,
        "success":true,"cached":false,"tokens_in":10,"tokens_out":20,"cost":0.0003,"metadata":{{"team":"red"}},"step":0,
        "feedback":null,"score":null}}"#
    );
    let body = format!("{{\"model\":\"{model}\"}}");
    let mut batch = Vec::new();
    Message::Record(Record {
        id: u128::from(number).to_be_bytes(),
        created_ms: 1_790_000_000_000 + u64::from(number) * 1_000,
        account,
        gateway: "gw",
        store: true,
        line: line.as_bytes(),
        request: Some(body.as_bytes()),
        response: Some(body.as_bytes()),
        ..Record::default()
    })
    .write(&mut batch);
    batch
}
