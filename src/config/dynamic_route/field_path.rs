//! Which part of a call a condition or a key looks at: `metadata.plan`, `body.model`, `headers.x-team`.
//!
//! Invariant: a header's name is in lower case.

use crate::config::section::Kind;

/// A place in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    /// The part of the call.
    pub source: Source,
    /// The key of the metadata, the name of the header, or the path through the body, parted by dots; a number there is
    /// the place in a list.
    pub name: String,
}

/// The parts of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Its JSON body.
    Body,
    /// Its header fields.
    Headers,
    /// `cf-aig-metadata`.
    Metadata,
}

pub(super) const FIELD: Kind<FieldPath> = Kind {
    wanted: "a field of the call, such as metadata.plan, body.model or headers.x-team",
    parse: FieldPath::parse,
};

impl FieldPath {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (source, name) = text.split_once('.')?;
        let (source, name) = match source {
            "body" if name.split('.').all(|part| !part.is_empty()) => {
                (Source::Body, name.to_owned())
            }
            "headers" => (Source::Headers, name.to_ascii_lowercase()),
            "metadata" => (Source::Metadata, name.to_owned()),
            _ => return None,
        };
        (1..=256)
            .contains(&name.len())
            .then_some(Self { source, name })
    }
}
