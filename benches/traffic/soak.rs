//! The client of `make soak`: many calls of several kinds at once; it counts how each kind ended.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::load::Request;
use crate::wire::{Side, Wire};

/// What standard input says.
#[derive(Deserialize)]
struct Soak {
    address: String,
    connections: u32,
    calls: u32,
    /// Call number n is of kind n, from the first again after the last.
    kinds: Vec<Kind>,
}

/// One kind of call.
#[derive(Deserialize)]
struct Kind {
    name: String,
    head: String,
    body: String,
    leaves: Leaves,
}

/// When its client goes away.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Leaves {
    /// After the whole answer: the connection is used again.
    Never,
    /// When the first piece of the body is there.
    Amid,
    /// Before there is an answer, which counts as status 499.
    Early,
}

/// How long a client that leaves early waits: the call is at the provider by then.
const PATIENCE: Duration = Duration::from_millis(300);

type Counts = BTreeMap<String, u64>;

/// Reads what to do, does it, prints how often each kind ended how: `name status cache-status end`.
pub(crate) fn play() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let soak: Arc<Soak> = Arc::new(serde_json::from_str(&text)?);
    let next = Arc::new(AtomicU32::new(0));
    let clients = (0..soak.connections).map(|_| {
        let (soak, next) = (Arc::clone(&soak), Arc::clone(&next));
        thread::spawn(move || client(&soak, &next))
    });
    let clients: Vec<_> = clients.collect();
    let mut all = Counts::new();
    for client in clients {
        let Ok(counts) = client.join() else {
            return Err(io::Error::other("a client panicked"));
        };
        for (end, count) in counts? {
            *all.entry(end).or_default() += count;
        }
    }
    println!("{}", json!(all));
    Ok(())
}

fn client(soak: &Soak, next: &AtomicU32) -> io::Result<Counts> {
    let requests = soak
        .kinds
        .iter()
        .map(|kind| Request::new(&kind.head, &kind.body));
    let mut requests: Vec<_> = requests.collect();
    let (mut counts, mut wire) = (Counts::new(), None);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= soak.calls {
            return Ok(counts);
        }
        let at = usize::try_from(number).map_err(io::Error::other)? % soak.kinds.len();
        let (kind, request) = (&soak.kinds[at], &mut requests[at]);
        request.renumber(number);
        let mut open = match wire.take() {
            Some(open) => open,
            None => Wire::connect(&soak.address)?,
        };
        open.write(request.bytes())?;
        let (end, is_open) = end(&mut open, kind.leaves)?;
        *counts.entry(format!("{} {end}", kind.name)).or_default() += 1;
        wire = is_open.then_some(open);
    }
}

/// How a call ended, and whether its connection can be used again.
fn end(wire: &mut Wire, leaves: Leaves) -> io::Result<(String, bool)> {
    if leaves == Leaves::Early {
        thread::sleep(PATIENCE);
        return Ok(("499 - left".to_owned(), false));
    }
    let head = wire.head(Side::Client, "cf-aig-cache-status")?;
    let head = head.ok_or_else(|| io::Error::other("the gateway closed the connection"))?;
    let told = format!("{} {}", head.status, head.wanted.as_deref().unwrap_or("-"));
    if leaves == Leaves::Amid {
        wire.body_begins()?;
        return Ok((format!("{told} left"), false));
    }
    match wire.body(&head, |_| {}) {
        Ok(()) => Ok((format!("{told} whole"), !head.closes)),
        Err(_) => Ok((format!("{told} cut"), false)),
    }
}
