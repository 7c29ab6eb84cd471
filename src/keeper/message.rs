//! What workers tell the keeper, and its bytes: a message of the queue is a batch of these, one after the other.
//!
//! ```text
//!  kind u8 | size u32 | fields        numbers are little-endian; texts and lists have their size before them
//! ```
//! Invariant: bytes that nobody wrote are an end of the batch, never a panic.

use std::num::NonZeroU32;

use crate::config::{LogManagement, LogStrategy};
use crate::logbook::Id;

pub use crate::logbook::Patch;

const RECORD: u8 = 1;
const PATCH: u8 = 2;
const DELETE: u8 = 3;
const MARK: u8 = 4;
const NONE: u32 = u32::MAX;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Take a finished record.
    Record(Record<'a>),
    /// Change a stored record.
    Patch(Patch),
    /// Delete stored records.
    Delete {
        /// The segment that has them.
        segment: u64,
        /// Which of them.
        ids: Vec<Id>,
    },
    /// Say when all that came before it is done: see [`super::queue::is_done`].
    Mark(u64),
}

/// A finished record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its UUIDv7.
    pub id: Id,
    /// When its call began, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The account of its URL; empty when there is none.
    pub account: &'a str,
    /// The gateway of its URL; empty when there is none.
    pub gateway: &'a str,
    /// How many records of that gateway are kept.
    pub management: Option<LogManagement>,
    /// Whether it goes to the log store.
    pub store: bool,
    /// The record as JSON, without the payload.
    pub line: &'a [u8],
    /// What was kept of the request's body.
    pub request: Option<&'a [u8]>,
    /// What was kept of the answer's body.
    pub response: Option<&'a [u8]>,
}

impl Message<'_> {
    /// Writes it behind what is there.
    pub fn write(&self, into: &mut Vec<u8>) {
        let start = into.len();
        into.extend_from_slice(&[0; 5]);
        let kind = match self {
            Self::Record(record) => {
                record.write(into);
                RECORD
            }
            Self::Patch(patch) => {
                into.extend_from_slice(&patch.id);
                for field in [&patch.feedback, &patch.score, &patch.metadata] {
                    write(field.as_ref().map(String::as_bytes), into);
                }
                PATCH
            }
            Self::Delete { segment, ids } => {
                into.extend_from_slice(&segment.to_le_bytes());
                ids.iter().for_each(|id| into.extend_from_slice(id));
                DELETE
            }
            Self::Mark(number) => {
                into.extend_from_slice(&number.to_le_bytes());
                MARK
            }
        };
        let size = into.len().saturating_sub(start).saturating_sub(5);
        let [a, b, c, d] = size_of(size).to_le_bytes();
        if let Some(head) = into.get_mut(start..).and_then(|it| it.first_chunk_mut()) {
            *head = [kind, a, b, c, d];
        }
    }
}

impl Record<'_> {
    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.id);
        into.extend_from_slice(&self.created_ms.to_le_bytes());
        let strategy = self.management.map(|it| it.strategy);
        let stops = strategy == Some(LogStrategy::StopInserting);
        into.push(u8::from(self.store) | u8::from(stops) << 1);
        let limit = self.management.map_or(0, |it| it.limit.get());
        into.extend_from_slice(&limit.to_le_bytes());
        for text in [self.account.as_bytes(), self.gateway.as_bytes(), self.line] {
            write(Some(text), into);
        }
        write(self.request, into);
        write(self.response, into);
    }
}

/// The messages of a batch.
pub fn read(batch: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = Reader(batch);
    std::iter::from_fn(move || {
        let [kind] = rest.take()?;
        let mut fields = Reader(rest.slice()??);
        match kind {
            RECORD => fields.record().map(Message::Record),
            PATCH => fields.patch().map(Message::Patch),
            DELETE => Some(Message::Delete {
                segment: fields.number()?,
                ids: std::iter::from_fn(|| fields.take()).collect(),
            }),
            MARK => Some(Message::Mark(fields.number()?)),
            _ => None,
        }
    })
}

fn write(bytes: Option<&[u8]>, into: &mut Vec<u8>) {
    let size = bytes.map_or(NONE, |bytes| size_of(bytes.len()));
    into.extend_from_slice(&size.to_le_bytes());
    into.extend_from_slice(bytes.unwrap_or_default());
}

/// A batch has far less than 4 GiB: a virtual machine has no more.
fn size_of(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(NONE)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// The bytes behind their size; inside, `None` where there are none.
    fn slice(&mut self) -> Option<Option<&'a [u8]>> {
        let size = u32::from_le_bytes(self.take()?);
        if size == NONE {
            return Some(None);
        }
        let (head, tail) = self.0.split_at_checked(usize::try_from(size).ok()?)?;
        self.0 = tail;
        Some(Some(head))
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.slice()??).ok()
    }

    fn record(&mut self) -> Option<Record<'a>> {
        let (id, created_ms) = (self.take()?, self.number()?);
        let [flags] = self.take()?;
        let limit = NonZeroU32::new(u32::from_le_bytes(self.take()?));
        let strategy = if flags & 2 == 0 {
            LogStrategy::DeleteOldest
        } else {
            LogStrategy::StopInserting
        };
        Some(Record {
            id,
            created_ms,
            account: self.text()?,
            gateway: self.text()?,
            management: limit.map(|limit| LogManagement { limit, strategy }),
            store: flags & 1 != 0,
            line: self.slice()??,
            request: self.slice()?,
            response: self.slice()?,
        })
    }

    fn patch(&mut self) -> Option<Patch> {
        let id = self.take()?;
        let mut text = || {
            let bytes = self.slice()?;
            Some(bytes.map(|it| String::from_utf8_lossy(it).into_owned()))
        };
        Some(Patch {
            id,
            feedback: text()?,
            score: text()?,
            metadata: text()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Message<'static>> {
        let management = LogManagement {
            limit: NonZeroU32::MAX,
            strategy: LogStrategy::StopInserting,
        };
        vec![
            Message::Record(Record {
                id: [7; 16],
                created_ms: 5,
                account: "a",
                gateway: "g",
                management: Some(management),
                store: true,
                line: b"{}",
                request: Some(b""),
                response: None,
            }),
            Message::Record(Record::default()),
            Message::Patch(Patch {
                id: [1; 16],
                feedback: Some("null".to_owned()),
                score: None,
                metadata: Some("{}".to_owned()),
            }),
            Message::Delete {
                segment: 9,
                ids: vec![[2; 16], [3; 16]],
            },
            Message::Mark(10),
        ]
    }

    #[test]
    fn a_batch_reads_as_what_was_written() {
        let mut batch = Vec::new();
        all().iter().for_each(|message| message.write(&mut batch));
        assert_eq!(read(&batch).collect::<Vec<_>>(), all());
    }

    #[test]
    fn a_batch_that_is_cut_reads_as_what_is_whole() {
        let mut batch = Vec::new();
        all().iter().for_each(|message| message.write(&mut batch));
        for end in 0..batch.len() {
            let (cut, _) = batch.split_at(end);
            let messages: Vec<_> = read(cut).collect();
            assert!(messages.len() < 5 && all().starts_with(&messages), "{end}");
        }
    }
}
