//! What a collector says that took only a part: `ExportTraceServiceResponse` (OTLP, "Partial Success").
//!
//! Invariant: an answer that is not understood means that all was taken, as its status says.

use serde::Deserialize;
use serde_json::Value;

/// How many spans an answer in JSON says were refused.
pub(in super::super) fn rejected_json(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Response {
        partial_success: Option<Partial>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Partial {
        rejected_spans: Option<Value>,
    }
    let response = serde_json::from_slice::<Response>(body).ok();
    let partial = response.and_then(|it| it.partial_success);
    match partial.and_then(|it| it.rejected_spans) {
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        Some(Value::Number(number)) => number.as_u64().unwrap_or_default(),
        _ => 0,
    }
}

/// The same of an answer in protobuf.
pub(in super::super) fn rejected_protobuf(body: &[u8]) -> u64 {
    let partial = field(body, 1).and_then(|it| match it {
        Field::Bytes(bytes) => Some(bytes),
        Field::Number(_) => None,
    });
    match partial.and_then(|partial| field(partial, 1)) {
        // A negative one is nonsense.
        Some(Field::Number(number)) => i64::try_from(number).map_or(0, i64::cast_unsigned),
        Some(Field::Bytes(_)) | None => 0,
    }
}

#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The last field of that number.
fn field(mut message: &[u8], wanted: u64) -> Option<Field<'_>> {
    let mut found = None;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut message)?),
            1 => Field::Bytes(split(&mut message, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Field::Bytes(split(&mut message, length)?)
            }
            5 => Field::Bytes(split(&mut message, 4)?),
            _ => return None,
        };
        if tag >> 3 == wanted {
            found = Some(field);
        }
    }
    found
}

fn split<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = message.split_at_checked(length)?;
    *message = tail;
    Some(head)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_spans_are_read_in_both_forms() {
        for (body, rejected) in [
            (
                r#"{"partialSuccess":{"rejectedSpans":"7","errorMessage":"x"}}"#,
                7,
            ),
            (r#"{"partialSuccess":{"rejectedSpans":7}}"#, 7),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#, 0),
            ("{}", 0),
            ("", 0),
            ("<html>", 0),
        ] {
            assert_eq!(rejected_json(body.as_bytes()), rejected, "{body}");
        }
        for (body, rejected) in [
            (&b"\x0a\x06\x08\xac\x02\x12\x01x"[..], 300),
            (b"\x0a\x03\x12\x01x", 0),
            (b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0),
            (b"", 0),
            (b"\x0a\x7f", 0),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 0),
        ] {
            assert_eq!(rejected_protobuf(body), rejected, "{body:?}");
        }
    }
}
