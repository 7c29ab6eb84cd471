//! When batches go, and when they go again.

use super::*;

#[test]
fn a_batch_goes_when_it_has_its_records_or_its_bytes_or_its_time() {
    let mut keeper = Keeper::new(json!({"batch": {"records": 3, "seconds": 5}}));
    keeper.take_many(2);
    keeper.tick_after(SECOND * 4);
    assert_eq!(keeper.call(), None);
    keeper.take();
    keeper.tick();
    assert_eq!(keeper.batch(), [0, 1, 2]);
    keeper.answer("200");
    keeper.take();
    keeper.tick();
    assert_eq!(keeper.call(), None);
    keeper.tick_after(SECOND * 5);
    assert_eq!(keeper.batch(), [3]);
    // The size of each is its line and 96 bytes.
    let mut keeper = Keeper::new(json!({"batch": {"bytes": 1024, "seconds": 5}}));
    keeper.take_many(9);
    keeper.tick();
    assert_eq!(keeper.call(), None);
    keeper.take();
    keeper.tick();
    assert_eq!(keeper.batch(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_record_larger_than_a_batch_goes_alone() {
    let mut keeper = Keeper::new(json!({"batch": {"bytes": 1024}}));
    let line = format!("{{\"n\":0,\"text\":\"{}\"}}", "x".repeat(5000));
    let record = Record {
        line: line.as_bytes(),
        ..Record::default()
    };
    keeper.exports.take(&keeper.host, &record);
    keeper.take();
    keeper.tick();
    assert_eq!(keeper.batch(), [0]);
}

#[test]
fn one_batch_at_a_time_in_the_order_of_the_records() {
    let mut keeper = Keeper::new(json!({"batch": {"records": 2}}));
    keeper.take_many(5);
    keeper.tick();
    keeper.tick_after(SECOND);
    assert_eq!(
        (keeper.batch(), keeper.host.sent.borrow().len()),
        (vec![0, 1], 1)
    );
    for batch in [vec![2, 3], vec![4]] {
        keeper.answer("204");
        keeper.tick();
        assert_eq!(keeper.batch(), batch);
    }
    keeper.answer("200");
    assert_eq!(keeper.numbers(), [0, 5, 0, 0]);
}

#[test]
fn what_could_be_otherwise_next_time_is_sent_again_the_same() {
    for status in [
        "101",
        "301",
        "401",
        "403",
        "404",
        "408",
        "429",
        "431",
        "500",
        "503",
        "599",
        "no number",
    ] {
        let mut keeper = Keeper::new(json!({"batch": {"records": 10, "seconds": 0}}));
        keeper.take_many(2);
        keeper.tick();
        let body = keeper.sent().body;
        keeper.answer(status);
        keeper.take();
        keeper.tick();
        assert_eq!(keeper.call(), None, "{status}: after a while only");
        keeper.tick_after(SECOND);
        assert_eq!(
            keeper.sent().body,
            body,
            "{status}: as it was, so that it can be known again"
        );
        keeper.answer("200");
        keeper.tick();
        assert_eq!(keeper.batch(), [2]);
        assert_eq!(keeper.numbers(), [1, 2, 0, 1]);
    }
}

#[test]
fn a_sink_that_says_when_is_left_alone_until_then() {
    for status in ["429", "503"] {
        let mut keeper = Keeper::new(json!({"batch": {"seconds": 0}}));
        keeper.take();
        keeper.tick();
        keeper.answer_with(status, &[("retry-after", "40")], b"");
        keeper.tick_after(SECOND * 39);
        assert_eq!(keeper.call(), None);
        keeper.tick_after(SECOND);
        assert_eq!(keeper.batch(), [0]);
    }
}

#[test]
fn no_answer_and_an_answer_that_never_comes_are_failures() {
    let mut keeper = Keeper::new(json!({"batch": {"seconds": 0}, "timeout": 2}));
    keeper.take();
    keeper.tick();
    assert_eq!(keeper.sent().timeout, SECOND * 2);
    keeper.exports.answer(&keeper.host, keeper.sent().id, None);
    keeper.seen.set(1);
    keeper.tick_after(SECOND);
    assert_eq!(keeper.batch(), [0]);
    let lost = keeper.sent().id;
    keeper.seen.set(2);
    keeper.tick_after(SECOND * 7);
    keeper.tick_after(SECOND * 2);
    assert_eq!(keeper.batch(), [0]);
    // The lost one comes after all, and changes nothing.
    let answer = Answered {
        head: [(":status".to_owned(), b"200".to_vec())]
            .into_iter()
            .collect(),
        body: Vec::new(),
    };
    keeper.exports.answer(&keeper.host, lost, Some(&answer));
    assert_eq!(keeper.numbers(), [1, 0, 0, 2]);
}

#[test]
fn a_cluster_that_does_not_exist_is_a_failure_like_any_other() {
    let mut keeper = Keeper::new(json!({"cluster": "unknown", "batch": {"seconds": 0}}));
    keeper.take();
    for failures in 1..4 {
        keeper.tick();
        keeper.tick();
        assert_eq!(keeper.numbers(), [1, 0, 0, failures]);
        keeper.host.advance(SECOND * 30);
    }
}

#[test]
fn a_batch_that_is_too_large_is_cut_in_halves() {
    let mut keeper = Keeper::new(json!({"batch": {"records": 4}}));
    keeper.take_many(4);
    keeper.tick();
    keeper.answer("413");
    keeper.tick();
    assert_eq!(keeper.batch(), [0, 1]);
    keeper.answer("413");
    keeper.tick();
    assert_eq!(keeper.batch(), [0]);
    // That one alone will never be taken.
    keeper.answer("413");
    keeper.tick_after(SECOND);
    assert_eq!(keeper.batch(), [-1, 1]);
    keeper.answer("200");
    assert_eq!(keeper.numbers(), [2, 1, 1, 3]);
}

#[test]
fn what_is_small_enough_is_remembered_and_grows_slowly() {
    let mut keeper = Keeper::new(json!({"batch": {"records": 100}}));
    keeper.take_many(40_000);
    let (mut sizes, mut refused) = (Vec::new(), 0);
    for _ in 0..400 {
        keeper.tick();
        let size = keeper.batch().len();
        sizes.push(size);
        keeper.answer(if size > 60 { "413" } else { "200" });
        refused += i32::from(size > 60);
    }
    let start = sizes.iter().take(4).copied().collect::<Vec<_>>();
    assert_eq!(start.first(), Some(&100));
    assert!(
        start.iter().skip(1).all(|it| (45..=60).contains(it)),
        "{start:?}"
    );
    assert!(
        refused < 20 && sizes.contains(&60),
        "{refused} of {sizes:?}"
    );
}

/// The lines of which a gateway's own sinks have spans: the cluster of each, and the log ids.
fn of_sinks(keeper: &mut Keeper) -> Vec<(String, Vec<String>)> {
    keeper.tick_after(SECOND);
    let sent = keeper.host.sent.borrow();
    let spans = sent.iter().map(|call| {
        let text = String::from_utf8_lossy(&call.body);
        let ids = ["one", "two", "three"].into_iter();
        let ids = ids.filter(|id| text.contains(&format!("\"{id}\"")));
        (call.cluster.clone(), ids.map(str::to_owned).collect())
    });
    spans.collect()
}

#[test]
fn a_gateway_of_any_account_has_not_the_records_of_an_account_with_its_own() {
    let otel = |cluster| json!([{"url": "https://otel.test/v1/traces", "cluster": cluster}]);
    let (own, any) = (otel("own"), otel("any"));
    for (gateways, expected) in [
        (
            json!([{"id": "g", "account_id": "a", "otel": own}, {"id": "g", "otel": any}]),
            vec![("own", vec!["one"]), ("any", vec!["two", "three"])],
        ),
        // The account's own has no sinks, and that is so for its records.
        (
            json!([{"id": "g", "account_id": "a"}, {"id": "g", "otel": any}]),
            vec![("any", vec!["two", "three"])],
        ),
        (
            json!([{"id": "g", "account_id": "a", "otel": own}, {"id": "g"}]),
            vec![("own", vec!["one"])],
        ),
    ] {
        let mut keeper = Keeper::of(&json!({"gateways": gateways}));
        for (account, id) in [("a", "one"), ("b", "two"), ("", "three")] {
            let line = json!({"id": id, "event_id": id}).to_string();
            let record = Record {
                account,
                gateway: "g",
                line: line.as_bytes(),
                ..Record::default()
            };
            keeper.exports.take(&keeper.host, &record);
        }
        let mut found = of_sinks(&mut keeper);
        found.sort_by(|one, other| other.cmp(one));
        let found: Vec<_> = found
            .iter()
            .map(|(name, ids)| (name.as_str(), ids.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn every_sink_gets_every_record_and_a_gateways_own_only_its_own() {
    let otel = json!([{"url": "https://otel.test/v1/traces", "cluster": "otel"}]);
    let sink = |name| json!({"name": name, "type": "http", "cluster": name, "authority": "a.test", "batch": {"seconds": 0}});
    let mut keeper = Keeper::of(&json!({
        "gateways": [{"id": "g", "account_id": "a", "otel": otel}, {"id": "g"}],
        "export": [sink("one"), sink("two")],
    }));
    for (account, gateway) in [("a", "g"), ("b", "g"), ("a", "h"), ("", "")] {
        let line = json!({"id": account, "event_id": gateway}).to_string();
        let record = Record {
            account,
            gateway,
            line: line.as_bytes(),
            ..Record::default()
        };
        keeper.exports.take(&keeper.host, &record);
    }
    keeper.tick_after(SECOND);
    let sent = keeper.host.sent.borrow().clone();
    let counts = sent.iter().map(|call| match call.cluster.as_str() {
        "otel" => {
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
            ("otel", spans.as_array().unwrap().len())
        }
        "one" => ("one", call.body.split(|it| *it == b'\n').count() - 1),
        _ => ("two", call.body.split(|it| *it == b'\n').count() - 1),
    });
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [("one", 4), ("two", 4), ("otel", 1)]
    );
}
