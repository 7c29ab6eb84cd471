//! Issue: a dynamic route limits the calls or the money of each value of a key, over all workers; who is over the limit goes
//! another way or is refused.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, Call, Case, Gateway, Lease, Shared, sample};

use super::dynamic_routes::{ask, assert_answered_by, element, route, start_with, tried};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    // Sliding, so that no window ends in the midst of a case.
    let quota = |kind: &str, limit: Value| json!({"limitType": kind, "limit": limit, "window": 3600, "technique": "sliding", "key": "metadata.user_id"});
    let mut older = quota("count", json!(1));
    let window = older.as_object_mut().unwrap().remove("window").unwrap();
    older["interval"] = window;
    let mut shared = quota("count", json!(2));
    shared.as_object_mut().unwrap().remove("key");
    let strict = [("success", "one")];
    let soft = [("success", "one"), ("fallback", "two")];
    let priced = |outputs| {
        [
            element("limit", "rate", quota("cost", json!("0.00001")), outputs),
            element(
                "priced",
                "openai/gpt-4o-mini",
                json!({}),
                &[("success", "end")],
            ),
        ]
    };
    let after = [
        element(
            "first",
            "custom-two/m-two",
            json!({}),
            &[("success", "end"), ("fallback", "limit")],
        ),
        element("limit", "rate", quota("count", json!(1)), &strict),
    ];
    let routes = [
        route(
            "strict",
            &[element("limit", "rate", quota("count", json!(2)), &strict)],
        ),
        route(
            "soft",
            &[element("limit", "rate", quota("count", json!(2)), &soft)],
        ),
        route("older", &[element("limit", "rate_limit", older, &soft)]),
        route("shared", &[element("limit", "rate", shared, &strict)]),
        route(
            "burst",
            &[element("limit", "rate", quota("count", json!(5)), &soft)],
        ),
        route("priced", &priced(&[("success", "priced")])),
        route(
            "saving",
            &priced(&[("success", "priced"), ("fallback", "two")]),
        ),
        route("after", &after),
    ];
    start_with(
        &json!([{"id": "open"}, {"id": "cached", "cache_ttl": 300}]),
        &routes,
    )
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A call of that user.
fn ask_as(gateway: &Gateway, route: &str, user: &str, case: &Case) -> Call {
    let metadata = format!("{{\"user_id\": \"{user}\"}}");
    ask(gateway, "open", route, case).header("cf-aig-metadata", metadata)
}

#[tokio::test]
async fn who_is_over_the_limit_is_refused_and_told_when_to_come_back() {
    let gateway = gateway();
    for user in ["a", "b"] {
        for _ in 0..2 {
            let case = gateway.fake.case(sample::chat());
            let reply = ask_as(&gateway, "strict", user, &case).complete().await;
            assert_answered_by(&reply, "m-one");
        }
        let case = gateway.fake.case(sample::chat());
        let reply = ask_as(&gateway, "strict", user, &case).complete().await;
        assert_refused(&reply, 429, 2003);
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
        assert!(case.seen().is_empty());
        let record = gateway.record(&case).await;
        let expected = json!({"status_code": 429, "error_code": 2003, "model_asked": "dynamic/strict", "success": false});
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&record[name], value, "{name}");
        }
    }
}

#[tokio::test]
async fn a_limit_may_lead_another_way() {
    let gateway = gateway();
    for (route, expected) in [
        ("soft", "m-one m-one m-two m-two"),
        ("older", "m-one m-two m-two m-two"),
    ] {
        let case = gateway.fake.case(sample::chat());
        for _ in 0..4 {
            assert_eq!(
                ask_as(&gateway, route, "a", &case).complete().await.status,
                200
            );
        }
        assert_eq!(tried(&case).join(" "), expected);
    }
}

#[tokio::test]
async fn calls_without_the_key_share_one_limit() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    for status in [200, 200, 429] {
        assert_eq!(
            ask(&gateway, "open", "strict", &case)
                .complete()
                .await
                .status,
            status
        );
    }
    for (user, status) in [("a", 200), ("b", 200), ("c", 429)] {
        assert_eq!(
            ask_as(&gateway, "shared", user, &case)
                .complete()
                .await
                .status,
            status
        );
    }
}

#[tokio::test]
async fn a_burst_over_all_workers_gets_exactly_the_limit() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let calls = (0..40).map(|_| tokio::spawn(ask_as(&gateway, "burst", "a", &case).send()));
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().status, 200);
    }
    let first = tried(&case)
        .iter()
        .filter(|model| *model == "m-one")
        .count();
    assert_eq!(first, 5);
    assert!(
        gateway
            .connections_by_worker()
            .iter()
            .all(|count| *count > 0)
    );
}

/// The call's cost by its only record, when it is over.
async fn cost(gateway: &Gateway, case: &Case) -> Value {
    gateway.steps(case, 1).await.remove(0)["cost"].take()
}

#[tokio::test]
async fn money_counts_when_it_was_spent() {
    let gateway = gateway();
    // 11 tokens in at 0.15 and 7 out at 0.6 USD per million: two calls pass the limit of 0.00001.
    for _ in 0..2 {
        let case = gateway.fake.case(sample::chat());
        // What the client would pay changes nothing.
        let call = ask_as(&gateway, "priced", "a", &case)
            .header("cf-aig-custom-cost", "{\"total_cost\": 0}");
        assert_eq!(call.complete().await.status, 200);
        assert_eq!(cost(&gateway, &case).await, json!(0));
        let case = gateway.fake.case(Answer::json(500, &json!({"error": {}})));
        assert_eq!(
            ask_as(&gateway, "priced", "b", &case)
                .complete()
                .await
                .status,
            500
        );
        gateway.steps(&case, 1).await;
    }
    let case = gateway.fake.case(sample::chat());
    let reply = ask_as(&gateway, "priced", "a", &case).complete().await;
    assert_refused(&reply, 429, 2003);
    assert!(case.seen().is_empty());
    for user in ["b", "c"] {
        let case = gateway.fake.case(Answer::events(sample::chat_events()));
        assert_eq!(
            ask_as(&gateway, "priced", user, &case)
                .complete()
                .await
                .status,
            200
        );
        assert_eq!(cost(&gateway, &case).await, json!(0.000_005_85));
    }
}

#[tokio::test]
async fn who_has_spent_the_money_may_go_another_way() {
    let gateway = gateway();
    let models = || async {
        let case = gateway.fake.case(sample::chat());
        let reply = ask_as(&gateway, "saving", "a", &case).complete().await;
        gateway.steps(&case, 1).await;
        reply.header("cf-aig-model").unwrap()
    };
    let expected = ["gpt-4o-mini", "gpt-4o-mini", "m-two"];
    for model in expected {
        assert_eq!(models().await, model);
    }
}

#[tokio::test]
async fn a_limit_behind_a_model_counts_only_when_the_model_has_failed() {
    let gateway = gateway();
    let bad = || Answer::json(500, &json!({"error": {}}));
    for (answers, status, expected) in [
        ([sample::chat(), bad()], 200, "m-two"),
        ([sample::chat(), bad()], 200, "m-two"),
        ([bad(), sample::chat()], 200, "m-two m-one"),
        ([bad(), sample::chat()], 429, "m-two"),
    ] {
        let case = gateway.fake.cases(answers);
        let reply = ask_as(&gateway, "after", "a", &case).complete().await;
        assert_eq!(tried(&case).join(" "), expected);
        assert_eq!(reply.status, status);
        if status == 429 {
            assert_refused(&reply, 429, 2003);
            let records = gateway.steps(&case, 2).await;
            let named = ["model_asked", "provider"].map(|name| records[1][name].clone());
            assert_eq!(named, ["dynamic/after", "unknown"]);
            assert_eq!(records[0]["model_asked"], "m-two");
        }
    }
}
