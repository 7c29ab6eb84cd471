//! Promise: bytes of a body that the host does not show make nothing wrong of the rest.

use serde_json::json;
use sluice_host::abi::Status;
use sluice_host::platform::{Failing, Fault};
use sluice_host::provider::{ask, ask_stream};
use sluice_host::scenario::{Setting, WORKER, chat};
use sluice_host::{Request, World};

/// Lets that reading of a body fail.
fn lose(world: &mut World, number: usize, status: Status) {
    world.reset();
    let failing = Failing::Nth("proxy_get_buffer_bytes", number);
    world.platform().fault = Some(Fault { failing, status });
}

/// A question whose words come in a piece of their own.
fn in_pieces(words: &str) -> Request {
    let body = ask(words).to_string();
    let before = "\"content\":\"";
    let at = body.find(before).unwrap() + before.len();
    let (head, rest) = body.split_at(at);
    let (words, tail) = rest.split_at(words.len());
    let pieces = [head, words, tail].into_iter().filter(|it| !it.is_empty());
    chat("stored", &ask(words)).pieces(pieces)
}

#[test]
fn a_piece_of_a_body_that_the_host_does_not_give_makes_no_other_question_of_it() {
    for status in [Status::OK, Status::NOT_FOUND] {
        let mut world = Setting::Shipped.world();
        lose(&mut world, 1, status);
        let reply = world.call(WORKER, in_pieces("one"));
        assert!(reply.text().contains("\"one\""), "{}", reply.text());
        world.platform().fault = None;
        let reply = world.call(WORKER, in_pieces(""));
        assert!(
            !reply.text().contains("\"one\""),
            "{status:?}: {}",
            reply.text()
        );
    }
}

#[test]
fn an_answer_of_which_the_host_does_not_give_a_piece_is_not_stored() {
    let ask = || chat("stored", &ask_stream("hello"));
    let mut plain = Setting::Shipped.world();
    let wanted = plain.call(WORKER, ask()).body;
    for status in [Status::OK, Status::NOT_FOUND] {
        let mut world = Setting::Shipped.world();
        lose(&mut world, 20, status);
        assert_eq!(world.call(WORKER, ask()).body, wanted);
        world.platform().fault = None;
        assert_eq!(world.call(WORKER, ask()).body, wanted, "{status:?}");
    }
}

#[test]
fn steps_of_which_the_host_does_not_give_a_piece_are_refused() {
    let step = json!([{
        "provider": "openai", "endpoint": "chat/completions", "headers": {}, "query": ask("one"),
    }]);
    let text = step.to_string();
    let (head, rest) = text.split_at(text.find("one").unwrap());
    let (words, tail) = rest.split_at(3);
    for status in [Status::OK, Status::NOT_FOUND] {
        let mut world = Setting::Shipped.world();
        lose(&mut world, 1, status);
        let request = Request::post("/v1/acme/plain", &step).pieces([head, words, tail]);
        let reply = world.call(WORKER, request);
        assert_eq!((reply.status(), world.seen.len()), (400, 0), "{status:?}");
    }
}
