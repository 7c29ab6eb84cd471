//! Whose price counts.

use super::*;

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
