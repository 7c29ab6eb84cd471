//! The JSON form of OTLP/HTTP: protobuf's own, but ids in hexadecimal; 64-bit numbers are text.

use serde_json::{Value as Json, json};

use super::attribute::{Attribute, Value};
use super::{CLIENT, ERROR, SCOPE, SERVICE, Span, VERSION};

/// An `ExportTraceServiceRequest`.
pub(in super::super) fn encode(spans: &[Span]) -> Vec<u8> {
    let resource = [
        Attribute::new("service.name", Value::Text(SERVICE.to_owned())),
        Attribute::new("service.version", Value::Text(VERSION.to_owned())),
    ];
    let spans: Vec<_> = spans.iter().map(span).collect();
    let request = json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&resource)},
        "scopeSpans": [{"scope": {"name": SCOPE, "version": VERSION}, "spans": spans}]
    }]});
    // Nothing in it can fail to be written.
    serde_json::to_vec(&request).unwrap_or_default()
}

fn span(span: &Span) -> Json {
    let mut json = json!({
        "traceId": digits(&span.trace_id),
        "spanId": digits(&span.span_id),
        "name": span.name,
        "kind": CLIENT,
        "startTimeUnixNano": span.start.to_string(),
        "endTimeUnixNano": span.end.to_string(),
        "attributes": attributes(&span.attributes)
    });
    let parent = span.parent.map(|id| ("parentSpanId", digits(&id).into()));
    let error = span.error.as_ref();
    let status = error.map(|it| ("status", json!({"code": ERROR, "message": it})));
    if let Json::Object(fields) = &mut json {
        let further = parent.into_iter().chain(status);
        fields.extend(further.map(|(name, value)| (name.to_owned(), value)));
    }
    json
}

fn attributes(attributes: &[Attribute]) -> Vec<Json> {
    attributes
        .iter()
        .map(|it| json!({"key": it.name, "value": value(&it.value)}))
        .collect()
}

fn value(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Flag(flag) => json!({"boolValue": flag}),
        Value::Int(number) => json!({"intValue": number.to_string()}),
        Value::Double(number) => json!({"doubleValue": number}),
        Value::Texts(texts) => {
            let values: Vec<_> = texts.iter().map(|it| json!({"stringValue": it})).collect();
            json!({"arrayValue": {"values": values}})
        }
    }
}

fn digits(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
