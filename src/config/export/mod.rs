//! Where records go: `export` of the whole filter, and `otel` of a gateway (contract §7.7).
//!
//! Invariant: the value of a header may be a credential, so it is in no fault and in no `Debug` text. The names of sinks
//! are distinct, and what all their queues may hold fits into the memory of one virtual machine.

mod otel;
mod target;

use std::rc::Rc;
use std::time::Duration;

use super::section::{Field, Range, Section, distinct};
use super::{Environment, Gateway, kind};

pub(super) use otel::read_all as read_otel;
pub use target::Target;

/// One place that records are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// What it is called in numbers and logs; that of a gateway's `otel` is `otel/{account or _}/{gateway}/{index}`.
    pub name: String,
    /// What is sent.
    pub form: Form,
    /// Where to.
    pub target: Target,
    /// How many records go together.
    pub batch: Batch,
    /// Whether bodies are compressed. Default false.
    pub gzip: bool,
    /// How long an answer may take, 1 to 300 seconds. Default 10 seconds.
    pub timeout: Duration,
    /// Bytes of records that may wait, at most 256 MiB. Default 16 MiB, of a gateway's `otel` 4 MiB.
    pub queue_bytes: usize,
    /// Whether bodies go along, where they were logged. Default false; of a gateway's `otel` true.
    pub payloads: bool,
    /// The only gateway whose records are sent, and its account if it has one; `None`: all.
    pub gateway: Option<(String, Option<String>)>,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line of JSON per record.
    Lines,
    /// The same lines in the JSON of Loki's push API.
    Loki,
    /// OTLP/HTTP traces in JSON.
    SpansJson,
    /// OTLP/HTTP traces in protobuf.
    SpansProtobuf,
}

/// How many records go together: as many as there are as soon as one of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Records, 1 to 10000. Default 1000.
    pub records: usize,
    /// Bytes before compression, 1 KiB to 16 MiB and at most the queue's; one record may be larger. Default 1 MiB.
    pub bytes: usize,
    /// The longest that a record waits for others, 0 to 60 seconds. Default 1 second.
    pub wait: Duration,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const BATCH_RECORDS: Range = Range {
    min: 1,
    max: 10_000,
    unit: "record",
};
const BATCH_BYTES: Range = Range {
    min: KIB,
    max: 16 * MIB,
    unit: "byte",
};
const BATCH_SECONDS: Range = Range {
    min: 0,
    max: 60,
    unit: "second",
};
const TIMEOUT: Range = Range {
    min: 1,
    max: 300,
    unit: "second",
};
const QUEUE: Range = Range {
    min: 64 * KIB,
    max: 256 * MIB,
    unit: "byte",
};
/// What the queues of all sinks may hold: a virtual machine has 1 GiB, and other things in it.
const ALL_QUEUES: usize = 512 << 20;

/// Reads `export`.
pub(super) fn read_all(
    list: &Field<'_>,
    gateways: Option<&[Gateway]>,
    environment: Environment<'_>,
) -> Option<Vec<Rc<Sink>>> {
    let entries = list.items()?;
    let sinks: Vec<_> = entries.iter().map(|it| read(it, environment)).collect();
    let found = entries.iter().zip(&sinks);
    let names = found.filter_map(|(entry, sink)| Some((entry, &sink.as_ref()?.name)));
    distinct(names, |first| {
        format!("has the name of {first}: give it its own name")
    });
    let of_gateways = gateways.into_iter().flatten().flat_map(|it| &it.otel);
    let own = sinks.iter().flatten();
    let queues = own
        .map(|sink| sink.queue_bytes)
        .chain(of_gateways.map(|sink| sink.queue_bytes));
    if queues.fold(0, usize::saturating_add) > ALL_QUEUES {
        list.fault(format!(
            "with the otel of gateways it has queues for more than {ALL_QUEUES} bytes: lower queue_bytes"
        ));
    }
    let sinks: Option<Vec<_>> = sinks.into_iter().collect();
    Some(sinks?.into_iter().map(Rc::new).collect())
}

fn read(entry: &Field<'_>, environment: Environment<'_>) -> Option<Sink> {
    let mut section = entry.section()?;
    let name = section
        .field("name")
        .required("a name for its numbers, such as clickhouse")
        .text(&kind::NAME);
    let form = read_form(&mut section);
    let target = target::read(&mut section, form, environment);
    let (batch, queue_bytes) = read_sizes(&mut section);
    let gzip = section.field("gzip").flag(false);
    let timeout = section.field("timeout").whole(&TIMEOUT).unwrap_or(10);
    let payloads = section.field("payloads").flag(false);
    section.finish();
    Some(Sink {
        name: name?,
        form: form?,
        target: target?,
        batch: batch?,
        gzip,
        timeout: Duration::from_secs(timeout),
        queue_bytes,
        payloads,
        gateway: None,
    })
}

/// `type`, with the `format` or `encoding` that goes with it.
fn read_form(section: &mut Section<'_>) -> Option<Form> {
    let kind = section.field("type").required("http or otlp");
    let (format, encoding) = (section.field("format"), section.field("encoding"));
    let stray = |field: &Field<'_>, of: &str| {
        if field.is_given() {
            field.fault(format!("is a setting of type {of}: remove it"));
        }
    };
    match kind.choice(&[("http", true), ("otlp", false)])? {
        true => {
            stray(&encoding, "otlp");
            let form = format.choice(&[("ndjson", Form::Lines), ("loki", Form::Loki)]);
            form.or_else(|| (!format.is_given()).then_some(Form::Lines))
        }
        false => {
            stray(&format, "http");
            let words = [("json", Form::SpansJson), ("protobuf", Form::SpansProtobuf)];
            let form = encoding.choice(&words);
            form.or_else(|| (!encoding.is_given()).then_some(Form::SpansProtobuf))
        }
    }
}

/// `batch` and `queue_bytes`.
fn read_sizes(section: &mut Section<'_>) -> (Option<Batch>, usize) {
    let (batch, queue) = (section.field("batch"), section.field("queue_bytes"));
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let queue_bytes = size(queue.whole(&QUEUE).unwrap_or(16 * MIB));
    let Some(mut section) = batch.section() else {
        return (None, queue_bytes);
    };
    let records = section.field("records").whole(&BATCH_RECORDS);
    let bytes = section.field("bytes");
    let limit = size(bytes.whole(&BATCH_BYTES).unwrap_or(MIB)).min(match bytes.is_given() {
        true => usize::MAX,
        false => queue_bytes,
    });
    if limit > queue_bytes {
        bytes.fault(format!(
            "{limit} is above queue_bytes, which is {queue_bytes}: lower it"
        ));
    }
    let wait = section.field("seconds").whole(&BATCH_SECONDS);
    section.finish();
    let batch = Batch {
        records: size(records.unwrap_or(1000)),
        bytes: limit,
        wait: Duration::from_secs(wait.unwrap_or(1)),
    };
    (Some(batch), queue_bytes)
}
