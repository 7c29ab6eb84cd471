//! Promise: the role `gateway` does in another host what it does in Envoy.

use serde_json::json;
use sluice_host::provider::{ask, ask_for, ask_stream};
use sluice_host::scenario::{OTHER, Setting, WORKER, chat};
use sluice_host::{End, Request, Turn, World};

/// What 11 tokens in and 7 out of gpt-4o-mini cost, USD.
const COST: f64 = 0.000_005_85;

fn world() -> World {
    Setting::Shipped.world()
}

#[test]
fn a_call_comes_to_its_provider_as_its_client_would_send_it_and_is_recorded() {
    let mut world = world();
    let reply = world.call(WORKER, chat("plain", &ask("hello")));
    assert_eq!((reply.status(), reply.end), (200, End::Whole));
    let sent = &world.seen[0];
    let head =
        [":path", ":authority", "authorization", "x-sluice-cluster"].map(|it| sent.header(it));
    assert_eq!(
        head.map(Option::unwrap),
        [
            "/v1/chat/completions",
            "api.openai.com",
            "Bearer sk-key",
            "openai"
        ]
    );
    assert_eq!(sent.body, ask("hello").to_string().into_bytes());
    let record = reply.record();
    assert_eq!(record["id"], reply.header("cf-aig-log-id").unwrap());
    assert_eq!(
        (&record["tokens_in"], &record["tokens_out"]),
        (&json!(11), &json!(7))
    );
    assert_eq!(record["cost"], json!(COST));
}

#[test]
fn a_stored_answer_is_there_for_both_workers_and_only_for_its_question() {
    let mut world = world();
    let mut call = |worker, prompt: &str| {
        let reply = world.call(worker, chat("stored", &ask_for(prompt, 2000)));
        let cache = reply.header("cf-aig-cache-status").unwrap().to_owned();
        (
            cache,
            reply.json()["choices"][0]["message"]["content"].to_string(),
        )
    };
    let (first, answer) = call(WORKER, "one");
    assert!(first == "MISS" && answer.contains("one"));
    assert_eq!(call(WORKER, "one"), ("HIT".to_owned(), answer.clone()));
    assert_eq!(call(OTHER, "one"), ("HIT".to_owned(), answer));
    let (other, answer) = call(OTHER, "two");
    assert!(other == "MISS" && answer.contains("two"));
    assert_eq!(world.seen.len(), 2);
}

#[test]
fn a_cache_that_is_full_forgets_but_never_mistakes() {
    let mut world = Setting::Small.world();
    let mut hits = 0;
    for number in (0..6).chain(0..6).chain(5..6) {
        let prompt = format!("question {number}");
        let reply = world.call(WORKER, chat("stored", &ask(&prompt)));
        assert_eq!(reply.json()["choices"][0]["message"]["content"], prompt);
        hits += usize::from(reply.header("cf-aig-cache-status") == Some("HIT"));
    }
    assert!((1..7).contains(&hits), "{hits} hits");
}

#[test]
fn the_same_question_at_once_on_two_workers_is_asked_once() {
    let mut world = world();
    let request = || chat("stored", &ask("both"));
    let mut first = world.open(WORKER, "gateway", request());
    let mut second = world.open(OTHER, "gateway", request());
    assert!(matches!(
        (&first.turn, &second.turn),
        (Turn::Sent(_), Turn::Held)
    ));
    let first = world.complete(&mut first);
    // The other worker was woken by its queue: no time has to pass.
    second.go_on(&mut world);
    let second = second.reply().expect("the second call has its answer");
    assert_eq!(
        (first.body.clone(), world.seen.len()),
        (second.body.clone(), 1)
    );
}

#[test]
fn a_stream_passes_event_by_event_and_is_metered() {
    let mut world = world();
    let reply = world.call(WORKER, chat("plain", &ask_stream("hello")));
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.text().matches("\ndata: ").count(), 50);
    // The stream takes the hop: its record is that of the attempt.
    let platform = world.platform();
    let records = platform
        .log
        .iter()
        .filter_map(|(_, line)| line.strip_prefix("sluice record "));
    let records: Vec<serde_json::Value> = records
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let [record] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(
        (&record["tokens_out"], &record["cost"]),
        (&json!(7), &json!(COST))
    );
}

#[test]
fn only_the_credential_opens_a_locked_gateway_and_the_provider_never_sees_it() {
    let mut world = world();
    for token in ["", "Bearer wrong", "Bearer demo-toke", "Bearer demo-token2"] {
        let request = chat("locked", &ask("hello")).header("cf-aig-authorization", token);
        assert_eq!(world.call(WORKER, request).status(), 401, "{token}");
    }
    assert!(world.seen.is_empty());
    let request = chat("locked", &ask("hello")).header("cf-aig-authorization", "Bearer demo-token");
    assert_eq!(world.call(WORKER, request).status(), 200);
    assert_eq!(world.seen[0].header("cf-aig-authorization"), None);
}

#[test]
fn the_limit_is_one_for_both_workers_and_time_lifts_it() {
    let mut world = world();
    let call = |world: &mut World, worker| {
        let request = chat("limited", &ask("hello"));
        world.call(worker, request).status()
    };
    let calls = [WORKER, OTHER, WORKER, OTHER, WORKER, OTHER, WORKER];
    let statuses = calls.map(|worker| call(&mut world, worker));
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    world.advance(11_000);
    assert_eq!(call(&mut world, OTHER), 200);
}

#[test]
fn what_is_no_call_is_refused_in_the_envelope_and_goes_nowhere() {
    let mut world = world();
    let large = chat("stored", &ask("hello")).pieces([vec![b' '; 60_000], vec![b' '; 60_000]]);
    let cases = [
        (Request::get("/v2/anything"), 404, 2901),
        (chat("unknown", &ask("hello")), 400, 2001),
        (
            Request::post("/v1/acme/plain/nobody/x", &ask("hello")),
            400,
            2008,
        ),
        (large, 413, 2903),
    ];
    for (request, status, code) in cases {
        let reply = world.call(WORKER, request);
        assert_eq!((reply.status(), reply.end), (status, End::Whole));
        assert_eq!(reply.json()["error"][0]["code"], code);
    }
    assert!(world.seen.is_empty());
}
