//! Which key is chosen, and at what cost.

use super::*;

#[test]
fn the_lowest_priority_number_is_used_while_one_of_it_is_awake() {
    let host = FakeHost::new(&[]);
    let pool = pool(json!([
        {"alias": "spare", "priority": 9},
        {"alias": "a"},
        {"alias": "b"},
    ]));
    assert_eq!(aliases(&host, &pool, 50), ["a", "b"]);
    answer(&host, &named(&host, &pool, "a"), 429);
    assert_eq!(aliases(&host, &pool, 50), ["b"]);
    answer(&host, &named(&host, &pool, "b"), 401);
    assert_eq!(aliases(&host, &pool, 50), ["spare"]);
}

#[test]
fn calls_are_shared_out_by_weight() {
    let host = FakeHost::new(&[]);
    let pool = pool(json!([{"alias": "a", "weight": 1}, {"alias": "b", "weight": 3}]));
    let chosen = (0..4000).filter(|_| next(&host, &pool).key.alias == "b");
    let share = chosen.count();
    assert!((2900..3100).contains(&share), "{share} of 4000");
}

#[test]
fn a_key_without_weight_waits_for_its_name() {
    let host = FakeHost::new(&[]);
    let pool = pool(json!([{"alias": "a"}, {"alias": "team", "weight": 0}]));
    assert_eq!(aliases(&host, &pool, 50), ["a"]);
    assert_eq!(named(&host, &pool, "team").key.alias, "team");
    answer(&host, &next(&host, &pool), 429);
    // Also while the only other one rests.
    assert_eq!(aliases(&host, &pool, 50), ["a"]);
}

#[test]
fn a_named_key_is_used_even_while_it_rests() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 401);
    assert_eq!(named(&host, &pool, "a").key.alias, "a");
}

#[test]
fn an_unknown_name_is_refused_with_the_names_that_there_are() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    let refused = choose(&host, host.now(), &pool, Some("c")).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (400, 2040));
    assert_eq!(
        refused.message(),
        "Provider 'openai' has no BYOK credential named 'c'. Configured aliases: 'a', 'b'"
    );
    assert_eq!(host.calls.get(), 0);
}

#[test]
fn where_every_key_waits_for_its_name_a_call_must_give_one() {
    let host = FakeHost::new(&[]);
    let pool = pool(json!([{"alias": "team", "weight": 0}]));
    let refused = choose(&host, host.now(), &pool, None).unwrap_err();
    let wanted = Reject::UnknownAlias {
        provider: "openai".to_owned(),
        alias: "default".to_owned(),
        configured: vec!["team".to_owned()],
    };
    assert_eq!(refused, wanted);
    assert_eq!(named(&host, &pool, "team").key.alias, "team");
}

#[test]
fn when_all_rest_the_first_to_end_its_rest_is_used() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    answer(&host, &named(&host, &pool, "a"), 401);
    answer(&host, &named(&host, &pool, "b"), 429);
    assert_eq!(aliases(&host, &pool, 50), ["b"]);
}

#[test]
fn a_keys_own_target_comes_with_it() {
    let host = FakeHost::new(&[]);
    let pool = pool(json!([{"alias": "a", "cluster": "eu", "host": "EU.example.com"}]));
    let key = next(&host, &pool).key;
    assert_eq!(key.cluster.as_deref(), Some("eu"));
    assert_eq!(key.host.as_deref(), Some("eu.example.com"));
    assert_eq!(key.secret.reveal(), "secret-of-A");
}

#[test]
fn a_lone_key_costs_no_host_call_and_never_rests() {
    let host = FakeHost::new(&[]);
    let pool = pool(json!([{"alias": "a"}]));
    let chosen = next(&host, &pool);
    assert_eq!(answer(&host, &chosen, 429), Report::default());
    assert_eq!(
        answer(&host, &named(&host, &pool, "a"), 200),
        Report::default()
    );
    assert_eq!(host.calls.get(), 0);
}

#[test]
fn a_choice_costs_one_read_and_a_good_answer_nothing() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    let chosen = next(&host, &pool);
    assert_eq!(host.calls.get(), 1);
    answer(&host, &chosen, 200);
    assert_eq!(host.calls.get(), 1);
    answer(&host, &chosen, 429);
    assert_eq!(host.calls.get(), 3);
}

#[test]
fn a_host_that_fails_stops_no_call_and_is_told_of() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    host.fail_at.set(Some(0));
    assert_eq!(next(&host, &pool).fault, Some(HostError::Refused));
    assert_eq!(next(&host, &pool).fault, None);

    let tried = named(&host, &pool, "a");
    for fail_at in 0..2 {
        host.fail_at.set(Some(fail_at));
        let failed = report(&host, host.now(), &tried, 429, None);
        assert_eq!(failed, Err(HostError::Refused));
    }
    answer(&host, &tried, 429);
    host.advance(seconds(31));
    // The trial cannot be written down; the call goes on.
    host.fail_at.set(Some(1));
    assert_eq!(named(&host, &pool, "a").fault, Some(HostError::Refused));
}

#[test]
fn a_foreign_value_is_no_rest_and_is_replaced() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    for junk in [&b"\xFF"[..], b"\x01", b"\x01\xFF", &[1; 40], &[0xFF; 400]] {
        let value = (junk.to_vec(), u32::MAX);
        host.data
            .borrow_mut()
            .insert("sluice/1/k/openai".to_owned(), value);
        assert_eq!(aliases(&host, &pool, 50), ["a", "b"]);
        answer(&host, &named(&host, &pool, "a"), 401);
        assert_eq!(aliases(&host, &pool, 50), ["b"]);
    }
}

#[test]
fn no_text_of_a_key_is_stored_or_shown() {
    let (host, pool) = (FakeHost::new(&[]), pair());
    let chosen = named(&host, &pool, "a");
    answer(&host, &chosen, 403);
    let stored = format!("{:?}", host.data.borrow());
    let shown = format!("{chosen:?} {pool:?}");
    assert!(shown.contains("***"));
    assert!(!shown.contains("secret-of") && !stored.contains("secret-of"));
}
