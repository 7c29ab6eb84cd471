//! The way of a record from a worker to the log store.

mod change;
mod pending;
mod start;

use std::time::Duration;

use super::desk::Desk;
use super::message::Message;
use super::shipper::Shipper;
use super::{QUEUE, queue, send};
use crate::host::fake::FakeHost;
use crate::host::{Expect, Host, QueueId};
use crate::logbook;
use crate::record::Finished;

const KEEPER: QueueId = QueueId(7);

/// A host with a keeper's queue.
fn host() -> FakeHost {
    let host = FakeHost::new(&[KEEPER.0]);
    host.names.borrow_mut().insert(QUEUE.to_owned(), KEEPER);
    host
}

fn id(number: u32) -> logbook::Id {
    u128::from(number).to_be_bytes()
}

fn finished(number: u32) -> Finished {
    Finished {
        id: id(number),
        account: Some("a".to_owned()),
        gateway: Some("g".to_owned()),
        line: format!("{{\"number\":{number},\"feedback\":null}}"),
        ..Finished::default()
    }
}

fn waiting(host: &FakeHost) -> usize {
    host.queues.borrow()[&KEEPER].len()
}

/// The keeper takes everything that waits.
fn drain(host: &FakeHost, desk: &mut Desk) {
    desk.open(host).unwrap();
    while let Some(batch) = next(host) {
        desk.take(host, &batch);
    }
    while !desk.is_settled() {
        desk.settle(host);
    }
}

fn next(host: &FakeHost) -> Option<Vec<u8>> {
    let mut queues = host.queues.borrow_mut();
    queues.get_mut(&KEEPER).unwrap().pop_front()
}

fn stored(host: &FakeHost) -> Vec<u32> {
    let meta = logbook::meta(host).unwrap();
    let segments = (meta.first..meta.next).filter_map(|it| logbook::segment(host, it).unwrap());
    let ids = segments.flat_map(|it| it.entries().map(|entry| entry.id).collect::<Vec<_>>());
    ids.map(|id| u32::try_from(u128::from_be_bytes(id)).unwrap())
        .collect()
}

#[test]
fn records_of_two_workers_all_arrive_once() {
    let host = host();
    let (mut one, mut two) = (Shipper::default(), Shipper::default());
    for number in 0..500 {
        let worker = if number % 3 == 0 { &mut one } else { &mut two };
        worker.add(&host, &finished(number), true);
    }
    one.flush(&host);
    two.flush(&host);
    let mut desk = Desk::new(None);
    drain(&host, &mut desk);
    let mut arrived = stored(&host);
    arrived.sort_unstable();
    assert_eq!(arrived, (0..500).collect::<Vec<_>>());
    assert_eq!(queue::account(&host).unwrap(), queue::Account::default());
}

#[test]
fn many_records_are_one_message() {
    let host = host();
    let mut shipper = Shipper::default();
    (0..127).for_each(|number| shipper.add(&host, &finished(number), true));
    assert_eq!((waiting(&host), shipper.is_empty()), (0, false));
    shipper.add(&host, &finished(127), true);
    assert_eq!((waiting(&host), shipper.is_empty()), (1, true));
    let large = Finished {
        response: Some("x".repeat(256 << 10)),
        ..finished(128)
    };
    shipper.add(&host, &large, true);
    assert_eq!((waiting(&host), shipper.is_empty()), (2, true));
    // To find the keeper, and per message to count what waits and to send it: 3 calls.
    assert_eq!(host.calls.get(), 1 + 2 * 3);
    let sixth = Finished {
        response: Some("x".repeat(50 << 10)),
        ..finished(129)
    };
    (0..5).for_each(|_| shipper.add(&host, &sixth, true));
    assert_eq!((waiting(&host), shipper.is_empty()), (2, false));
    shipper.add(&host, &sixth, true);
    assert_eq!((waiting(&host), shipper.is_empty()), (3, true));
}

#[test]
fn over_the_budget_of_the_queue_batches_are_dropped_and_counted() {
    let host = host();
    let mut shipper = Shipper::default();
    let large = |number| Finished {
        response: Some("x".repeat(1 << 20)),
        ..finished(number)
    };
    (0..40).for_each(|number| shipper.add(&host, &large(number), true));
    let account = queue::account(&host).unwrap();
    assert_eq!((waiting(&host), account.dropped), (31, 9));
    assert!(account.waiting <= queue::MAX_WAITING);
    let mut desk = Desk::new(None);
    drain(&host, &mut desk);
    let meta = logbook::meta(&host).unwrap();
    assert_eq!((meta.records, meta.dropped), (31, 9));
    shipper.add(&host, &large(40), true);
    drain(&host, &mut desk);
    assert_eq!(stored(&host).last(), Some(&40));
}

#[test]
fn a_record_that_is_too_large_to_wait_takes_no_other_with_it() {
    let host = host();
    let mut shipper = Shipper::default();
    (0..20).for_each(|number| shipper.add(&host, &finished(number), true));
    let huge = Finished {
        response: Some("x".repeat(33 << 20)),
        ..finished(20)
    };
    shipper.add(&host, &huge, true);
    shipper.add(&host, &finished(21), true);
    shipper.flush(&host);
    assert_eq!(queue::account(&host).unwrap().dropped, 1);
    drain(&host, &mut Desk::new(None));
    assert_eq!(stored(&host), (0..20).chain([21]).collect::<Vec<_>>());
}

/// What readers see is never half of the truth for long, nor is the main thread kept from its other work.
#[test]
fn much_that_changes_is_written_in_portions_and_what_waits_still_counts() {
    let host = host();
    let mut shipper = Shipper::default();
    let large = |number| Finished {
        line: format!("{{\"text\":\"{}\"}}", "x".repeat(1000)),
        ..finished(number)
    };
    let mut desk = Desk::new(None);
    for number in 0..6400 {
        shipper.add(&host, &large(number), true);
        drain(&host, &mut desk);
    }
    shipper.flush(&host);
    drain(&host, &mut desk);
    let gone = |segment| Message::Delete {
        segment,
        ids: vec![id(u32::try_from(segment).unwrap() * 64)],
    };
    send(&host, KEEPER, &(0..100).map(gone).collect::<Vec<_>>()).unwrap();
    desk.take(&host, &next(&host).unwrap());
    shipper.add(&host, &large(6400), true);
    shipper.flush(&host);
    let waiting = queue::account(&host).unwrap().waiting;
    let mut portions = 0;
    while !desk.is_settled() {
        let calls = host.calls.get();
        // A second each: what waits in the queue is not taken for what nobody has sent.
        host.advance(Duration::from_secs(1));
        desk.tick(&host);
        assert!(host.calls.get() - calls < 20);
        portions += 1;
    }
    assert!(portions >= 25, "{portions}");
    assert!(waiting > 0 && queue::account(&host).unwrap().waiting > 0);
    drain(&host, &mut desk);
    assert_eq!(stored(&host).len(), 6301);
    assert_eq!(queue::account(&host).unwrap().waiting, 0);
}

#[test]
fn the_largest_record_leaves_room_for_others() {
    let host = host();
    let mut shipper = Shipper::default();
    let body = || Some("x".repeat(10 << 20));
    let huge = Finished {
        request: body(),
        response: body(),
        ..finished(1)
    };
    shipper.add(&host, &huge, true);
    (2..100).for_each(|number| shipper.add(&host, &finished(number), true));
    shipper.flush(&host);
    assert_eq!(queue::account(&host).unwrap().dropped, 0);
    let mut desk = Desk::new(None);
    drain(&host, &mut desk);
    let segment = logbook::segment(&host, 0).unwrap().unwrap();
    let entry = segment.entries().next().unwrap();
    let payload = logbook::payload(&host, entry.payload.unwrap(), &entry.id);
    assert_eq!(payload.unwrap().unwrap().response.unwrap().len(), 10 << 20);
}

/// Whatever the host refuses on the way, every record has arrived or is counted.
#[test]
fn a_record_is_never_lost_without_a_count() {
    for step in 0..60 {
        let host = host();
        let mut shipper = Shipper::default();
        let mut desk = Desk::new(None);
        desk.open(&host).unwrap();
        host.fail_at.set(Some(step));
        (0..200).for_each(|number| shipper.add(&host, &finished(number), true));
        shipper.flush(&host);
        drain(&host, &mut desk);
        host.fail_at.set(None);
        // Counted with the next record, at the latest.
        host.advance(Duration::from_secs(2));
        shipper.add(&host, &finished(200), true);
        shipper.flush(&host);
        drain(&host, &mut desk);
        let arrived = u64::try_from(stored(&host).len()).unwrap();
        let dropped = logbook::meta(&host).unwrap().dropped;
        assert_eq!(arrived + dropped, 201, "step {step}");
    }
}

#[test]
fn a_record_that_is_not_to_be_stored_is_not() {
    let host = host();
    let mut shipper = Shipper::default();
    shipper.add(&host, &finished(1), false);
    shipper.flush(&host);
    drain(&host, &mut Desk::new(None));
    assert_eq!(stored(&host), [0; 0]);
}

/// A worker died between counting and sending: the room it had counted does not stay taken.
#[test]
fn what_nobody_sent_does_not_wait_for_ever() {
    let host = host();
    let mut shipper = Shipper::default();
    host.set_shared("sluice/1/queue", &[0xFF; 8], Expect::Any)
        .unwrap();
    shipper.add(&host, &finished(1), true);
    shipper.flush(&host);
    assert_eq!(queue::account(&host).unwrap().dropped, 1);
    let mut desk = Desk::new(None);
    for _ in 0..3 {
        drain(&host, &mut desk);
        desk.tick(&host);
        host.advance(Duration::from_secs(1));
    }
    shipper.add(&host, &finished(2), true);
    shipper.flush(&host);
    drain(&host, &mut desk);
    assert_eq!(stored(&host), [2]);
}

#[test]
fn garbage_in_the_queue_harms_nobody() {
    let host = host();
    for garbage in [&b""[..], b"\xFF", b"\x01\xFF\xFF\xFF\xFF", &[1; 300]] {
        host.enqueue(KEEPER, garbage).unwrap();
    }
    let mut shipper = Shipper::default();
    shipper.add(&host, &finished(1), true);
    shipper.flush(&host);
    drain(&host, &mut Desk::new(None));
    assert_eq!(stored(&host), [1]);
}
