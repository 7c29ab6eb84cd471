//! Any cut, any flipped bit, any bytes.

use super::*;

pub(super) const FORMATS: [Option<Format>; 17] = [
    None,
    Some(Format::OpenAiChat),
    Some(Format::OpenAiResponses),
    Some(Format::AnthropicMessages),
    Some(Format::BedrockConverse),
    Some(Format::BedrockInvoke),
    Some(Format::BedrockMessages),
    Some(Format::Cohere),
    Some(Format::HuggingFace),
    Some(Format::Ollama),
    Some(Format::WorkersAi),
    Some(Format::Gemini),
    Some(Format::GeminiInteractions),
    Some(Format::OpenAiAudio),
    Some(Format::OpenAiImages),
    Some(Format::Perplexity),
    Some(Format::VertexPrediction),
];

/// Bytes that look like answers often enough to get deep into the meter.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "data: ",
            "event: error",
            "\n",
            "\n\n",
            "\r\n",
            "[DONE]",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"usage\":{",
            "\"message\":{",
            "\"response\":{",
            "\"output\":[{",
            "\"type\":\"message_stop\"",
            "\"error\":",
            "\"prompt_tokens\":",
            "\"iterations\":[{",
            "\"usageMetadata\":{",
            "\"promptTokensDetails\":[{",
            "\"predictions\":[{",
            "\"input_tokens\":1",
            "\\ud83d",
            "1e99",
            "-5",
            "null",
            "é",
        ])
        .prop_map(|token| token.as_bytes().to_vec()),
        vec(any::<u8>(), 0..6),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// A line, and the model it names if it is sound.
fn line() -> impl Strategy<Value = (String, Option<String>)> {
    let sound = prop::sample::select(vec!["one", "two", "last"]).prop_map(|model| {
        let text = json!({ "message": { "content": "a\nb}{\"" }, "model": model, "done": model == "last" });
        (text.to_string(), Some(model.to_owned()))
    });
    let broken = prop::sample::select(vec![
        r#"{"model":"broken"#,
        r#"{"model":"broken","done":true"#,
        r#"{"model":"broken","done":true}}"#,
        r#"{"model":"broken","done":tru}"#,
        r#"{"model":"broken"}{"done":true}"#,
        r#"{"model":"broken","x":["#,
        r#"{"model":"broken","x":[1}}"#,
        "data: {}",
        "[DONE]",
        "\"",
        "\\",
        "\u{feff}{}",
        "7",
        "",
    ])
    .prop_map(|text| (text.to_owned(), None));
    prop_oneof![sound, broken]
}

proptest! {
    #[test]
    fn any_cut_of_a_golden_answer_gives_the_same(pick in any::<prop::sample::Index>(), sizes in vec(1..60_usize, 1..8)) {
        let case = pick.get(cases());
        let pieces = finished(meter(case), cut(&case.body, &sizes));
        prop_assert_eq!(&seen(&pieces)["answer"], &case.expected["answer"], "{}", case.name);
        prop_assert_eq!(pieces.is_complete(), case.expected["complete"] == json!(true), "{}", case.name);
    }

    #[test]
    fn a_stream_with_any_bit_flipped_is_never_complete(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let is_complete = |case: &&Case| case.content_type == FRAMES && case.expected["complete"] == json!(true);
        let cases: Vec<_> = cases().iter().filter(is_complete).collect();
        let case = pick.get(&cases);
        let mut body = case.body.clone();
        body[at.index(case.body.len())] ^= 1 << bit;
        prop_assert!(!finished(meter(case), [body.as_slice()]).is_complete(), "{}", case.name);
    }

    #[test]
    fn a_broken_line_spoils_no_other_one(lines in vec(line(), 1..12), ends in vec(prop::sample::select(vec!["\n", "\r\n", "\n\n", "\r\n \t\r\n"]), 12), last in any::<bool>(), sizes in vec(1..40_usize, 1..6)) {
        let (mut body, mut expected, mut is_ended) = (String::new(), Answer::default(), false);
        for (at, ((text, model), end)) in lines.iter().zip(&ends).enumerate() {
            body.push_str(text);
            if last || at + 1 < lines.len() {
                body.push_str(end);
            }
            if let Some(model) = model {
                expected.model = Some(model.clone());
                is_ended |= model == "last";
            }
        }
        let ollama = || Meter::new(Some(Format::Ollama), LINES);
        for meter in [finished(ollama(), [body.as_bytes()]), finished(ollama(), cut(body.as_bytes(), &sizes))] {
            prop_assert_eq!(meter.answer(), &expected, "{}", body);
            prop_assert_eq!(meter.is_complete(), is_ended, "{}", body);
        }
    }

    #[test]
    fn hostile_bytes_never_panic_and_any_cut_gives_the_same(bytes in hostile(), sizes in vec(1..9_usize, 1..8)) {
        for format in FORMATS {
            for content_type in [SSE, LINES, FRAMES, "application/json", ""] {
                let whole = finished(Meter::new(format, content_type), [bytes.as_slice()]);
                let pieces = finished(Meter::new(format, content_type), cut(&bytes, &sizes));
                prop_assert_eq!(seen(&whole), seen(&pieces));
            }
        }
    }
}
