//! The first seconds, in which workers have records and the keeper may have no queue yet.

use super::*;

fn without_a_keeper() -> FakeHost {
    FakeHost::new(&[KEEPER.0])
}

fn begin(host: &FakeHost) {
    host.names.borrow_mut().insert(QUEUE.to_owned(), KEEPER);
}

/// What a worker does at each tick, 10 ms apart.
fn tick(host: &FakeHost, shipper: &mut Shipper, ticks: usize) {
    for _ in 0..ticks {
        host.advance(Duration::from_millis(10));
        shipper.flush(host);
    }
}

#[test]
fn records_before_the_keeper_has_its_queue_are_held_for_it() {
    let host = without_a_keeper();
    let mut shipper = Shipper::default();
    (0..100).for_each(|number| shipper.add(&host, &finished(number), true));
    tick(&host, &mut shipper, 490);
    assert_eq!((shipper.is_empty(), waiting(&host)), (false, 0));
    // It is looked for ten times a second.
    assert!(
        (45..=50).contains(&host.calls.get()),
        "{}",
        host.calls.get()
    );
    begin(&host);
    tick(&host, &mut shipper, 10);
    assert!(shipper.is_empty(), "without a further record");
    drain(&host, &mut Desk::new(None));
    assert_eq!(stored(&host), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_clock_that_was_set_back_delays_neither_the_look_nor_the_end_of_the_wait() {
    let host = without_a_keeper();
    let mut shipper = Shipper::default();
    shipper.add(&host, &finished(1), true);
    let back = |host: &FakeHost| host.clock.set(host.now() - 3_600_000_000_000);
    back(&host);
    begin(&host);
    tick(&host, &mut shipper, 1);
    assert_eq!((waiting(&host), shipper.is_empty()), (1, true));

    let host = without_a_keeper();
    let mut shipper = Shipper::default();
    shipper.add(&host, &finished(1), true);
    back(&host);
    tick(&host, &mut shipper, 499);
    assert!(!shipper.is_empty());
    tick(&host, &mut shipper, 2);
    assert!(shipper.is_empty(), "nobody keeps");
}

#[test]
fn what_is_held_is_bounded_and_the_rest_counts_once_there_is_a_keeper() {
    let host = without_a_keeper();
    let mut shipper = Shipper::default();
    let large = |number| Finished {
        response: Some("x".repeat(50 << 10)),
        ..finished(number)
    };
    (0..20).for_each(|number| shipper.add(&host, &large(number), true));
    begin(&host);
    tick(&host, &mut shipper, 10);
    drain(&host, &mut Desk::new(None));
    assert_eq!(stored(&host), [0, 1, 2, 3, 4]);
    assert_eq!(queue::account(&host).unwrap().dropped, 15);
}

#[test]
fn without_a_keeper_nothing_gathers_after_a_while_and_it_is_looked_for_once_a_second() {
    let host = without_a_keeper();
    let mut shipper = Shipper::default();
    let huge = Finished {
        response: Some("x".repeat(300 << 10)),
        ..finished(1)
    };
    shipper.add(&host, &huge, true);
    shipper.add(&host, &finished(2), true);
    tick(&host, &mut shipper, 500);
    assert!(shipper.is_empty(), "nobody keeps");
    let calls = host.calls.get();
    for number in 0..300 {
        shipper.add(&host, &finished(number), true);
        tick(&host, &mut shipper, 1);
        assert!(shipper.is_empty());
    }
    assert!((2..=4).contains(&(host.calls.get() - calls)));
    begin(&host);
    host.advance(Duration::from_secs(1));
    shipper.add(&host, &finished(300), true);
    shipper.flush(&host);
    assert_eq!(waiting(&host), 1);
    assert_eq!(
        queue::account(&host).unwrap().dropped,
        0,
        "nobody wanted them"
    );
}
