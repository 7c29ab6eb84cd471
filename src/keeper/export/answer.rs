//! What a sink's answer means for the batch that it answers.

use std::time::Duration;

use super::otlp;
use crate::config::Form;
use crate::host::{Answered, Host};
use crate::policy::retry::Advice;

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The sink has it; so many of its spans were refused (OTLP, partial success).
    Taken(u64),
    /// The same again, not before that long.
    Again(Option<Duration>),
    /// It is too large: again in smaller ones.
    Smaller,
    /// The sink has read it, and will never take it.
    Refused(u16),
}

/// Reads an answer; `None`: there was none. Only what is said about the batch itself is final (400, 422). Anything else
/// may be otherwise once an operator has seen to it, such as a password that was changed or a path that is wrong.
pub(super) fn verdict(host: &dyn Host, form: Form, answer: Option<&Answered>) -> Verdict {
    let Some(answer) = answer else {
        return Verdict::Again(None);
    };
    let status = answer.head.text(":status").and_then(|it| it.parse().ok());
    match status {
        Some(200..=299) => Verdict::Taken(match form {
            Form::Lines | Form::Loki => 0,
            Form::SpansJson => otlp::rejected_json(&answer.body),
            Form::SpansProtobuf => otlp::rejected_protobuf(&answer.body),
        }),
        Some(413) => Verdict::Smaller,
        Some(status @ (400 | 422)) => Verdict::Refused(status),
        _ => Verdict::Again(Advice::read(&answer.head, host.now()).wait),
    }
}
