//! What a call cost: by whose word, for whom, and how often.

use serde_json::json;

use super::*;

const PREDICTIONS: &str = "/v1/acc/my-gateway/replicate/predictions";
const PREDICTION: &[u8] =
    br#"{"id":"p1","model":"meta/llama-2-13b","status":"succeeded","error":null,
    "metrics":{"input_token_count":1000000,"output_token_count":2000000,"predict_time":0.5}}"#;

fn priced(prices: &str, answer: &[u8]) -> Value {
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[("cf-aig-custom-cost", prices)], QUESTION);
    call.answer("200", JSON, &[answer]);
    call.done(0, false).clone()
}

/// An answer with these header fields.
fn headed(status: &str, fields: &[(&str, &str)], body: &[u8]) -> Value {
    let mut call = Proxy::new().stream();
    call.ask(OPENAI, &[], QUESTION);
    let fixed = [(":status", status), ("content-type", JSON)];
    call.on(Event::ResponseHead {
        headers: list(fixed.iter().chain(fields)),
        end: false,
        local: false,
    });
    call.on(answer_event(body, true));
    call.done(0, false).clone()
}

#[test]
fn the_clients_prices_beat_the_price_list() {
    let record = priced(r#"{"per_token_in":0.5,"per_token_out":1e-1}"#, ANSWER);
    assert_eq!(record["cost"], json!(5.5));
    assert_eq!(record["custom_cost"], json!(true));
    assert_eq!(record["cost_source"], json!("custom"));
    assert_eq!(record["cost_estimated"], json!(0.000_035));
    assert_eq!(record["custom_cost_error"], json!(null));
}

#[test]
fn bad_prices_are_ignored_and_marked() {
    let record = priced(r#"{"per_token_in":-0.5}"#, ANSWER);
    assert_eq!(record["cost"], json!(0.000_035));
    assert_eq!(record["custom_cost"], json!(false));
    assert_eq!(record["cost_source"], json!("prices"));
    assert_eq!(record["cost_estimated"], json!(null));
    assert_eq!(record["custom_cost_error"], json!("negative"));
}

#[test]
fn without_usage_only_a_price_of_the_call_gives_a_cost() {
    let silent = br#"{"type":"message","model":"claude-haiku-4-5"}"#;
    let record = priced(r#"{"per_token_in":1}"#, silent);
    assert_eq!(
        (
            &record["cost"],
            &record["custom_cost"],
            &record["cost_source"]
        ),
        (&json!(null), &json!(false), &json!(null))
    );
    let record = priced(r#"{"total_cost":0.25}"#, silent);
    assert_eq!(
        (&record["cost"], &record["custom_cost"]),
        (&json!(0.25), &json!(true))
    );
    let error = br#"{"type":"error","error":{"type":"overloaded_error"}}"#;
    assert_eq!(priced(r#"{"total_cost":0.25}"#, error)["cost"], json!(null));
}

#[test]
fn the_providers_word_beats_the_price_list_and_stands_beside_it() {
    let answer = br#"{"id":"gen-1","model":"gpt-4o-mini","choices":[],
        "usage":{"prompt_tokens":1000000,"completion_tokens":0,"cost":0.1}}"#;
    let mut call = Proxy::new().stream();
    let question = r#"{"model":"gpt-4o-mini"}"#;
    call.ask(
        "/v1/acc/my-gateway/openrouter/chat/completions",
        &[],
        question,
    );
    call.answer("200", JSON, &[answer]);
    let record = call.done(0, false);
    assert_eq!(
        (&record["cost"], &record["cost_source"]),
        (&json!(0.1), &json!("provider"))
    );
    assert_eq!(record["upstream_request_id"], "gen-1");
    let prices = [("cf-aig-custom-cost", r#"{"per_token_in":1e-6}"#)];
    let mut call = Proxy::new().stream();
    call.ask(
        "/v1/acc/my-gateway/openrouter/chat/completions",
        &prices,
        question,
    );
    call.answer("200", JSON, &[answer]);
    let record = call.done(0, false);
    assert_eq!(
        (&record["cost"], &record["cost_source"]),
        (&json!(1), &json!("custom"))
    );
}

#[test]
fn a_hit_costs_nothing_and_says_what_it_saved() {
    let proxy = Proxy::new();
    let mut first = proxy.stream();
    first.ask(ANTHROPIC, &[], QUESTION);
    first.answer("200", JSON, &[ANSWER]);
    assert_eq!(first.done(0, false)["saved_cost"], json!(null));
    let mut second = proxy.stream();
    second.ask(
        ANTHROPIC,
        &[("cf-aig-custom-cost", r#"{"total_cost":9}"#)],
        QUESTION,
    );
    assert!(
        second
            .reply
            .as_ref()
            .unwrap()
            .headers
            .iter()
            .all(|(name, _)| !name.starts_with(':'))
    );
    let record = second.done(0, false);
    for (name, value) in [
        ("cost", json!(0)),
        ("custom_cost", json!(false)),
        ("cost_source", json!(null)),
        ("tokens_in", json!(0)),
        ("tokens_out", json!(0)),
        ("saved_cost", json!(0.000_035)),
        ("saved_tokens_in", json!(10)),
        ("saved_tokens_out", json!(5)),
        ("model", json!("claude-haiku-4-5")),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
}

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

#[test]
fn capacity_paid_ahead_is_free_only_where_the_answer_says_that_it_was_used() {
    let path = "/v1/acc/my-gateway/aws-bedrock/bedrock-runtime/us-east-1/model/amazon.nova-lite-v1:0/converse";
    let cost = |tier: &str| {
        let mut call = Proxy::new().stream();
        call.ask(
            path,
            &[],
            r#"{"messages":[],"serviceTier":{"type":"reserved"}}"#,
        );
        let usage = r#""usage":{"inputTokens":1000000,"outputTokens":0,"totalTokens":1000000}"#;
        let answer = format!("{{{tier}\"stopReason\":\"end_turn\",{usage}}}");
        call.answer("200", JSON, &[answer.as_bytes()]);
        let record = call.done(0, false);
        [record["cost"].clone(), record["service_tier"].clone()]
    };
    assert_eq!(cost(""), [json!(0.06), json!(null)]);
    assert_eq!(
        cost(r#""serviceTier":{"type":"reserved"},"#),
        [json!(0), json!("reserved")]
    );
}

#[test]
fn speech_is_counted_by_its_text_where_the_answer_says_nothing() {
    let speak = |path: &str, body: &str, status: &str| {
        let mut call = Proxy::new().stream();
        call.ask(&format!("/v1/acc/my-gateway/{path}"), &[], body);
        call.answer(status, "audio/mpeg", &[b"\xFF\xFB"]);
        call.done(0, false).clone()
    };
    let path = "elevenlabs/v1/text-to-speech/voice";
    let body = r#"{"model_id":"eleven_v3","text":"Gr\u00fc\u00dfe 😀"}"#;
    let record = speak(path, body, "200");
    assert_eq!(record["usage_metadata"]["characters"], 7);
    // 80 USD a million characters.
    assert_eq!(record["cost"], json!(0.000_56));
    assert_eq!(record["model"], "eleven_v3");
    assert_eq!(record["model_type"], "speech");
    assert_eq!(speak(path, body, "401")["usage_metadata"], json!(null));
    let body = r#"{"model_id":"sonic-3","transcript":"hello"}"#;
    assert_eq!(
        speak("cartesia/tts/bytes", body, "200")["usage_metadata"]["characters"],
        5
    );
}

#[test]
fn transcripts_and_pages_are_priced_by_what_the_answer_states() {
    let ask = |path: &str, body: &str, answer: &[u8]| {
        let mut call = Proxy::new().stream();
        call.ask(&format!("/v1/acc/my-gateway/{path}"), &[], body);
        call.answer("200", JSON, &[answer]);
        call.done(0, false).clone()
    };
    let url = r#"{"url":"https://example.com/a.wav"}"#;
    let hour = br#"{"metadata":{"request_id":"r","duration":3600.0,"channels":1},"results":{}}"#;
    let record = ask("deepgram/v1/listen?model=nova-3", url, hour);
    assert_eq!(record["usage_metadata"]["seconds_in"], json!(3600));
    assert_eq!(
        (&record["cost"], &record["model"]),
        (&json!(0.258), &json!("nova-3"))
    );
    let two = br#"{"metadata":{"request_id":"r","duration":3600.0,"channels":2},"results":{}}"#;
    assert_eq!(
        ask("deepgram/v1/listen?model=nova-3", url, two)["cost"],
        json!(null)
    );
    let pages = br#"{"model":"mistral-ocr-2512","pages":[],"usage_info":{"pages_processed":1000}}"#;
    assert_eq!(ask("mistral/v1/ocr", "{}", pages)["cost"], json!(2));
    let annotated = br#"{"model":"mistral-ocr-2512","pages":[],"document_annotation":"{}",
        "usage_info":{"pages_processed":1000}}"#;
    assert_eq!(ask("mistral/v1/ocr", "{}", annotated)["cost"], json!(3));
}

#[test]
fn what_is_not_read_says_why() {
    let record = headed("200", &[("content-encoding", "br")], b"\x8b\x02\x80{}\x03");
    assert_eq!(record["usage_unread"], "content-encoding br is not read");
    assert_eq!(record["usage_metadata"], json!(null));
}

#[test]
fn the_head_of_the_answer_names_the_call_its_quotas_and_its_error() {
    let fields = [
        ("cf-ray", "8f-FRA"),
        ("x-request-id", "req_1"),
        ("x-ratelimit-remaining-requests", "59"),
        ("retry-after", "2"),
    ];
    let body = br#"{"error":{"type":"requests","code":"rate_limit_exceeded"}}"#;
    let record = headed("429", &fields, body);
    assert_eq!(record["upstream_request_id"], "req_1");
    let quotas = json!({"x-ratelimit-remaining-requests": "59", "retry-after": "2"});
    assert_eq!(record["rate_limits"], quotas);
    assert_eq!(record["error_type"], "requests");
    let record = headed("200", &fields[..1], br#"{"id":"chatcmpl-1"}"#);
    assert_eq!(record["upstream_request_id"], "chatcmpl-1");
    assert_eq!(record["rate_limits"], json!(null));
    assert_eq!(
        headed("200", &fields[..1], b"{}")["upstream_request_id"],
        "8f-FRA"
    );
    let fields = [("x-amzn-errortype", "ThrottlingException:http://x/")];
    assert_eq!(
        headed("429", &fields, b"{}")["error_type"],
        "ThrottlingException"
    );
}

#[test]
fn the_usage_of_a_cut_stream_is_partial() {
    let mut call = Proxy::new().stream();
    call.ask(ANTHROPIC, &[], QUESTION);
    let fields = [(":status", "200"), ("content-type", SSE)];
    call.on(Event::ResponseHead {
        headers: list(&fields),
        end: false,
        local: false,
    });
    let start = br#"data: {"type":"message_start","message":{"model":"claude-haiku-4-5","usage":{"input_tokens":10,"output_tokens":1}}}"#;
    call.on(answer_event(start, false));
    call.on(answer_event(b"\n\n", false));
    let record = call.done(0, true);
    assert_eq!(
        (&record["usage_partial"], &record["tokens_in"]),
        (&json!(true), &json!(10))
    );
    assert_eq!(priced("{}", ANSWER)["usage_partial"], json!(false));
}

#[test]
fn the_record_names_every_model_and_every_field_of_the_contract() {
    let mut call = Proxy::new().stream();
    call.ask(OPENAI, &[], r#"{"model":"gpt-5","service_tier":"flex"}"#);
    let answer = br#"{"model":"gpt-5-2025-08-07","service_tier":"default","usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    call.answer("200", JSON, &[answer]);
    let record = call.done(0, false);
    for (name, value) in [
        ("model", json!("gpt-5-2025-08-07")),
        ("model_asked", json!("gpt-5")),
        ("model_answered", json!("gpt-5-2025-08-07")),
        ("model_billed", json!("gpt-5-2025-08-07")),
        ("model_type", json!("text")),
        ("service_tier", json!("default")),
        ("cost_source", json!("prices")),
        ("byok", json!(false)),
        ("wholesale", json!(false)),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    for name in [
        "feedback",
        "score",
        "location",
        "dlp_action",
        "dlp_profiles",
        "prompts",
        "guardrails",
    ] {
        assert_eq!(record.get(name), Some(&json!(null)), "{name}");
    }
}
