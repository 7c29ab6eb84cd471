//! The promises of the export: what comes to a sink, how often, and what is said about the rest.

mod delivery;
mod form;
mod loss;
mod property;

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config;
use crate::host::fake::{FakeHost, Sent};
use crate::http::encoding::{Coding, Decoder};

/// A keeper with one sink, and the sink's side.
struct Keeper {
    host: FakeHost,
    exports: Exports,
    taken: Cell<u64>,
    /// Calls whose answers were given.
    seen: Cell<usize>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Keeper {
    /// With a sink of these settings.
    fn new(settings: Value) -> Self {
        let mut sink =
            json!({"name": "sink", "type": "http", "cluster": "c", "authority": "sink.test"});
        sink.as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        Self::of(&json!({"gateways": [{"id": "g"}], "export": [sink]}))
    }

    fn of(configuration: &Value) -> Self {
        let environment = |name: &str| (name == "TOKEN").then(|| "Bearer secret-token".to_owned());
        let config = config::parse(configuration.to_string().as_bytes(), &environment).unwrap();
        Self {
            host: FakeHost::new(&[]),
            exports: Exports::new(&config),
            taken: Cell::new(0),
            seen: Cell::new(0),
        }
    }

    /// Gives it a record, whose number counts up from 0.
    fn take(&mut self) {
        let line = json!({"n": self.taken.get(), "id": "x"}).to_string();
        self.taken.set(self.taken.get() + 1);
        let record = Record {
            gateway: "g",
            line: line.as_bytes(),
            ..Record::default()
        };
        self.exports.take(&self.host, &record);
    }

    fn take_many(&mut self, count: usize) {
        (0..count).for_each(|_| self.take());
    }

    fn tick(&mut self) {
        self.exports.tick(&self.host);
    }

    fn tick_after(&mut self, wait: Duration) {
        self.host.advance(wait);
        self.tick();
    }

    /// The call that waits for its answer.
    fn call(&self) -> Option<Sent> {
        self.host.sent.borrow().get(self.seen.get()).cloned()
    }

    /// The call that must be there.
    fn sent(&self) -> Sent {
        self.call().expect("a call")
    }

    /// The numbers of the records in the call that waits; a notice is its count, negative.
    fn batch(&self) -> Vec<i64> {
        numbers_of(&self.sent().body)
    }

    fn answer_with(&mut self, status: &str, fields: &[(&str, &str)], body: &[u8]) {
        let status = [(":status", status)];
        let fields = status.iter().chain(fields).map(|it| {
            let (name, value) = *it;
            (name.to_owned(), value.as_bytes().to_vec())
        });
        let answer = Answered {
            head: fields.collect(),
            body: body.to_vec(),
        };
        let call = self.sent().id;
        self.seen.set(self.seen.get() + 1);
        self.exports.answer(&self.host, call, Some(&answer));
    }

    fn answer(&mut self, status: &str) {
        self.answer_with(status, &[], b"");
    }

    fn numbers(&self) -> [u64; 4] {
        let all: Vec<_> = self.exports.numbers().map(|(_, it)| it).collect();
        [all[0].queued, all[0].sent, all[0].dropped, all[0].failures]
    }
}

/// See [`Keeper::batch`].
fn numbers_of(body: &[u8]) -> Vec<i64> {
    let text = std::str::from_utf8(body).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        match line["type"].as_str() {
            Some("dropped") => -line["count"].as_i64().unwrap(),
            _ => line["n"].as_i64().unwrap(),
        }
    };
    text.lines().map(line).collect()
}

fn unpacked(body: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(Coding::Gzip);
    let mut text = Vec::new();
    let done = decoder.feed(body, &mut |piece| text.extend_from_slice(piece));
    assert_eq!((done, decoder.is_whole()), (Ok(()), true));
    text
}
