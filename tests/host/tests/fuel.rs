//! Promise: no call gets dearer unseen. What each scenario costs in fuel and host calls is kept in `fuel.json`.
//!
//! The figures hold for the module as `make build` makes it with wasm-opt; rustc is pinned. `UPDATE_FUEL=1 cargo test -p
//! sluice-host fuel` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use sluice_host::module::root;
use sluice_host::scenario::{SCENARIOS, Setting};

/// By how much fuel may rise unseen, per cent: another layout of the same code.
const RISE: u64 = 3;
/// By how much it may fall until the gain is to be written down, per cent.
const FALL: u64 = 10;

const UPDATE: &str = "UPDATE_FUEL=1 cargo test -p sluice-host fuel";

fn table() -> PathBuf {
    root().join("tests/host/fuel.json")
}

fn measured() -> BTreeMap<&'static str, Value> {
    let mut costs = BTreeMap::new();
    for setting in Setting::ALL {
        let base = setting.world().snapshot();
        for scenario in SCENARIOS.iter().filter(|it| it.setting == setting) {
            let mut world = scenario.warmed(&base).world();
            scenario.run(&mut world);
            let ledger = world.platform().ledger.clone();
            let cost = json!({"fuel": ledger.total(), "calls": ledger.counts()});
            costs.insert(scenario.name, cost);
        }
    }
    costs
}

/// What is to be said of a scenario.
fn judge(name: &str, old: &Value, new: &Value) -> Option<String> {
    let fuel = |cost: &Value| cost["fuel"].as_u64().unwrap_or_default();
    let (was, is) = (fuel(old), fuel(new));
    let count = |cost: &Value, call: &str| cost["calls"][call].as_u64().unwrap_or_default();
    let names = [old, new].map(|cost| cost["calls"].as_object().expect("counts"));
    let names: BTreeSet<_> = names.into_iter().flat_map(Map::keys).collect();
    let changes = names.into_iter().filter_map(|call| {
        let (was, is) = (count(old, call), count(new, call));
        (was != is).then(|| format!("{call} {was} -> {is}"))
    });
    let changes: Vec<_> = changes.collect();
    if !changes.is_empty() {
        return Some(format!("{name}: host calls: {}", changes.join(", ")));
    }
    let rises = is * 100 > was * (100 + RISE);
    let falls = is * 100 < was * (100 - FALL);
    (rises || falls).then(|| format!("{name}: fuel {was} -> {is}"))
}

fn has_optimiser() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("wasm-opt").is_file())
}

#[test]
fn no_scenario_costs_more_than_is_written_down() {
    if !has_optimiser() {
        println!("not run: without wasm-opt (Debian package binaryen) the module costs more");
        return;
    }
    let new = measured();
    if std::env::var_os("UPDATE_FUEL").is_some() {
        let text = serde_json::to_string_pretty(&new).expect("JSON");
        std::fs::write(table(), text + "\n").expect("the table can be written");
        return;
    }
    let text = std::fs::read_to_string(table()).expect("there is a table");
    let old: BTreeMap<String, Value> = serde_json::from_str(&text).expect("the table is JSON");
    let names: Vec<_> = old.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        new.keys().copied().collect::<Vec<_>>(),
        "write the table anew: {UPDATE}"
    );
    let faults: Vec<_> = new
        .iter()
        .filter_map(|(name, new)| judge(name, &old[*name], new))
        .collect();
    assert!(
        faults.is_empty(),
        "{}\nIf that is meant: {UPDATE}",
        faults.join("\n")
    );
}

#[test]
fn a_rise_and_a_gain_and_a_host_call_more_are_seen() {
    let cost = |fuel: u64, calls: u64| json!({"fuel": fuel, "calls": {"proxy_log": calls}});
    let seen = |new: &Value| judge("it", &cost(1000, 2), new).is_some();
    assert!(!seen(&cost(1030, 2)) && !seen(&cost(900, 2)));
    assert!(seen(&cost(1031, 2)) && seen(&cost(899, 2)));
    assert!(seen(&cost(1000, 3)) && seen(&cost(1000, 1)));
}
