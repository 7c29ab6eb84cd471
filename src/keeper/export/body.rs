//! A batch as a request: its header fields and its body.

use super::notice::Notice;
use super::queue::Waiting;
use super::{line, otlp};
use crate::config::{Form, Sink};
use crate::http::encoding::gzip;

const AGENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));

/// Header fields: names, which may be the configuration's, and values.
type Headers<'a> = Vec<(String, &'a str)>;

/// The request that carries these records, and before them the notice.
pub(super) fn of<'a>(
    sink: &'a Sink,
    records: &[Waiting],
    notice: Option<&Notice>,
) -> (Headers<'a>, Vec<u8>) {
    let (content_type, body) = match sink.form {
        Form::Lines => ("application/x-ndjson", line::lines(records, notice)),
        Form::Loki => ("application/json", line::loki(records, notice)),
        Form::SpansJson => (
            "application/json",
            otlp::json(&otlp::spans(records, notice)),
        ),
        Form::SpansProtobuf => (
            "application/x-protobuf",
            otlp::protobuf(&otlp::spans(records, notice)),
        ),
    };
    let target = &sink.target;
    let mut headers = vec![
        (":method".to_owned(), "POST"),
        (":path".to_owned(), target.path.as_str()),
        (":authority".to_owned(), target.authority.as_str()),
        ("user-agent".to_owned(), AGENT),
    ];
    let own = |name: &str| target.headers.iter().any(|(known, _)| known == name);
    if !own("content-type") {
        headers.push(("content-type".to_owned(), content_type));
    }
    let further = target.headers.iter();
    headers.extend(further.map(|(name, value)| (name.clone(), value.reveal())));
    if !sink.gzip {
        return (headers, body);
    }
    headers.push(("content-encoding".to_owned(), "gzip"));
    (headers, gzip(&body))
}
