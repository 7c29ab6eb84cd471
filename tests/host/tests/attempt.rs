//! Promise: the roles `gateway` and `attempt` make the attempts of a call together.

use serde_json::{Value, json};
use sluice_host::provider::{ask, ask_in_vain};
use sluice_host::scenario::{Setting, WORKER};
use sluice_host::{Request, World};

fn step(key: &str, body: &Value) -> Value {
    json!({
        "provider": "openai", "endpoint": "chat/completions",
        "headers": {"authorization": key, "content-type": "application/json"},
        "query": body,
    })
}

fn call(world: &mut World, steps: &[Value]) -> (u16, Value) {
    let request = Request::post("/v1/acme/plain", &json!(steps));
    let reply = world.call(WORKER, request);
    (reply.status(), reply.json())
}

#[test]
fn the_steps_are_tried_in_their_order_each_with_its_own_head_and_body() {
    let mut world = Setting::Shipped.world();
    let steps = [
        step("key-1", &ask_in_vain("first")),
        step("key-2", &ask("second")),
    ];
    let (status, answer) = call(&mut world, &steps);
    assert_eq!(status, 200);
    assert_eq!(answer["choices"][0]["message"]["content"], "second");
    let sent = world.seen.iter().map(|sent| {
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        (sent.header("authorization").unwrap(), body)
    });
    let sent: Vec<_> = sent.collect();
    assert_eq!(
        sent,
        [("key-1", ask_in_vain("first")), ("key-2", ask("second"))]
    );
    assert!(
        world
            .seen
            .iter()
            .all(|sent| sent.header("x-sluice-call").is_none())
    );
}

#[test]
fn the_first_answer_ends_it() {
    let mut world = Setting::Shipped.world();
    let (status, _) = call(
        &mut world,
        &[step("key-1", &ask("a")), step("key-2", &ask("b"))],
    );
    assert_eq!((status, world.seen.len()), (200, 1));
}

#[test]
fn without_a_cluster_for_attempts_steps_are_refused() {
    let mut world = Setting::Small.world();
    let (status, answer) = call(&mut world, &[step("key-1", &ask("a"))]);
    assert_eq!((status, &answer["error"][0]["code"]), (501, &json!(2904)));
    assert!(world.seen.is_empty());
}
