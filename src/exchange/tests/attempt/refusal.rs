//! Calls that are refused, and before what.

use super::*;

/// Status, code and message of a universal call with that body; nothing was sent, and there is one record.
fn refused(body: &str) -> (u16, u64, String) {
    let proxy = proxy();
    let mut call = Call::ask(&proxy, UNIVERSAL, &[], body);
    assert!(call.attempts.is_empty(), "nothing was sent for {body}");
    let (status, text) = call.client();
    let body: Value = serde_json::from_str(&text).unwrap();
    let records = call.finish();
    assert_eq!(facts(&records), [(0, u64::from(status), "refused")]);
    assert_eq!(records[0]["request_type"], "universal");
    let message = body["message"].as_str().unwrap().to_owned();
    (status, body["internalCode"].as_u64().unwrap(), message)
}

fn fault(body: &str) -> String {
    let (status, code, message) = refused(body);
    assert_eq!((status, code), (400, 2905));
    message
        .strip_prefix("Invalid request body: ")
        .unwrap()
        .to_owned()
}

#[test]
fn a_malformed_list_is_refused_with_the_place() {
    let list = |change: &dyn Fn(&mut Value)| {
        let mut steps = json!([step("one", json!({})), step("two", json!({}))]);
        change(&mut steps[1]);
        fault(&steps.to_string())
    };
    let without = |name: &str| {
        list(&|step| {
            step.as_object_mut().unwrap().remove(name);
        })
    };
    for name in ["provider", "endpoint", "query"] {
        assert_eq!(without(name), format!("[1].{name}: missing"));
    }
    let place = |change: &dyn Fn(&mut Value)| list(change).split(':').next().unwrap().to_owned();
    assert_eq!(
        place(&|step| step["headers"]["x-of"] = json!([1])),
        "[1].headers.x-of"
    );
    assert_eq!(
        place(&|step| step["headers"]["a b"] = json!("1")),
        "[1].headers"
    );
    assert_eq!(
        place(&|step| step["config"]["maxAttempts"] = json!(6)),
        "[1].config.maxAttempts"
    );
    assert_eq!(
        place(&|step| step["config"]["backoff"] = json!("odd")),
        "[1].config.backoff"
    );
    assert_eq!(
        place(&|step| step["endpoint"] = json!("a/../b")),
        "[1].endpoint"
    );
    assert_eq!(place(&|step| *step = json!(7)), "[1]");
    assert_eq!(fault("[]"), "body: has no steps");
    assert_eq!(fault(""), "body: is empty");
    assert_eq!(fault("7"), "body: must be a list of steps");
    assert!(fault("[{\"provider\": ").starts_with("body: is not JSON"));
}

#[test]
fn an_unknown_provider_in_a_later_step_is_refused_before_anything_is_sent() {
    let mut steps = [step("one", json!({})), step("two", json!({}))];
    steps[1]["provider"] = json!("nobody");
    let (status, code, message) = refused(&json!(steps).to_string());
    assert_eq!((status, code), (400, 2008));
    assert_eq!(message, "[1].provider: Invalid provider");
}

#[test]
fn a_refusal_of_a_step_names_its_place() {
    let place = |change: &dyn Fn(&mut Value)| {
        let mut steps = json!([step("one", json!({})), step("two", json!({}))]);
        change(&mut steps[1]);
        let (status, code, message) = refused(&steps.to_string());
        assert_eq!(status, 400);
        let place = message.split(": ").next().unwrap().to_owned();
        (code, place)
    };
    let compat = |query: Value| {
        move |step: &mut Value| {
            step["provider"] = json!("compat");
            step["query"] = query.clone();
        }
    };
    let model = |model: &str| compat(json!({"model": model, "messages": []}));
    let at = |code: u64, place: &str| (code, place.to_owned());
    assert_eq!(place(&model("gpt-5")), at(2019, "[1].query.model"));
    assert_eq!(place(&model("nobody/m")), at(2008, "[1].query.model"));
    assert_eq!(place(&model("fal/m")), at(2906, "[1].query.model"));
    assert_eq!(
        place(&model("dynamic/nowhere")),
        at(2907, "[1].query.model")
    );
    assert_eq!(place(&compat(json!([1]))), at(2019, "[1].query"));
    let azure = |step: &mut Value| {
        step["provider"] = json!("azure-openai");
        step["endpoint"] = json!("a.b/m/chat/completions");
    };
    assert_eq!(place(&azure), at(2902, "[1].endpoint"));
    let alias = |step: &mut Value| step["headers"] = json!({"cf-aig-byok-alias": "nobody"});
    let alias_place = at(2040, "[1].headers.cf-aig-byok-alias");
    assert_eq!(place(&alias), alias_place);
    // A step that is no list has no index.
    let mut alone = step("one", json!({}));
    alone["provider"] = json!("nobody");
    assert_eq!(refused(&alone.to_string()).2, "provider: Invalid provider");
}

#[test]
fn an_unknown_route_in_a_later_step_is_refused_before_anything_is_sent() {
    let mut steps = [step("one", json!({})), step("two", json!({}))];
    steps[1]["provider"] = json!("compat");
    steps[1]["query"]["model"] = json!("dynamic/nowhere");
    let (status, code, _) = refused(&json!(steps).to_string());
    assert_eq!((status, code), (400, 2907));
}

#[test]
fn one_step_alone_needs_no_list() {
    let proxy = proxy();
    let mut call = Call::ask(
        &proxy,
        "/v1/acc/open/",
        &[],
        &step("one", json!({})).to_string(),
    );
    call.answer("200", &[], DONE);
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("0"));
    assert_eq!(call.asked(), ["one"]);
    call.finish();
}

#[test]
fn a_list_is_only_taken_by_post() {
    let proxy = proxy();
    let mut stream = proxy.stream();
    stream.on(Event::RequestHead {
        headers: list(&[
            (":method", "GET"),
            (":path", UNIVERSAL),
            (":authority", "gateway"),
        ]),
        end: true,
    });
    assert_eq!(stream.error_code(), 2901);
    stream.done(0, false);
}

#[test]
fn without_a_cluster_for_attempts_the_endpoint_is_off_and_says_so() {
    let mut stream = Proxy::new().stream();
    stream.ask("/v1/acc/my-gateway", &[], "[]");
    assert_eq!(
        (stream.reply.as_ref().unwrap().status, stream.error_code()),
        (501, 2904)
    );
    stream.done(0, false);
}

#[test]
fn a_call_whose_attempts_cannot_be_made_is_refused_and_the_operator_told() {
    let list = json!([step("one", json!({})), step("two", json!({}))]).to_string();
    let chat = json!({"model": "custom-one/m", "messages": []}).to_string();
    for (path, body, fields) in [
        (UNIVERSAL, list.as_str(), &[][..]),
        ("/v1/acc/keen/openai/chat/completions", QUESTION, &[]),
        ("/v1/acc/keen/compat/chat/completions", chat.as_str(), &[]),
    ] {
        let proxy = proxy();
        let mut stream = proxy.stream();
        stream.ask(path, fields, body);
        assert!(stream.upstream.is_some());
        stream.on(Event::ResponseHead {
            headers: super::list(&[(":status", "503")]),
            end: false,
            local: true,
        });
        assert_eq!(
            (stream.reply.as_ref().unwrap().status, stream.error_code()),
            (400, 2005)
        );
        assert!(stream.complaints[0].contains("sluice-attempts"));
        let record = stream.done(0, false);
        assert_eq!(
            (&record["outcome"], &record["status_code"]),
            (&json!("refused"), &json!(400))
        );
        assert_eq!(record["error_code"], 2005);
        assert_eq!(record["step"], 0);
    }
}

#[test]
fn an_attempt_without_a_step_left_says_so_and_records_nothing() {
    let proxy = proxy();
    let mut call = universal(&proxy, "open", &[step("one", json!({}))]);
    // The hop broke down where the provider's silence has no follower.
    call.now();
    call.break_off();
    assert_eq!(call.refusal(), (400, Some(2005)));
    assert_eq!(call.asked(), ["one"]);
    assert_eq!(call.finish().len(), 1);
}
