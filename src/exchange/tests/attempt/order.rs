//! What follows which failure: the same provider again, the next step, or nothing.

use super::*;

/// The providers that a failure of the first of two steps leads to, each step being tried twice at most without a pause.
fn after(gateway: &str, status: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<String> {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2, "retryDelay": 0})));
    let mut call = universal(&proxy, gateway, &steps);
    call.answer(status, fields, body);
    if call.told(":status").is_none() && call.asked().last().unwrap() == "one" {
        call.answer(status, fields, body);
    }
    if call.told(":status").is_none() {
        call.answer("200", &[], DONE);
    }
    let is_won = call.told(":status").as_deref() == Some("200");
    assert_eq!(is_won, call.asked().contains(&"two".to_owned()));
    call.finish();
    call.asked()
}

#[test]
fn a_step_is_tried_again_before_the_next_one() {
    for status in [
        "408", "409", "429", "500", "502", "503", "504", "529", "599",
    ] {
        assert_eq!(
            after("open", status, &[], FAILED),
            ["one", "one", "two"],
            "{status}"
        );
    }
}

#[test]
fn a_dead_key_or_a_missing_model_falls_through_at_once() {
    for status in ["401", "402", "403", "404"] {
        assert_eq!(
            after("open", status, &[], FAILED),
            ["one", "two"],
            "{status}"
        );
    }
}

#[test]
fn a_fault_of_the_clients_making_is_told_at_once() {
    for status in ["400", "405", "410", "413", "415", "422", "431"] {
        assert_eq!(after("open", status, &[], FAILED), ["one"], "{status}");
    }
}

#[test]
fn no_good_answer_is_asked_for_again() {
    for status in ["200", "201", "204", "301", "304", "399"] {
        let proxy = proxy();
        let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2})));
        let mut call = universal(&proxy, "open", &steps);
        call.answer_head(status, &[]);
        assert_eq!(
            call.told(":status").as_deref(),
            Some(status),
            "nothing holds it"
        );
        call.answer_body(b"", true);
        assert_eq!(call.finish().len(), 1);
        assert_eq!(call.asked(), ["one"]);
    }
}

#[test]
fn the_gateways_own_tables_count() {
    for (status, asked) in [
        ("503", &["one", "one"][..]),
        ("418", &["one", "two"]),
        ("500", &["one"]),
        ("401", &["one"]),
    ] {
        assert_eq!(after("strict", status, &[], FAILED), asked, "{status}");
    }
}

#[test]
fn the_providers_own_word_beats_its_status() {
    let no = [("x-should-retry", "false")];
    let yes = [("x-should-retry", "true")];
    assert_eq!(after("open", "503", &no, FAILED), ["one", "two"]);
    assert_eq!(after("open", "400", &yes, FAILED), ["one", "one"]);
    assert_eq!(after("open", "401", &yes, FAILED), ["one", "one", "two"]);
}

#[test]
fn a_used_up_quota_is_not_asked_for_again() {
    let body = br#"{"error":{"message":"You exceeded it","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    assert_eq!(after("open", "429", &[], body), ["one", "two"]);
}

#[test]
fn without_an_answer_the_next_one_is_tried() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2, "retryDelay": 0})));
    let mut call = universal(&proxy, "open", &steps);
    call.no_answer();
    call.no_answer();
    call.answer("200", &[], DONE);
    assert_eq!(call.asked(), ["one", "one", "two"]);
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 400, "refused"), (1, 200, "answered")]);
    assert_eq!(records[0]["error_code"], 2005);
    assert_eq!(
        records[0]["failed_attempts"],
        json!([{"status_code": null, "after": 0}])
    );
}

#[test]
fn when_no_provider_answers_the_client_is_told_so_in_the_envelope() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({})));
    let mut call = universal(&proxy, "open", &steps);
    call.no_answer();
    call.no_answer();
    assert_eq!(call.refusal(), (400, Some(2005)));
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("1"));
    assert_eq!(
        facts(&call.finish()),
        [(0, 400, "refused"), (1, 400, "refused")]
    );
}

#[test]
fn when_all_fail_the_client_gets_the_last_steps_answer_whole() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({})));
    let mut call = universal(&proxy, "open", &steps);
    call.answer("503", &[], b"1");
    call.answer("404", &[("x-of", "two")], b"2");
    assert_eq!(call.client(), (404, "2".to_owned()));
    assert_eq!(call.told("x-of").as_deref(), Some("two"));
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("1"));
    assert_eq!(
        facts(&call.finish()),
        [(0, 503, "answered"), (1, 404, "answered")]
    );
}

#[test]
fn a_failure_that_nothing_follows_passes_as_it_comes() {
    let proxy = proxy();
    let mut call = universal(
        &proxy,
        "open",
        &[step("one", json!({"maxAttempts": 2, "retryDelay": 0}))],
    );
    call.answer("500", &[], FAILED);
    call.answer_head("500", &[]);
    assert_eq!(call.client(), (500, String::new()));
    call.answer_body(b"[\"piece\", ", false);
    assert_eq!(call.client().1, "[\"piece\", ");
    call.answer_body(b"\"by piece\"]", true);
    assert_eq!(call.client().1, r#"["piece", "by piece"]"#);
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 500, "answered")]);
    assert_eq!(
        records[0]["failed_attempts"],
        json!([{"status_code": 500, "after": 0}])
    );
}

#[test]
fn a_failure_that_was_held_in_vain_reaches_the_client_whole() {
    // Its head does not tell that it is final, its body does.
    let body = br#"{"error":{"message":"used up","code":"insufficient_quota"}}"#;
    let proxy = proxy();
    let mut call = universal(&proxy, "open", &[step("one", json!({"maxAttempts": 2}))]);
    call.answer_head("429", &[]);
    let (begin, end) = body.split_at(40);
    call.answer_body(begin, false);
    assert_eq!(call.client().0, 0, "it is held");
    call.answer_body(end, true);
    assert_eq!(
        call.client(),
        (429, String::from_utf8(body.to_vec()).unwrap())
    );
    assert_eq!(
        (call.asked().len(), facts(&call.finish())),
        (1, vec![(0, 429, "answered")])
    );
}

#[test]
fn the_order_in_which_attempts_begin_and_end_does_not_matter() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2, "retryDelay": 0})));
    let mut call = universal(&proxy, "open", &steps);
    call.lags = true;
    for _ in 0..3 {
        call.answer("503", &[], FAILED);
    }
    call.answer("200", &[], DONE);
    assert_eq!(call.asked(), ["one", "one", "two", "two"]);
    assert_eq!(
        facts(&call.finish()),
        [(0, 503, "answered"), (1, 200, "answered")]
    );
}

#[test]
fn a_provider_cannot_make_the_router_ask_again() {
    let proxy = proxy();
    let steps = ["one", "two"].map(|name| step(name, json!({"maxAttempts": 2})));
    for status in ["200", "400"] {
        let mut call = universal(&proxy, "open", &steps);
        call.answer(
            status,
            &[("x-sluice-retry", "1"), ("cf-aig-step", "7")],
            DONE,
        );
        assert_eq!(
            (call.client().0.to_string().as_str(), call.attempts.len()),
            (status, 1)
        );
        assert_eq!(call.told("x-sluice-retry"), None);
        assert_eq!(call.told("cf-aig-step").as_deref(), Some("0"));
        assert_eq!(call.finish().len(), 1);
    }
}

#[test]
fn a_call_is_tried_no_more_than_thirty_two_times() {
    let proxy = proxy();
    let steps: Vec<_> = (0..16)
        .map(|_| step("one", json!({"maxAttempts": 5, "retryDelay": 0})))
        .collect();
    for breaks in [false, true] {
        let mut call = universal(&proxy, "open", &steps);
        while call.client().0 == 0 {
            if breaks && call.attempts.len() < 32 {
                call.answer_head("503", &[]);
                call.break_off();
            } else {
                call.answer("503", &[], FAILED);
            }
        }
        assert_eq!((call.client().0, call.asked().len()), (503, 32));
        assert_eq!(call.told("cf-aig-step").as_deref(), Some("6"));
        assert_eq!(call.told("x-sluice-retry"), None);
        assert_eq!(call.finish().len(), 7);
    }
}
