//! The golden answers, whole and cut.

use super::*;

#[test]
fn every_golden_answer_is_read_as_expected_whole_and_byte_by_byte() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in cases {
        let expected =
            json!({ "complete": case.expected["complete"], "answer": case.expected["answer"] });
        let whole = finished(meter(case), [case.body.as_slice()]);
        assert_eq!(seen(&whole), expected, "{}", case.name);
        let bytes = finished(meter(case), cut(&case.body, &[1]));
        assert_eq!(seen(&bytes), expected, "{}", case.name);
    }
}

#[test]
fn an_answer_cut_anywhere_is_complete_only_behind_its_last_byte_that_matters() {
    for case in cases()
        .iter()
        .filter(|case| case.expected["complete"] == json!(true))
    {
        let needed = match case.content_type {
            "application/json" => case.body.trim_ascii_end().len(),
            FRAMES => case.body.len(),
            "application/x-ndjson" => match &case.body[case.body.trim_ascii_end().len()..] {
                b"\n" => case.body.len(),
                b"\r\n" => case.body.len(),
                _ => usize::MAX,
            },
            // The terminal event with its blank line, of whose line end one byte is enough.
            _ => match &case.body[case.body.trim_ascii_end().len()..] {
                b"\n\n" | b"\r\r" => case.body.trim_ascii_end().len() + 2,
                b"\r\n\r\n" => case.body.trim_ascii_end().len() + 3,
                _ => usize::MAX,
            },
        };
        for length in 0..case.body.len() {
            let cut = replay(meter(case), [&case.body[..length]]);
            assert_eq!(
                cut.is_complete(),
                length >= needed,
                "{} at {length}",
                case.name
            );
        }
    }
}

#[test]
fn a_terminal_event_without_its_blank_line_counts_only_at_the_end_of_the_body() {
    for case in cases()
        .iter()
        .filter(|case| case.expected["complete"] == json!(true) && case.body.ends_with(b"\n\n"))
    {
        let line = [&case.body[..case.body.len() - 1]];
        assert!(!replay(meter(case), line).is_complete(), "{}", case.name);
        let expected = json!({ "complete": true, "answer": case.expected["answer"] });
        assert_eq!(
            seen(&finished(meter(case), line)),
            expected,
            "{}",
            case.name
        );
    }
}
