//! The promises of key pools: who is chosen (`choice`), who rests (`rest`), and workers at the same time (`race` on
//! `stage`).

mod choice;
mod property;
mod race;
mod rest;
mod stage;

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Change, Chosen, Report, Seen, TRIAL, choose, report};
use crate::config::{self, KeyPool};
use crate::host::fake::FakeHost;
use crate::host::{Host, HostError};
use crate::http::reject::Reject;

/// The pool of `openai` with these keys; the text of the key `a` is `secret-of-A`.
fn pool(keys: Value) -> Rc<KeyPool> {
    pool_with(keys, Value::Null)
}

fn pool_with(mut keys: Value, rest: Value) -> Rc<KeyPool> {
    for key in keys.as_array_mut().unwrap() {
        let variable = key["alias"].as_str().unwrap().to_uppercase();
        key["environment_variable"] = variable.into();
    }
    let config = json!({
        "gateways": [{"id": "g"}],
        "providers": [{"slug": "openai", "keys": keys, "key_rest": rest}],
    });
    let environment = |name: &str| Some(format!("secret-of-{name}"));
    let config = config::parse(config.to_string().as_bytes(), &environment).unwrap();
    Rc::clone(config.key_pool("openai", "g").unwrap())
}

/// Two keys that are alike.
fn pair() -> Rc<KeyPool> {
    pool(json!([{"alias": "a"}, {"alias": "b"}]))
}

fn next(host: &FakeHost, pool: &Rc<KeyPool>) -> Chosen {
    choose(host, host.now(), pool, None).unwrap()
}

fn named(host: &FakeHost, pool: &Rc<KeyPool>, alias: &str) -> Chosen {
    choose(host, host.now(), pool, Some(alias)).unwrap()
}

fn answer(host: &FakeHost, chosen: &Chosen, status: u16) -> Report {
    report(host, host.now(), chosen, status, None).unwrap()
}

/// The aliases of so many choices, each once.
fn aliases(host: &FakeHost, pool: &Rc<KeyPool>, choices: usize) -> Vec<String> {
    let chosen = (0..choices).map(|_| next(host, pool).key.alias.clone());
    let mut aliases: Vec<_> = chosen.collect();
    aliases.sort_unstable();
    aliases.dedup();
    aliases
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
