//! What is held of a call with several attempts: until nothing can follow the attempt under way.

use super::*;

fn taken(proxy: &Proxy) -> usize {
    proxy.worker.room.taken()
}

#[test]
fn the_bodies_of_all_steps_are_held_until_an_answer_passes() {
    let proxy = proxy();
    let steps = ["one", "two", "three"].map(|name| step(name, json!({"maxAttempts": 2})));
    let all: usize = ["one", "two", "three"]
        .iter()
        .map(|name| query(name).to_string().len())
        .sum();
    let mut call = universal(&proxy, "open", &steps);
    assert_eq!(taken(&proxy), all, "the list itself is not");
    call.answer("503", &[], FAILED);
    call.wait();
    assert_eq!(taken(&proxy), all);
    call.answer("404", &[], FAILED);
    assert_eq!(call.asked(), ["one", "one", "two"]);
    assert_eq!(taken(&proxy), all - query("one").to_string().len());
    call.answer_head("200", &[]);
    assert_eq!(taken(&proxy), 0, "nothing is sent to anybody any more");
    call.answer_body(DONE, true);
    assert_eq!(
        facts(&call.finish()),
        [(0, 404, "answered"), (1, 200, "answered")]
    );
}

#[test]
fn the_body_of_a_route_is_held_as_long_as_a_model_may_follow() {
    let proxy = proxy();
    let body = json!({"model": "dynamic/plan", "messages": []}).to_string();
    let path = "/v1/acc/open/compat/chat/completions";
    let fields = [("cf-aig-metadata", r#"{"plan":"free"}"#)];
    let mut call = Call::ask(&proxy, path, &fields, &body);
    assert!(taken(&proxy) > body.len());
    call.answer("503", &[], FAILED);
    assert!(taken(&proxy) > body.len());
    call.answer("200", &[], DONE);
    assert_eq!(
        (call.asked(), taken(&proxy)),
        (vec!["one".into(), "two".into()], 0)
    );
    call.finish();
}

#[test]
fn what_is_held_is_given_back_by_who_leaves_and_who_is_given_up() {
    for outer_first in [true, false] {
        let proxy = proxy();
        let mut call = universal(
            &proxy,
            "open",
            &[step("one", json!({})), step("two", json!({}))],
        );
        call.answer("503", &[], FAILED);
        assert!(taken(&proxy) > 0);
        call.leave(outer_first);
        assert_eq!(taken(&proxy), 0);
    }
    let proxy = proxy();
    let mut call = universal(&proxy, "open", &[step("one", json!({}))]);
    call.no_answer();
    assert_eq!(call.refusal(), (400, Some(2005)));
    call.finish();
    assert_eq!(taken(&proxy), 0);
}

#[test]
fn a_list_of_steps_that_finds_no_room_is_refused() {
    let mut config = config_text::config();
    config["limits"]["held_bytes"] = json!(300);
    let host = Rc::new(FakeHost::new(&[1]));
    let config = config::parse(config.to_string().as_bytes(), &config_text::key).unwrap();
    let proxy = Proxy {
        worker: Rc::new(Worker::alone(&host, config, QueueId(1))),
        host,
        next: Cell::new(100),
    };
    let mut first = universal(
        &proxy,
        "open",
        &[step("one", json!({})), step("two", json!({}))],
    );
    assert_eq!(first.asked(), ["one"], "it is alone");
    let mut second = universal(&proxy, "open", &[step("one", json!({}))]);
    assert_eq!(second.refusal(), (503, Some(2908)));
    assert_eq!(facts(&second.finish()), [(0, 503, "refused")]);
    first.answer("200", &[], DONE);
    first.finish();
    let third = universal(&proxy, "open", &[step("one", json!({}))]);
    assert_eq!(third.asked(), ["one"]);
}
