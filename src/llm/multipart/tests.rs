use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::llm::pieces::cut;

const TYPE: &str = "multipart/form-data; boundary=XyZ";

fn scan<'a>(kind: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> (RequestFacts, bool) {
    let mut scan = MultipartScan::new(kind).unwrap();
    for piece in pieces {
        scan.feed(piece);
        assert!(scan.heap_bytes() <= 2 * LINE_LIMIT + 2 * BOUNDARY_LIMIT);
    }
    (scan.facts().clone(), scan.is_settled())
}

fn model(body: &str) -> Option<String> {
    scan(TYPE, [body.as_bytes()]).0.model
}

fn field(name: &str, value: &str) -> String {
    format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn form() -> Vec<u8> {
    let mut body = b"a preamble --XyZ\r\n".to_vec();
    body.extend(field("prompt", "--XyZ model\r\n--Xy").bytes());
    body.extend(
        b"--XyZ \t\r\ncontent-disposition:form-data; name=model; x=\"; filename=\\\"a\"\r\nContent-Type: text/plain\r\n\r\ngpt-4o\r\r\n-transcribe\r\n",
    );
    body.extend(b"--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a; name=\\\"model\\\"\"\r\n\r\n\x00\r\n--XyA\xff\r\r\n\r\n");
    body.extend(field("stream", "True").bytes());
    body.extend(field("service_tier", "flex").bytes());
    body.extend(b"--XyZ--\r\nan epilogue\r\n");
    body.extend(field("model", "late").bytes());
    body
}

#[test]
fn the_facts_of_a_form_are_in_its_small_fields() {
    let (facts, is_settled) = scan(TYPE, [form().as_slice()]);
    let expected = RequestFacts {
        model: Some("gpt-4o\r\r\n-transcribe".to_owned()),
        stream: true,
        service_tier: Some("flex".to_owned()),
        ..RequestFacts::default()
    };
    assert_eq!(facts, expected);
    assert!(is_settled);
}

#[test]
fn the_model_id_of_a_form_is_apart_from_its_model() {
    let body = [field("model", "m"), field("model_id", "scribe_v2")].concat() + "--XyZ--";
    let (facts, _) = scan(TYPE, [body.as_bytes()]);
    assert_eq!(facts.model.as_deref(), Some("m"));
    assert_eq!(facts.model_id.as_deref(), Some("scribe_v2"));
}

#[test]
fn only_a_form_with_a_boundary_is_read() {
    for kind in [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; charset=utf-8",
        "multipart/mixed; boundary=a",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a\u{e9}\"",
        &format!("multipart/form-data; boundary={}", "b".repeat(71)),
    ] {
        assert!(MultipartScan::new(kind).is_none(), "{kind}");
    }
}

#[test]
fn a_boundary_may_be_quoted_and_stand_behind_other_parameters() {
    for (kind, boundary) in [
        (
            "Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a;b c\"",
            "a;b c",
        ),
        (
            "multipart/form-data ; x=\"; boundary=no\"; boundary=\"q\\\"x\"",
            "q\"x",
        ),
        (
            "multipart/form-data; boundary=----WebKitFormBoundary0aZ",
            "----WebKitFormBoundary0aZ",
        ),
    ] {
        let body = field("model", "m").replace("XyZ", boundary) + &format!("--{boundary}--");
        let (facts, is_settled) = scan(kind, [body.as_bytes()]);
        assert_eq!(facts.model.as_deref(), Some("m"), "{kind}");
        assert!(is_settled, "{kind}");
    }
}

#[test]
fn a_value_counts_only_when_its_part_has_ended() {
    let body = field("model", "m");
    let (facts, _) = scan(TYPE, [body.as_bytes()]);
    assert_eq!(facts.model, None);
    let (facts, is_settled) = scan(TYPE, [body.as_bytes(), b"--XyZ\r\n"]);
    assert_eq!(facts.model.as_deref(), Some("m"));
    assert!(!is_settled);
}

#[test]
fn the_last_part_of_a_name_counts() {
    let body = field("model", "a") + &field("model", "b") + "--XyZ--";
    assert_eq!(model(&body).as_deref(), Some("b"));
}

#[test]
fn files_overlong_values_and_what_only_looks_like_a_boundary_name_no_model() {
    for part in [
        field("model", ""),
        field("model", &"m".repeat(257)),
        field("model", "m\r\n--XyZed"),
        field("Model", "m"),
        field("model", "m").replace("name=\"model\"", "name=\"model\"; filename=\"x\""),
        field("model", "m").replace("name=\"model\"", "filename*=x; name=model"),
        field("model", "m").replace("Content-Disposition", "Content-Description"),
        field("model", "m").replace(
            "form-data;",
            &format!("form-data; x={};", "x".repeat(LINE_LIMIT)),
        ),
    ] {
        assert_eq!(model(&format!("{part}--XyZ--")), None, "{part}");
    }
}

#[test]
fn a_part_may_be_without_content() {
    let body = "--XyZ\r\nContent-Disposition: form-data; name=model\r\n\r\n--XyZ\r\n".to_owned();
    assert_eq!(
        model(&(body + &field("model", "m") + "--XyZ--")).as_deref(),
        Some("m")
    );
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_facts(sizes in vec(1..40_usize, 1..20)) {
        let body = form();
        prop_assert_eq!(scan(TYPE, [body.as_slice()]), scan(TYPE, cut(&body, &sizes)));
    }

    #[test]
    fn hostile_bytes_never_panic_nor_grow_and_any_cut_gives_the_same(
        tokens in vec(
            prop_oneof![
                prop::sample::select(vec![
                    "\r\n--XyZ", "--", "\r", "\n", "\r\n", "--XyZ", "-", "Xy", "\"", "\\", ";", "=", " ",
                    "Content-Disposition: form-data; name=\"model\"\r\n\r\n", "name=stream", "filename",
                ]).prop_map(|token| token.as_bytes().to_vec()),
                vec(any::<u8>(), 0..6),
            ],
            0..60,
        ),
        sizes in vec(1..9_usize, 1..8),
        kind in "[ -~]{0,20}",
    ) {
        let _ = MultipartScan::new(&format!("multipart/form-data;{kind}"));
        let body = tokens.concat();
        prop_assert_eq!(scan(TYPE, [body.as_slice()]), scan(TYPE, cut(&body, &sizes)));
    }

    #[test]
    fn any_value_without_the_delimiter_is_read_as_it_is(value in "[ -~\r\n]{1,250}") {
        prop_assume!(!format!("\r\n{value}\r\n").contains("\r\n--XyZ"));
        prop_assert_eq!(model(&(field("model", &value) + "--XyZ--")), Some(value));
    }
}

#[test]
fn megabytes_of_audio_pass_without_being_held() {
    let mut scan = MultipartScan::new(TYPE).unwrap();
    scan.feed(b"--XyZ\r\nContent-Disposition: form-data; name=file; filename=a.mp3\r\n\r\n");
    scan.feed(&b"\r\n--Xy".repeat(700_000));
    scan.feed(&[b'x'; 1_000_000]);
    assert!(scan.heap_bytes() < 512, "{}", scan.heap_bytes());
    scan.feed(("\r\n".to_owned() + &field("model", "whisper-1") + "--XyZ--").as_bytes());
    assert_eq!(scan.facts().model.as_deref(), Some("whisper-1"));
}
