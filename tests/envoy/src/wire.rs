//! A raw HTTP/1.1 client, for requests that no HTTP library would send.
//!
//! Invariant: bytes go out exactly as given; nothing is normalised.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::within;

/// A connection that speaks bytes.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer taken apart by hand.
#[derive(Clone, Debug, Default)]
pub struct RawReply {
    /// The status code; 0 when the connection was closed without an answer.
    pub status: u16,
    /// Header fields in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; of chunked ones the decoded bytes that came.
    pub body: Vec<u8>,
    /// Everything that came, as it came.
    pub bytes: Vec<u8>,
}

impl Wire {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("connect", TcpStream::connect(address))
            .await
            .expect("the gateway accepts connections");
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// Sends bytes as they are. A peer that has hung up is no error here: its answer says more.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(within("send", self.stream.write_all(bytes.as_ref())).await);
    }

    /// Reads until `mark` was seen and returns everything up to its end.
    pub async fn read_until(&mut self, mark: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some((before, _)) = text.split_once(mark) {
                return format!("{before}{mark}");
            }
            let read = within("read", self.stream.read_buf(&mut self.read))
                .await
                .unwrap_or(0);
            assert!(read > 0, "the connection ended before {mark:?}: {text:?}");
        }
    }

    /// Reads until the peer closes, and takes the last answer apart; the request must have asked for `connection: close`.
    pub async fn reply(mut self) -> RawReply {
        drop(within("read to the end", self.stream.read_to_end(&mut self.read)).await);
        RawReply::parse(self.read)
    }

    /// Sends one whole request and reads the answer.
    pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> RawReply {
        let mut wire = Self::connect(address).await;
        wire.send(request).await;
        wire.reply().await
    }
}

impl RawReply {
    /// Takes a whole answer apart.
    pub(crate) fn parse(bytes: Vec<u8>) -> Self {
        let mut start = 0;
        loop {
            let Some(end) = head_end(&bytes[start..]) else {
                return Self {
                    bytes,
                    ..Self::default()
                };
            };
            let (line, headers) = parse_head(&bytes[start..start + end]);
            let status = line
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok())
                .unwrap_or(0);
            start += end;
            if status == 100 {
                continue;
            }
            let chunked = headers
                .iter()
                .any(|(name, value)| name == "transfer-encoding" && value == b"chunked");
            let body = if chunked {
                unchunk(&bytes[start..])
            } else {
                bytes[start..].to_vec()
            };
            return Self {
                status,
                headers,
                body,
                bytes,
            };
        }
    }

    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Where the head ends, if its end is there.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The start line and the fields, names in lower case.
pub(crate) fn parse_head(head: &[u8]) -> (String, Vec<(String, Vec<u8>)>) {
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let field = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        Some((name, line[colon + 1..].trim_ascii().to_vec()))
    };
    (start, lines.filter_map(field).collect())
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let data = &rest[end + 2..];
        body.extend_from_slice(&data[..size.min(data.len())]);
        if size == 0 || data.len() < size + 2 {
            break;
        }
        rest = &data[size + 2..];
    }
    body
}
