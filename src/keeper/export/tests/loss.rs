//! What is dropped, and who is told.

use super::*;

/// A queue for 500 records of the tests' size, and a few.
fn small() -> Keeper {
    Keeper::new(json!({"queue_bytes": 65536, "batch": {"records": 10, "seconds": 0}}))
}

#[test]
fn while_a_sink_is_down_the_oldest_are_dropped_and_it_is_told_how_many() {
    let mut keeper = small();
    keeper.take_many(1000);
    let [queued, sent, dropped, _] = keeper.numbers();
    assert!(queued > 400 && sent == 0 && queued + dropped == 1000);
    keeper.tick();
    let (first, count) = (i64::try_from(dropped).unwrap(), keeper.batch().len());
    assert_eq!(
        (keeper.batch()[..2].to_vec(), count),
        (vec![-first, first], 11)
    );
    keeper.answer("200");
    keeper.tick();
    assert_eq!(keeper.batch().first(), Some(&(first + 10)), "told once");
}

#[test]
fn a_notice_names_itself_the_sink_and_all_that_was_dropped_so_far() {
    let mut keeper = small();
    keeper.take_many(1000);
    let dropped = keeper.numbers()[2];
    keeper.tick();
    let notice = |keeper: &Keeper| -> Value {
        let body = keeper.sent().body;
        serde_json::from_slice(body.split(|it| *it == b'\n').next().unwrap()).unwrap()
    };
    let first = notice(&keeper);
    let expected = json!({"type": "dropped", "id": first["id"], "created_at": "2026-09-21T14:13:20.000Z", "sink": "sink",
        "count": dropped, "total": dropped});
    assert_eq!(first, expected);
    // Its answer was lost: the same one comes again.
    keeper.answer("503");
    keeper.tick_after(SECOND);
    assert_eq!(notice(&keeper), expected);
    keeper.answer("200");
    keeper.take_many(1000);
    keeper.tick();
    let second = notice(&keeper);
    let total = keeper.numbers()[2];
    assert_ne!(second["id"], first["id"]);
    assert_eq!(
        (&second["count"], &second["total"]),
        (&json!(total - dropped), &json!(total))
    );
}

#[test]
fn what_is_dropped_while_a_notice_is_under_way_is_told_in_the_next() {
    let mut keeper = small();
    keeper.take_many(1000);
    keeper.tick();
    let told = keeper.numbers()[2];
    keeper.take_many(7);
    let later = keeper.numbers()[2] - told;
    keeper.answer("200");
    keeper.tick();
    assert_eq!(later, 7);
    assert_eq!(keeper.batch().first(), Some(&-7));
}

#[test]
fn a_batch_that_is_refused_is_dropped_and_the_next_one_goes() {
    for status in ["400", "422"] {
        let mut keeper = Keeper::new(json!({"batch": {"records": 2}}));
        keeper.take_many(4);
        keeper.tick();
        keeper.answer(status);
        keeper.tick();
        assert_eq!(keeper.call(), None, "{status}: after a while only");
        keeper.tick_after(SECOND);
        assert_eq!(keeper.batch(), [-2, 2, 3], "{status}");
        keeper.answer("200");
        assert_eq!(keeper.numbers(), [0, 2, 2, 1]);
        keeper.tick_after(SECOND * 60);
        assert_eq!(keeper.call(), None, "{status}: a notice never goes alone");
    }
}

#[test]
fn a_sink_that_refuses_every_batch_is_not_given_all_that_waits_at_once() {
    let mut keeper = Keeper::new(json!({"batch": {"records": 1}}));
    keeper.take_many(500);
    for _ in 0..600 {
        keeper.tick_after(SECOND / 10);
        if keeper.call().is_some() {
            keeper.answer("400");
        }
    }
    let [queued, sent, dropped, failures] = keeper.numbers();
    assert_eq!((queued + dropped, sent, failures), (500, 0, dropped));
    assert!((5..=12).contains(&dropped), "{dropped} in a minute");
}

/// A password that was changed, a path that is wrong: until an operator has seen to it, the queue is what bounds it.
#[test]
fn what_an_operator_can_mend_costs_nothing_before_the_queue_is_full() {
    for status in ["301", "401", "403", "404", "405"] {
        let mut keeper = small();
        keeper.take_many(300);
        for _ in 0..600 {
            keeper.tick_after(SECOND);
            if keeper.call().is_some() {
                keeper.answer(status);
            }
        }
        let [queued, sent, dropped, failures] = keeper.numbers();
        assert_eq!((queued, sent, dropped), (300, 0, 0), "{status}");
        assert!(failures >= 15, "{status}: {failures}");
        keeper.take_many(1000);
        let [queued, _, dropped, _] = keeper.numbers();
        assert!(dropped > 0 && queued + dropped == 1300, "{status}");
    }
}

/// What a record of these bodies costs the sinks, which are down.
fn held(settings: &[Value], records: usize) -> Vec<(usize, usize)> {
    let sinks = settings.iter().enumerate().map(|(number, settings)| {
        let mut sink = json!({"name": number.to_string(), "type": "http", "cluster": "unknown", "authority": "a.test"});
        let sink_settings = settings.as_object().unwrap().clone();
        sink.as_object_mut().unwrap().extend(sink_settings);
        sink
    });
    let sinks: Vec<_> = sinks.collect();
    let mut keeper = Keeper::of(&json!({"gateways": [{"id": "g"}], "export": sinks}));
    let body = vec![b'x'; 200_000];
    for _ in 0..records {
        let record = Record {
            line: br#"{"n":1}"#,
            request: Some(&body),
            response: Some(&body),
            ..Record::default()
        };
        keeper.exports.take(&keeper.host, &record);
        keeper.tick_after(SECOND);
    }
    let channels = keeper.exports.channels.iter();
    let held = channels.map(|it| (it.memory(), usize::try_from(it.numbers().1.queued).unwrap()));
    held.collect()
}

#[test]
fn bodies_that_a_sink_does_not_take_are_not_held_for_it() {
    let bare = json!({"payloads": false, "queue_bytes": 65536});
    let whole = json!({"payloads": true, "queue_bytes": 1_000_000});
    let alone = held(std::slice::from_ref(&bare), 100);
    assert_eq!(alone, [(700, 100)]);
    let both = held(&[whole, bare], 100);
    assert!(
        (1..=2).contains(&both[0].1) && both[0].0 <= 1_000_000,
        "{both:?}"
    );
    assert_eq!(both[1], (700, 100), "its own ones, not those with bodies");
}

#[test]
fn a_batch_under_way_counts_against_the_queue_but_is_not_dropped() {
    let mut keeper =
        Keeper::new(json!({"queue_bytes": 65536, "batch": {"bytes": 65536, "seconds": 0}}));
    keeper.take_many(450);
    keeper.tick();
    let under_way = keeper.batch().len();
    keeper.take_many(1000);
    let [queued, _, dropped, _] = keeper.numbers();
    assert_eq!((queued + dropped, under_way), (1450, 450));
    keeper.answer("500");
    keeper.tick_after(SECOND);
    let (dropped, batch) = (i64::try_from(dropped).unwrap(), keeper.batch());
    assert_eq!((batch[0], batch[1], batch[450]), (-dropped, 0, 449));
}

#[test]
fn a_record_larger_than_the_queue_takes_no_other_with_it() {
    let mut keeper = small();
    keeper.take();
    let line = format!("{{\"text\":\"{}\"}}", "x".repeat(70_000));
    let record = Record {
        line: line.as_bytes(),
        ..Record::default()
    };
    keeper.exports.take(&keeper.host, &record);
    assert_eq!(keeper.numbers(), [1, 0, 1, 0]);
}

#[test]
fn spans_that_a_collector_refuses_are_counted() {
    for (encoding, body) in [
        (
            "json",
            &br#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}"#[..],
        ),
        ("protobuf", b"\x0a\x06\x08\x01\x12\x02no"),
    ] {
        let mut keeper =
            Keeper::new(json!({"type": "otlp", "encoding": encoding, "batch": {"records": 2}}));
        keeper.take_many(2);
        keeper.tick();
        keeper.answer_with("200", &[], body);
        assert_eq!(keeper.numbers(), [0, 1, 1, 0], "{encoding}");
    }
}

#[test]
fn the_numbers_are_in_shared_data_for_others() {
    let mut keeper = small();
    let read = |keeper: &Keeper| {
        let data = keeper.host.data.borrow();
        serde_json::from_slice::<Value>(&data["sluice/1/export/sink"].0).unwrap()
    };
    keeper.tick();
    assert_eq!(
        read(&keeper),
        json!({"queued": 0, "sent": 0, "dropped": 0, "failures": 0})
    );
    keeper.take_many(3);
    keeper.tick();
    assert_eq!(read(&keeper)["queued"], 3);
    keeper.answer("200");
    keeper.tick();
    assert_eq!(read(&keeper)["sent"], 3);
    let writes = keeper.host.calls.get();
    keeper.tick();
    assert_eq!(
        keeper.host.calls.get(),
        writes,
        "only what is new is written"
    );
}
