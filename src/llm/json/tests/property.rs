//! Any JSON, any bytes, any cut.

use super::*;

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
