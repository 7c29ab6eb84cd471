//! What becomes of the body; the list of models.

use super::*;

#[test]
fn only_the_models_value_changes() {
    for (body, wanted) in [
        (r#"{"model":"openai/x"}"#, r#"{"model":"m"}"#),
        (
            " { \"a\" : [1, {\"model\":\"no\"}] ,\n\t\"model\" :\t\"openai/gpt\" , \"z\":1e400 } \n",
            " { \"a\" : [1, {\"model\":\"no\"}] ,\n\t\"model\" :\t\"m\" , \"z\":1e400 } \n",
        ),
        (
            r#"{"m\u006fdel":"openai\/x","é":"\ud83d\ude00"}"#,
            r#"{"m\u006fdel":"m","é":"\ud83d\ude00"}"#,
        ),
        (
            r#"{"a,b\"c":1,"model":"openai/x","stream_options":{}}"#,
            r#"{"a,b\"c":1,"model":"m","stream_options":{}}"#,
        ),
    ] {
        assert_eq!(written(body, "openai"), wanted);
    }
}

#[test]
fn a_models_name_is_escaped() {
    let body = ChatBody::read(br#"{"model":"openai/a\"b\\c\u0007"}"#).unwrap();
    assert_eq!(body.model(), "openai/a\"b\\c\u{7}");
    let Ok(Target::Model(target)) = Target::parse(body.model()) else {
        panic!()
    };
    let written: Value = serde_json::from_slice(&body.written_for(&target)).unwrap();
    assert_eq!(written, json!({"model": "a\"b\\c\u{7}"}));
}

#[test]
fn however_often_the_model_is_written_every_parser_sees_the_same() {
    let body =
        ChatBody::read(br#"{"model":"groq/a","x":1,"model":"openai/b","model":null}"#).unwrap();
    assert_eq!(body.model(), "openai/b");
    assert_eq!(
        written(
            r#"{"model":"groq/a","x":1,"mod\u0065l":"openai/b","model":null}"#,
            "openai"
        ),
        r#"{"model":"m","x":1,"mod\u0065l":"m","model":"m"}"#
    );
}

#[test]
fn what_a_provider_refuses_goes_with_its_comma() {
    for (body, wanted) in [
        (
            r#"{"stream_options":{"include_usage":true},"model":"x/y"}"#,
            r#"{"model":"m"}"#,
        ),
        (
            r#"{ "stream_options" : {} , "stream_options":1, "model":"x/y"}"#,
            r#"{ "model":"m"}"#,
        ),
        (
            r#"{"model":"x/y" , "stream_options":null }"#,
            r#"{"model":"m" }"#,
        ),
        (
            r#"{"model":"x/y","stream_options":{},"a":2}"#,
            r#"{"model":"m","a":2}"#,
        ),
        (
            r#"{"stream_options":{},"a,\"b":[],"model":"x/y"}"#,
            r#"{"a,\"b":[],"model":"m"}"#,
        ),
    ] {
        assert_eq!(written(body, "cohere"), wanted);
        assert_eq!(written(body, "mistral"), wanted);
    }
}

#[test]
fn mistral_gets_its_own_names() {
    for (body, wanted) in [
        (
            r#"{"seed" : 7,"model":"x/y"}"#,
            r#"{"random_seed" : 7,"model":"m"}"#,
        ),
        (
            r#"{"model":"x/y", "s\u0065ed":7}"#,
            r#"{"model":"m", "random_seed":7}"#,
        ),
        (
            r#"{"seed":7,"model":"x/y","random_seed":8}"#,
            r#"{"model":"m","random_seed":8}"#,
        ),
        (
            r#"{"model":"x/y","max_completion_tokens":9}"#,
            r#"{"model":"m","max_tokens":9}"#,
        ),
        (
            r#"{"model":"x/y","max_tokens":null,"max_completion_tokens":9}"#,
            r#"{"model":"m","max_tokens":9}"#,
        ),
        (
            r#"{"seed":null,"model":"x/y","random_seed":null}"#,
            r#"{"model":"m","random_seed":null}"#,
        ),
    ] {
        assert_eq!(written(body, "mistral"), wanted);
    }
    let untouched = r#"{"seed":7,"model":"m","max_completion_tokens":9}"#;
    assert_eq!(written(untouched, "openai"), untouched);
}

#[test]
fn a_body_without_a_usable_model_has_a_bad_format() {
    let many = format!("{{\"model\":\"a/b\"{}}}", ",\"x\":1".repeat(1024));
    let long = format!("{{\"model\":\"openai/{}\"}}", "m".repeat(512));
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"model\":5}",
        "{\"model\":null}",
        "{\"model\":\"a/b\",\"model\":[]}",
        "{\"model\":\"a/b\"",
        "{\"model\":\"a/b\"}{}",
        "model=a/b",
        &many,
        &long,
        r#"["model","openai/x"]"#,
    ] {
        assert_eq!(
            ChatBody::read(body.as_bytes()).err(),
            Some(Incompatible::Format),
            "{body:.80}"
        );
    }
    assert!(ChatBody::read(b"{\"model\":\"a/b\",\"x\":\"\xff\"}").is_err());
}

#[test]
fn a_part_of_the_body_is_found_as_it_is_written() {
    let text = r#"{"a":1,"b":[10, {"c": "x"}],"a" : 2.50}"#;
    assert_eq!(member(text, "a"), Some("2.50"));
    let list = member(text, "b").unwrap();
    assert_eq!(
        element(list, 1).and_then(|object| member(object, "c")),
        Some("\"x\"")
    );
    for missing in [
        member(text, "z"),
        member(list, "a"),
        element(text, 0),
        element(list, 2),
        member("1", "a"),
    ] {
        assert_eq!(missing, None);
    }
}

#[test]
fn the_list_of_models_has_openais_shape() {
    let models = BTreeMap::from([
        ("openai/gpt-5".to_owned(), "openai".to_owned()),
        ("dynamic/a".to_owned(), "dynamic".to_owned()),
    ]);
    let found: Value = serde_json::from_slice(&list(&models)).unwrap();
    assert_eq!(
        found,
        json!({"object": "list", "data": [
            {"id": "dynamic/a", "object": "model", "created": 0, "owned_by": "dynamic"},
            {"id": "openai/gpt-5", "object": "model", "created": 0, "owned_by": "openai"},
        ]})
    );
}

proptest! {
    #[test]
    fn any_body_means_the_same_but_for_its_model(
        before in proptest::collection::btree_map("[a-c,\"é\\\\]{0,3}|stream_options|seed", any::<Option<u32>>(), 0..4),
        after in proptest::collection::btree_map("[d-f,\"é\\\\]{0,3}|random_seed", any::<String>(), 0..4),
        is_mistral: bool,
    ) {
        let mut parts: Vec<String> = before.iter().map(|(key, value)| format!(" {} : {} ", json!(key), json!(value))).collect();
        parts.push("\"model\":\"openai/x\"".to_owned());
        parts.extend(after.iter().map(|(key, value)| format!("{}:{}", json!(key), json!(value))));
        let text = format!("{{{}}}", parts.join(","));
        let mut wanted: Value = serde_json::from_str(&text).unwrap();
        let fields = wanted.as_object_mut().unwrap();
        fields.insert("model".to_owned(), json!("m"));
        if is_mistral {
            fields.remove("stream_options");
            if let Some(seed) = fields.remove("seed") {
                fields.entry("random_seed").or_insert(seed);
            }
        }
        let out = written(&text, if is_mistral { "mistral" } else { "groq" });
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), wanted);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(ChatBody::read(&bytes));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(!matches!(Target::parse(text), Ok(Target::Route(""))));
        }
    }
}

#[test]
fn a_body_as_deep_as_it_is_long_is_read_like_any_other() {
    let deep = ["[".repeat(200_000), "]".repeat(200_000)].concat();
    let body = format!(r#"{{"model":"openai/x","messages":{deep}}}"#);
    assert_eq!(ChatBody::read(body.as_bytes()).unwrap().model(), "openai/x");
    assert!(ChatBody::read(deep.as_bytes()).is_err());
}
