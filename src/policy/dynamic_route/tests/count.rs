//! What the limits of a route admit.

use super::*;
use crate::config::{DynamicRoute, Limit, Quota};
use crate::host::fake::FakeHost;
use crate::llm::price::Picodollars;
use crate::policy::dynamic_route::count::{account, admit, charge};

/// A route with a limit of these properties, at this gateway or at all.
fn route(properties: Value, gateway_id: Option<&str>) -> Config {
    let mut limit = json!({"limitType": "count", "limit": 2, "window": 60, "key": "metadata.user"});
    let merged = limit.as_object_mut().unwrap();
    merged.extend(properties.as_object().unwrap().clone());
    let elements = json!([
        start("limit/7"),
        element("limit/7", "rate", limit, &[("success", "a")]),
        model("a", None),
        end(),
    ]);
    let routes = json!([{"name": "r", "gateway_id": gateway_id, "elements": elements}]);
    let text = json!({"gateways": [{"id": "g"}], "attempt_cluster": "c", "dynamic_routes": routes});
    crate::config::parse(text.to_string().as_bytes(), &|_| None).unwrap()
}

/// The time until `user` would be admitted; `None`: it is, and was counted.
fn refused(host: &FakeHost, config: &Config, user: &Value) -> Option<Duration> {
    let caller = caller(&json!({ "user": user }), &json!({}));
    let silent = |text: String| panic!("{text}");
    let mut count = |counted: &Counted<'_>| admit(host, counted, silent);
    match walked(config, &caller, &mut count).1 {
        Step::Limited(wait) => Some(wait),
        Step::Call(_) | Step::End => None,
    }
}

fn quota(route: &DynamicRoute) -> &Quota {
    let mut elements = route.elements().iter();
    let quota = elements.find_map(|element| {
        if let ElementKind::Rate(quota, ..) = &element.kind {
            Some(quota)
        } else {
            None
        }
    });
    quota.unwrap()
}

#[test]
fn each_value_of_the_key_has_the_limit_to_itself() {
    let (host, config) = (FakeHost::new(&[]), route(json!({}), None));
    for user in [json!("a"), json!("b"), json!(7), json!(null)] {
        assert_eq!(refused(&host, &config, &user), None);
        assert_eq!(refused(&host, &config, &user), None);
        let wait = refused(&host, &config, &user).unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60));
    }
    host.advance(Duration::from_secs(60));
    assert_eq!(refused(&host, &config, &json!("a")), None);
}

#[test]
fn a_limit_without_a_key_is_everybodys() {
    let (host, config) = (FakeHost::new(&[]), route(json!({"key": null}), None));
    assert_eq!(refused(&host, &config, &json!("a")), None);
    assert_eq!(refused(&host, &config, &json!("b")), None);
    assert!(refused(&host, &config, &json!("c")).is_some());
}

#[test]
fn a_gateways_own_route_counts_apart_from_the_one_of_all() {
    let host = FakeHost::new(&[]);
    let (own, all) = (
        route(json!({"limit": 1}), Some("g")),
        route(json!({"limit": 1}), None),
    );
    for config in [&own, &all] {
        assert_eq!(refused(&host, config, &json!("a")), None);
        assert!(refused(&host, config, &json!("a")).is_some());
    }
}

#[test]
fn money_is_counted_when_it_is_spent() {
    let host = FakeHost::new(&[]);
    let limit = json!({"limitType": "cost", "limit": "0.5", "technique": "sliding"});
    let config = route(limit, None);
    let found = config.dynamic_route("g", "r").unwrap();
    let counted = Counted {
        route: &found.name,
        gateway_id: None,
        element: "limit/7",
        quota: quota(found),
        key: Some("a".into()),
    };
    assert_eq!(
        counted.quota.limit,
        Limit::Cost(Picodollars(500_000_000_000))
    );
    let account = account(&counted).unwrap();
    for _ in 0..2 {
        assert_eq!(refused(&host, &config, &json!("a")), None);
        charge(&host, &account, Picodollars(250_000_000_000), |text| {
            panic!("{text}")
        });
    }
    let wait = Some(Duration::from_secs(60));
    assert_eq!(refused(&host, &config, &json!("a")), wait);
    assert_eq!(refused(&host, &config, &json!("b")), None);
}

#[test]
fn a_limit_of_calls_has_no_account() {
    let config = route(json!({}), None);
    let found = config.dynamic_route("g", "r").unwrap();
    let counted = Counted {
        route: &found.name,
        gateway_id: None,
        element: "limit/7",
        quota: quota(found),
        key: None,
    };
    assert_eq!(account(&counted), None);
}

#[test]
fn a_counter_that_is_out_of_order_admits_and_says_so() {
    let (host, config) = (FakeHost::new(&[]), route(json!({"limit": 1}), None));
    let caller = caller(&json!({"user": "secret"}), &json!({}));
    let mut complaints = Vec::new();
    for fail_at in [0, 1] {
        host.fail_at.set(Some(fail_at));
        let mut count = |counted: &Counted<'_>| admit(&host, counted, |text| complaints.push(text));
        assert_eq!(walked(&config, &caller, &mut count).0, ["a"]);
    }
    let wanted = "limit /r/limit/7 of a dynamic route not counted: the host refused the call";
    assert_eq!(complaints, [wanted, wanted]);
}

#[test]
fn no_key_stands_in_the_shared_state() {
    let (host, config) = (FakeHost::new(&[]), route(json!({}), None));
    refused(&host, &config, &json!("secret-user"));
    for (key, (value, _)) in &*host.data.borrow() {
        assert!(!key.contains("secret-user"));
        assert!(!value.windows(6).any(|part| part == b"secret"));
    }
}
