//! The list of steps, and what is wrong with it.

use super::*;

#[test]
fn every_member_of_a_step_is_read_and_the_body_is_the_clients_text() {
    let body = r#" [ {"provider":"workers-ai","endpoint":"@cf/meta/llama-3.1-8b-instruct",
        "headers":{"Authorization":"Bearer T","Content-Type":"application/json"},
        "config":{"requestTimeout":1000,"maxAttempts":2,"retryDelay":0,"backoff":"linear","other":[]},
        "query": {"messages" : [{"role":"user","content":"h\u00e9 \n"}], "n":1.0e0, "a":1, "a":2 } , "extra": {}},
      {"query":"text","provider":"custom-in_house","endpoint":"/v1/x?a=b&c=?"}]"#;
    let steps = read(body.as_bytes()).unwrap();
    let first = Step {
        place: "[0]".into(),
        provider: "workers-ai".into(),
        path: "@cf/meta/llama-3.1-8b-instruct".into(),
        query: None,
        headers: headers(&[
            ("authorization", "Bearer T"),
            ("content-type", "application/json"),
        ]),
        config: Wishes {
            attempts: Some(2),
            delay_ms: Some(0),
            backoff: Some(Backoff::Linear),
            timeout_ms: Some(1000),
        },
        body:
            br#"{"messages" : [{"role":"user","content":"h\u00e9 \n"}], "n":1.0e0, "a":1, "a":2 }"#,
    };
    let second = Step {
        place: "[1]".into(),
        provider: "custom-in_house".into(),
        path: "v1/x".into(),
        query: Some("a=b&c=?".into()),
        headers: HeaderList::default(),
        config: Wishes::default(),
        body: b"\"text\"",
    };
    assert_eq!(steps, [first, second]);
}

#[test]
fn a_step_alone_is_a_list_of_one() {
    let step = with(json!({"headers": {"x-a": "1"}})).to_string();
    let list = format!("[{step}]");
    let list = read(list.as_bytes()).unwrap().remove(0);
    let alone = Step {
        place: String::new(),
        ..list
    };
    assert_eq!(read(step.as_bytes()), Ok(vec![alone]));
    assert_eq!(
        refusal(r#"{"provider":"openai","endpoint":"x"}"#),
        "query: missing"
    );
    assert_eq!(
        refusal(r#" {"provider":"p","endpoint":"x","query":1,"headers":{"x":[]}}"#),
        "headers.x: must be a string"
    );
}

#[test]
fn null_is_absent_and_the_last_of_two_members_counts() {
    let body = r#"{"provider":"anthropic","provider":"openai","endpoint":"e","headers":null,"config":null,
        "authorization":null,"query":1,"query":null}"#;
    let step = &read(body.as_bytes()).unwrap()[0];
    assert_eq!(
        (step.provider.as_str(), step.body),
        ("openai", &b"null"[..])
    );
    assert_eq!(step.headers, HeaderList::default());
    let nulls =
        with(json!({"config": {"maxAttempts": null, "backoff": null}, "headers": {"x": null}}));
    let nulls = nulls.to_string();
    let step = &read(nulls.as_bytes()).unwrap()[0];
    assert_eq!(
        (step.config, &step.headers),
        (Wishes::default(), &HeaderList::default())
    );
}

#[test]
fn a_body_that_is_no_list_of_steps_is_refused_with_the_place() {
    let many = Value::from(vec![with(json!({})); MAX_STEPS + 1]).to_string();
    for (body, wanted) in [
        ("", "body: is empty"),
        (" \n", "body: is empty"),
        ("\"x\"", "body: must be a list of steps"),
        ("null", "body: must be a list of steps"),
        ("[]", "body: has no steps"),
        ("[{}\n, {]", "body: is not JSON: line 2, column 4"),
        ("[", "body: is not JSON: line 1, column 1"),
        ("{}]", "body: is not JSON: line 1, column 3"),
        (&many, "body: has more than 16 steps"),
        ("[1]", "[0]: must be an object"),
        ("[{}]", "[0].provider: missing"),
    ] {
        assert_eq!(refusal(body), wanted, "{body}");
    }
    let not_text = read(b"[{\"a\": \"\xff\"}]").unwrap_err();
    assert!(not_text.what.starts_with("is not JSON"), "{not_text:?}");
}

#[test]
fn a_bad_provider_endpoint_or_query_is_refused_with_the_exact_place() {
    let (slug, control) = (
        "provider: is not the name of a provider",
        "endpoint: the path or query has white space or a control character",
    );
    check(&[
        (json!({"provider": 7}), "provider: must be a string"),
        (json!({"provider": null}), "provider: missing"),
        (json!({"provider": "a/b"}), slug),
        (json!({"provider": ""}), slug),
        (json!({"endpoint": ["x"]}), "endpoint: must be a string"),
        (
            json!({"endpoint": "a/../b"}),
            "endpoint: the path has a segment of dots",
        ),
        (
            json!({"endpoint": "//evil.example"}),
            "endpoint: the path has an empty segment",
        ),
        (json!({"endpoint": "a?b c"}), control),
        (json!({"endpoint": "a\r\nx: y"}), control),
    ]);
    let step = json!({"provider": "p", "endpoint": "e"});
    let list = json!([with(json!({})), with(json!({})), step]).to_string();
    assert_eq!(refusal(&list), "[2].query: missing");
}

#[test]
fn a_bad_header_of_a_step_is_refused_with_the_exact_place() {
    let name = "headers: has a name that is no header's";
    let line = "headers.x: has a control character";
    let crowd: Value = (0..200).map(|n| (format!("x-{n}"), json!("v"))).collect();
    check(&[
        (json!({"headers": "x"}), "headers: must be an object"),
        (
            json!({"headers": {"x-list": ["a"]}}),
            "headers.x-list: must be a string",
        ),
        (
            json!({"headers": {"x-object": {}}}),
            "headers.x-object: must be a string",
        ),
        (json!({"headers": {"x": "a\r\ny: b"}}), line),
        (json!({"headers": {"x": "a\u{0}"}}), line),
        (json!({"headers": {"x\r\ny": "b"}}), name),
        (json!({"headers": {":path": "/"}}), name),
        (json!({"headers": {"": "b"}}), name),
        (json!({"headers": {"ü": "b"}}), name),
        (
            json!({"headers": crowd}),
            "headers: has more than 128 members",
        ),
        (
            json!({"authorization": 1}),
            "authorization: must be a string",
        ),
        (
            json!({"authorization": "a\nb"}),
            "authorization: has a control character",
        ),
    ]);
    let lone = r#"[{"provider":"p","endpoint":"e","query":1,"headers":{"x":"\ud800"}}]"#;
    assert_eq!(refusal(lone), "[0].headers.x: must be a string");
}

#[test]
fn a_bad_config_of_a_step_is_refused_with_the_exact_place() {
    let attempts = "config.maxAttempts: must be a whole number from 1 to 5";
    let delay = "config.retryDelay: must be a whole number from 0 to 60000";
    check(&[
        (json!({"config": []}), "config: must be an object"),
        (json!({"config": {"maxAttempts": 0}}), attempts),
        (json!({"config": {"maxAttempts": 6}}), attempts),
        (json!({"config": {"maxAttempts": "2"}}), attempts),
        (json!({"config": {"retryDelay": 60_001}}), delay),
        (json!({"config": {"retryDelay": 1.5}}), delay),
        (
            json!({"config": {"requestTimeout": -1}}),
            "config.requestTimeout: must be a whole number from 0 to 3600000",
        ),
        (
            json!({"config": {"backoff": "random"}}),
            "config.backoff: must be constant, linear or exponential",
        ),
    ]);
}

#[test]
fn a_body_as_deep_as_it_is_long_is_read_like_any_other() {
    let deep = ["[".repeat(200_000), "]".repeat(200_000)].concat();
    let body = format!(r#"[{{"provider":"p","endpoint":"e","query":{deep}}}]"#);
    assert_eq!(read(body.as_bytes()).unwrap()[0].body, deep.as_bytes());
    let open = format!(
        r#"[{{"provider":"p","endpoint":"e","query":{}"#,
        "[".repeat(200_000)
    );
    assert!(refusal(&open).starts_with("body: is not JSON"));
    assert_eq!(refusal(&deep), "[0]: must be an object");
}
