//! Which values are reported, and how.

use super::*;

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
