//! What is measured, and what must survive that any of its host calls fails.

mod list;

use std::rc::Rc;

use serde_json::{Value, json};

use crate::configuration::shipped;
use crate::message::Reply;
use crate::provider::provider;
use crate::world::{Snapshot, World};

/// The worker that a scenario runs on; the next one is for what two must share.
pub const WORKER: usize = 1;
/// See [`WORKER`].
pub const OTHER: usize = 2;

pub use self::list::{SCENARIOS, chat};

/// What the plugins are configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `envoy/envoy.yaml`, with more gateways and a low limit.
    Shipped,
    /// `envoy/export.yaml`.
    Export,
    /// A cache that holds a few answers only.
    Small,
}

impl Setting {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Shipped, Self::Export, Self::Small];

    /// The configuration.
    pub fn configuration(self) -> Value {
        match self {
            Self::Shipped => {
                let mut value = shipped("envoy.yaml");
                let gateways = value["gateways"]
                    .as_array_mut()
                    .expect("there are gateways");
                gateways.push(json!({"id": "plain"}));
                gateways.push(json!({"id": "stored", "cache_ttl": 300}));
                value["limits"] = json!({"request_body_bytes": 100_000});
                value
            }
            Self::Export => shipped("export.yaml"),
            Self::Small => json!({
                "gateways": [{"id": "plain"}, {"id": "stored", "cache_ttl": 300}],
                "cache": {"max_bytes": 2000},
            }),
        }
    }

    /// A gateway of it that only forwards and records.
    pub const fn plain(self) -> &'static str {
        match self {
            Self::Export => "my-gateway",
            Self::Shipped | Self::Small => "plain",
        }
    }

    /// A world with it.
    pub fn world(self) -> World {
        let configuration = self.configuration().to_string();
        let roles: &[_] = match self {
            Self::Shipped => &["gateway", "attempt", "console"],
            Self::Export | Self::Small => &["gateway"],
        };
        World::new(&configuration, roles, Rc::new(provider))
    }
}

/// One of them.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// Its configuration.
    pub setting: Setting,
    prepare: fn(&mut World),
    run: fn(&mut World, usize) -> Vec<Reply>,
}

impl Scenario {
    /// A world in which it can begin.
    pub fn prepared(&self, base: &Snapshot) -> Snapshot {
        let mut world = base.world();
        (self.prepare)(&mut world);
        settled(world)
    }

    /// A world in which it has run once: what is done once per worker is done.
    pub fn warmed(&self, base: &Snapshot) -> Snapshot {
        let mut world = self.prepared(base).world();
        (self.run)(&mut world, 0);
        settled(world)
    }

    /// What its clients get.
    pub fn run(&self, world: &mut World) -> Vec<Reply> {
        (self.run)(world, 1)
    }
}

fn settled(mut world: World) -> Snapshot {
    world.advance(2_000);
    world.reset();
    world.snapshot()
}
