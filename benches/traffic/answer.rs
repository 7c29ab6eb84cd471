//! What the provider answers, as the request asks for it in its header `x-answer`:
//!
//! ```text
//! json:1024       a chat completion of so many bytes
//! sse:50          a stream of so many events, each written by itself
//! sse:50:20       the same, so many milliseconds apart
//! status:503      an error
//! cut             the beginning of a body, and the end of the connection
//! late:5000       what `json:1024` is, after so many milliseconds
//! sink, counts    nothing, and all that was counted (`tally`)
//! ```

use std::io::{self, Write as _};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::wire::Wire;

/// Before the time at which an event was sent, in nanoseconds since 1970, with [`STAMP_DIGITS`] digits.
pub(crate) const STAMP: &[u8] = br#""obfuscation":""#;
/// The digits of a stamp.
pub(crate) const STAMP_DIGITS: usize = 20;

const USAGE: &str = r#""usage":{"prompt_tokens":500,"completion_tokens":400,"total_tokens":900}"#;
const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n";

/// An answer that can be given again and again.
pub(crate) enum Answer {
    Whole(Vec<u8>),
    Stream { events: u32, pause: Duration },
    Late(Duration),
    Cut,
}

impl Answer {
    /// Reads what a request asks for.
    pub(crate) fn new(asked: &str) -> io::Result<Self> {
        let mut parts = asked.split(':');
        let kind = parts.next().unwrap_or_default();
        let numbers: Result<Vec<u32>, _> = parts.map(str::parse).collect();
        match (kind, numbers.map_err(io::Error::other)?.as_slice()) {
            ("json", [size]) => Ok(Self::json(
                usize::try_from(*size).map_err(io::Error::other)?,
            )),
            ("sse", [events]) => Ok(Self::stream(*events, 0)),
            ("sse", [events, pause]) => Ok(Self::stream(*events, *pause)),
            ("cut", []) => Ok(Self::Cut),
            ("late", [pause]) => Ok(Self::Late(Duration::from_millis((*pause).into()))),
            ("status", [status]) => Ok(whole(*status, r#"{"error":{"message":"no"}}"#)),
            _ => Err(io::Error::other(format!("no such answer: {asked}"))),
        }
    }

    fn json(size: usize) -> Self {
        let text = |content: &str| {
            format!(
                r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}"}},"finish_reason":"stop"}}],{USAGE}}}"#
            )
        };
        let content = "y".repeat(size.saturating_sub(text("").len()));
        whole(200, &text(&content))
    }

    fn stream(events: u32, pause: u32) -> Self {
        let pause = Duration::from_millis(pause.into());
        Self::Stream { events, pause }
    }

    /// Writes it.
    pub(crate) fn write(&self, wire: &mut Wire) -> io::Result<()> {
        let (events, pause) = match self {
            Self::Whole(bytes) => return wire.write(bytes),
            Self::Late(pause) => {
                wire.wait(*pause)?;
                return Self::json(1024).write(wire);
            }
            Self::Cut => {
                wire.write(CUT)?;
                return Err(io::Error::other("as asked"));
            }
            Self::Stream { events, pause } => (*events, *pause),
        };
        wire.write(STREAM)?;
        for _ in 0..events {
            if !pause.is_zero() {
                sleep(pause);
            }
            wire.write(&chunk(&event()))?;
        }
        let usage = format!(
            r#"data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[],{USAGE}}}"#
        );
        wire.write(&chunk(&format!("{usage}\n\ndata: [DONE]\n\n")))?;
        wire.write(b"0\r\n\r\n")
    }
}

/// An answer with that body.
pub(crate) fn whole(status: u32, body: &str) -> Answer {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Ok\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    Answer::Whole([head.as_bytes(), body.as_bytes()].concat())
}

/// An event that says when it was sent.
fn event() -> String {
    format!(
        r#"data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{{"index":0,"delta":{{"content":" word"}},"finish_reason":null}}],"obfuscation":"{:0width$}"}}{end}"#,
        now(),
        width = STAMP_DIGITS,
        end = "\n\n"
    )
}

fn chunk(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 16);
    // Writing to a vector cannot fail.
    drop(write!(bytes, "{:x}\r\n{text}\r\n", text.len()));
    bytes
}

/// Nanoseconds since 1970: the one clock that both processes share.
pub(crate) fn now() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos())
}
