//! The protobuf form of OTLP/HTTP, written by hand: a dozen messages, none of which is read.
//!
//! Sources: protobuf.dev, "Encoding"; the numbers of the fields are those of `trace.proto`, `common.proto` and
//! `resource.proto` of opentelemetry-proto 1.x.

use super::attribute::{Attribute, Value};
use super::{CLIENT, ERROR, SCOPE, SERVICE, Span, VERSION};

/// An `ExportTraceServiceRequest`.
pub(in super::super) fn encode(spans: &[Span]) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            for (name, text) in [("service.name", SERVICE), ("service.version", VERSION)] {
                let text = Value::Text(text.to_owned());
                attribute(resource, 1, &Attribute::new(name, text));
            }
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.bytes(1, SCOPE.as_bytes());
                scope.bytes(2, VERSION.as_bytes());
            });
            for each in spans {
                scope_spans.message(2, |message| span(message, each));
            }
        });
    });
    request.0
}

fn span(message: &mut Message, span: &Span) {
    message.bytes(1, &span.trace_id);
    message.bytes(2, &span.span_id);
    if let Some(parent) = &span.parent {
        message.bytes(4, parent);
    }
    message.bytes(5, span.name.as_bytes());
    message.varint(6, CLIENT.into());
    message.fixed64(7, span.start);
    message.fixed64(8, span.end);
    for each in &span.attributes {
        attribute(message, 9, each);
    }
    if let Some(error) = &span.error {
        message.message(15, |status| {
            status.bytes(2, error.as_bytes());
            status.varint(3, ERROR.into());
        });
    }
}

/// A `KeyValue`.
fn attribute(message: &mut Message, field: u8, attribute: &Attribute) {
    message.message(field, |pair| {
        pair.bytes(1, attribute.name.as_bytes());
        pair.message(2, |any| value(any, &attribute.value));
    });
}

/// An `AnyValue`. Of a `oneof` the empty value is written too.
fn value(any: &mut Message, value: &Value) {
    match value {
        Value::Text(text) => any.bytes(1, text.as_bytes()),
        Value::Flag(flag) => any.varint(2, u64::from(*flag)),
        Value::Int(number) => any.varint(3, number.cast_unsigned()),
        Value::Double(number) => any.fixed64(4, number.to_bits()),
        Value::Texts(texts) => any.message(5, |array| {
            for text in texts {
                array.message(1, |any| any.bytes(1, text.as_bytes()));
            }
        }),
    }
}

/// A message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u8, number: u64) {
        self.tag(field, 0);
        self.number(number);
    }

    fn fixed64(&mut self, field: u8, number: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.tag(field, 2);
        self.number(u64::try_from(bytes.len()).unwrap_or_default());
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u8, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Fields above 15 would need a second byte; there are none.
    fn tag(&mut self, field: u8, kind: u8) {
        self.0.push(field << 3 | kind);
    }

    fn number(&mut self, mut number: u64) {
        while number > 0x7F {
            let [low, ..] = number.to_le_bytes();
            self.0.push(low | 0x80);
            number >>= 7;
        }
        let [low, ..] = number.to_le_bytes();
        self.0.push(low);
    }
}
