//! Workers at the same time, in every order that the seeds make.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::stage::{Stage, Worker, draw};
use super::{LEASE, TTL, budget, key, waiter};
use crate::config::{RateLimit, Technique};
use crate::store::table::{
    Begin, Join, Key, Ticket, abandon, begin, complete, join, lookup, renew, store,
};
use crate::store::tally::{Tally, add};
use crate::store::waiter::{Verdict, Waiter};
use crate::store::window::admit;

/// What one worker saw.
#[derive(Default)]
struct Report {
    joined: Vec<(u64, Waiter)>,
    faults: Vec<String>,
    tickets: Vec<(Ticket, u8)>,
}

impl Report {
    fn see(&mut self, name: u8, payload: &[u8]) {
        if payload.iter().any(|byte| *byte != name) {
            self.faults
                .push(format!("a hit on {name} returned {payload:?}"));
        }
    }
}

/// Random operations on ten keys of one bucket and two of another.
fn play(worker: &Worker<'_>, seed: u64, operations: u32, lease: Duration, mortal: u64) -> Report {
    let mut report = Report::default();
    let mut seed = seed.wrapping_add(u64::from(worker.id) * 7919);
    for operation in 0..operations {
        worker.mortal.set(mortal);
        worker.dead.set(false);
        let name: u8 = draw(&mut seed, 12);
        let key = key(u8::from(name > 9), name);
        let payload = vec![name; draw(&mut seed, 400)];
        match draw::<u8>(&mut seed, 8) {
            0 => {
                if let Ok(Some(entry)) = lookup(worker, &key) {
                    report.see(name, entry.payload());
                }
            }
            1 => store(worker, &key, &payload, TTL, budget(1000)).unwrap_or_default(),
            2..=4 => enter(worker, &mut report, (key, name), lease, operation),
            _ => finish(worker, &mut report, &mut seed),
        }
        if worker.dead.get() {
            // All that this worker knew is lost with it.
            report.tickets.clear();
        }
    }
    worker.mortal.set(0);
    worker.dead.set(false);
    while !report.tickets.is_empty() {
        finish(worker, &mut report, &mut seed);
    }
    report
}

fn enter(
    worker: &Worker<'_>,
    report: &mut Report,
    (key, name): (Key, u8),
    lease: Duration,
    context: u32,
) {
    let waiter = Waiter {
        context: context * 10 + worker.id,
        ..waiter(0)
    };
    match begin(worker, &key, lease) {
        Ok(Begin::Hit(entry)) => report.see(name, entry.payload()),
        Ok(Begin::Filler(ticket)) => report.tickets.push((ticket, name)),
        Ok(Begin::InFlight(flight, _)) => match join(worker, &flight, waiter) {
            Ok(Join::Joined) => report.joined.push((flight.generation(), waiter)),
            Ok(Join::AlreadyStored(entry)) => report.see(name, entry.payload()),
            Ok(Join::Gone | Join::Crowded) | Err(_) => {}
        },
        Ok(Begin::Full) | Err(_) => {}
    }
}

fn finish(worker: &Worker<'_>, report: &mut Report, seed: &mut u64) {
    if report.tickets.is_empty() {
        return;
    }
    let chosen = draw(seed, report.tickets.len().try_into().unwrap());
    let (ticket, name) = report.tickets.swap_remove(chosen);
    match draw::<u8>(seed, 4) {
        0 => {
            abandon(worker, ticket).send(worker, Verdict::LookAgain);
        }
        1 => {
            renew(worker, &ticket, LEASE);
            report.tickets.push((ticket, name));
        }
        _ => {
            let payload = vec![name; draw(seed, 400)];
            complete(worker, ticket, &payload, TTL, budget(1000))
                .1
                .send(worker, Verdict::LookAgain);
        }
    }
}

fn faults(stage: &Stage, reports: &[Report]) -> Vec<String> {
    let seen = reports.iter().flat_map(|report| report.faults.clone());
    stage.scene().faults.iter().cloned().chain(seen).collect()
}

/// How often each waiter of each fill was promised a wake-up, and got one.
fn counts(list: impl Iterator<Item = (u64, Waiter)>) -> BTreeMap<(u64, Waiter), u32> {
    let mut counts = BTreeMap::new();
    for item in list {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// The most calls in a window that begins with one of them, or in the aligned one that holds it.
fn busiest(times: &[u64], interval: Duration, fixed: bool) -> usize {
    let span = u64::try_from(interval.as_nanos()).unwrap();
    let calls = |time: &u64| {
        let from = if fixed { time / span * span } else { *time };
        let window = from..from + span;
        times.iter().filter(|time| window.contains(time)).count()
    };
    times.iter().map(calls).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn while_leases_last_every_waiter_is_woken_once_and_the_budget_holds(seed: u64) {
        let stage = Stage::new(seed, 1000);
        let reports = stage.run(3, |worker| play(worker, seed, 40, LEASE, 0));
        prop_assert_eq!(faults(&stage, &reports), Vec::<String>::new());
        let joined = counts(reports.iter().flat_map(|report| report.joined.iter().copied()));
        let woken = counts(stage.scene().woken.iter().copied());
        prop_assert_eq!(joined, woken);
    }

    #[test]
    fn dying_workers_and_expired_leases_break_neither_the_budget_nor_the_elections(seed: u64) {
        let stage = Stage::new(seed, 1000);
        // Half a second between two host calls: leases of a second run out all the time, entries now and then.
        stage.scene().tempo = 500_000_000;
        let reports = stage.run(3, |worker| play(worker, seed, 40, Duration::from_secs(1), 40));
        prop_assert_eq!(faults(&stage, &reports), Vec::<String>::new());
        let woken = counts(stage.scene().woken.iter().copied());
        prop_assert!(woken.values().all(|times| *times == 1));
        stage.scene().clock += 100_000_000_000;
        let one = stage.run(1, |worker| store(worker, &key(5, 1), &[1; 955], TTL, budget(1000)));
        // Nothing leaks: once the leases are over, the whole budget can be had by one.
        prop_assert_eq!(one, [Ok(())]);
        prop_assert_eq!(stage.scene().stored(), 1000);
    }

    #[test]
    fn no_interval_ever_sees_more_calls_than_the_limit(seed: u64, limit in 1_u8..9, fixed: bool) {
        let technique = if fixed { Technique::Fixed } else { Technique::Sliding };
        let interval = Duration::from_secs(10);
        let rule = RateLimit { limit: NonZeroU32::new(limit.into()).unwrap(), interval, technique };
        let stage = Stage::new(seed, 0);
        stage.scene().tempo = 1_500_000_000;
        let calls = |worker: &Worker<'_>| {
            let admitted = |_| admit(worker, "g", &rule).is_ok().then(|| worker.saw.get());
            (0..60).filter_map(admitted).collect::<Vec<_>>()
        };
        let mut times: Vec<u64> = stage.run(3, calls).concat();
        times.sort_unstable();
        let most = busiest(&times, interval, fixed);
        prop_assert!(most <= limit.into(), "{most} calls");
        prop_assert!(times.len() > usize::from(limit));
    }

    #[test]
    fn no_interval_ever_sees_more_of_a_key_than_its_limit(seed: u64, limit in 1_u64..5, fixed: bool, mortal: bool) {
        let technique = if fixed { Technique::Fixed } else { Technique::Sliding };
        let interval = Duration::from_secs(10);
        let stage = Stage::new(seed, 0);
        stage.scene().tempo = 300_000_000;
        // Twenty keys of one bucket, which has lines for sixteen.
        let calls = |worker: &Worker<'_>| {
            let mut seed = seed.wrapping_add(u64::from(worker.id) * 7919);
            let mut admitted = Vec::new();
            for _ in 0..60 {
                worker.mortal.set(if mortal { 40 } else { 0 });
                worker.dead.set(false);
                let name: u8 = draw(&mut seed, 20);
                let key = key(0, name).0;
                let tally = Tally { name: "g", key: Some(&key), interval, technique };
                if add(worker, &tally, 1, Some(limit)).is_ok() {
                    admitted.push((name, worker.saw.get()));
                }
            }
            admitted
        };
        let admitted = stage.run(3, calls).concat();
        prop_assert!(!admitted.is_empty());
        for name in 0..20 {
            let own = admitted.iter().filter(|(of, _)| *of == name);
            let mut times: Vec<u64> = own.map(|(_, time)| *time).collect();
            times.sort_unstable();
            let most = busiest(&times, interval, fixed);
            prop_assert!(u64::try_from(most).unwrap() <= limit, "{most} calls of {name}");
        }
    }
}
