//! Answers of 200 that are errors (`retry_error_answers`): they are failures until their content begins.

use super::*;

const OVERLOADED: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
const CONTENT: &str = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"He\"}}]}\n\n";
const PING: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
const FILTERED: &str =
    "data: {\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n";
const ROLE: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const SSE_HEAD: &[(&str, &str)] = &[("content-type", SSE)];

fn ask<'p>(proxy: &'p Proxy, gateway: &str) -> Call<'p> {
    let steps = ["one", "two"].map(|name| step(name, json!({})));
    universal(proxy, gateway, &steps)
}

#[test]
fn an_error_in_the_place_of_an_answer_is_followed_where_the_gateway_wants_it() {
    let proxy = proxy();
    let mut call = ask(&proxy, "wary");
    call.answer("200", &[], FAILED);
    assert_eq!(call.asked(), ["one", "two"]);
    call.answer("200", &[], DONE);
    assert_eq!(
        call.client(),
        (200, String::from_utf8(DONE.to_vec()).unwrap())
    );
    let records = call.finish();
    assert_eq!(
        (&records[0]["step"], &records[1]["step"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        (records.len(), &records[0]["error_type"]),
        (2, &json!("server_error"))
    );
    let mut call = ask(&proxy, "open");
    call.answer("200", &[], FAILED);
    assert_eq!((call.client().0, call.asked().len()), (200, 1));
    call.finish();
}

#[test]
fn a_stream_that_opens_with_an_error_is_followed() {
    for opening in ["", PING, ": comment\n\n", FILTERED, ROLE] {
        let proxy = proxy();
        let mut call = ask(&proxy, "wary");
        call.answer_head("200", SSE_HEAD);
        call.answer_body(opening.as_bytes(), false);
        assert_eq!(call.client().0, 0, "nothing of it is shown");
        call.answer_body(OVERLOADED.as_bytes(), false);
        assert_eq!(call.asked(), ["one", "two"]);
        call.answer_head("200", SSE_HEAD);
        call.answer_body(CONTENT.as_bytes(), false);
        assert_eq!(
            call.client(),
            (200, CONTENT.to_owned()),
            "the winner streams"
        );
        assert_eq!(call.told("cf-aig-step").as_deref(), Some("1"));
    }
}

#[test]
fn a_stream_whose_content_has_begun_is_shown_whole_and_never_followed() {
    let proxy = proxy();
    let mut call = ask(&proxy, "wary");
    call.answer_head("200", SSE_HEAD);
    call.answer_body(PING.as_bytes(), false);
    call.answer_body(CONTENT.as_bytes(), false);
    assert_eq!(call.client(), (200, [PING, CONTENT].concat()));
    call.answer_body(OVERLOADED.as_bytes(), false);
    call.answer_body(b"", true);
    assert_eq!(call.client(), (200, [PING, CONTENT, OVERLOADED].concat()));
    assert_eq!((call.asked().len(), call.finish().len()), (1, 1));
}

#[test]
fn the_last_steps_error_is_not_held() {
    let proxy = proxy();
    let mut call = ask(&proxy, "wary");
    call.no_answer();
    call.answer_head("200", SSE_HEAD);
    assert_eq!(call.client().0, 200);
    call.answer_body(OVERLOADED.as_bytes(), true);
    assert_eq!(call.client(), (200, OVERLOADED.to_owned()));
    assert_eq!(call.finish().len(), 2);
}

#[test]
fn a_stream_that_breaks_off_before_its_content_is_followed() {
    let proxy = proxy();
    let mut call = ask(&proxy, "wary");
    call.answer_head("200", SSE_HEAD);
    call.answer_body(PING.as_bytes(), false);
    call.break_off();
    call.answer("200", &[], DONE);
    assert_eq!(call.asked(), ["one", "two"]);
    assert_eq!(call.client().0, 200);
    assert_eq!(call.finish().len(), 2);
}

#[test]
fn a_client_that_leaves_before_the_content_is_recorded_once() {
    for outer_first in [false, true] {
        let proxy = proxy();
        let mut call = ask(&proxy, "wary");
        call.answer_head("200", SSE_HEAD);
        call.answer_body(PING.as_bytes(), false);
        call.leave(outer_first);
        let records = call.records();
        assert_eq!(
            (records.len(), &records[0]["outcome"]),
            (1, &json!("client_gone"))
        );
    }
}

#[test]
fn what_is_neither_json_nor_a_stream_is_shown_at_once() {
    let proxy = proxy();
    let mut call = ask(&proxy, "wary");
    call.answer_head("200", &[("content-type", "audio/mpeg")]);
    assert_eq!(call.client().0, 200);
    call.answer_body(b"\x00\x01", true);
    assert_eq!((call.asked().len(), call.finish().len()), (1, 1));
}

#[test]
fn what_says_nothing_for_long_is_shown_all_the_same() {
    for (config, patience) in [(json!({}), 30_000), (json!({"requestTimeout": 800}), 800)] {
        let proxy = proxy();
        let steps = ["one", "two"].map(|name| step(name, config.clone()));
        let mut call = universal(&proxy, "wary", &steps);
        proxy.host.advance(millis(300));
        call.answer_head("200", SSE_HEAD);
        call.answer_body(PING.as_bytes(), false);
        assert_eq!(call.client().0, 0, "it is held");
        assert_eq!(call.wait(), millis(patience - 300));
        assert_eq!(call.client(), (200, PING.to_owned()));
        call.answer_body(OVERLOADED.as_bytes(), false);
        call.answer_body(CONTENT.as_bytes(), true);
        assert_eq!(call.client().1, [PING, OVERLOADED, CONTENT].concat());
        assert_eq!((call.asked().len(), call.finish().len()), (1, 1));
    }
}
