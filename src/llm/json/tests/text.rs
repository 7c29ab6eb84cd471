//! Where a text is complete, broken, or longer than anything held.

use super::*;

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
