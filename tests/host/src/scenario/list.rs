//! The scenarios.

use serde_json::{Value, json};

use super::{OTHER, Scenario, Setting, WORKER};
use crate::abi::fields;
use crate::message::{Reply, Request};
use crate::provider::{ask, ask_for, ask_in_vain, ask_stream};
use crate::world::World;

/// A prompt that makes a request body of two kilobytes.
const LONG: usize = 2048 - 80;

/// A chat call at a gateway.
pub fn chat(gateway: &str, body: &Value) -> Request {
    Request::post(&format!("/v1/acme/{gateway}/openai/chat/completions"), body)
        .header("authorization", "Bearer sk-key")
        .header("user-agent", "OpenAI/Python 2.8.0")
        .header("accept", "application/json")
}

fn universal(steps: &Value) -> Request {
    Request::post("/v1/acme/plain", steps)
}

fn step(body: &Value) -> Value {
    json!({
        "provider": "openai", "endpoint": "chat/completions",
        "headers": {"authorization": "Bearer sk-key", "content-type": "application/json"},
        "query": body,
    })
}

/// Makes a call, and lets its record come to the keeper.
fn one(world: &mut World, request: Request) -> Vec<Reply> {
    let reply = world.call(WORKER, request);
    world.advance(50);
    vec![reply]
}

fn long() -> String {
    "p".repeat(LONG)
}

const fn nothing(_: &mut World) {}

fn store(world: &mut World, bytes: usize) {
    world.call(WORKER, chat("stored", &ask_for("a question", bytes)));
}

/// Requests of a cache that is too small for their answers.
fn many() -> impl Iterator<Item = Request> {
    (0..6).map(|number| chat("stored", &ask(&format!("question {number}"))))
}

/// Two clients ask the same at once, on two workers.
fn together(world: &mut World, turn: usize) -> Vec<Reply> {
    let request = || chat("stored", &ask(&format!("a question of two {turn}")));
    let mut first = world.open(WORKER, "gateway", request());
    let mut second = world.open(OTHER, "gateway", request());
    let replies = vec![world.complete(&mut first), {
        second.go_on(world);
        world.complete(&mut second)
    }];
    world.advance(50);
    replies
}

/// Answers every sink until nothing is sent any more.
fn export(world: &mut World) {
    for _ in 0..2 {
        world.advance(2_200);
        for callout in world.take_callouts() {
            let head = fields([(":status", "200")]);
            world.answer_callout(&callout, Some((head, Vec::new())));
        }
    }
}

fn console(path: &str) -> Request {
    Request::get(path).at("127.0.0.1:10001")
}

const LOGS: &str = "/client/v4/accounts/acme/ai-gateway/gateways/my-gateway/logs";

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "configuration of a worker's three roles",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| {
            world.restart(WORKER);
            Vec::new()
        },
    },
    Scenario {
        name: "JSON, 2 kB up, 1 kB down",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| one(world, chat("plain", &ask_for(&long(), 1000))),
    },
    Scenario {
        name: "cache miss, 1 kB stored",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, turn| {
            let prompt = format!("a question {turn}");
            one(world, chat("stored", &ask_for(&prompt, 700)))
        },
    },
    Scenario {
        name: "cache hit, 1 kB",
        setting: Setting::Shipped,
        prepare: |world| store(world, 700),
        run: |world, _| one(world, chat("stored", &ask_for("a question", 700))),
    },
    Scenario {
        name: "cache hit, 64 kB",
        setting: Setting::Shipped,
        prepare: |world| store(world, 65_536),
        run: |world, _| one(world, chat("stored", &ask_for("a question", 65_536))),
    },
    Scenario {
        name: "cache hit of another worker's answer",
        setting: Setting::Shipped,
        prepare: |world| {
            world.call(OTHER, chat("stored", &ask_for("a question", 700)));
        },
        run: |world, _| one(world, chat("stored", &ask_for("a question", 700))),
    },
    Scenario {
        name: "stream of 50 events",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| one(world, chat("plain", &ask_stream("hello"))),
    },
    Scenario {
        name: "the same question at once on two workers",
        setting: Setting::Shipped,
        prepare: nothing,
        run: together,
    },
    Scenario {
        name: "with the credential",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| {
            let request = chat("locked", &ask("hello"));
            one(
                world,
                request.header("cf-aig-authorization", "Bearer demo-token"),
            )
        },
    },
    Scenario {
        name: "without the credential: 401",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| one(world, chat("locked", &ask("hello"))),
    },
    Scenario {
        name: "over the rate limit: 429",
        setting: Setting::Shipped,
        prepare: |world| {
            for _ in 0..5 {
                world.call(OTHER, chat("limited", &ask("hello")));
            }
        },
        run: |world, _| one(world, chat("limited", &ask("hello"))),
    },
    Scenario {
        name: "outside the URL space: 404",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| one(world, Request::get("/v2/anything")),
    },
    Scenario {
        name: "too large: 413",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| {
            let request = chat("stored", &ask("hello"));
            let piece = || vec![b' '; 32_768];
            one(world, request.pieces([piece(), piece(), piece(), piece()]))
        },
    },
    Scenario {
        name: "one step",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| one(world, universal(&json!([step(&ask("hello"))]))),
    },
    Scenario {
        name: "fallback to a second step",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| {
            let steps = [step(&ask_in_vain("hello")), step(&ask("hello"))];
            one(world, universal(&json!(steps)))
        },
    },
    Scenario {
        name: "steps without attempts: 501",
        setting: Setting::Small,
        prepare: nothing,
        run: |world, _| one(world, universal(&json!([step(&ask("hello"))]))),
    },
    Scenario {
        name: "a full cache",
        setting: Setting::Small,
        prepare: |world| {
            for request in many() {
                world.call(OTHER, request);
            }
        },
        run: |world, _| {
            let requests = many().chain(many());
            requests
                .map(|request| world.call(WORKER, request))
                .collect()
        },
    },
    Scenario {
        name: "records to three sinks",
        setting: Setting::Export,
        prepare: nothing,
        run: |world, _| {
            let replies = one(world, chat("my-gateway", &ask("hello")));
            export(world);
            replies
        },
    },
    Scenario {
        name: "console: the list of logs",
        setting: Setting::Shipped,
        prepare: |world| {
            for prompt in ["one", "two"] {
                world.call(OTHER, chat("my-gateway", &ask(prompt)));
            }
        },
        run: |world, _| vec![world.ask_console(WORKER, console(LOGS))],
    },
    Scenario {
        name: "console: the page",
        setting: Setting::Shipped,
        prepare: nothing,
        run: |world, _| vec![world.ask_console(WORKER, console("/"))],
    },
];
