//! The client leaves, at any moment: one record of each step that was tried, and the plan is forgotten.

use super::*;

/// Plays a call up to a moment, lets the client leave, and gives the records.
fn left(gateway: &str, steps: &[Value], play: impl Fn(&mut Call<'_>)) -> Vec<Value> {
    let runs = [false, true].map(|outer_first| {
        let proxy = proxy();
        let mut call = universal(&proxy, gateway, steps);
        play(&mut call);
        let id = call
            .attempts
            .last()
            .map(|attempt| attempt.stream.task.cx.id);
        call.leave(outer_first);
        assert!(call.outer.task.is_over() && id.is_some());
        for attempt in &call.attempts {
            assert!(attempt.stream.task.is_over(), "nothing waits for nobody");
        }
        let mut records = call.records();
        for record in &mut records {
            for varies in ["id", "event_id"] {
                record.as_object_mut().unwrap().remove(varies);
            }
        }
        records
    });
    let [one, other] = runs;
    assert_eq!(one, other, "whoever hears of it first");
    one
}

fn two(config: Value) -> [Value; 2] {
    ["one", "two"].map(|name| step(name, config.clone()))
}

#[test]
fn while_the_first_provider_is_silent() {
    let records = left("open", &two(json!({})), |_| {});
    assert_eq!(facts(&records), [(0, 499, "client_gone")]);
}

#[test]
fn while_a_failure_is_heard_out() {
    let records = left("open", &two(json!({})), |call| call.answer_head("503", &[]));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["outcome"], "client_gone");
    let records = left("open", &two(json!({})), |call| {
        call.answer_head("503", &[]);
        call.answer_body(b"{\"err", false);
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["outcome"], "client_gone");
}

#[test]
fn during_the_pause() {
    let config = json!({"maxAttempts": 2, "retryDelay": 500});
    let records = left("open", &two(config.clone()), |call| {
        call.answer("503", &[], FAILED);
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["outcome"], "client_gone");
    let records = left("open", &two(config), |call| {
        call.no_answer();
        assert!(call.pause().is_some());
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["outcome"], "client_gone");
}

#[test]
fn during_the_rest_of_the_pause_after_the_provider_broke_off() {
    let config = json!({"maxAttempts": 2, "retryDelay": 500});
    let records = left("open", &two(config), |call| {
        call.answer("503", &[], FAILED);
        call.break_off();
    });
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["failed_attempts"].as_array().unwrap().len(), 1);
}

#[test]
fn during_the_next_step() {
    let records = left("open", &two(json!({})), |call| {
        call.answer("503", &[], FAILED);
    });
    assert_eq!(
        facts(&records),
        [(0, 503, "answered"), (1, 499, "client_gone")]
    );
}

#[test]
fn in_the_middle_of_the_winners_stream() {
    let records = left("open", &two(json!({})), |call| {
        call.answer("503", &[], FAILED);
        call.answer_head("200", &[("content-type", SSE)]);
        call.answer_body(
            b"data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"He\"}}]}\n\n",
            false,
        );
    });
    assert_eq!(
        facts(&records),
        [(0, 503, "answered"), (1, 200, "client_gone")]
    );
}

#[test]
fn after_the_whole_answer() {
    let records = left("open", &two(json!({})), |call| {
        call.answer("200", &[], DONE);
    });
    assert_eq!(facts(&records), [(0, 200, "answered")]);
}

#[test]
fn between_two_attempts() {
    // The outer router waits before it asks again: no attempt is under way.
    for config in [json!({"maxAttempts": 2, "retryDelay": 0}), json!({})] {
        let proxy = proxy();
        let mut call = universal(&proxy, "open", &two(config));
        call.now().stream.on(Event::ResponseHead {
            headers: list(&[(":status", "503"), ("content-type", JSON)]),
            end: true,
            local: false,
        });
        let gone = Ending {
            flags: 0x4000,
            client_gone: true,
        };
        assert!(call.now().stream.downstream.is_some(), "it was let go");
        call.now().stream.on(Event::Done(gone));
        call.outer.on(Event::Done(gone));
        let records = call.records();
        assert_eq!((records.len(), &records[0]["step"]), (1, &json!(0)));
    }
}

#[test]
fn before_the_body_of_a_list_has_come() {
    let proxy = proxy();
    let mut call = Call::begin(&proxy, UNIVERSAL, &[]);
    call.send(b"[{\"provider\"", false);
    call.leave(true);
    assert_eq!(facts(&call.records()), [(0, 499, "client_gone")]);
}

#[test]
fn before_the_body_of_an_attempt_has_come() {
    let fields = [("cf-aig-max-attempts", "2"), ("cf-aig-cache-ttl", "60")];
    for outer_first in [false, true] {
        let proxy = proxy();
        let mut call = Call::begin(&proxy, "/v1/acc/cached/openai/chat/completions", &fields);
        call.send(b"{\"model\":\"gpt-4o-mini\",", false);
        assert!(!call.attempts[0].is_sent(), "the cache waits for it");
        call.leave(outer_first);
        assert_eq!(facts(&call.records()), [(0, 499, "client_gone")]);
    }
}
