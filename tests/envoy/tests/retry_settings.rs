//! Issue: how often, how soon and for how long a provider is asked again is what step, request and gateway say, in this
//! order. Times are lower bounds only: a loaded machine is late.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, sample};

use super::hop::{gateway, single, step_of};

fn failing(status: u16) -> Answer {
    Answer::json(status, &json!({"error": {"message": "not now"}}))
}

fn with(call: Call, headers: &[(&str, &str)]) -> Call {
    headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, value))
}

/// A call of one provider that fails for ever, and what it saw.
async fn fails(id: &str, headers: &[(&str, &str)]) -> Case {
    let gateway = gateway();
    let case = gateway.fake.case(failing(503));
    let call = with(single(&gateway, id, "openai", &case), headers);
    let reply = call.json(&sample::ask("hi")).complete().await;
    assert_eq!(reply.status, 503);
    case
}

/// A universal call whose only step fails for ever, and what its provider saw.
async fn step_fails(id: &str, headers: &[(&str, &str)], change: impl FnOnce(&mut Value)) -> Case {
    let gateway = gateway();
    let case = gateway.fake.case(failing(503));
    let mut step = sample::step("custom-one", &case);
    change(&mut step);
    let event = gateway.fake.case(sample::chat());
    let call = with(gateway.universal(id, &event, &[step]), headers);
    assert_eq!(call.complete().await.status, 503);
    case
}

/// The time between each request and the one before.
fn gaps(case: &Case) -> Vec<Duration> {
    let at: Vec<Instant> = case.seen().iter().filter_map(|seen| seen.at).collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn assert_gaps(case: &Case, at_least: &[u64]) {
    let gaps = gaps(case);
    let wanted: Vec<_> = at_least
        .iter()
        .map(|millis| Duration::from_millis(*millis))
        .collect();
    assert_eq!(gaps.len(), wanted.len(), "{gaps:?}");
    assert!(
        gaps.iter().zip(&wanted).all(|(gap, wanted)| gap >= wanted),
        "{gaps:?}, not {wanted:?}"
    );
}

const ATTEMPTS: &str = "cf-aig-max-attempts";
const DELAY: &str = "cf-aig-retry-delay";
const BACKOFF: &str = "cf-aig-backoff";
const TIMEOUT: &str = "cf-aig-request-timeout";

#[tokio::test]
async fn attempts_are_those_of_the_step_the_request_or_the_gateway() {
    assert_eq!(fails("open", &[]).await.seen().len(), 1);
    assert_eq!(fails("keen", &[]).await.seen().len(), 3);
    assert_eq!(fails("keen", &[(ATTEMPTS, "2")]).await.seen().len(), 2);
    assert_eq!(fails("keen", &[(ATTEMPTS, "1")]).await.seen().len(), 1);
    assert_eq!(
        fails("open", &[(ATTEMPTS, "5"), (DELAY, "0")])
            .await
            .seen()
            .len(),
        5
    );
    for nonsense in ["0", "6", "x", "-1", "2.5", ""] {
        assert_eq!(
            fails("keen", &[(ATTEMPTS, nonsense)]).await.seen().len(),
            3,
            "{nonsense}"
        );
    }
    let of_step =
        |attempts: Value| move |step: &mut Value| step["config"] = json!({"maxAttempts": attempts});
    let in_header = |step: &mut Value| step["headers"][ATTEMPTS] = json!("4");
    let header = [(ATTEMPTS, "2")];
    assert_eq!(step_fails("keen", &[], |_| ()).await.seen().len(), 3);
    assert_eq!(step_fails("keen", &header, |_| ()).await.seen().len(), 2);
    assert_eq!(
        step_fails("keen", &header, of_step(json!(4)))
            .await
            .seen()
            .len(),
        4
    );
    assert_eq!(
        step_fails("keen", &header, of_step(json!(1)))
            .await
            .seen()
            .len(),
        1
    );
    assert_eq!(
        step_fails("keen", &header, of_step(Value::Null))
            .await
            .seen()
            .len(),
        2
    );
    assert_eq!(step_fails("keen", &header, in_header).await.seen().len(), 4);
}

#[tokio::test]
async fn the_delay_is_that_of_the_step_the_request_or_the_gateway() {
    let of_step =
        |delay: u64| move |step: &mut Value| step["config"] = json!({"retryDelay": delay});
    let (gateways, headers, steps, no_steps) = tokio::join!(
        fails("patient", &[]),
        fails("keen", &[(ATTEMPTS, "2"), (DELAY, "500")]),
        step_fails("keen", &[(ATTEMPTS, "2"), (DELAY, "1")], of_step(600)),
        step_fails("patient", &[], |_| ()),
    );
    assert_gaps(&gateways, &[400]);
    assert_gaps(&headers, &[500]);
    assert_gaps(&steps, &[600]);
    assert_gaps(&no_steps, &[400]);
    // A delay that nobody wants is not waited for.
    let hour = [(DELAY, "60000"), (ATTEMPTS, "2")];
    assert_gaps(&step_fails("keen", &hour, of_step(0)).await, &[0]);
}

#[tokio::test]
async fn the_delay_grows_as_the_backoff_says() {
    let delay = [(ATTEMPTS, "4"), (DELAY, "200")];
    let by = |word: &'static str| async move {
        fails("keen", &[delay[0], delay[1], (BACKOFF, word)]).await
    };
    let by_step = |word: &'static str| async move {
        let constant = [delay[0], delay[1], (BACKOFF, "constant")];
        step_fails("keen", &constant, |step| {
            step["config"] = json!({"backoff": word});
        })
        .await
    };
    let (constant, linear, exponential, default, of_step) = tokio::join!(
        by("constant"),
        by("Linear"),
        by("exponential"),
        by("nonsense"),
        by_step("linear")
    );
    assert_gaps(&constant, &[200, 200, 200]);
    assert_gaps(&linear, &[200, 400, 600]);
    assert_gaps(&exponential, &[200, 400, 800]);
    assert_gaps(&default, &[200, 400, 800]);
    assert_gaps(&of_step, &[200, 400, 600]);
}

#[tokio::test]
async fn the_timeout_is_that_of_the_step_or_the_request() {
    let gateway = gateway();
    let scripts = || {
        gateway
            .fake
            .cases([sample::chat().hold(&Gate::new()), sample::chat()])
    };
    let (by_request, by_step) = (scripts(), scripts());
    let two = [(ATTEMPTS, "2"), (DELAY, "0")];
    let call = with(single(&gateway, "open", "openai", &by_request), &two);
    let request = call
        .header(TIMEOUT, "800")
        .json(&sample::ask("hi"))
        .complete();
    let mut step = sample::step("custom-one", &by_step);
    step["config"] = json!({"requestTimeout": 900, "maxAttempts": 2, "retryDelay": 0});
    let event = gateway.fake.case(sample::chat());
    let hour = gateway
        .universal("open", &event, &[step])
        .header(TIMEOUT, "3600000");
    let (one, two) = tokio::join!(request, hour.complete());
    assert_eq!((one.status, two.status), (200, 200));
    // The clock runs before the provider hears of the call.
    assert_gaps(&by_request, &[600]);
    assert_gaps(&by_step, &[700]);
    assert!(by_request.seen()[0].abandoned && by_step.seen()[0].abandoned);
}

#[tokio::test]
async fn no_attempt_begins_after_the_deadline() {
    let gateway = gateway();
    // The third would begin 2 s after the first, and the deadline is 1.5 s.
    let alone = fails("brief", &[]).await;
    assert_gaps(&alone, &[1000]);
    // The next step may still be tried, for it needs no delay.
    let (one, two) = (
        gateway.fake.case(failing(503)),
        gateway.fake.case(sample::chat()),
    );
    let steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("brief", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    assert_eq!((one.seen().len(), two.seen().len()), (2, 1));
}

/// How often each of two steps is asked at that gateway when the first one answers with this status.
async fn asked(gateway: &Gateway, id: &str, status: u16) -> (usize, usize, u16) {
    let (one, two) = (
        gateway.fake.case(failing(status)),
        gateway.fake.case(sample::chat()),
    );
    let steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal(id, &event, &steps).complete().await;
    (one.seen().len(), two.seen().len(), reply.status)
}

#[tokio::test]
async fn which_statuses_are_failures_is_the_gateways_to_say() {
    let gateway = gateway();
    for (id, status, expected) in [
        ("keen", 408, (3, 1, 200)),
        ("keen", 409, (3, 1, 200)),
        ("keen", 403, (1, 1, 200)),
        ("keen", 400, (1, 0, 400)),
        ("keen", 422, (1, 0, 422)),
        ("picky", 418, (2, 0, 418)),
        ("picky", 400, (1, 1, 200)),
        ("picky", 503, (1, 0, 503)),
        ("stubborn", 503, (1, 0, 503)),
    ] {
        assert_eq!(asked(&gateway, id, status).await, expected, "{id} {status}");
    }
    // No answer at all is always a failure.
    let (one, two) = (
        gateway.fake.case(Answer::wire().cut()),
        gateway.fake.case(sample::chat()),
    );
    let steps = [
        sample::step("custom-raw", &one),
        sample::step("custom-two", &two),
    ];
    let event = gateway.fake.case(sample::chat());
    assert_eq!(
        gateway
            .universal("stubborn", &event, &steps)
            .complete()
            .await
            .status,
        200
    );
    assert_eq!((one.seen().len(), two.seen().len()), (2, 1));
}

#[tokio::test]
async fn a_refused_connection_is_tried_as_often_as_it_may_be() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let call = single(&gateway, "keen", "custom-closed", &case).json(&sample::ask("hi"));
    let reply = call.complete().await;
    assert_eq!(
        (reply.status, reply.json()["error"][0]["code"].as_u64()),
        (400, Some(2005))
    );
    assert_eq!(gateway.stat("cluster.closed.upstream_cx_connect_fail"), 3);
    assert_eq!(gateway.steps(&case, 1).await[0]["error_code"], 2005);
}
