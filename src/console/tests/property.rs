//! Lists agree with a naive reading of what they show.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Console, encode};

const KEYS: [&str; 14] = [
    "provider",
    "model",
    "success",
    "cached",
    "cost",
    "tokens",
    "tokens_in",
    "tokens_out",
    "duration",
    "feedback",
    "metadata.key",
    "metadata.value",
    "user_agent",
    "model_type",
];

/// A record of a small world, so that filters hit.
fn any_record() -> impl Strategy<Value = Value> {
    let text = prop::option::of("[abC]{1,2}");
    let count = prop::option::of(0_u64..4);
    let metadata = prop::option::of(prop::collection::btree_map(
        "[ab]",
        prop_oneof![
            "[abC]{0,2}".prop_map(Value::from),
            (0..3).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
        ],
        0..3,
    ));
    let numbers = (
        count.clone(),
        count.clone(),
        count,
        prop::option::of(prop_oneof![Just(1), Just(-1)]),
        prop::option::of(0..3),
    );
    ((text.clone(), text.clone(), text.clone(), text), (any::<bool>(), any::<bool>()), numbers, metadata).prop_map(
        |((provider, model, agent, kind), (success, cached), (tokens_in, tokens_out, duration, feedback, cost), metadata)| {
            json!({
                "provider": provider, "model": model, "user_agent": agent, "model_type": kind, "success": success,
                "cached": cached, "tokens_in": tokens_in, "tokens_out": tokens_out, "duration": duration,
                "feedback": feedback, "cost": cost, "metadata": metadata,
            })
        },
    )
}

fn any_filter() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec!["eq", "neq", "contains", "lt", "gt"]);
    let key = prop::sample::select(KEYS.to_vec());
    let texts = prop::collection::vec(prop::option::of("[abc]{1,2}"), 1..3);
    let numbers = prop::collection::vec(prop::option::of(-1..6), 1..3);
    let flags = prop::collection::vec(any::<bool>(), 1..3);
    (key, operator, texts, numbers, flags).prop_map(|(key, operator, texts, numbers, flags)| {
        let value = match key {
            "success" | "cached" => json!(flags),
            "cost" | "tokens" | "tokens_in" | "tokens_out" | "duration" | "feedback" => {
                json!(numbers)
            }
            _ => json!(texts),
        };
        json!({"key": key, "operator": operator, "value": value})
    })
}

/// What the filter's sentence says, over the item as the client sees it.
fn naive(item: &Value, filter: &Value) -> bool {
    let fields: Vec<Value> = match filter["key"].as_str().unwrap() {
        "metadata.key" => item["metadata"].as_object().map_or(Vec::new(), |it| {
            it.keys().cloned().map(Value::from).collect()
        }),
        "metadata.value" => {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            item["metadata"].as_object().map_or(Vec::new(), |it| {
                it.values().map(text).map(Value::from).collect()
            })
        }
        "tokens" => match (item["tokens_in"].as_u64(), item["tokens_out"].as_u64()) {
            (None, None) => vec![Value::Null],
            (one, other) => vec![json!(one.unwrap_or(0) + other.unwrap_or(0))],
        },
        key => vec![item[key].clone()],
    };
    let values = filter["value"].as_array().unwrap();
    let any = |operator: &str| {
        fields
            .iter()
            .any(|field| values.iter().any(|value| holds(field, operator, value)))
    };
    match filter["operator"].as_str().unwrap() {
        "neq" => !any("eq"),
        operator => any(operator),
    }
}

fn holds(field: &Value, operator: &str, value: &Value) -> bool {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
            .to_lowercase()
    };
    match operator {
        "eq" => field
            .as_f64()
            .map_or(field == value, |field| value.as_f64() == Some(field)),
        "contains" => !field.is_null() && !value.is_null() && text(field).contains(&text(value)),
        _ => {
            let order = match (field, value) {
                (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
                (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
                _ => field
                    .as_f64()
                    .zip(value.as_f64())
                    .and_then(|(one, other)| one.partial_cmp(&other)),
            };
            order
                == Some(if operator == "lt" {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Greater
                })
        }
    }
}

proptest! {
    // Each case makes a console and its keeper.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn filters_find_what_they_say(
        records in prop::collection::vec(any_record(), 0..12),
        filters in prop::collection::vec(any_filter(), 1..3),
    ) {
        let console = Console::new();
        console.store(&records);
        let expected: Vec<Value> = console.list("").into_iter().filter(|item| filters.iter().all(|filter| naive(item, filter))).collect();
        let found = console.list(&format!("filters={}", encode(&json!(filters).to_string())));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn pages_put_together_are_the_whole_list(
        records in prop::collection::vec(any_record(), 0..30),
        by in prop::sample::select(vec!["created_at", "provider", "model", "cost", "tokens_in", "duration", "feedback", "cached"]),
        direction in prop::sample::select(vec!["asc", "desc"]),
        per_page in 1_usize..8,
    ) {
        let console = Console::new();
        console.store(&records);
        let query = format!("order_by={by}&order_by_direction={direction}");
        let whole = console.list(&format!("{query}&per_page=50"));
        let mut joined = Vec::new();
        for page in 1..=records.len().div_ceil(per_page) {
            joined.extend(console.list(&format!("{query}&per_page={per_page}&page={page}")));
        }
        prop_assert_eq!(&joined, &whole);
        let key = |item: &Value| item[by].as_f64().or_else(|| item[by].as_bool().map(|it| f64::from(u8::from(it))));
        let text = |item: &Value| item[by].as_str().map(str::to_owned);
        let is_ordered = whole.windows(2).all(|two| {
            let (one, other) = if direction == "asc" { (&two[0], &two[1]) } else { (&two[1], &two[0]) };
            key(one) <= key(other) && text(one) <= text(other)
        });
        prop_assert!(is_ordered);
    }
}
