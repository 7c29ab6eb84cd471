//! Issue: a dynamic route is asked for in a step of the universal endpoint as at the unified one, and each of its models is a
//! call of its own.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Case, sample};

use super::dynamic_routes::{ask, assert_answered_by, tried};
use super::hop::step_of;
use super::route_fallback::{assert_apart, error, gateway};

/// A step of provider `compat` that asks for that route.
fn step(route: &str, case: &Case) -> Value {
    let mut step = sample::step("compat", case);
    step["query"]["model"] = json!(format!("dynamic/{route}"));
    step
}

#[tokio::test]
async fn a_step_may_be_a_route() {
    let gateway = gateway();
    let one = gateway.fake.case(error(500));
    let routed = gateway.fake.cases([error(502), sample::chat()]);
    let [last, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
    let steps = [
        sample::step("custom-three", &one),
        step("plain", &routed),
        sample::step("custom-two", &last),
    ];
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    let named = ["cf-aig-provider", "cf-aig-model"].map(|name| reply.header(name).unwrap());
    assert_eq!(named, ["custom-two", "m-two"]);
    assert_eq!(tried(&routed), ["m-one", "m-two"]);
    assert!(last.seen().is_empty());
    let records = gateway.steps(&event, 3).await;
    let steps: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record["step"].as_u64().unwrap(),
                record["status_code"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(steps, [(0, 500), (1, 502), (1, 200)]);
    assert_apart(&records);
    // When all its models have failed, the next step is tried.
    let routed = gateway.fake.case(error(503));
    let event = gateway.fake.case(sample::chat());
    let steps = [step("plain", &routed), sample::step("custom-two", &last)];
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    assert_eq!(
        (tried(&routed).len(), reply.header("cf-aig-model")),
        (2, None)
    );
    // A route that nobody has is told before anything is sent.
    let event = gateway.fake.case(sample::chat());
    let steps = [sample::step("custom-two", &last), step("unknown", &routed)];
    assert_refused(
        &gateway.universal("open", &event, &steps).complete().await,
        400,
        2907,
    );
    assert_eq!((routed.seen().len(), last.seen().len()), (2, 1));
}

#[tokio::test]
async fn the_cache_is_asked_for_each_model() {
    let gateway = gateway();
    let case = gateway.fake.cases([error(500), sample::chat(), error(500)]);
    let reply = ask(&gateway, "cached", "plain", &case).complete().await;
    assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some("MISS"));
    let reply = ask(&gateway, "cached", "plain", &case).complete().await;
    assert_answered_by(&reply, "m-two");
    assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some("HIT"));
    assert_eq!(tried(&case), ["m-one", "m-two", "m-one"]);
}
