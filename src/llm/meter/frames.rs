//! Documents that come in binary frames (`application/vnd.amazon.eventstream`), one a frame.
//!
//! Invariant: a document counts only when the frame around it was whole, checksums and all.

use super::chunk::Chunk;
use super::documents::Documents;
use crate::llm::eventstream::{Decoder, Part};

/// The frames of one answer.
#[derive(Default)]
pub(super) struct Frames {
    decoder: Decoder,
    chunk: Chunk,
}

impl Frames {
    /// Reads on.
    pub(super) fn feed(&mut self, bytes: &[u8], stream: &mut Documents) {
        let Self { decoder, chunk } = self;
        decoder.feed(bytes, &mut |part| match part {
            Part::Data {
                name: "chunk",
                bytes,
            } => chunk.feed(bytes, &mut |event| stream.read(event)),
            Part::Data { bytes, .. } => stream.read(bytes),
            Part::End { kind, name } => {
                if std::mem::take(chunk).is_whole() {
                    stream.end_frame(kind, name);
                } else {
                    stream.next();
                }
            }
        });
    }

    /// No frame was broken, and none is unfinished.
    pub(super) fn is_between(&self) -> bool {
        self.decoder.is_between()
    }

    /// Bytes held on the heap.
    pub(super) const fn heap_bytes(&self) -> usize {
        self.decoder.heap_bytes()
    }
}
