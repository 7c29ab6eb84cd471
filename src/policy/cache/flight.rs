//! Looking an answer up, and single flight: of identical calls only the first goes to the provider.
//!
//! The first caller holds a mark in the table ([`Fill`]); the others put their name on it and sleep. Whoever holds the
//! mark must give it up, by [`keep`] or by dropping it; should its VM die, the mark's lease ends it. Sleepers look
//! again when the lease that they saw ends, so a lost wake-up costs a lease, never a call.

use std::rc::Rc;
use std::time::Duration;

use super::{Caching, Hit, key};
use crate::config::SingleFlight;
use crate::exchange::Stop;
use crate::exchange::call::Call;
use crate::exchange::cx::{Cx, Event, Gone, Worker};
use crate::exchange::intake::Intake;
use crate::host::HostError;
use crate::store::table::{self, Begin, Flight, Join, Key, NotStored, Ticket};
use crate::store::waiter::{Verdict, Waiter};

/// How often a filler renews its lease, nanoseconds.
const BEAT: u64 = 200_000_000;
/// How long a mark holds without being renewed: a dead filler's waiters wait no longer. Several beats, so that a busy
/// worker keeps its mark; one that loses it costs a second call, never a wrong answer.
const LEASE: Duration = Duration::from_secs(1);
/// How often a fill may end between looking and joining before the call goes on alone.
const MISSES: u32 = 8;

/// What a lookup found.
pub enum Found {
    /// An answer.
    Hit(Hit),
    /// None; others may wait for this call's answer.
    Fill(Fill),
    /// None; the call goes on by itself.
    Alone,
}

/// The right to fill an entry. Dropped without an answer, it wakes the waiters to find another filler.
pub struct Fill {
    worker: Rc<Worker>,
    ticket: Option<Ticket>,
    renewed: u64,
}

impl Fill {
    fn new(cx: &Cx, ticket: Ticket) -> Self {
        Self {
            worker: Rc::clone(&cx.worker),
            ticket: Some(ticket),
            renewed: cx.now(),
        }
    }

    /// When [`Fill::renew`] is due, nanoseconds since the epoch.
    pub const fn due(&self) -> u64 {
        self.renewed.saturating_add(BEAT)
    }

    /// Keeps the mark alive.
    pub fn renew(&mut self) {
        if let Some(ticket) = &self.ticket {
            table::renew(&*self.worker.host, ticket, LEASE);
        }
        self.renewed = self.worker.host.now();
    }

    /// The answer cannot be shared: every waiter goes on alone.
    pub fn refuse(mut self) {
        self.give_up(Verdict::GoAlone);
    }

    fn give_up(&mut self, verdict: Verdict) {
        if let Some(ticket) = self.ticket.take() {
            let host = &*self.worker.host;
            table::abandon(host, ticket).send(host, verdict);
        }
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.give_up(Verdict::LookAgain);
    }
}

/// Looks for an answer to the call; waits for another call's answer when single flight is on. A table that cannot be
/// read is an empty one: the cache must not be an outage.
pub async fn find(cx: &Cx, call: &Call, caching: &Caching, intake: &Intake) -> Result<Found, Stop> {
    let Some(key) = key::of(call, caching, intake) else {
        return Ok(Found::Alone);
    };
    let streams = intake.facts().is_some_and(|facts| facts.stream);
    let shares = match call.gateway.single_flight {
        SingleFlight::Off => false,
        SingleFlight::NonStreaming => !streams,
        SingleFlight::All => true,
    };
    let Some(queue) = cx.worker.queue.filter(|_| shares) else {
        let entry = table::lookup(cx.host(), &key).unwrap_or_else(|error| {
            out_of_order(cx, error);
            None
        });
        return Ok(entry.map_or(Found::Alone, Found::from));
    };
    let patience = u64::try_from(call.gateway.single_flight_timeout.as_nanos()).unwrap_or(u64::MAX);
    let give_up = cx.now().saturating_add(patience);
    let found = wait(
        cx,
        &key,
        Waiter {
            queue,
            context: cx.id,
        },
        give_up,
    )
    .await;
    cx.set_deadline(None);
    found
}

impl From<table::Entry> for Found {
    fn from(entry: table::Entry) -> Self {
        Hit::read(entry).map_or(Self::Alone, Self::Hit)
    }
}

async fn wait(cx: &Cx, key: &Key, waiter: Waiter, give_up: u64) -> Result<Found, Stop> {
    let mut joined: Option<Flight> = None;
    let mut missed: u32 = 0;
    loop {
        let (flight, lease_end) = match table::begin(cx.host(), key, LEASE) {
            Ok(Begin::Hit(entry)) => return Ok(entry.into()),
            Ok(Begin::Filler(ticket)) => return Ok(Found::Fill(Fill::new(cx, ticket))),
            Ok(Begin::InFlight(flight, end)) => (flight, end),
            Ok(Begin::Full) => return Ok(Found::Alone),
            Err(error) => return Ok(out_of_order(cx, error)),
        };
        if cx.now() >= give_up || missed > MISSES {
            return Ok(Found::Alone);
        }
        if joined.as_ref() != Some(&flight) {
            match table::join(cx.host(), &flight, waiter) {
                Ok(Join::Joined) => {}
                Ok(Join::AlreadyStored(entry)) => return Ok(entry.into()),
                Ok(Join::Gone) => {
                    missed = missed.saturating_add(1);
                    continue;
                }
                Ok(Join::Crowded) => return Ok(Found::Alone),
                Err(error) => return Ok(out_of_order(cx, error)),
            }
        }
        if sleep(cx, flight.generation(), lease_end.min(give_up)).await? == Verdict::GoAlone {
            return Ok(Found::Alone);
        }
        joined = Some(flight);
    }
}

/// The cache must not be an outage: the call goes on, the operator is told.
fn out_of_order(cx: &Cx, error: HostError) -> Found {
    cx.complain(format!("the cache cannot be used: {error}"));
    Found::Alone
}

/// Sleeps until this fill's end wakes it, until that moment at most.
async fn sleep(cx: &Cx, generation: u64, until: u64) -> Result<Verdict, Stop> {
    cx.set_deadline(Some(until));
    loop {
        match cx.next().await {
            Event::Woken(wake) if wake.generation == generation => return Ok(wake.verdict),
            Event::Deadline => return Ok(Verdict::LookAgain),
            Event::Done(ending) => return Err(Gone(ending).into()),
            Event::ResponseHead { headers, .. } => return Err(Stop::Overruled(headers)),
            Event::RequestHead { .. }
            | Event::RequestBody { .. }
            | Event::RequestTrailers
            | Event::Woken(_)
            | Event::ResponseBody { .. }
            | Event::ResponseTrailers => {}
        }
    }
}

/// Stores a complete answer, in its [stored form](super::StoredHead::with_body), and wakes who waits for it. An answer
/// that finds no room is not stored; its waiters go on alone.
pub fn keep(cx: &Cx, call: &Call, intake: &Intake, fill: Option<Fill>, payload: &[u8]) {
    let Some(caching) = &call.caching else { return };
    let ttl = Duration::from_secs(u64::from(caching.ttl));
    let limits = cx.worker.config.cache;
    match fill.and_then(|mut fill| fill.ticket.take()) {
        Some(ticket) => {
            let (stored, waiters) = table::complete(cx.host(), ticket, payload, ttl, limits);
            let verdict = if stored.is_ok() {
                Verdict::LookAgain
            } else {
                Verdict::GoAlone
            };
            waiters.send(cx.host(), verdict);
            report(cx, stored);
        }
        None => {
            if let Some(key) = key::of(call, caching, intake) {
                report(cx, table::store(cx.host(), &key, payload, ttl, limits));
            }
        }
    }
}

/// That an answer found no room is ordinary; that the host failed is not.
fn report(cx: &Cx, stored: Result<(), NotStored>) {
    if let Err(NotStored::Host(error)) = stored {
        out_of_order(cx, error);
    }
}
