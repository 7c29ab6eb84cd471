//! Promise: the role `console` shows what the workers have recorded and the keeper has stored.

use serde_json::Value;
use sluice_host::provider::ask;
use sluice_host::scenario::{OTHER, Setting, WORKER, chat};
use sluice_host::{End, Reply, Request, World};

const LOGS: &str = "/client/v4/accounts/acme/ai-gateway/gateways/my-gateway/logs";

fn get(world: &mut World, path: &str) -> Reply {
    let request = Request::get(path).at("127.0.0.1:10001");
    world.ask_console(WORKER, request)
}

#[test]
fn the_page_is_served_whole() {
    let mut world = Setting::Shipped.world();
    let page = get(&mut world, "/");
    assert_eq!((page.status(), page.end), (200, End::Whole));
    assert!(page.text().trim_end().ends_with("</html>"));
}

#[test]
fn a_call_of_another_worker_is_listed_and_its_bodies_are_shown() {
    let mut world = Setting::Shipped.world();
    let reply = world.call(OTHER, chat("my-gateway", &ask("What is a sluice?")));
    let id = reply.header("cf-aig-log-id").unwrap().to_owned();
    world.advance(100);
    let list = get(&mut world, LOGS).json();
    let ids: Vec<_> = list["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| &log["id"])
        .collect();
    assert_eq!(ids, [&Value::from(id.as_str())]);
    let request = get(&mut world, &format!("{LOGS}/{id}/request"));
    assert_eq!(request.json(), ask("What is a sluice?"));
}

#[test]
fn it_is_open_to_this_machine_alone() {
    let mut world = Setting::Shipped.world();
    let request = Request::get(LOGS).at("gateway.example");
    assert_eq!(world.ask_console(WORKER, request).status(), 403);
}
