//! A `google.protobuf.Struct` means the same as JSON text; hostile bytes do no harm.

use serde_json::{Map, Value, json};

use super::{environment, full, load, parse, with, with_gateway};

/// How an encoder writes numbers: always as doubles, or as text, as Envoy does with some numbers of its own YAML.
#[derive(Clone, Copy)]
pub(super) enum Numbers {
    Doubles,
    Text,
}

/// The bytes of a `Struct` with these fields.
pub(super) fn encode(fields: &Map<String, Value>, numbers: Numbers) -> Vec<u8> {
    let entry = |(name, value): (&String, &Value)| {
        let entry = [
            part(1, name.as_bytes()),
            part(2, &encode_value(value, numbers)),
        ]
        .concat();
        part(1, &entry)
    };
    fields.iter().flat_map(entry).collect()
}

fn encode_value(value: &Value, numbers: Numbers) -> Vec<u8> {
    match (value, numbers) {
        (Value::Null, _) => vec![0x08, 0],
        (Value::Bool(flag), _) => vec![0x20, u8::from(*flag)],
        (Value::Number(number), Numbers::Text) => part(3, number.to_string().as_bytes()),
        (Value::Number(number), Numbers::Doubles) => {
            let mut bytes = vec![0x11];
            bytes.extend(number.as_f64().unwrap().to_le_bytes());
            bytes
        }
        (Value::String(text), _) => part(3, text.as_bytes()),
        (Value::Object(fields), _) => part(5, &encode(fields, numbers)),
        (Value::Array(items), _) => {
            let items = items
                .iter()
                .flat_map(|item| part(1, &encode_value(item, numbers)));
            part(6, &items.collect::<Vec<_>>())
        }
    }
}

/// A length-prefixed field.
fn part(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![(number << 3) | 2];
    let mut length = bytes.len();
    while length > 0x7F {
        out.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend(bytes);
    out
}

#[test]
fn a_struct_means_the_same_as_json_text() {
    let bad = with_gateway(json!({"cache_ttl": 5, "colour": [1.5, {"a": null}], "zdr": true}));
    for value in [full(), with(json!({})), bad] {
        let fields = value.as_object().unwrap();
        let from_json = load(&value);
        assert_eq!(
            parse(&encode(fields, Numbers::Doubles), &environment),
            from_json
        );
        assert_eq!(
            parse(&encode(fields, Numbers::Text), &environment),
            from_json
        );
    }
}

#[test]
fn a_field_written_twice_in_a_struct_is_refused() {
    let value = with(json!({"outside_paths": "pass"}));
    let mut bytes = encode(value.as_object().unwrap(), Numbers::Doubles);
    bytes.extend(encode(
        json!({"outside_paths": "pass"}).as_object().unwrap(),
        Numbers::Doubles,
    ));
    let errors = parse(&bytes, &environment).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "outside_paths: is written twice: keep one"
    );
}

#[test]
fn every_cut_of_a_struct_is_refused_or_a_smaller_configuration() {
    let bytes = encode(full().as_object().unwrap(), Numbers::Doubles);
    let whole = parse(&bytes, &environment).unwrap();
    for length in 0..bytes.len() {
        assert_ne!(parse(&bytes[..length], &environment).as_ref(), Ok(&whole));
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let mut list = vec![0x08, 0];
    for _ in 0..2000 {
        list = part(6, &part(1, &list));
    }
    let entry = [part(1, b"gateways"), part(2, &list)].concat();
    let errors = parse(&part(1, &entry), &environment).unwrap_err();
    assert!(
        errors[0].message.contains("nested too deeply"),
        "{errors:?}"
    );

    let text = [b"{\"gateways\":".as_slice(), &[b'['; 100_000]].concat();
    let errors = parse(&text, &environment).unwrap_err();
    assert!(errors[0].message.contains("recursion limit"), "{errors:?}");
}
