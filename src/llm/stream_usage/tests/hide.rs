//! The answer without it; any cut, any bytes.

use super::*;

fn hidden<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hide = Hide::default();
    let mut shown = Vec::new();
    for piece in pieces {
        shown.extend(hide.feed(piece));
    }
    hide.finish(&mut shown);
    String::from_utf8(shown).unwrap()
}

fn hides(stream: &str) -> String {
    hidden([stream.as_bytes()])
}

/// A chunk as OpenAI writes it, with and without the member that the question adds.
fn chunk(content: &str) -> [String; 2] {
    let chunk = |usage: &str| {
        format!(
            r#"data: {{"id":"c","choices":[{{"index":0,"delta":{{"content":{}}}}}]{usage},"obfuscation":"xy"}}"#,
            Value::from(content)
        )
    };
    [chunk(r#","usage":null"#), chunk("")]
}

const LAST: &str = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2},"obfuscation":""}"#;

/// A stream as asked, and as it would have been.
fn streams(end: &str) -> [String; 2] {
    let azure = r#"data: {"choices":[],"model":"","prompt_filter_results":[]"#;
    let heads = [
        format!("\u{feff}: hello{end}{end}{azure},\"usage\":null}}{end}{end}"),
        format!("\u{feff}: hello{end}{end}{azure}}}{end}{end}"),
    ];
    let mut streams = heads;
    for content in ["Hel", "lo \"usage\":null, \n", ""] {
        for (stream, chunk) in streams.iter_mut().zip(chunk(content)) {
            *stream += &format!("{chunk}{end}{end}");
        }
    }
    streams[0] += &format!("{LAST}{end}{end}");
    for stream in &mut streams {
        *stream += &format!(": keep-alive{end}{end}event: x{end}data: [DONE]{end}{end}");
    }
    streams
}

#[test]
fn the_stream_is_shown_as_if_nobody_had_asked() {
    for end in ["\n", "\r\n", "\r"] {
        let [asked, unasked] = streams(end);
        assert_eq!(hides(&asked), unasked, "{end:?}");
        assert_eq!(hides(&unasked), unasked, "{end:?}");
    }
}

#[test]
fn the_member_goes_with_its_comma_wherever_it_stands() {
    for (with, without) in [
        (r#"{"a":1,"usage":null,"b":2}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a": 1, "usage": null}"#, r#"{"a": 1}"#),
        (r#"{"usage": null, "b": 2}"#, r#"{"b": 2}"#),
        (r#"{"usage":null}"#, "{}"),
        (
            r#"{"choices":[{"delta":{},"usage":{"x":1}}],"usage":{"prompt_tokens":1}}"#,
            r#"{"choices":[{"delta":{},"usage":{"x":1}}]}"#,
        ),
        (r#"{"choices": [ ], "usage": null}"#, r#"{"choices": [ ]}"#),
    ] {
        let [with, without] = [with, without].map(|data| format!("data:{data}\n\n"));
        assert_eq!(hides(&with), without);
    }
}

#[test]
fn an_event_of_several_data_lines_is_one_document() {
    let event = "data: {\"id\":1,\r\ndata: \"choices\":[1],\r\ndata: \"usage\":\r\ndata: null\r\nid: 7\r\ndata: }\r\n\r\n";
    let shown = hides(event);
    assert_eq!(
        shown,
        "data: {\"id\":1,\r\ndata: \"choices\":[1]\r\nid: 7\r\ndata: }\r\n\r\n"
    );
    let last = "event: a\ndata: {\"choices\":\ndata: [],\ndata: \"usage\":{}}\n\n";
    assert_eq!(hides(&format!("{last}data: x\n\n")), "data: x\n\n");
}

#[test]
fn what_is_no_chunk_is_shown_as_it_is() {
    for stream in [
        "data: {\"choices\":[],\"usage\":{}",
        "data: {\"choices\":[],\"usage\":{}} trailing\n\n",
        "data: {\"usage\":null,\"usage\":null}\n\n",
        "data: {\"a\":1,\"us\\u0061ge\":null}\n\n",
        "data: [{\"usage\":null}]\n\n",
        "data: [[],{\"usage\":null}]\n\n",
        "event: error\ndata: {\"error\":{\"usage\":null}}\n\n",
        "dat: {\"a\":1,\"usage\":null}\n\nusage\n\n\n\n",
        ": {\"a\":1,\"usage\":null}\n\n",
    ] {
        assert_eq!(hides(stream), stream);
    }
}

#[test]
fn an_event_that_is_too_large_passes_while_it_comes() {
    let text = "x".repeat(300 << 10);
    let large = format!("data: {{\"choices\":[\"{text}\"],\"usage\":null}}\n\n");
    let mut hide = Hide::default();
    let shown = hide.feed(&large.as_bytes()[..299 << 10]);
    assert!(shown.len() > 290 << 10, "{}", shown.len());
    assert_eq!(hides(&format!("{large}{LAST}\n\n{large}")), large.repeat(2));
}

#[test]
fn an_event_is_shown_as_soon_as_its_object_or_its_blank_line_has_come() {
    let mut hide = Hide::default();
    let [with, without] = chunk("a } \" \\");
    let (start, end) = with.split_at(with.len() - 1);
    assert_eq!(hide.feed(start.as_bytes()), b"");
    assert_eq!(hide.feed(end.as_bytes()), without.as_bytes());
    assert_eq!(hide.feed(b"\n\n"), b"\n\n");
    assert_eq!(hide.feed(b": a comment {}\r\n\r"), b": a comment {}\r\n\r");
    assert_eq!(hide.feed(b"\ndata: [DONE]"), b"\ndata: [DONE]");
    assert_eq!(hide.feed(format!("\n\n{LAST}").as_bytes()), b"\n\n");
    assert_eq!(hide.feed(b"\n\nevent: x\ndata:x"), b"event: x\ndata:x");
}

#[test]
fn only_the_braces_of_data_end_an_object() {
    let without = "event: {}\n: {\"}\nid: }\ndata: {\"a\":\ndata: 1}\n\n";
    let with = without.replace("1}", "1,\"usage\":null}");
    assert_eq!(hides(&with), without);
    // One that is hidden is none before all of its event has come.
    let more = format!("{LAST}\ndata: {{}}\n\n");
    assert_eq!(hides(&more), more);
}

#[test]
fn a_last_event_without_its_blank_line_is_judged_as_well() {
    for end in ["", "\n", "\r\n"] {
        assert_eq!(hides(&format!("data: x\n\n{LAST}{end}")), "data: x\n\n");
        let [with, without] = chunk("a");
        assert_eq!(hides(&format!("{with}{end}")), format!("{without}{end}"));
    }
}

proptest! {
    #[test]
    fn any_cut_shows_the_same(
        cuts in proptest::collection::vec(1..40_usize, 1..60),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let [asked, unasked] = streams(end);
        prop_assert_eq!(hidden(cut(asked.as_bytes(), &cuts)), unasked);
    }

    #[test]
    fn no_bytes_panic_and_the_cut_does_not_matter(
        pieces in proptest::collection::vec(prop_oneof![
            "[ -~\r\n]{0,8}",
            Just("data: {\"a\":1,\"usage\":null}".to_owned()),
            Just("data: ".to_owned()),
            Just("{\"choices\":[],\"usage\":{}}".to_owned()),
            Just("data: {\"choices\":[],\"usage\":{}}".to_owned()),
            Just("\r\n".to_owned()),
            Just("\n\n".to_owned()),
        ], 0..30),
        cuts in proptest::collection::vec(1..9_usize, 1..30),
    ) {
        let stream = pieces.concat();
        prop_assert_eq!(hidden(cut(stream.as_bytes(), &cuts)), hides(&stream));
    }

    #[test]
    fn what_is_asked_is_the_same_request_with_the_question(
        names in proptest::collection::vec("[a-z\"\\\\{ ]{0,6}", 0..5),
        options in proptest::option::of(proptest::option::of(any::<bool>())),
    ) {
        let mut request = json!({"stream": true});
        for name in &names {
            request[name] = json!([name, {name: {}}]);
        }
        if let Some(usage) = options {
            request["stream_options"] = json!({"include_obfuscation": false});
            if let Some(usage) = usage {
                request["stream_options"]["include_usage"] = json!(usage);
            }
        }
        let body = ask(request.to_string().as_bytes()).unwrap();
        request["stream_options"]["include_usage"] = json!(true);
        prop_assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), request);
    }
}
