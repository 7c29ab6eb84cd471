//! Events that resemble each other: whether they are compared or read makes no difference.

use super::property::FORMATS;
use super::*;

const SHAPES: [&str; 15] = [
    r#"{"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":"stop"}],"usage":null}"#,
    r#"{"id":"a","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":COUNT}}"#,
    r#"{"type":"content_block_delta","index":COUNT,"delta":{"type":"text_delta","text":"TEXT"}}"#,
    r#"{"delta":{"text":"TEXT"},"usage":{"output_tokens":COUNT}}"#,
    r#"{"type":"response.output_text.delta","sequence_number":COUNT,"delta":"TEXT"}"#,
    r#"{"message":{"model":"m","usage":{"input_tokens":2,"output_tokens":1}},"text":"TEXT"}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"TEXT"}]}}],"usageMetadata":{"candidatesTokenCount":COUNT}}"#,
    r#"{"error":{"type":"TEXT","message":"TEXT"}}"#,
    r#"{"text":"TEXT","event_type":"text-generation","is_finished":false}"#,
    r#"[{"text":"TEXT"},{"model":"m","text":"TEXT"}]"#,
    r#"{"item":{"type":"web_search_call","id":"TEXT"},"text":"TEXT"}"#,
    r#"{"x":[1"y",2,"model"],"z":0,"n":COUNT}"#,
    r#"{"x":[1"y"],"model":"z","n":COUNT}"#,
    r#"{"data":[{"b64_json":"TEXT"}],"n":COUNT}"#,
];
const TEXTS: [&str; 8] = [
    "",
    "a",
    "stop",
    "\\\"",
    "\\\\",
    "{\\u00e9,",
    "é",
    "\",\"model\":\"n\",\"x\":\"",
];
const NAMES: [&str; 8] = [
    "",
    "",
    "",
    "error",
    "message_stop",
    "ping",
    "image_generation.completed",
    "response.failed",
];
const TAILS: [&str; 8] = [
    "",
    "",
    "",
    "",
    " ",
    "}",
    "\ndata: {\"model\":\"o\"}",
    "\n\ndata: [DONE]",
];

fn event() -> impl Strategy<Value = String> {
    let of = |all: &'static [&'static str]| prop::sample::select(all);
    // Few of each, so that they come again.
    let shape = prop::sample::select(&SHAPES[..]);
    (shape, of(&TEXTS), of(&NAMES), of(&TAILS), 0..12_u32).prop_map(
        |(shape, text, name, tail, count)| {
            let document = shape.replace("TEXT", text);
            let document = document.replace("COUNT", &count.to_string());
            let name = if name.is_empty() {
                String::new()
            } else {
                format!("event: {name}\n")
            };
            format!("{name}data: {document}{tail}\n\n")
        },
    )
}

proptest! {
    #[test]
    fn an_event_that_is_compared_counts_as_one_that_is_read(kinds in vec(event(), 1..4), order in vec(any::<prop::sample::Index>(), 1..24)) {
        let events: Vec<_> = order.iter().map(|at| at.get(&kinds).as_bytes()).collect();
        let stream = events.concat();
        for format in FORMATS {
            let meter = || Meter::new(format, "text/event-stream");
            let compared = finished(meter(), events.iter().copied());
            let read = finished(meter(), stream.chunks(1));
            prop_assert_eq!(seen(&compared), seen(&read), "{:?}", format);
        }
    }
}
