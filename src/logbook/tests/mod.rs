//! The promises of the log store: what is kept, what goes, and what a reader sees meanwhile.

mod keeping;
mod model;
mod portion;
mod race;
mod restart;

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::config::{LogManagement, LogStore, LogStrategy};
use crate::host::fake::FakeHost;

impl Writer {
    /// Writes all that has changed.
    fn flush(&mut self, host: &FakeHost) -> Result<(), HostError> {
        self.flush_some(host, usize::MAX).map(|it| assert!(it))
    }
}

fn budget(max_bytes: u64, max_records: u64) -> LogStore {
    LogStore {
        max_bytes,
        max_records,
        max_age: None,
    }
}

fn id(number: u32) -> Id {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    id
}

fn line(number: u32) -> String {
    format!("{{\"number\":{number},\"feedback\":null,\"score\":null,\"metadata\":null}}")
}

/// A record of gateway `g`, with a payload if there is a text for it.
fn append(writer: &mut Writer, number: u32, payload: Option<&str>) {
    append_managed(writer, number, "g", None, payload);
}

fn append_managed(
    writer: &mut Writer,
    number: u32,
    gateway: &str,
    management: Option<LogManagement>,
    payload: Option<&str>,
) {
    writer.append(&New {
        id: id(number),
        created_ms: u64::from(number),
        owner: ("a", gateway),
        management,
        line: line(number).as_bytes(),
        request: payload.map(str::as_bytes),
        response: None,
    });
}

/// Deletes records, wherever they are.
fn delete(writer: &mut Writer, ids: &[Id]) {
    for id in ids {
        if let Some(number) = writer.index.find(id) {
            writer.delete(number, std::slice::from_ref(id));
        }
    }
}

fn keeps(limit: u32, strategy: LogStrategy) -> Option<LogManagement> {
    let limit = NonZeroU32::new(limit)?;
    Some(LogManagement { limit, strategy })
}

/// What a reader finds: ids as numbers, lines, and the text of the payload, the oldest first.
fn stored(host: &FakeHost) -> Vec<(u32, String, Option<String>)> {
    let meta = meta(host).unwrap();
    let mut all = Vec::new();
    for number in meta.first..meta.next {
        let Some(segment) = segment(host, number).unwrap() else {
            continue;
        };
        for entry in segment.entries() {
            let number = u32::from_be_bytes(entry.id[12..].try_into().unwrap());
            let line = String::from_utf8(entry.line.to_vec()).unwrap();
            let payload = entry.payload.map(|slot| {
                let payload = payload(host, slot, &entry.id).unwrap().unwrap();
                String::from_utf8(payload.request.unwrap()).unwrap()
            });
            all.push((number, line, payload));
        }
    }
    assert_eq!(all.len(), usize::try_from(meta.records).unwrap());
    all
}

fn numbers(host: &FakeHost) -> Vec<u32> {
    stored(host)
        .into_iter()
        .map(|(number, ..)| number)
        .collect()
}

/// Bytes of all records and payloads in shared data.
fn bytes(host: &FakeHost) -> u64 {
    let meta = host.data.borrow().get(META).map_or(0, |it| it.0.len());
    wide(host.stored_bytes() - meta)
}
