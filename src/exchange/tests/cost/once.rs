//! What is asked for many times counts once.

use super::*;

#[test]
fn a_prediction_counts_once_over_workers_and_gateways_are_apart() {
    let host = Rc::new(FakeHost::new(&[1, 2]));
    let workers = [Proxy::beside(&host, 1), Proxy::beside(&host, 2)];
    let poll = |worker: usize, path: &str, body: &[u8]| {
        let mut call = workers[worker].stream();
        let prices = [("cf-aig-custom-cost", r#"{"per_token_in":1e-6}"#)];
        call.ask(path, &prices, "{}");
        call.answer("200", JSON, &[body]);
        call.done(0, false).clone()
    };
    let path = format!("{PREDICTIONS}/p1");
    let early = br#"{"id":"p1","model":"meta/llama-2-13b","status":"processing","metrics":{}}"#;
    let record = poll(0, PREDICTIONS, early);
    assert_eq!(
        (&record["cost"], &record["usage_unread"]),
        (&json!(null), &json!(null))
    );
    let record = poll(1, &path, PREDICTION);
    assert_eq!(record["tokens_in"], 1_000_000);
    assert_eq!(record["cost"], json!(1));
    assert_eq!(record["finish_reason"], "succeeded");
    for worker in [0, 1] {
        let record = poll(worker, &path, PREDICTION);
        for name in [
            "tokens_in",
            "tokens_out",
            "usage_metadata",
            "cost",
            "cost_source",
        ] {
            assert_eq!(record[name], json!(null), "{name}");
        }
        assert_eq!(record["usage_unread"], "counted before");
        assert_eq!(record["success"], true);
    }
    let record = poll(0, &path.replace("my-gateway", "shared"), PREDICTION);
    assert_eq!(record["cost"], json!(1));
    let record = poll(0, &path.replace("/acc/", "/other/"), PREDICTION);
    assert_eq!(record["cost"], json!(1));
}

#[test]
fn a_response_counts_where_it_is_made_or_once_where_it_comes_from_the_background() {
    let proxy = Proxy::new();
    let path = "/v1/acc/my-gateway/openai/v1/responses";
    let call = |method: &str, body: &[u8]| {
        let path = if method == "GET" {
            format!("{path}/resp_1")
        } else {
            path.to_owned()
        };
        let mut call = proxy.stream();
        call.on(Event::RequestHead {
            headers: list(&[
                (":method", method),
                (":path", &path),
                (":authority", "gateway"),
            ]),
            end: true,
        });
        call.answer("200", JSON, &[body]);
        let record = call.done(0, false).clone();
        ["tokens_in", "usage_unread"].map(|name| record[name].clone())
    };
    let said = |id: &str, background: bool, usage: &str| {
        format!(r#"{{"id":"{id}","model":"gpt-5","background":{background},"usage":{usage}}}"#)
    };
    let usage = r#"{"input_tokens":9,"output_tokens":4}"#;
    let (nothing, counts) = ([json!(null), json!(null)], [json!(9), json!(null)]);
    let counted = [json!(null), json!("counted before")];
    for (method, id, background, usage, expected) in [
        ("POST", "resp_1", true, "null", &nothing),
        ("GET", "resp_1", true, "null", &nothing),
        ("GET", "resp_1", true, usage, &counts),
        ("GET", "resp_1", true, usage, &counted),
        ("POST", "resp_2", false, usage, &counts),
        ("GET", "resp_2", false, usage, &counted),
        // Streamed from the background.
        ("POST", "resp_3", true, usage, &counts),
        ("GET", "resp_3", true, usage, &counted),
    ] {
        let seen = call(method, said(id, background, usage).as_bytes());
        assert_eq!(&seen, expected, "{method} {id}");
    }
}

#[test]
fn a_poll_that_is_not_logged_takes_nothing_from_the_one_that_is() {
    let proxy = Proxy::new();
    let path = format!("{PREDICTIONS}/p1");
    let prices = ("cf-aig-custom-cost", r#"{"per_token_in":1e-6}"#);
    let mut silent = proxy.stream();
    silent.ask(&path, &[prices, ("cf-aig-collect-log", "false")], "{}");
    silent.answer("200", JSON, &[PREDICTION]);
    silent.on(Event::Done(Ending::default()));
    assert!(silent.records.is_empty());
    let mut logged = proxy.stream();
    logged.ask(&path, &[prices], "{}");
    logged.answer("200", JSON, &[PREDICTION]);
    let record = logged.done(0, false);
    assert_eq!(
        (&record["tokens_in"], &record["cost"]),
        (&json!(1_000_000), &json!(1))
    );
}

#[test]
fn a_price_of_the_call_counts_once_and_so_do_the_tokens_that_are_known_later() {
    let proxy = Proxy::new();
    let poll = |path: &str, status: &str, body: &[u8]| {
        let mut call = proxy.stream();
        call.ask(
            path,
            &[("cf-aig-custom-cost", r#"{"total_cost":0.5}"#)],
            "{}",
        );
        call.answer(status, JSON, &[body]);
        let record = call.done(0, false).clone();
        ["cost", "custom_cost", "tokens_out", "usage_unread"].map(|name| record[name].clone())
    };
    let path = format!("{PREDICTIONS}/p1");
    let early = br#"{"id":"p1","model":"meta/llama-2-13b","status":"starting","metrics":{}}"#;
    let (nothing, counted) = (json!(null), json!("counted before"));
    for (path, status, body, expected) in [
        (
            PREDICTIONS,
            "201",
            &early[..],
            [json!(0.5), json!(true), nothing.clone(), nothing.clone()],
        ),
        (
            &path,
            "200",
            early,
            [
                nothing.clone(),
                json!(false),
                nothing.clone(),
                nothing.clone(),
            ],
        ),
        (
            &path,
            "200",
            PREDICTION,
            [
                nothing.clone(),
                json!(false),
                json!(2_000_000),
                nothing.clone(),
            ],
        ),
        (
            &path,
            "200",
            PREDICTION,
            [nothing.clone(), json!(false), nothing.clone(), counted],
        ),
    ] {
        assert_eq!(poll(path, status, body), expected, "{path}");
    }
}
