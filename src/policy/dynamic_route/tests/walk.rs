//! One way through a route.

use super::*;

#[test]
fn failures_lead_from_fallback_to_fallback_and_then_to_the_end() {
    let config = config(&[start("a"), model("a", Some("b")), model("b", None), end()]).unwrap();
    let caller = caller(&json!({}), &json!({}));
    assert_eq!(
        walked(&config, &caller, &mut free),
        (vec!["a".to_owned(), "b".to_owned()], Step::End)
    );
    let route = config.dynamic_route("g", "r").unwrap();
    let mut walk = Walk::new(route);
    for _ in 0..2 {
        walk.step(&caller.inputs(), &mut free);
    }
    for _ in 0..2 {
        assert_eq!(walk.step(&caller.inputs(), &mut free), Step::End);
    }
}

#[test]
fn a_condition_looks_at_metadata_headers_and_body() {
    let metadata = json!({"plan": "free", "age": 30, "beta": true, "team.id": "t"});
    let body = json!({"model": "dynamic/r", "stream": true, "max_tokens": 5, "stop": ["a", "b"], "nothing": null,
        "messages": [{"role": "user", "content": "hi"}]});
    let caller = caller(&metadata, &body);
    for (conditions, wanted) in [
        (json!({"metadata.plan": {"$eq": "free"}}), true),
        (json!({"metadata.plan": "paid"}), false),
        (json!({"metadata.plan": {"$ne": "paid"}}), true),
        (json!({"metadata.none": {"$ne": "paid"}}), true),
        (json!({"metadata.none": {"$eq": "paid"}}), false),
        (json!({"metadata.plan": {"$in": ["a", "free"]}}), true),
        (json!({"metadata.plan": {"$nin": ["a", "free"]}}), false),
        (json!({"metadata.age": {"$gt": 29.5, "$lt": 31}}), true),
        (json!({"metadata.age": {"$gte": 30, "$lte": 30}}), true),
        (json!({"metadata.age": {"$gt": "29"}}), true),
        (json!({"metadata.age": {"$gt": 30}}), false),
        (json!({"metadata.age": {"$not": {"$gt": 30}}}), true),
        (json!({"metadata.plan": {"$gt": 1}}), false),
        (json!({"metadata.beta": true}), true),
        (json!({"metadata.beta": "true"}), false),
        (json!({"metadata.team.id": "t"}), true),
        (json!({"headers.X-Team": "search"}), true),
        (json!({"headers.x-size": {"$gt": 9}}), true),
        (json!({"headers.x-beta": true}), true),
        (json!({"headers.x-none": {"$exists": true}}), false),
        (json!({"headers.x-none": {"$exists": false}}), true),
        (json!({"body.max_tokens": 5.0}), true),
        (json!({"body.stop": "b"}), true),
        (json!({"body.stop": {"$ne": "b"}}), false),
        (json!({"body.stop": {"$exists": true}}), true),
        (json!({"body.nothing": {"$exists": true}}), true),
        (json!({"body.nothing": 0}), false),
        (json!({"body.messages.0.role": "user"}), true),
        (json!({"body.messages.1.role": "user"}), false),
        (json!({"body.messages.0": {"$exists": true}}), true),
        (json!({"body.messages.0": "user"}), false),
        (json!({"metadata.plan": "free", "body.stream": true}), true),
        (
            json!({"metadata.plan": "free", "body.stream": false}),
            false,
        ),
        (
            json!({"$or": [{"metadata.plan": "paid"}, {"body.stream": true}]}),
            true,
        ),
        (
            json!({"$and": [{"metadata.plan": "paid"}, {"body.stream": true}]}),
            false,
        ),
        (
            json!({"$nor": [{"metadata.plan": "paid"}, {"body.stream": false}]}),
            true,
        ),
        (json!({"$not": {"metadata.plan": "free"}}), false),
    ] {
        assert_eq!(holds_for(&conditions, &caller), wanted, "{conditions}");
    }
}

#[test]
fn a_text_is_compared_with_numbers_as_the_number_that_it_is() {
    let caller = caller(&json!({"age": "30", "plan": "free"}), &json!({}));
    for (conditions, wanted) in [
        (json!({"metadata.age": 30}), true),
        (json!({"metadata.age": {"$in": [7, 30.0]}}), true),
        (json!({"metadata.age": {"$gt": 4}}), true),
        (json!({"metadata.age": {"$gt": "4"}}), false),
        (json!({"metadata.plan": {"$gt": 4}}), false),
        (json!({"metadata.age": true}), false),
    ] {
        assert_eq!(holds_for(&conditions, &caller), wanted, "{conditions}");
    }
}

#[test]
fn only_so_much_of_a_body_is_looked_into() {
    for value in [json!(7), json!([1]), json!("text"), json!({}), json!(null)] {
        let caller = caller(&json!({}), &json!({ "a": value }));
        assert!(!holds_for(&json!({"body.a.b": "x"}), &caller), "{value}");
    }
    let long = caller(&json!({}), &json!({"a": "x".repeat(70_000)}));
    assert!(holds_for(
        &json!({"body.a": {"$exists": true, "$ne": "x"}}),
        &long
    ));
    for (size, is_seen) in [(1_000_000, true), (1_100_000, false)] {
        let messages = json!([{"role": "user", "content": "x".repeat(size)}]);
        let caller = caller(&json!({}), &json!({ "messages": messages }));
        let role = json!({"body.messages.0.role": "user"});
        assert_eq!(holds_for(&role, &caller), is_seen, "{size}");
        let exists = json!({"body.messages": {"$exists": true}});
        assert!(holds_for(&exists, &caller), "{size}");
    }
}

fn limited(has_fallback: bool) -> Config {
    let mut outputs = vec![("success", "a")];
    if has_fallback {
        outputs.push(("fallback", "b"));
    }
    let properties =
        json!({"limitType": "count", "limit": 1, "window": 60, "key": "metadata.user"});
    let mut elements = vec![
        start("q"),
        element("q", "rate", properties, &outputs),
        model("a", None),
        end(),
    ];
    if has_fallback {
        elements.push(model("b", None));
    }
    config(&elements).unwrap()
}

#[test]
fn over_its_limit_a_call_takes_the_fallback_or_learns_when_to_come_back() {
    let caller = caller(&json!({"user": "u1"}), &json!({}));
    let mut keys = Vec::new();
    let mut over = |counted: &Counted<'_>| {
        assert_eq!(
            (counted.route, counted.element, counted.gateway_id),
            ("r", "q", None)
        );
        keys.push(counted.key.clone().map(Cow::into_owned));
        Err(Duration::from_secs(9))
    };
    assert_eq!(walked(&limited(true), &caller, &mut over).0, ["b"]);
    let (models, step) = walked(&limited(false), &caller, &mut over);
    assert!(models.is_empty() && step == Step::Limited(Duration::from_secs(9)));
    assert_eq!(walked(&limited(true), &caller, &mut free).0, ["a"]);
    let nobody = self::caller(&json!({}), &json!({}));
    walked(&limited(true), &nobody, &mut over);
    assert_eq!(keys, [Some("u1".to_owned()), Some("u1".to_owned()), None]);
}

fn split(key: Option<&str>) -> Config {
    let check = element(
        "s",
        "percentage",
        json!({ "key": key }),
        &[("10%", "a"), ("else", "b")],
    );
    config(&[start("s"), check, model("a", None), model("b", None), end()]).unwrap()
}

#[test]
fn a_keyed_split_is_sticky_and_fair() {
    let config = split(Some("metadata.user"));
    let mut canary = 0;
    for user in 0..2000 {
        let mut caller = caller(&json!({ "user": user }), &json!({}));
        let first = walked(&config, &caller, &mut free).0;
        caller.random = 99;
        assert_eq!(walked(&config, &caller, &mut free).0, first);
        canary += usize::from(first == ["a"]);
    }
    assert!((140..260).contains(&canary), "{canary}");
}

#[test]
fn a_share_that_grows_keeps_those_that_it_had() {
    let users_of_a = |share: &str, rest: &str| {
        let properties = json!({"key": "metadata.user"});
        let outputs = [(share, "a"), (rest, "b")];
        let check = element("s", "percentage", properties, &outputs);
        let models = [model("a", None), model("b", None)];
        let elements = [start("s"), check, end()].into_iter().chain(models);
        let config = config(&elements.collect::<Vec<_>>()).unwrap();
        let users = 0..500;
        let users = users.filter(|user| {
            let caller = caller(&json!({ "user": user }), &json!({}));
            walked(&config, &caller, &mut free).0 == ["a"]
        });
        users.collect::<Vec<_>>()
    };
    let mut before = Vec::new();
    for (share, rest) in [
        ("10%", "90%"),
        ("40%", "else"),
        ("else", "40%"),
        ("90%", "10%"),
    ] {
        let now = users_of_a(share, rest);
        assert!(before.iter().all(|user| now.contains(user)), "{share}");
        assert!(now.len() > before.len(), "{share}");
        before = now;
    }
}

#[test]
fn without_a_key_a_split_is_random() {
    for config in [split(None), split(Some("metadata.none"))] {
        let mut canary = 0;
        for random in 0..2000 {
            let caller = Caller {
                random,
                ..caller(&json!({"user": 1}), &json!({}))
            };
            canary += usize::from(walked(&config, &caller, &mut free).0 == ["a"]);
        }
        assert!((140..260).contains(&canary), "{canary}");
    }
}

#[test]
fn a_share_of_nothing_gets_nothing() {
    let check = element("s", "percentage", json!({}), &[("0%", "a"), ("100%", "b")]);
    let config = config(&[start("s"), check, model("a", None), model("b", None), end()]).unwrap();
    for random in 0..500 {
        let caller = Caller {
            random,
            ..caller(&json!({}), &json!({}))
        };
        assert_eq!(walked(&config, &caller, &mut free).0, ["b"]);
    }
}
