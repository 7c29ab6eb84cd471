//! What workers tell the keeper, and what it sends to sinks.

use std::time::Duration;

use serde_json::Value;
use sluice::config;
use sluice::host::Answered;
use sluice::host::fake::FakeHost;
use sluice::keeper::desk::Desk;
use sluice::keeper::message::{self, Message, Patch, Record};

use crate::script::Script;

const CONFIG: &str = r#"{"gateways": [{"id": "g", "otel": [
    {"url": "http://traces.test/v1/traces", "cluster": "c", "content_type": "json"}]}],
"export": [{"name": "lines", "type": "http", "cluster": "c", "authority": "sink.test", "payloads": true},
    {"name": "loki", "type": "http", "format": "loki", "cluster": "c", "authority": "loki.test", "payloads": true}]}"#;

/// Bytes of a script that are played.
const LONGEST: usize = 1024;

/// A batch of any bytes: what is read is written as it was.
pub(crate) fn messages(bytes: &[u8]) -> bool {
    let read: Vec<_> = message::read(bytes).collect();
    let mut again = Vec::new();
    read.iter().for_each(|message| message.write(&mut again));
    assert_eq!(message::read(&again).collect::<Vec<_>>(), read);
    let host = FakeHost::default();
    let mut desk = Desk::new(None);
    if desk.open(&host).is_ok() {
        desk.take(&host, bytes);
        desk.settle(&host);
    }
    !read.is_empty()
}

/// Records of any text go to sinks that answer anything: what is sent is well-formed.
pub(crate) fn export(bytes: &[u8]) -> bool {
    let mut script = Script::new(bytes.get(..LONGEST).unwrap_or(bytes));
    let host = FakeHost::default();
    let Ok(config) = config::parse(CONFIG.as_bytes(), &|_| None) else {
        panic!("the configuration is refused");
    };
    let mut desk = Desk::new(Some(&config));
    if desk.open(&host).is_err() {
        return false;
    }
    let mut answered = 0;
    while !script.is_over() {
        match script.below(4) {
            0 | 1 => desk.take(&host, &batch(&mut script)),
            2 => {
                host.advance(Duration::from_secs(script.below(40).into()));
                desk.tick(&host);
            }
            _ => answered += answer(&mut desk, &host, &mut script, answered),
        }
        desk.settle(&host);
    }
    let sent = host.sent.borrow();
    sent.iter().for_each(|call| {
        let path = call.headers.iter().find(|(name, _)| name == ":path");
        assert!(path.is_some_and(|(_, path)| path.starts_with('/')));
        if call
            .headers
            .iter()
            .all(|(name, _)| name != "content-encoding")
        {
            check(&call.body);
        }
    });
    !sent.is_empty()
}

/// The sink of the call that waits longest says something. How many calls were answered.
fn answer(desk: &mut Desk, host: &FakeHost, script: &mut Script<'_>, answered: usize) -> usize {
    let call = host.sent.borrow().get(answered).map(|call| call.id);
    let Some(call) = call else { return 0 };
    let statuses = ["200", "204", "400", "401", "413", "429", "500", "x"];
    let status = script.choose(&statuses).unwrap_or_default();
    let mut head = vec![(":status".to_owned(), status.as_bytes().to_vec())];
    if script.below(4) == 0 {
        head.push(("retry-after".to_owned(), script.bytes(3).to_vec()));
    }
    let answer = Answered {
        head: head.into_iter().collect(),
        body: script.bytes(20).to_vec(),
    };
    desk.answer(host, call, (status != "x").then_some(&answer));
    1
}

fn batch(script: &mut Script<'_>) -> Vec<u8> {
    let mut batch = Vec::new();
    let text = String::from_utf8_lossy(script.bytes(12)).into_owned();
    let text = serde_json::to_string(&text).unwrap_or_default();
    // A record has no line break.
    let line = format!(
        r#"{{"id":"x","event_id":{text},"created_at":"2026-09-21T13:33:20.000Z","provider":"openai","model":{text},
        "duration":{},"timings":{{"total":12,"latency":3}},"status_code":200,"metadata":{{{text}:{text}}},"step":0,
        "failed_attempts":[{{"status_code":429,"duration":5}}]}}"#,
        script.byte()
    )
    .replace('\n', "");
    let record = Record {
        id: u128::from(script.byte()).to_be_bytes(),
        created_ms: 1_790_000_000_000,
        account: "a",
        gateway: if script.below(2) == 0 { "g" } else { "h" },
        store: script.below(2) == 0,
        line: line.as_bytes(),
        request: (script.below(2) == 0).then(|| script.bytes(20)),
        response: (script.below(2) == 0).then(|| script.bytes(20)),
        ..Record::default()
    };
    Message::Record(record).write(&mut batch);
    if script.below(4) == 0 {
        let patch = Patch {
            id: u128::from(script.byte()).to_be_bytes(),
            feedback: Some(String::from_utf8_lossy(script.bytes(4)).into_owned()),
            ..Patch::default()
        };
        Message::Patch(patch).write(&mut batch);
    }
    batch
}

/// One JSON value, or one on each line.
fn check(body: &[u8]) {
    let is_json = |text: &[u8]| serde_json::from_slice::<Value>(text).is_ok();
    let mut lines = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    assert!(
        is_json(body) || lines.all(is_json),
        "{}",
        String::from_utf8_lossy(body)
    );
}
