//! Promise: the role `keeper` takes the records of all workers, and every sink gets them.

use serde_json::Value;
use sluice_host::World;
use sluice_host::abi::fields;
use sluice_host::platform::Callout;
use sluice_host::provider::ask;
use sluice_host::scenario::{OTHER, Setting, WORKER, chat};

/// Makes a call on each worker; the ids of their records.
fn two_calls(world: &mut World) -> Vec<String> {
    let mut call = |worker| {
        let reply = world.call(worker, chat("my-gateway", &ask("hello")));
        reply.header("cf-aig-log-id").unwrap().to_owned()
    };
    vec![call(WORKER), call(OTHER)]
}

fn to<'a>(callouts: &'a [Callout], cluster: &str) -> &'a Callout {
    callouts
        .iter()
        .find(|it| it.cluster == cluster)
        .expect("the sink is sent something")
}

fn answer(world: &mut World, callouts: &[Callout], status: &str) {
    for callout in callouts {
        let head = fields([(":status", status)]);
        world.answer_callout(callout, Some((head, Vec::new())));
    }
}

/// The ids in what Loki is sent.
fn ids(callout: &Callout) -> Vec<String> {
    let push: Value = serde_json::from_slice(&callout.body).unwrap();
    let values = push["streams"][0]["values"].as_array().unwrap().iter();
    let id = |value: &Value| {
        let record: Value = serde_json::from_str(value[1].as_str().unwrap()).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    values.map(id).collect()
}

#[test]
fn the_records_of_both_workers_come_to_each_sink_once() {
    let mut world = Setting::Export.world();
    let wanted = two_calls(&mut world);
    world.advance(3_000);
    let callouts = world.take_callouts();
    let clusters: Vec<_> = callouts.iter().map(|it| it.cluster.as_str()).collect();
    assert_eq!(clusters.len(), 3, "{clusters:?}");
    assert_eq!(ids(to(&callouts, "loki")), wanted);
    answer(&mut world, &callouts, "204");
    world.advance(10_000);
    assert!(
        world.take_callouts().is_empty(),
        "what was taken is not sent again"
    );
}

#[test]
fn what_a_sink_did_not_take_it_gets_again() {
    let mut world = Setting::Export.world();
    let wanted = two_calls(&mut world);
    world.advance(3_000);
    let callouts = world.take_callouts();
    answer(&mut world, &callouts, "503");
    world.advance(10_000);
    assert_eq!(ids(to(&world.take_callouts(), "loki")), wanted);
}
