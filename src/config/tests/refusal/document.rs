//! What is no configuration at all, and what is never shown.

use super::*;

#[test]
fn text_that_is_no_configuration_is_refused() {
    let json = "write JSON text, or native YAML in a google.protobuf.Struct";
    let message = "write it as a Struct or as JSON text in a StringValue";
    let empty = "is empty: write at least gateways, such as [{id: my-gateway}]";
    let foreign = "is not a Struct, it holds a field that such a message does not have";
    let cases: [(&[u8], String); 9] = [
        (b"", empty.to_owned()),
        (b"\xEF\xBB\xBF \n", empty.to_owned()),
        (
            b"gateways:\n- id: a\n",
            format!("is not JSON, expected value at line 1 column 1: {json}"),
        ),
        (
            b"{\"gateways\": [",
            format!("is not JSON, EOF while parsing a list at line 1 column 14: {json}"),
        ),
        (
            b"{} {}",
            format!("is not JSON, trailing characters at line 1 column 4: {json}"),
        ),
        (b"[]", "must be an object, found a list".to_owned()),
        (b"null", "must be an object, found null".to_owned()),
        (
            b"\x0A\x05\x0A\x01\x61\x12",
            format!("is not a Struct, it is cut short: {message}"),
        ),
        (b"\x0A\x04\x12\x02\x38\x00", format!("{foreign}: {message}")),
    ];
    for (text, wanted) in cases {
        assert_eq!(faults(text), [format!("configuration: {wanted}")]);
    }
}

#[test]
fn fields_written_twice_are_refused() {
    let text = br#"{
        "gateways": [{"id": "a", "id": "b", "dlp": {"enabled": false, "enabled": true}}],
        "gateways": []
    }"#;
    let wanted = [
        "gateways[0].id: is written twice: keep one",
        "gateways[0].dlp.enabled: is written twice: keep one",
        "gateways: is written twice: keep one",
    ];
    assert_eq!(faults(text), wanted);
}

#[test]
fn no_credential_is_ever_shown() {
    const SECRET: &str = "sk_live_0123456789";
    let misplaced = [
        json!(SECRET),
        json!([SECRET]),
        json!({"value": SECRET}),
        json!({"enabled": SECRET}),
    ];
    let mut bad: Vec<_> = misplaced.iter().cloned().map(with_credentials).collect();
    for field in ["name", "sha256", "environment_variable", "text", "sha265"] {
        let entry = |value: &Value| {
            let mut entry = json!({"name": "a b"});
            entry[field] = value.clone();
            with_credentials(json!([entry]))
        };
        bad.extend(misplaced.iter().map(entry));
    }
    bad.push(with_base_url(json!(format!(
        "https://{SECRET}@ai.example.com"
    ))));
    for value in bad {
        let errors = load(&value).unwrap_err();
        assert!(!format!("{errors:?}").contains(SECRET), "{errors:?}");
    }
    let cut = format!(r#"{{"gateways": [{{"credentials": ["{SECRET}", {SECRET}]}}]}}"#);
    assert!(!format!("{:?}", parse(cut.as_bytes(), &environment)).contains(SECRET));
}

#[test]
fn a_configuration_is_printed_without_hashes() {
    let printed = format!("{:?}", load(&full()).unwrap());
    assert!(
        printed.contains("Credential { name: \"ci\", hash: *** }"),
        "{printed}"
    );
    assert!(!printed.contains("app-secret"));
    let number = format!("{:?}", super::super::digest("demo-token"));
    assert!(!printed.contains(&number) && !printed.contains(&hex("demo-token").to_uppercase()));
}
