//! Which answers rest a key, for how long, and how it is tried afterwards.

use super::*;

/// The rest that this answer to the first call with `a` makes.
fn rest_after(status: u16, retry_after: Option<Duration>) -> Change {
    let (host, pool) = (FakeHost::new(&[]), pair());
    let chosen = named(&host, &pool, "a");
    report(&host, host.now(), &chosen, status, retry_after)
        .unwrap()
        .change
}

#[test]
fn only_a_key_that_was_turned_away_rests() {
    assert_eq!(rest_after(429, None), Change::Rested(seconds(30)));
    for status in [401, 402, 403] {
        assert_eq!(rest_after(status, None), Change::Rested(seconds(300)));
    }
    for status in [
        0, 101, 200, 304, 400, 404, 408, 409, 413, 422, 500, 502, 503, 529,
    ] {
        assert_eq!(
            rest_after(status, Some(seconds(9))),
            Change::Kept,
            "{status}"
        );
    }
}

#[test]
fn a_provider_says_how_long_within_bounds() {
    let after = |wait| rest_after(429, Some(wait));
    assert_eq!(after(seconds(7)), Change::Rested(seconds(7)));
    assert_eq!(after(Duration::ZERO), Change::Rested(seconds(1)));
    assert_eq!(after(Duration::MAX), Change::Rested(seconds(3600)));
    // Who is refused does not come back by waiting.
    assert_eq!(
        rest_after(401, Some(seconds(7))),
        Change::Rested(seconds(300))
    );
}

#[test]
fn the_configuration_says_how_long() {
    let host = FakeHost::new(&[]);
    let keys = json!([{"alias": "a"}, {"alias": "b"}]);
    let pool = pool_with(keys, json!({"rate_limited": 2, "refused": 3, "longest": 5}));
    let (a, b) = (named(&host, &pool, "a"), named(&host, &pool, "b"));
    assert_eq!(answer(&host, &a, 429).change, Change::Rested(seconds(2)));
    assert_eq!(answer(&host, &b, 402).change, Change::Rested(seconds(3)));
    host.advance(seconds(2));
    let trial = named(&host, &pool, "a");
    let asked = report(&host, host.now(), &trial, 429, Some(seconds(60)));
    assert_eq!(asked.unwrap().change, Change::Rested(seconds(5)));
}

#[test]
fn after_its_rest_one_call_in_a_trials_time_tries_the_key() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "b"), 401);
    answer(&host, &named(&host, &pool, "a"), 429);
    host.advance(seconds(30).saturating_sub(Duration::from_nanos(1)));
    assert!(matches!(next(&host, &pool).seen, Seen::Resting(_)));
    host.advance(Duration::from_nanos(1));
    for _ in 0..3 {
        assert!(matches!(next(&host, &pool).seen, Seen::Tried(_)));
        for _ in 0..20 {
            assert!(matches!(next(&host, &pool).seen, Seen::Resting(_)));
        }
        host.advance(TRIAL);
    }
}

#[test]
fn others_do_the_work_while_a_key_is_tried() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 429);
    host.advance(seconds(30));
    let trials = (0..100).filter(|_| next(&host, &pool).key.alias == "a");
    assert_eq!(trials.count(), 1);
}

#[test]
fn a_good_answer_to_the_trial_ends_it() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 429);
    host.advance(seconds(30));
    let trial = named(&host, &pool, "a");
    assert_eq!(answer(&host, &trial, 200).change, Change::Well);
    assert_eq!(aliases(&host, &pool, 50), ["a", "b"]);
    // And the next failure is a first one.
    let again = answer(&host, &named(&host, &pool, "a"), 429);
    assert_eq!(again.change, Change::Rested(seconds(30)));
}

#[test]
fn an_answer_that_says_nothing_of_the_key_leaves_the_trial_to_the_next() {
    for status in [400, 404, 500, 503] {
        let (host, pool) = (FakeHost::new(&[]), pair());
        answer(&host, &named(&host, &pool, "a"), 429);
        host.advance(seconds(30));
        let trial = named(&host, &pool, "a");
        assert_eq!(answer(&host, &trial, status), Report::default());
        assert_eq!(aliases(&host, &pool, 50), ["b"]);
        host.advance(TRIAL);
        assert!(matches!(named(&host, &pool, "a").seen, Seen::Tried(_)));
    }
}

#[test]
fn each_failed_trial_doubles_the_rest_up_to_the_longest() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    let mut rests = Vec::new();
    for _ in 0..6 {
        let trial = named(&host, &pool, "a");
        let Change::Rested(rest) = answer(&host, &trial, 401).change else {
            panic!("no rest after {rests:?}")
        };
        rests.push(rest.as_secs());
        host.advance(rest);
    }
    assert_eq!(rests, [300, 600, 1200, 2400, 3600, 3600]);
}

#[test]
fn a_call_that_must_use_a_resting_key_neither_prolongs_nor_shortens_but_may_end_the_rest() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 429);
    let forced = named(&host, &pool, "a");
    assert_eq!(answer(&host, &forced, 401).change, Change::Kept);
    assert_eq!(answer(&host, &forced, 200).change, Change::Well);
}

#[test]
fn calls_that_were_under_way_together_fail_as_one() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    let burst: Vec<_> = (0..50).map(|_| named(&host, &pool, "a")).collect();
    let (first, others) = burst.split_first().unwrap();
    assert_eq!(
        answer(&host, first, 429).change,
        Change::Rested(seconds(30))
    );
    for late in others {
        host.advance(seconds(1));
        assert_eq!(answer(&host, late, 429).change, Change::Kept);
        // Nor does an answer to an old call say that the key is well now.
        assert_eq!(answer(&host, late, 200).change, Change::Kept);
    }
}

#[test]
fn a_trial_that_was_overtaken_counts_no_more() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 429);
    host.advance(seconds(30));
    let slow = named(&host, &pool, "a");
    host.advance(TRIAL);
    let quick = named(&host, &pool, "a");
    assert_eq!(
        answer(&host, &quick, 429).change,
        Change::Rested(seconds(60))
    );
    assert_eq!(answer(&host, &slow, 429).change, Change::Kept);
    assert_eq!(answer(&host, &slow, 200).change, Change::Kept);
}

#[test]
fn a_report_says_whether_another_attempt_would_get_another_key() {
    let host = FakeHost::new(&[]);
    let pool =
        pool(json!([{"alias": "a"}, {"alias": "b", "priority": 1}, {"alias": "c", "weight": 0}]));
    assert!(!answer(&host, &named(&host, &pool, "a"), 400).has_spare);
    assert!(!answer(&host, &named(&host, &pool, "a"), 429).has_spare);
    host.advance(seconds(30));
    let a = next(&host, &pool);
    assert!(answer(&host, &a, 429).has_spare);
    let b = next(&host, &pool);
    assert_eq!(b.key.alias, "b");
    assert!(!answer(&host, &b, 429).has_spare);
}

#[test]
fn pools_know_nothing_of_each_other() {
    let host = FakeHost::new(&[]);
    let config = json!({
        "gateways": [{"id": "g"}, {"id": "h"}],
        "providers": [{"slug": "openai", "keys": [
            {"alias": "a", "environment_variable": "A"},
            {"alias": "b", "environment_variable": "B"},
            {"alias": "a", "environment_variable": "A", "gateway_id": "h"},
            {"alias": "b", "environment_variable": "B", "gateway_id": "h"},
        ]}],
    });
    let environment = |name: &str| Some(name.to_owned());
    let config = config::parse(config.to_string().as_bytes(), &environment).unwrap();
    let (all, own) = ["g", "h"]
        .map(|id| config.key_pool("openai", id).unwrap())
        .into();
    answer(&host, &named(&host, own, "a"), 401);
    assert_eq!(aliases(&host, own, 50), ["b"]);
    assert_eq!(aliases(&host, all, 50), ["a", "b"]);
}

#[test]
fn a_clock_that_was_set_back_rests_no_key_for_long() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 429);
    host.clock.set(host.clock.get() - 3_600_000_000_000);
    assert!(matches!(named(&host, &pool, "a").seen, Seen::Tried(_)));
}

#[test]
fn rests_of_keys_that_are_configured_no_more_make_room() {
    let host = FakeHost::new(&[]);
    for round in 0..10 {
        let keys = (0..64).map(|key| json!({"alias": format!("k{round}_{key}")}));
        let pool = pool(keys.collect());
        for key in &pool.keys {
            host.advance(seconds(1));
            answer(&host, &named(&host, &pool, &key.alias), 401);
        }
        let resting = pool.keys.iter().filter(|key| {
            let chosen = named(&host, &pool, &key.alias);
            matches!(chosen.seen, Seen::Resting(_))
        });
        assert_eq!(resting.count(), 64);
        assert!(host.stored_bytes() <= 64 * (1 + 64 + 24));
    }
}
