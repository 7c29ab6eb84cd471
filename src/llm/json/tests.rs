use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::llm::pieces::cut;

const TABLE: &[Node<&str>] = &[
    Node::leaf("model", "model"),
    Node::leaf("1", "1"),
    Node::branch(
        "usage",
        &[
            Node::leaf("in", "in"),
            Node::branch("x", &[Node::leaf("y", "y")]),
        ],
    )
    .reported("usage"),
    Node::branch("choices", &[Node::first(&[Node::leaf("end", "end")])]),
    Node::branch(
        "output",
        &[Node::every(&[Node::leaf("type", "type")]).reported("item")],
    ),
    Node::first(&[Node::leaf("model", "first")]),
    Node::measured("spoken", "spoken"),
    Node::branch("any", &[Node::any("any")]),
];

/// The events as text, and whether the scanner is complete and broken.
type Seen = (Vec<String>, bool, bool);

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut scanner = Scanner::new(TABLE);
    let mut events = Vec::new();
    let mut sink = |id: &str, event: Event<'_>| events.push(format!("{id}={event:?}"));
    for piece in pieces {
        scanner.feed(piece, &mut sink);
        assert!(scanner.heap_bytes() <= 8192, "{}", scanner.heap_bytes());
    }
    scanner.finish(&mut sink);
    (events, scanner.is_complete(), scanner.is_broken())
}

/// Scans whole and byte by byte; both must agree.
fn events(text: &str) -> Vec<String> {
    let whole = scan([text.as_bytes()]);
    assert_eq!(whole, scan(cut(text.as_bytes(), &[1])), "{text}");
    assert!(whole.1, "{text}");
    whole.0
}

fn text_event(value: &str) -> String {
    format!("model={:?}", Event::Text(value))
}

#[test]
fn only_wanted_places_are_reported_in_the_order_of_the_text() {
    let text = r#" { "in":1, "usage": {"in": 12.0, "z": {"in": 2}, "x":{"y":true,"x":{"y":1}}} ,
        "choices":[{"end":"stop","other":[1]},{"end":"no"}], "output":[{"type":"a"},3,{"type":null}],
        "deep":[[[{"model":"no"}]]], "model":"m" } "#;
    let expected = [
        "usage=Open",
        "in=Number(\"12.0\")",
        "y=Bool(true)",
        "usage=Close",
        "end=Text(\"stop\")",
        "item=Open",
        "type=Text(\"a\")",
        "item=Close",
        "item=Number(\"3\")",
        "item=Open",
        "type=Null",
        "item=Close",
        "model=Text(\"m\")",
    ];
    assert_eq!(events(text), expected);
}

#[test]
fn an_object_is_no_array_and_an_array_no_object() {
    let text = r#"{"choices":{"0":{"end":"no"},"end":"no"},"usage":[{"in":1}],"output":{"type":"no"},"1":[1]}"#;
    assert_eq!(
        events(text),
        ["usage=Open", "usage=Close", "1=Open", "1=Close"]
    );
    assert_eq!(
        events(r#"[{"model":"a"},{"model":"b"}]"#),
        ["first=Text(\"a\")"]
    );
    assert_eq!(events("[]"), [""; 0]);
}

#[test]
fn every_duplicate_is_reported_so_that_the_last_can_win() {
    let expected = ["model=Text(\"a\")", "model=Null", "model=Text(\"b\")"];
    assert_eq!(
        events(r#"{"model":"a","model":null,"mode\u006C":"b"}"#),
        expected
    );
}

#[test]
fn keys_and_strings_are_decoded() {
    for (written, value) in [
        (r"", ""),
        (r"plain \u00e9 \u20AC é€", "plain é € é€"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r"\ud83d\ude00!", "😀!"),
        (r"\ud83d", "\u{fffd}"),
        (r"\ud83dx", "\u{fffd}x"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ude00", "\u{fffd}"),
        (r"\u0000", "\u{0}"),
    ] {
        assert_eq!(
            events(&format!(r#"{{"\u006dodel":"{written}"}}"#)),
            [text_event(value)]
        );
    }
}

#[test]
fn strings_above_the_limit_and_invalid_utf_8_are_unreadable() {
    let at_limit = "é".repeat(2048);
    assert_eq!(
        events(&format!(r#"{{"model":"{at_limit}"}}"#)),
        [text_event(&at_limit)]
    );
    let above = ["model=Unreadable", "1=Number(\"2\")"];
    assert_eq!(
        events(&format!(r#"{{"model":"{at_limit}x","1":2}}"#)),
        above
    );
    assert_eq!(
        events(&format!(r#"{{"model":"{at_limit}\n","1":2}}"#)),
        above
    );
    assert_eq!(
        events(&format!(r#"{{"model":1{},"1":2}}"#, "0".repeat(4096))),
        above
    );
    let (events, complete, _) = scan([&b"{\"model\":\"\xFF\",\"\xFF\":1}"[..]]);
    assert!(complete);
    assert_eq!(events, ["model=Unreadable"]);
}

#[test]
fn a_measured_string_of_any_size_is_reported_by_its_decoded_characters() {
    let long = "é€😀x".repeat(100_000);
    for (written, length) in [
        (r"", 0),
        (r"plain", 5),
        (r"é€😀", 3),
        (r#"\"\\\/\b\f\n\r\t"#, 8),
        (r"\u00e9\ud83d\ude00!", 3),
        (r"\ud83d", 1),
        (r"\ud83dx\ud83d\ud83d\ude00\ude00", 5),
        (&long, 400_000),
    ] {
        let expected = [
            format!("spoken=Length({length})"),
            "model=Text(\"m\")".to_owned(),
        ];
        let text = format!(r#"{{"spoken":"{written}","model":"m"}}"#);
        assert_eq!(events(&text), expected);
    }
    assert_eq!(events(r#"{"spoken":null}"#), ["spoken=Null"]);
}

#[test]
fn numbers_of_any_size_are_reported_as_written() {
    for number in ["0", "-1.5e-300", "123456789012345678901234567890", "1E+2"] {
        assert_eq!(
            events(&format!(r#"{{"model":{number}}}"#)),
            [format!("model=Number({number:?})")]
        );
    }
}

#[test]
fn a_text_is_complete_when_its_outermost_value_has_closed() {
    for text in [
        "{}",
        "[]",
        "\"a\"",
        "12",
        "true",
        " {\"a\":[{}]}\r\n\t ",
        "{\"a\":1e5}",
    ] {
        events(text);
    }
    for text in [
        "",
        " ",
        "{",
        "[",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":{}",
        "[1,",
        "\"a",
        "\"\\",
        "[[{}]",
    ] {
        let (_, complete, broken) = scan([text.as_bytes()]);
        assert!(!complete && !broken, "{text}");
    }
}

#[test]
fn one_byte_order_mark_before_the_text_is_skipped() {
    for text in ["\u{FEFF}{\"model\":\"m\"}", "\u{FEFF} {\"model\":\"m\"}\n"] {
        assert_eq!(events(text), [text_event("m")]);
    }
    let bytes: [&[u8]; 5] = [
        b"\xEF\xBB\xBF\xEF\xBB\xBF{}",
        b" \xEF\xBB\xBF{}",
        b"\xEF\xBB{}",
        b"\xEF {}",
        b"{\xEF\xBB\xBF}",
    ];
    for text in bytes {
        let whole = scan([text]);
        assert!(whole.2, "{text:?}");
        assert_eq!(whole, scan(cut(text, &[1])), "{text:?}");
    }
    let mut scanner = Scanner::new(TABLE);
    let mut count = 0;
    for piece in ["\u{FEFF}{}", "\u{FEFF}{\"model\":1}"] {
        scanner.reset();
        scanner.feed(piece.as_bytes(), &mut |_, _| count += 1);
    }
    assert!(scanner.is_complete());
    assert_eq!(count, 1);
}

#[test]
fn any_member_is_reported_whatever_its_name() {
    let name = "n".repeat(1000);
    let text = format!(r#"{{"any":{{"{name}":1,"":null,"a":{{"b":2}}}},"any":[3],"other":4}}"#);
    assert_eq!(
        events(&text),
        ["any=Number(\"1\")", "any=Null", "any=Open", "any=Close"]
    );
}

#[test]
fn what_is_not_json_is_broken() {
    for text in [
        "<html>",
        "hello",
        "}",
        "]",
        ",",
        ":",
        "{]",
        "[}",
        "{}{}",
        "{},",
        "{,}",
        "[,]",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\":1 2}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "[1 2]",
        "{a:1}",
        "{'a':1}",
        "[\"a\"\"b\"]",
        "12x ",
        "1 2",
        "{\"model\":\"\\x\"}",
        "{\"model\":\"\\u00g0\"}",
        "{\"a\":[}",
        "{\"a\":[[{]]}",
    ] {
        let whole = scan([text.as_bytes()]);
        assert!(whole.2 && !whole.1, "{text}");
        assert_eq!(whole, scan(cut(text.as_bytes(), &[1])), "{text}");
    }
}

#[test]
fn any_nesting_is_read_without_growing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = 300_000;
        let inner = if open == "[" { "" } else { "\"}\"" };
        let text = format!(
            r#"{{"x":{}{inner}{},"model":"m"}}"#,
            open.repeat(depth),
            close.repeat(depth)
        );
        assert_eq!(events(&text), [text_event("m")]);
    }
}

#[test]
fn megabytes_of_strings_are_skipped_without_being_held() {
    let image = "aGVsbG8vd29ybGQ+".repeat(300_000);
    let text = format!(r#"{{"data":[{{"b64":"{image}"}}],"b64":"{image}","model":"m"}}"#);
    let mut scanner = Scanner::new(TABLE);
    let mut seen = Vec::new();
    scanner.feed(text.as_bytes(), &mut |id, event| {
        seen.push((id, event.text().map(str::to_owned)));
    });
    assert_eq!(seen, [("model", Some("m".to_owned()))]);
    assert!(scanner.heap_bytes() < 1024, "{}", scanner.heap_bytes());
    assert!(size_of::<Scanner<&str>>() < 512);
}

#[test]
fn a_reset_scanner_starts_anew() {
    let mut scanner = Scanner::new(TABLE);
    let mut count = 0;
    for text in [
        "{\"usage\":{\"in\":",
        "[DONE]",
        "{\"a\":[\"",
        "{\"model\":\"m\"}",
    ] {
        scanner.reset();
        scanner.feed(text.as_bytes(), &mut |id, _| {
            count += usize::from(id == "model");
        });
    }
    assert!(scanner.is_complete());
    assert_eq!(count, 1);
}

/// What the events about `model` must say of a parsed text.
fn expected_model(value: &serde_json::Value) -> Option<String> {
    let event = match value.get("model")? {
        serde_json::Value::String(text) => Event::Text(text),
        serde_json::Value::Bool(value) => Event::Bool(*value),
        serde_json::Value::Null => Event::Null,
        serde_json::Value::Number(number) => {
            return Some(format!("model={:?}", Event::Number(&number.to_string())));
        }
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => Event::Close,
    };
    Some(format!("model={event:?}"))
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let key = prop_oneof![
        Just("model"),
        Just("usage"),
        Just("in"),
        Just("choices"),
        Just("é\"{"),
        Just("")
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            vec((key.clone(), inner), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

/// Bytes that look like JSON often enough to get deep into the machine.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\\u",
            "d83d",
            "\"model\":",
            "\"usage\":{",
            "\"choices\":[{",
            "null",
            "true",
            "1",
            "-",
            "e5",
            " ",
            "\n",
            "é",
        ])
        .prop_map(|token| token.as_bytes().to_vec()),
        vec(any::<u8>(), 0..5),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn json_of_any_shape_is_complete_and_its_values_are_found(value in json(), pretty: bool, sizes in vec(1..9_usize, 1..8)) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let whole = scan([text.as_bytes()]);
        prop_assert!(whole.1, "{}", text);
        let found = whole.0.iter().rev().find(|event| event.starts_with("model="));
        prop_assert_eq!(found.cloned(), expected_model(&value));
        prop_assert_eq!(whole.clone(), scan(cut(text.as_bytes(), &sizes)));
    }

    #[test]
    fn hostile_bytes_never_panic_and_any_cut_gives_the_same(bytes in hostile(), sizes in vec(1..9_usize, 1..8)) {
        let whole = scan([bytes.as_slice()]);
        prop_assert_eq!(&whole, &scan(cut(&bytes, &sizes)));
        prop_assert_eq!(&whole, &scan(cut(&bytes, &[1])));
        if serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() {
            prop_assert!(whole.1);
        }
    }
}
