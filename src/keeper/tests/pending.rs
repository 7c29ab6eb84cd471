//! Exchanges that are over are counted and sent a little later, all of them, once.

use std::rc::Rc;

use super::*;
use crate::config::{self, Config};
use crate::keeper::message;
use crate::keeper::pending::{Over, Pending};
use crate::record::{Outcome, Record};

fn config(text: &str) -> Rc<Config> {
    let text = format!("{{{text} \"gateways\": [{{\"id\": \"g\"}}]}}");
    Rc::new(config::parse(text.as_bytes(), &|_| None).unwrap())
}

fn over(config: &Rc<Config>, host: &FakeHost) -> Over {
    Over::new(Rc::clone(config), Box::new(Record::begin(host)))
}

fn counted(host: &FakeHost) -> u64 {
    let measured = host.measured.borrow();
    let requests = measured
        .iter()
        .filter(|(name, _)| name.starts_with("sluice_requests_total"));
    requests.flat_map(|(_, values)| values).sum()
}

fn kept(host: &FakeHost) -> u64 {
    drain(host, &mut Desk::new(None));
    logbook::meta(host).unwrap().records
}

#[test]
fn what_is_over_is_counted_and_sent_by_the_next_flush_once() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    for _ in 0..5 {
        pending.add(&host, over(&config, &host));
    }
    assert_eq!(
        (counted(&host), waiting(&host), pending.is_empty()),
        (0, 0, false)
    );
    for _ in 0..2 {
        pending.flush(&host);
        assert_eq!((counted(&host), pending.is_empty()), (5, true));
    }
    assert_eq!(kept(&host), 5);
}

#[test]
fn many_do_not_wait_for_the_next_flush() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    for _ in 0..200 {
        pending.add(&host, over(&config, &host));
    }
    assert_eq!((counted(&host), waiting(&host)), (192, 1));
    pending.flush(&host);
    assert_eq!((counted(&host), kept(&host)), (200, 200));
}

/// What a worker does at each tick, 10 ms apart.
fn tick(host: &FakeHost, pending: &mut Pending) {
    host.advance(Duration::from_millis(10));
    pending.tick(host, host.now());
}

#[test]
fn where_there_is_little_traffic_the_next_tick_counts_and_sends() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    (0..8).for_each(|_| pending.add(&host, over(&config, &host)));
    tick(&host, &mut pending);
    assert_eq!((counted(&host), waiting(&host)), (8, 1));
    assert!(pending.is_empty());
    (0..9).for_each(|_| pending.add(&host, over(&config, &host)));
    tick(&host, &mut pending);
    assert_eq!((counted(&host), waiting(&host)), (8, 1));
}

#[test]
fn ticks_that_come_early_hold_no_record_for_longer() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    (0..20).for_each(|_| pending.add(&host, over(&config, &host)));
    for sent in [0, 0, 1] {
        host.advance(Duration::from_micros(9700));
        pending.tick(&host, host.now());
        assert_eq!(waiting(&host), sent);
    }
}

#[test]
fn what_comes_after_a_full_batch_waits_for_a_time_of_its_own() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    let add = |pending: &mut Pending, many: usize| {
        (0..many).for_each(|_| pending.add(&host, over(&config, &host)));
    };
    add(&mut pending, 64);
    tick(&host, &mut pending);
    add(&mut pending, 64);
    assert_eq!((waiting(&host), pending.is_empty()), (1, true));
    for sent in [1, 1, 2] {
        add(&mut pending, 10);
        tick(&host, &mut pending);
        assert_eq!(waiting(&host), sent);
    }
    assert_eq!((counted(&host), kept(&host)), (158, 158));
}

#[test]
fn a_machine_that_ends_sends_what_it_holds() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    (0..20).for_each(|_| pending.add(&host, over(&config, &host)));
    tick(&host, &mut pending);
    pending.flush(&host);
    assert_eq!((counted(&host), waiting(&host)), (20, 1));
    assert!(pending.is_empty());
}

#[test]
fn where_there_is_much_a_record_waits_for_others_but_not_for_long() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    let add = |pending: &mut Pending, many: usize| {
        (0..many).for_each(|_| pending.add(&host, over(&config, &host)));
    };
    for _ in 0..2 {
        let sent = waiting(&host);
        for _ in 0..2 {
            add(&mut pending, 20);
            tick(&host, &mut pending);
            assert_eq!((waiting(&host), pending.is_empty()), (sent, false));
        }
        tick(&host, &mut pending);
        assert_eq!((waiting(&host), pending.is_empty()), (sent + 1, true));
    }
    assert_eq!((counted(&host), kept(&host)), (80, 80));
}

#[test]
fn a_clock_that_was_set_back_holds_no_record() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    (0..20).for_each(|_| pending.add(&host, over(&config, &host)));
    tick(&host, &mut pending);
    host.clock.set(host.now() - 3_600_000_000_000);
    tick(&host, &mut pending);
    assert_eq!((kept(&host), pending.is_empty()), (20, true));
}

#[test]
fn long_payloads_do_not_wait_either() {
    let (host, config) = (host(), config(""));
    let mut record = Record::begin(&host);
    record.response_head = Some("x".repeat(260 << 10));
    let mut over = Over::new(config, Box::new(record));
    assert!(over.text().is_some());
    let mut pending = Pending::default();
    pending.add(&host, over);
    assert_eq!((counted(&host), waiting(&host)), (1, 1));
}

#[test]
fn a_record_says_the_same_whether_it_was_written_at_once_or_later() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    for is_read in [true, false] {
        let mut record = Record::begin(&host);
        record.request_head = Some("asked".to_owned());
        record.response_head = Some("answered".to_owned());
        let mut over = Over::new(Rc::clone(&config), Box::new(record));
        assert!(!is_read || over.text().is_some());
        pending.add(&host, over);
    }
    pending.flush(&host);
    let batch = next(&host).unwrap();
    let lines: Vec<_> = message::read(&batch)
        .filter_map(|message| match message {
            Message::Record(record) => {
                assert_eq!(
                    (record.request, record.response),
                    (Some(&b"asked"[..]), Some(&b"answered"[..]))
                );
                String::from_utf8(record.line.to_vec()).ok()
            }
            Message::Patch(_) | Message::Delete { .. } | Message::Mark(_) => None,
        })
        .collect();
    let [first, second] = lines.try_into().unwrap();
    // But for its number and the time.
    let plain = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        for name in ["id", "event_id", "created_at"] {
            line[name].take();
        }
        line
    };
    assert_eq!(plain(&first), plain(&second));
}

#[test]
fn without_store_and_sinks_calls_are_counted_and_nothing_is_sent() {
    let (host, config) = (host(), config(r#""log_store": {"max_bytes": 0},"#));
    let mut pending = Pending::default();
    pending.add(&host, over(&config, &host));
    pending.flush(&host);
    assert_eq!((counted(&host), waiting(&host)), (1, 0));
}

#[test]
fn what_nobody_reads_at_once_is_not_written_at_once() {
    let host = host();
    let config = config(r#""log": {"line": false, "filter_state": false},"#);
    let mut over = over(&config, &host);
    assert_eq!(over.text(), None);
    let mut pending = Pending::default();
    pending.add(&host, over);
    pending.flush(&host);
    assert_eq!((counted(&host), kept(&host)), (1, 1));
}

#[test]
fn a_call_whose_record_nobody_wants_is_counted_and_kept_nowhere() {
    let (host, config) = (host(), config(""));
    let mut gateway = (**config.gateways().next().unwrap()).clone();
    gateway.collect_logs = false;
    let mut record = Record::begin(&host);
    record.describe_gateway(&gateway);
    let mut over = Over::new(Rc::clone(&config), Box::new(record));
    assert_eq!(over.text(), None);
    let mut pending = Pending::default();
    pending.add(&host, over);
    pending.flush(&host);
    assert_eq!((counted(&host), waiting(&host)), (1, 0));
}

#[test]
fn many_new_labels_are_not_counted_in_one_callback() {
    let (host, config) = (host(), config(""));
    let mut pending = Pending::default();
    for number in 0..20 {
        let mut record = Record::begin(&host);
        record.account_id = Some("a".to_owned());
        record.gateway_id = Some("g".to_owned());
        record.provider = Some("openai".to_owned());
        record.model_asked = Some(format!("ft:model-{number}"));
        record.outcome = Outcome::Answered;
        record.status_code = 200;
        record.success = true;
        pending.add(&host, Over::new(Rc::clone(&config), Box::new(record)));
    }
    tick(&host, &mut pending);
    assert_eq!(counted(&host), 0);
    host.advance(Duration::from_millis(10));
    for counts in [4, 8] {
        tick(&host, &mut pending);
        assert_eq!((counted(&host), pending.is_empty()), (counts, false));
    }
    pending.flush(&host);
    assert_eq!(
        (counted(&host), pending.is_empty(), kept(&host)),
        (20, true, 20)
    );
}
