//! The client: plays one load and times it.
//!
//! Without a rate each connection makes its next call when the last is answered: that saturates the gateway and shows
//! what a call costs. With a rate, calls are due at fixed times, whether earlier ones are answered or not; each is timed
//! from when it was due, so that a gateway that stalls is charged for all calls it kept waiting (no coordinated
//! omission). Only lateness of our own timer, while nothing was outstanding on the connection, is not the gateway's.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use crate::answer::{STAMP, STAMP_DIGITS, now};
use crate::timing::Timing;
use crate::wire::{Side, Wire};

/// Where a body's own number goes, if it is to have one.
const NUMBER: &[u8] = b"#000000000";

/// What standard input says.
#[derive(Deserialize)]
struct Load {
    /// `host:port`.
    address: String,
    /// The request line and the fields, each line ended, without `content-length`.
    head: String,
    /// Where it holds [`NUMBER`], each call has its own.
    body: String,
    /// The first of these numbers.
    first: u32,
    connections: u32,
    seconds: f64,
    /// Calls in a second, of all connections together.
    rate: Option<f64>,
    /// What the answer's `cf-aig-cache-status` must be.
    cache: Option<String>,
    /// Whether the answers are streams whose events are to be timed.
    streams: bool,
}

/// What the connections share.
struct Run {
    load: Load,
    begun: Instant,
    next: AtomicU32,
}

/// What was measured.
struct Measured {
    calls: Timing,
    events: Timing,
}

impl Measured {
    fn new() -> io::Result<Self> {
        let (calls, events) = (Timing::new()?, Timing::new()?);
        Ok(Self { calls, events })
    }
}

/// Reads the load, plays it, prints what was measured.
pub(crate) fn play() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let load: Load = serde_json::from_str(&text)?;
    let connections = load.connections;
    let next = AtomicU32::new(0);
    let run = Arc::new(Run {
        load,
        begun: Instant::now(),
        next,
    });
    let clients = (0..connections).map(|_| {
        let run = Arc::clone(&run);
        thread::spawn(move || client(&run))
    });
    let clients: Vec<_> = clients.collect();
    let mut all = Measured::new()?;
    for client in clients {
        let Ok(one) = client.join() else {
            return Err(io::Error::other("a client panicked"));
        };
        let one = one?;
        all.calls.merge(&one.calls)?;
        all.events.merge(&one.events)?;
    }
    let seconds = run.begun.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({"seconds": seconds, "calls": all.calls.report(), "events": all.events.report()})
    );
    Ok(())
}

fn client(run: &Run) -> io::Result<Measured> {
    let mut wire = Wire::connect(&run.load.address)?;
    let mut request = Request::new(&run.load.head, &run.load.body);
    let mut measured = Measured::new()?;
    while let Some((number, due)) = run.due() {
        request.renumber(run.load.first + number);
        wire.write(request.bytes())?;
        answer(&mut wire, &run.load, &mut measured.events)?;
        measured.calls.add(due.elapsed())?;
    }
    Ok(measured)
}

impl Run {
    /// The number of the next call and the time from which it counts, once it is due; `None`: the time is over. Without a
    /// rate there are as many as connections at least, however short the time.
    fn due(&self) -> Option<(u32, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let end = self.begun + Duration::from_secs_f64(self.load.seconds);
        let Some(rate) = self.load.rate else {
            let now = Instant::now();
            return (number < self.load.connections || now < end).then_some((number, now));
        };
        let due = self.begun + Duration::from_secs_f64(f64::from(number) / rate);
        if due >= end {
            return None;
        }
        let wait = due.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Some((number, due));
        }
        thread::sleep(wait);
        Some((number, Instant::now()))
    }
}

/// The bytes of a call.
pub(crate) struct Request {
    bytes: Vec<u8>,
    number: Option<usize>,
}

impl Request {
    /// The head is without `content-length`.
    pub(crate) fn new(head: &str, body: &str) -> Self {
        let length = body.len();
        let bytes = format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes();
        let number = find(&bytes, NUMBER);
        Self { bytes, number }
    }

    /// As they are sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the number where [`NUMBER`] stood.
    pub(crate) fn renumber(&mut self, number: u32) {
        if let Some(at) = self.number {
            let digits = format!("{number:0width$}", width = NUMBER.len());
            self.bytes[at..at + NUMBER.len()].copy_from_slice(digits.as_bytes());
        }
    }
}

/// Reads one answer, and times its events from when they were sent.
fn answer(wire: &mut Wire, load: &Load, events: &mut Timing) -> io::Result<()> {
    let head = wire.head(Side::Client, "cf-aig-cache-status")?;
    let head = head.ok_or_else(|| io::Error::other("the gateway closed the connection"))?;
    let mut beginning = Vec::new();
    let mut timed = Ok(());
    let is_right = head.status == 200 && (load.cache.is_none() || head.wanted == load.cache);
    wire.body(&head, |piece| {
        if !is_right {
            beginning.extend_from_slice(&piece[..piece.len().min(300)]);
        }
        if load.streams && timed.is_ok() {
            timed = time_events(piece, events);
        }
    })?;
    if is_right {
        return timed;
    }
    let beginning = String::from_utf8_lossy(&beginning);
    let told = format!(
        "status {}, cache status {:?}: {beginning}",
        head.status, head.wanted
    );
    Err(io::Error::other(told))
}

/// A stamp that two pieces share is left out.
fn time_events(mut piece: &[u8], events: &mut Timing) -> io::Result<()> {
    while let Some(at) = find(piece, STAMP) {
        piece = &piece[at + STAMP.len()..];
        let digits = piece
            .get(..STAMP_DIGITS)
            .and_then(|digits| str::from_utf8(digits).ok());
        if let Some(sent) = digits.and_then(|digits| digits.parse::<u128>().ok()) {
            events.add_nanoseconds(now().saturating_sub(sent))?;
        }
    }
    Ok(())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}
