//! The raw port: what HTTP libraries refuse to send.
//!
//! It reads one HTTP/1.1 request (with content-length or without a body), then writes the script's chunks as they are
//! and closes: one exchange a connection. What the caller sends meanwhile is noted, whatever it is.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::answer::Step;
use super::{CASE_HEADER, Cases, Entry, Seen};
use crate::wire::{head_end, parse_head};

/// Serves scripts byte for byte.
pub(super) async fn serve(listener: TcpListener, cases: Arc<Cases>) {
    while let Ok((stream, _)) = listener.accept().await {
        let cases = Arc::clone(&cases);
        tokio::spawn(async move { drop(exchange(stream, &cases).await) });
    }
}

async fn exchange(mut stream: TcpStream, cases: &Cases) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = head_end(&bytes) {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let mut body = bytes.split_off(end);
    let (start, headers) = parse_head(&bytes);
    let mut words = start.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let version = words.next().unwrap_or_default();
    let mut seen = Seen {
        method,
        path,
        headers,
        version,
        ..Seen::default()
    };
    let length = seen
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap_or(0));
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            break;
        }
    }
    (seen.complete, seen.body) = (body.len() == length, body);
    let case = seen.header(CASE_HEADER).unwrap_or_default();
    let (entry, answer) = cases.named(&case).enter(seen);
    let (reader, writer) = stream.split();
    tokio::select! {
        played = play(answer.steps, writer) => played?,
        never = listen(reader, &entry) => match never? {},
    }
    entry.note(|seen| seen.answered = true);
    Ok(())
}

async fn play(steps: Vec<Step>, mut writer: WriteHalf<'_>) -> std::io::Result<()> {
    for step in steps {
        match step {
            Step::Chunk(bytes) => writer.write_all(&bytes).await?,
            Step::Cut => return writer.as_ref().set_zero_linger(),
            Step::Gate(gate) => gate.passed().await,
            Step::Hang => std::future::pending().await,
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Trailer(..) => {}
        }
    }
    writer.shutdown().await
}

/// Notes what comes; a caller that says no more does not end the script.
async fn listen(mut reader: ReadHalf<'_>, entry: &Entry) -> std::io::Result<Infallible> {
    let mut bytes = Vec::new();
    while reader.read_buf(&mut bytes).await? > 0 {
        entry.note(|seen| seen.later.append(&mut bytes));
    }
    std::future::pending().await
}
