//! The log store: one writer that dies now and then, and what a reader sees of it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use sluice::config::{LogManagement, LogStore, LogStrategy};
use sluice::host::fake::FakeHost;
use sluice::logbook::{self, Entry, Id, New, Patch, Segment, Writer};

use crate::script::Script;

/// Bytes of a script that are played.
const LONGEST: usize = 1024;

/// The first bytes choose the budget; the rest is the script.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let mut script = Script::new(bytes.get(..LONGEST).unwrap_or(bytes));
    let budget = LogStore {
        max_bytes: 1_000 + 50 * u64::from(script.byte()),
        max_records: 1 + u64::from(script.byte()),
        max_age: (script.below(2) == 1).then_some(Duration::from_millis(100)),
    };
    let host = FakeHost::default();
    let Ok(writer) = Writer::open(&host, budget) else {
        return false;
    };
    let mut book = Book {
        host,
        writer,
        budget,
        next: 0,
        written: BTreeMap::new(),
    };
    while !script.is_over() {
        book.act(&mut script);
        book.host.fail_at.set(None);
        book.check();
    }
    book.settle();
    book.check() > 0
}

struct Book {
    host: FakeHost,
    writer: Writer,
    budget: LogStore,
    next: u32,
    /// What was given to the writer and not deleted.
    written: BTreeMap<u32, Written>,
}

struct Written {
    /// Each text that may be found: before and after each change.
    lines: Vec<Vec<u8>>,
    payload: Option<Vec<u8>>,
}

impl Book {
    fn act(&mut self, script: &mut Script<'_>) {
        match script.below(10) {
            0..=4 => self.append(script),
            5 => {
                let fails = script.below(4) == 0;
                let at = u64::from(script.below(8));
                self.host.fail_at.set(fails.then_some(at));
                let portion = 16 * usize::from(script.byte());
                // What the host refused is written by the next one.
                let done = self.writer.flush_some(&self.host, portion);
                assert!(done.is_ok() || fails);
            }
            6 => self.patch(script),
            7 => self.delete(script),
            8 => self.writer.expire(u64::from(script.byte()) * 2_000_000),
            // A new virtual machine: what was not written is lost.
            _ if script.below(4) == 0 => {
                if let Ok(writer) = Writer::open(&self.host, self.budget) {
                    self.writer = writer;
                }
            }
            _ => self.settle(),
        }
        let meta = self.writer.meta();
        assert!(meta.bytes <= self.budget.max_bytes && meta.records <= self.budget.max_records);
    }

    fn append(&mut self, script: &mut Script<'_>) {
        let number = self.next;
        self.next = number.saturating_add(1);
        let line = line(
            number,
            usize::from(script.byte()) * usize::from(script.below(4)),
        );
        let payload = (script.below(2) == 1).then(|| vec![script.byte(); script.byte().into()]);
        let limit = NonZeroU32::new(u32::from(script.below(8)));
        let strategy = match script.below(2) {
            0 => LogStrategy::DeleteOldest,
            _ => LogStrategy::StopInserting,
        };
        self.writer.append(&New {
            id: id(number),
            created_ms: u64::from(number),
            owner: ("a", if script.below(2) == 0 { "g" } else { "h" }),
            management: limit.map(|limit| LogManagement { limit, strategy }),
            line: &line,
            request: payload.as_deref(),
            response: None,
        });
        let lines = vec![line];
        self.written.insert(number, Written { lines, payload });
    }

    fn patch(&mut self, script: &mut Script<'_>) {
        let number = u32::from(script.byte());
        let value = ["1", "null", "\"x\"", "{\"a\":[1,2]}"];
        let value = value.get(usize::from(script.below(4))).copied();
        let patch = Patch {
            id: id(number),
            metadata: value.map(str::to_owned),
            ..Patch::default()
        };
        let is_found = self.writer.patch(&self.host, &patch).unwrap_or_default();
        if let Some(Written { lines, .. }) = self.written.get_mut(&number)
            && is_found
        {
            let new = format!("\"metadata\":{}", value.unwrap_or_default());
            let old: Vec<_> = lines.last().cloned().unwrap_or_default();
            lines.push(with_metadata(&old, &new));
        }
    }

    fn delete(&mut self, script: &mut Script<'_>) {
        let first = u32::from(script.byte());
        let numbers = first..first.saturating_add(u32::from(script.below(12)));
        let ids: Vec<_> = numbers.clone().map(id).collect();
        let meta = self.writer.meta();
        (meta.first..meta.next).for_each(|segment| self.writer.delete(segment, &ids));
        // A new virtual machine may not know of it: only what was written then is gone.
        self.settle();
        for number in numbers {
            self.written.remove(&number);
        }
    }

    fn settle(&mut self) {
        let is_done = self.writer.flush_some(&self.host, usize::MAX);
        assert_eq!(is_done, Ok(true));
        let shown = logbook::meta(&self.host).map(|meta| (meta.records, meta.bytes));
        let own = self.writer.meta();
        assert_eq!(shown, Ok((own.records, own.bytes)));
    }

    /// Readers see whole records, each as it was at some time, in order, within the budget. How many there are.
    fn check(&self) -> usize {
        let data = self.host.data.borrow();
        let records = data.iter().filter(|(key, _)| !key.ends_with("/meta"));
        let bytes: usize = records.map(|(_, (value, _))| value.len()).sum();
        assert!(u64::try_from(bytes).is_ok_and(|bytes| bytes <= self.budget.max_bytes));
        drop(data);
        let meta = logbook::meta(&self.host).unwrap_or_default();
        let (mut last, mut count) = (None, 0);
        for number in meta.first..meta.next {
            let segment = logbook::segment(&self.host, number);
            for entry in segment.iter().flatten().flat_map(Segment::entries) {
                let number = number_of(&entry.id);
                assert!(last < Some(number), "{last:?} before {number}");
                last = Some(number);
                count += 1;
                self.check_entry(number, &entry);
            }
        }
        count
    }

    fn check_entry(&self, number: u32, entry: &Entry<'_>) {
        let Some(written) = self.written.get(&number) else {
            panic!("{number} was deleted");
        };
        assert!(
            written.lines.iter().any(|line| line == entry.line),
            "{number}"
        );
        let found = entry
            .payload
            .map(|slot| logbook::payload(&self.host, slot, &entry.id));
        let found = found.and_then(|found| found.ok().flatten()?.request);
        assert!(
            found.is_none() || found == written.payload,
            "payload of {number}"
        );
    }
}

fn number_of(id: &Id) -> u32 {
    let [.., a, b, c, d] = *id;
    u32::from_be_bytes([a, b, c, d])
}

fn id(number: u32) -> Id {
    let mut id = [0; 16];
    if let Some(tail) = id.last_chunk_mut() {
        *tail = number.to_be_bytes();
    }
    id
}

fn line(number: u32, size: usize) -> Vec<u8> {
    let filler = "x".repeat(size);
    format!("{{\"n\":{number},\"x\":\"{filler}\",\"metadata\":null}}").into_bytes()
}

/// The line with another value of its last member.
fn with_metadata(line: &[u8], member: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let (before, _) = text.split_once("\"metadata\":").unwrap_or_default();
    format!("{before}{member}}}").into_bytes()
}
