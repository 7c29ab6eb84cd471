//! Promise: whatever host call fails, and however, the client gets the right answer or a clear error, the provider gets the
//! right request or none, nothing hangs, and the next call is served.
//!
//! A status that proxy-wasm 0.2.5 does not expect of a call is a panic in there, which the proxy answers for us with an error
//! and a new virtual machine. Which these are is written down below, to the letter: a status that traps and is not named
//! fails the test, and so does one that no longer traps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice_host::abi::Status;
use sluice_host::platform::{Failing, Fault};
use sluice_host::provider::ask;
use sluice_host::scenario::{SCENARIOS, Scenario, Setting, WORKER, chat};
use sluice_host::world::Snapshot;
use sluice_host::{End, Reply, World};

/// What the SDK takes for an answer, by call, besides [`Status::OK`]; it panics on anything else.
const HEEDED: &[(&str, &[u32])] = &[
    ("proxy_dequeue_shared_queue", &[1, 7]),
    ("proxy_enqueue_shared_queue", &[1]),
    ("proxy_get_buffer_bytes", &[1]),
    ("proxy_get_property", &[1, 3, 10]),
    ("proxy_get_shared_data", &[1]),
    ("proxy_http_call", &[2, 10]),
    ("proxy_increment_metric", &[1, 2]),
    ("proxy_record_metric", &[1]),
    ("proxy_resolve_shared_queue", &[1]),
    ("proxy_set_effective_context", &[2]),
    ("proxy_set_shared_data", &[8]),
];

/// Calls that give something: they are also tried giving nothing.
const GIVES: &[&str] = &[
    "proxy_dequeue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_property",
    "proxy_get_shared_data",
];

/// Of a call that a scenario makes more often than this, so many are failed, evenly spread.
const SPREAD: usize = 40;

/// In the callback for an answer to a request of the filter's own, the SDK makes this call itself and unwraps.
const UNWRAPPED: (&str, &str) = ("proxy_set_effective_context", "proxy_on_http_call_response");

fn heeded(call: &str) -> &'static [u32] {
    let found = HEEDED.iter().find(|(name, _)| *name == call);
    found.map_or(&[], |(_, statuses)| statuses)
}

/// What a scenario gives when nothing fails.
struct Course {
    calls: Vec<&'static str>,
    world: World,
    replies: Vec<Reply>,
}

/// The calls of a scenario to be failed, each with the statuses: those that are heeded, and in turns one of the others.
fn faults(calls: &[&'static str]) -> Vec<(usize, Status)> {
    let mut counts = BTreeMap::<_, usize>::new();
    for call in calls {
        *counts.entry(*call).or_default() += 1;
    }
    let mut turns = BTreeMap::<_, usize>::new();
    let mut faults = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        let turn = turns.entry(*call).or_default();
        let step = counts[call].div_ceil(SPREAD);
        *turn += 1;
        if *turn % step != 0 {
            continue;
        }
        let heeded = heeded(call);
        let others: Vec<_> = (1..=12).filter(|it| !heeded.contains(it)).collect();
        let other = others[*turn / step % others.len()];
        let nothing = GIVES.contains(call).then_some(Status::OK.0);
        let statuses = heeded.iter().copied().chain([other]).chain(nothing);
        faults.extend(statuses.map(|status| (at, Status(status))));
    }
    faults
}

/// Whether a client is served by this answer instead of that one: by an error that says so.
fn is_clear(scenario: &Scenario, reply: &Reply, wanted: &Reply, is_trapped: bool) -> bool {
    let is_same =
        (reply.status(), &reply.body, reply.end) == (wanted.status(), &wanted.body, wanted.end);
    let is_error = reply.status() >= 400 && reply.end == End::Whole && !reply.body.is_empty();
    // What shared data does not give is not listed.
    let is_shorter =
        scenario.name == "console: the list of logs" && reply.text().contains("\"success\":true");
    let is_lost = matches!(reply.end, End::Lost | End::Cut) && is_trapped;
    is_same || is_error || is_lost || (reply.end == End::Whole && is_shorter)
}

/// What is wrong about the course of a scenario with that fault.
fn judge(
    scenario: &Scenario,
    from: &Snapshot,
    course: &Course,
    (at, status): (usize, Status),
) -> Option<String> {
    let call = course.calls[at];
    let mut world = from.world();
    let failing = Failing::One(at);
    world.platform().fault = Some(Fault { failing, status });
    let replies = scenario.run(&mut world);
    world.platform().fault = None;
    let trap = world.traps.iter().find(|why| why.starts_with("proxy_on_"));
    let is_unwrapped = trap.is_some_and(|why| call == UNWRAPPED.0 && why.starts_with(UNWRAPPED.1));
    let is_heeded = status == Status::OK || heeded(call).contains(&status.0);
    if trap.is_some_and(|why| !why.contains("unreachable")) {
        return Some(format!("{trap:?}"));
    }
    if trap.is_some() == is_heeded && !is_unwrapped {
        return Some(format!("trapped: {trap:?}, expected: {}", !is_heeded));
    }
    let is_trapped = trap.is_some();
    let unclear = replies
        .iter()
        .zip(&course.replies)
        .find(|(reply, wanted)| !is_clear(scenario, reply, wanted, is_trapped));
    if let Some((reply, wanted)) = unclear {
        let (status, text) = (reply.status(), reply.text());
        return Some(format!(
            "{status} {:?} {text:.200} instead of {}",
            reply.end,
            wanted.status()
        ));
    }
    if let Some(sent) = world
        .seen
        .iter()
        .find(|sent| !course.world.seen.contains(sent))
    {
        return Some(format!(
            "the provider got {:?} {}",
            sent.header(":path"),
            String::from_utf8_lossy(&sent.body)
        ));
    }
    afterwards(scenario, &mut world, course)
}

/// What is wrong about what follows the fault: the same again, which may now come from the cache, and another call.
fn afterwards(scenario: &Scenario, world: &mut World, course: &Course) -> Option<String> {
    let again = scenario.run(world);
    let wrong = again.iter().zip(&course.replies).find(|(reply, wanted)| {
        (reply.status(), &reply.body, reply.end) != (wanted.status(), &wanted.body, wanted.end)
    });
    if let Some((reply, _)) = wrong {
        let (status, text) = (reply.status(), reply.text());
        return Some(format!("afterwards: {status} {:?} {text:.200}", reply.end));
    }
    let next = chat(scenario.setting.plain(), &ask("and now?"));
    let next = world.call(WORKER, next);
    let is_served = next.status() == 200 && next.text().contains("and now?");
    (!is_served).then(|| format!("the next call got {} {:?}", next.status(), next.end))
}

fn faults_of(scenario: &Scenario) -> Vec<String> {
    let from = scenario.prepared(&scenario.setting.world().snapshot());
    let mut world = from.world();
    let replies = scenario.run(&mut world);
    let calls = world.platform().ledger.calls.clone();
    let course = Course {
        calls,
        world,
        replies,
    };
    let faults = faults(&course.calls);
    assert!(faults.len() > 10, "{} is not tried", scenario.name);
    let wrong = faults.into_iter().filter_map(|(at, status)| {
        let what = judge(scenario, &from, &course, (at, status))?;
        let call = course.calls[at];
        Some(format!(
            "{}: {call} (number {at}) {status:?}: {what}",
            scenario.name
        ))
    });
    wrong.collect()
}

#[test]
fn a_host_call_that_fails_never_traps_unforeseen_nor_hangs_nor_serves_what_is_wrong() {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(scenario) = SCENARIOS.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(faults_of(scenario));
        }
        wrong
    };
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} faults:\n{}", wrong.join("\n"));
}

/// Each call with each status that is heeded of it, also that of giving nothing.
fn refusals() -> Vec<(&'static str, Status)> {
    let refused = HEEDED.iter().flat_map(|(call, statuses)| {
        let statuses = statuses.iter().map(|status| Status(*status));
        statuses.map(move |status| (*call, status))
    });
    let empty = GIVES.iter().map(|call| (*call, Status::OK));
    refused.chain(empty).collect()
}

#[test]
fn a_host_that_always_refuses_a_call_lets_nobody_in_and_mistakes_nobody() {
    let base = Setting::Shipped.world().snapshot();
    for (call, status) in refusals() {
        let mut world = base.world();
        let failing = Failing::Every(call);
        world.platform().fault = Some(Fault { failing, status });
        for prompt in ["one", "two", "one", "three"] {
            let reply = world.call(WORKER, chat("stored", &ask(prompt)));
            let is_right = reply.status() == 200 && reply.text().contains(&format!("\"{prompt}\""));
            let is_error = reply.status() >= 400 && !reply.body.is_empty();
            assert_eq!(reply.end, End::Whole, "{call} {status:?}");
            assert!(
                is_right || is_error,
                "{call} {status:?}: {prompt}: {}",
                reply.text()
            );
        }
        let reply = world.call(WORKER, chat("locked", &ask("in vain")));
        assert!((400..500).contains(&reply.status()), "{call} {status:?}");
        let sent = world
            .seen
            .iter()
            .map(|sent| String::from_utf8_lossy(&sent.body));
        assert!(
            sent.into_iter().all(|body| !body.contains("in vain")),
            "{call} {status:?}"
        );
        assert!(
            world.traps.is_empty(),
            "{call} {status:?}: {:?}",
            world.traps
        );
    }
}
