//! What the fake provider shall answer, as a script of steps.
//!
//! Invariant: a step begins only when the one before it is on the wire.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;

/// A barrier in a script that the test opens.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

/// One step of an answer's body.
#[derive(Clone)]
pub(crate) enum Step {
    Chunk(Bytes),
    Cut,
    Gate(Gate),
    Hang,
    Pause(Duration),
    Trailer(String, String),
}

/// A scripted answer: head first, then the steps of its body in order.
#[derive(Clone)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) hold: Option<Gate>,
    pub(crate) late: Duration,
    pub(crate) steps: Vec<Step>,
    pub(crate) early: bool,
    pub(crate) length: Option<usize>,
}

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "a gate is made on purpose")]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Opens the gate, for good and for everybody.
    pub fn open(&self) {
        self.0.add_permits(1);
    }

    /// Returns when the gate is open.
    pub async fn passed(&self) {
        drop(self.0.acquire().await);
    }
}

impl Answer {
    /// An answer without a body.
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            hold: None,
            late: Duration::ZERO,
            steps: Vec::new(),
            early: false,
            length: None,
        }
    }

    /// A JSON answer with its length stated.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status)
            .header("content-type", "application/json")
            .chunk(body.to_string())
            .sized()
    }

    /// An answer of server-sent events, one chunk an event; `events` without their blank lines.
    pub fn events<E: AsRef<str>>(events: impl IntoIterator<Item = E>) -> Self {
        let head = Self::new(200).header("content-type", "text/event-stream");
        events.into_iter().fold(head, |answer, event| {
            answer.chunk(format!("{}\n\n", event.as_ref()))
        })
    }

    /// Bytes for the raw port, where the steps are the whole answer as it stands on the wire.
    pub const fn wire() -> Self {
        Self::new(0)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// A header's value as far as it is text.
    pub fn states(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Adds a chunk to the body.
    pub fn chunk(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Chunk(Bytes::from(bytes.into())));
        self
    }

    /// Sends nothing further until the gate is open.
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Gate(gate.clone()));
        self
    }

    /// Sends nothing further for that long.
    pub fn pause(mut self, time: Duration) -> Self {
        self.steps.push(Step::Pause(time));
        self
    }

    /// Ends the body with a trailer.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.steps
            .push(Step::Trailer(name.to_owned(), value.to_owned()));
        self
    }

    /// Breaks the connection.
    pub fn cut(mut self) -> Self {
        self.steps.push(Step::Cut);
        self
    }

    /// Never ends.
    pub fn hang(mut self) -> Self {
        self.steps.push(Step::Hang);
        self
    }

    /// Sends not even the head until the gate is open.
    pub fn hold(mut self, gate: &Gate) -> Self {
        self.hold = Some(gate.clone());
        self
    }

    /// Sends not even the head for that long.
    pub const fn late(mut self, time: Duration) -> Self {
        self.late = time;
        self
    }

    /// Answers without waiting for the request's body.
    pub const fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// States this content-length, right or wrong.
    pub const fn length(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// States the true length of the chunks added so far.
    pub fn sized(self) -> Self {
        let length = self.body().len();
        self.length(length)
    }

    /// The same head and bytes in chunks of that size.
    pub fn in_pieces_of(&self, size: usize) -> Self {
        let steps = self
            .body()
            .chunks(size)
            .map(|piece| Step::Chunk(Bytes::copy_from_slice(piece)))
            .collect();
        Self {
            steps,
            length: None,
            ..self.clone()
        }
    }

    /// The same answer as bytes for the raw port, the last one on its connection.
    pub fn on_wire(mut self) -> Self {
        if self.status == 0 {
            return self;
        }
        let framing = match self.length {
            Some(length) => format!("content-length: {length}"),
            None => "transfer-encoding: chunked".to_owned(),
        };
        let mut head = format!("HTTP/1.1 {} -\r\n{framing}\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        head.extend(b"connection: close\r\n\r\n");
        if self.length.is_none() {
            self = self.in_chunks();
        }
        self.steps.insert(0, Step::Chunk(head.into()));
        Self {
            steps: self.steps,
            ..Self::wire()
        }
    }

    /// In HTTP/1.1's chunked coding (RFC 9112 §7.1), with its end unless it is cut.
    fn in_chunks(mut self) -> Self {
        let is_cut = self.steps.iter().any(|step| matches!(step, Step::Cut));
        for step in &mut self.steps {
            if let Step::Chunk(bytes) = step {
                let size = format!("{:x}\r\n", bytes.len());
                *bytes = [size.as_bytes(), bytes, b"\r\n"].concat().into();
            }
        }
        if is_cut {
            return self;
        }
        self.chunk("0\r\n\r\n")
    }

    /// The bytes of all chunks.
    pub fn body(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for step in &self.steps {
            if let Step::Chunk(chunk) = step {
                bytes.extend_from_slice(chunk);
            }
        }
        bytes
    }
}
