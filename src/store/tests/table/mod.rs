//! One operation at a time, another worker's inside any of its host calls, and any of its host calls refused.

mod evict;
mod fill;
mod race;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::{LEASE, TTL, budget, key, waiter};
use crate::host::Host;
use crate::host::fake::FakeHost;
use crate::store::table::{
    Begin, Flight, Join, Key, NotStored, Ticket, abandon, begin, complete, join, lookup, renew,
    store,
};
use crate::store::waiter::{Verdict, Wake, WakeUps};

const MIB: u64 = 1 << 20;

fn host() -> FakeHost {
    FakeHost::new(&[1])
}

fn filler(host: &FakeHost, key: &Key) -> Ticket {
    match begin(host, key, LEASE) {
        Ok(Begin::Filler(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

fn flight(host: &FakeHost, key: &Key) -> Flight {
    match begin(host, key, LEASE) {
        Ok(Begin::InFlight(flight, _)) => flight,
        other => panic!("{other:?}"),
    }
}

fn payload(host: &FakeHost, key: &Key) -> Option<Vec<u8>> {
    lookup(host, key)
        .unwrap()
        .map(|entry| entry.payload().to_vec())
}

fn put(host: &FakeHost, key: &Key, payload: &[u8]) -> Result<(), NotStored> {
    store(host, key, payload, TTL, budget(MIB))
}

/// Bytes of all stored answers, heads included.
fn stored(host: &FakeHost) -> usize {
    let data = host.data.borrow();
    let slots = data
        .iter()
        .filter(|(key, (value, _))| key.starts_with("sluice/1/s/") && value.first() == Some(&2));
    slots.map(|(_, (value, _))| value.len()).sum()
}

fn calls<T>(host: &FakeHost, operation: impl FnOnce() -> T) -> u64 {
    let before = host.calls.get();
    operation();
    host.calls.get() - before
}
