//! The walk: which way a call takes, and that every walk ends.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::{Config, parse_ahead};
use crate::http::header::HeaderList;
use crate::policy::metadata::Metadata;

fn config(elements: &[Value]) -> Option<Config> {
    let text =
        json!({"gateways": [{"id": "g"}], "dynamic_routes": [{"name": "r", "elements": elements}]});
    parse_ahead(text.to_string().as_bytes(), &|_| None).ok()
}

fn element(id: &str, kind: &str, properties: Value, outputs: &[(&str, &str)]) -> Value {
    let outputs: BTreeMap<_, _> = outputs
        .iter()
        .map(|(name, to)| (*name, json!({"elementId": to})))
        .collect();
    json!({"id": id, "type": kind, "properties": properties, "outputs": outputs})
}

fn model(id: &str, fallback: Option<&str>) -> Value {
    let mut outputs = vec![("success", "end")];
    outputs.extend(fallback.map(|to| ("fallback", to)));
    element(
        id,
        "model",
        json!({"provider": "openai", "model": id}),
        &outputs,
    )
}

fn start(next: &str) -> Value {
    element("start", "start", json!({}), &[("next", next)])
}

fn end() -> Value {
    json!({"id": "end", "type": "end"})
}

struct Caller {
    metadata: Metadata,
    headers: HeaderList,
    body: String,
    random: u64,
}

impl Caller {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            metadata: self.metadata.entries(),
            headers: &self.headers,
            body: &self.body,
            random: self.random,
        }
    }
}

fn caller(metadata: &Value, body: &Value) -> Caller {
    let fields = [("x-team", "search"), ("x-size", "12"), ("x-beta", "true")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Caller {
        metadata: Metadata::parse(metadata.to_string().as_bytes()).unwrap_or_default(),
        headers: HeaderList::new(fields.into()),
        body: body.to_string(),
        random: 7,
    }
}

/// The models that a call meets when each fails, and how the walk ends.
fn walked(
    config: &Config,
    caller: &Caller,
    count: &mut Counter<'_>,
) -> (Vec<String>, Step<'static>) {
    let route = config.dynamic_route("g", "r").unwrap();
    let mut walk = Walk::new(route);
    let mut models = Vec::new();
    for _ in 0..1000 {
        match walk.step(&caller.inputs(), count) {
            Step::Call(call) => models.push(call.model.clone()),
            Step::Limited(wait) => return (models, Step::Limited(wait)),
            Step::End => return (models, Step::End),
        }
    }
    panic!("no end")
}

fn free(_: &Counted<'_>) -> Result<(), Duration> {
    Ok(())
}

fn holds_for(conditions: &Value, caller: &Caller) -> bool {
    let check = element(
        "c",
        "conditional",
        json!({ "conditions": conditions }),
        &[("true", "yes"), ("false", "end")],
    );
    let config = config(&[start("c"), check, model("yes", None), end()]).unwrap();
    walked(&config, caller, &mut free).0 == ["yes"]
}

#[test]
fn failures_lead_from_fallback_to_fallback_and_then_to_the_end() {
    let config = config(&[start("a"), model("a", Some("b")), model("b", None), end()]).unwrap();
    let caller = caller(&json!({}), &json!({}));
    assert_eq!(
        walked(&config, &caller, &mut free),
        (vec!["a".to_owned(), "b".to_owned()], Step::End)
    );
    let route = config.dynamic_route("g", "r").unwrap();
    let mut walk = Walk::new(route);
    for _ in 0..2 {
        walk.step(&caller.inputs(), &mut free);
    }
    for _ in 0..2 {
        assert_eq!(walk.step(&caller.inputs(), &mut free), Step::End);
    }
}

#[test]
fn a_condition_looks_at_metadata_headers_and_body() {
    let metadata = json!({"plan": "free", "age": 30, "beta": true, "team.id": "t"});
    let body = json!({"model": "dynamic/r", "stream": true, "max_tokens": 5, "stop": ["a", "b"], "nothing": null,
        "messages": [{"role": "user", "content": "hi"}]});
    let caller = caller(&metadata, &body);
    for (conditions, wanted) in [
        (json!({"metadata.plan": {"$eq": "free"}}), true),
        (json!({"metadata.plan": "paid"}), false),
        (json!({"metadata.plan": {"$ne": "paid"}}), true),
        (json!({"metadata.none": {"$ne": "paid"}}), true),
        (json!({"metadata.none": {"$eq": "paid"}}), false),
        (json!({"metadata.plan": {"$in": ["a", "free"]}}), true),
        (json!({"metadata.plan": {"$nin": ["a", "free"]}}), false),
        (json!({"metadata.age": {"$gt": 29.5, "$lt": 31}}), true),
        (json!({"metadata.age": {"$gte": 30, "$lte": 30}}), true),
        (json!({"metadata.age": {"$gt": "29"}}), true),
        (json!({"metadata.age": {"$gt": 30}}), false),
        (json!({"metadata.age": {"$not": {"$gt": 30}}}), true),
        (json!({"metadata.plan": {"$gt": 1}}), false),
        (json!({"metadata.beta": true}), true),
        (json!({"metadata.beta": "true"}), false),
        (json!({"metadata.team.id": "t"}), true),
        (json!({"headers.X-Team": "search"}), true),
        (json!({"headers.x-size": {"$gt": 9}}), true),
        (json!({"headers.x-beta": true}), true),
        (json!({"headers.x-none": {"$exists": true}}), false),
        (json!({"headers.x-none": {"$exists": false}}), true),
        (json!({"body.max_tokens": 5.0}), true),
        (json!({"body.stop": "b"}), true),
        (json!({"body.stop": {"$ne": "b"}}), false),
        (json!({"body.stop": {"$exists": true}}), true),
        (json!({"body.nothing": {"$exists": true}}), true),
        (json!({"body.nothing": 0}), false),
        (json!({"body.messages.0.role": "user"}), true),
        (json!({"body.messages.1.role": "user"}), false),
        (json!({"body.messages.0": {"$exists": true}}), true),
        (json!({"body.messages.0": "user"}), false),
        (json!({"metadata.plan": "free", "body.stream": true}), true),
        (
            json!({"metadata.plan": "free", "body.stream": false}),
            false,
        ),
        (
            json!({"$or": [{"metadata.plan": "paid"}, {"body.stream": true}]}),
            true,
        ),
        (
            json!({"$and": [{"metadata.plan": "paid"}, {"body.stream": true}]}),
            false,
        ),
        (
            json!({"$nor": [{"metadata.plan": "paid"}, {"body.stream": false}]}),
            true,
        ),
        (json!({"$not": {"metadata.plan": "free"}}), false),
    ] {
        assert_eq!(holds_for(&conditions, &caller), wanted, "{conditions}");
    }
}

#[test]
fn a_body_of_any_kind_is_no_reason_to_fail() {
    for body in ["", "nonsense", "[1]", "{\"a\":", "7"] {
        let caller = Caller {
            body: body.to_owned(),
            ..caller(&json!({}), &json!({}))
        };
        assert!(!holds_for(&json!({"body.a.b": "x"}), &caller), "{body}");
    }
    let long = caller(&json!({}), &json!({"a": "x".repeat(70_000)}));
    assert!(holds_for(
        &json!({"body.a": {"$exists": true, "$ne": "x"}}),
        &long
    ));
}

fn limited(has_fallback: bool) -> Config {
    let mut outputs = vec![("success", "a")];
    if has_fallback {
        outputs.push(("fallback", "b"));
    }
    let properties =
        json!({"limitType": "count", "limit": 1, "window": 60, "key": "metadata.user"});
    let mut elements = vec![
        start("q"),
        element("q", "rate", properties, &outputs),
        model("a", None),
        end(),
    ];
    if has_fallback {
        elements.push(model("b", None));
    }
    config(&elements).unwrap()
}

#[test]
fn over_its_limit_a_call_takes_the_fallback_or_learns_when_to_come_back() {
    let caller = caller(&json!({"user": "u1"}), &json!({}));
    let mut keys = Vec::new();
    let mut over = |counted: &Counted<'_>| {
        assert_eq!(
            (counted.route, counted.element, counted.gateway_id),
            ("r", "q", None)
        );
        keys.push(counted.key.clone().map(Cow::into_owned));
        Err(Duration::from_secs(9))
    };
    assert_eq!(walked(&limited(true), &caller, &mut over).0, ["b"]);
    let (models, step) = walked(&limited(false), &caller, &mut over);
    assert!(models.is_empty() && step == Step::Limited(Duration::from_secs(9)));
    assert_eq!(walked(&limited(true), &caller, &mut free).0, ["a"]);
    let nobody = self::caller(&json!({}), &json!({}));
    walked(&limited(true), &nobody, &mut over);
    assert_eq!(keys, [Some("u1".to_owned()), Some("u1".to_owned()), None]);
}

fn split(key: Option<&str>) -> Config {
    let check = element(
        "s",
        "percentage",
        json!({ "key": key }),
        &[("10%", "a"), ("else", "b")],
    );
    config(&[start("s"), check, model("a", None), model("b", None), end()]).unwrap()
}

#[test]
fn a_keyed_split_is_sticky_and_fair() {
    let config = split(Some("metadata.user"));
    let mut canary = 0;
    for user in 0..2000 {
        let mut caller = caller(&json!({ "user": user }), &json!({}));
        let first = walked(&config, &caller, &mut free).0;
        caller.random = 99;
        assert_eq!(walked(&config, &caller, &mut free).0, first);
        canary += usize::from(first == ["a"]);
    }
    assert!((140..260).contains(&canary), "{canary}");
}

#[test]
fn without_a_key_a_split_is_random() {
    for config in [split(None), split(Some("metadata.none"))] {
        let mut canary = 0;
        for random in 0..2000 {
            let caller = Caller {
                random,
                ..caller(&json!({"user": 1}), &json!({}))
            };
            canary += usize::from(walked(&config, &caller, &mut free).0 == ["a"]);
        }
        assert!((140..260).contains(&canary), "{canary}");
    }
}

#[test]
fn a_share_of_nothing_gets_nothing() {
    let check = element("s", "percentage", json!({}), &[("0%", "a"), ("100%", "b")]);
    let config = config(&[start("s"), check, model("a", None), model("b", None), end()]).unwrap();
    for random in 0..500 {
        let caller = Caller {
            random,
            ..caller(&json!({}), &json!({}))
        };
        assert_eq!(walked(&config, &caller, &mut free).0, ["b"]);
    }
}

const IDS: [&str; 8] = ["e0", "e1", "e2", "e3", "e4", "e5", "end", "start"];

/// The element `IDS[number]` of `count`, of a drawn kind with drawn outputs. One that only leads forward goes to its
/// neighbour first, so that each is reached.
fn drawn_element(
    number: usize,
    (count, only_forward): (usize, bool),
    drawn: (usize, usize, usize),
) -> Value {
    let (kind, one, two) = drawn;
    let next = number + 1;
    let one = match only_forward {
        true if next < count => IDS[next],
        true => "end",
        false => IDS[one],
    };
    let two = match only_forward {
        true if next + two < count => IDS[next + two],
        true => "end",
        false => IDS[two],
    };
    let id = IDS[number];
    let conditions = json!({"conditions": {"metadata.a": 1}});
    let limit = json!({"limitType": "count", "limit": 1, "window": 1});
    match kind {
        0 => element(
            id,
            "conditional",
            conditions,
            &[("true", one), ("false", two)],
        ),
        1 => element(id, "percentage", json!({}), &[("30%", one), ("70%", two)]),
        2 => element(id, "rate", limit, &[("success", one), ("fallback", two)]),
        3 => element(id, "rate", limit, &[("success", one)]),
        _ => model(id, Some(one)),
    }
}

/// Any graph over a few elements; half of them lead forward only, most of the others have loops or loose ends.
fn any_elements() -> impl Strategy<Value = Vec<Value>> {
    let drawn = proptest::collection::vec((0..6_usize, 0..8_usize, 0..8_usize), 1..6);
    (drawn, any::<bool>()).prop_map(|(drawn, only_forward)| {
        let shape = (drawn.len(), only_forward);
        let elements = drawn.into_iter().enumerate();
        let elements = elements.map(|(number, drawn)| drawn_element(number, shape, drawn));
        [start("e0"), end()].into_iter().chain(elements).collect()
    })
}

/// Walks with limits that are reached or not as the bits of `limits` say; every model failed once at most.
fn walk_ends(config: &Config, caller: &Caller, limits: u64) {
    let mut asked = 0;
    let mut count = |_: &Counted<'_>| {
        asked += 1;
        let is_over = limits.rotate_left(asked).is_multiple_of(2);
        if is_over { Err(Duration::ZERO) } else { Ok(()) }
    };
    let (mut models, _) = walked(config, caller, &mut count);
    let steps = models.len();
    models.sort_unstable();
    models.dedup();
    assert_eq!(models.len(), steps);
}

proptest! {
    #[test]
    fn a_route_that_loads_always_ends(elements in any_elements(), random: u64, a in 0..2, limits: u64) {
        if let Some(config) = config(&elements) {
            let caller = Caller { random, ..caller(&json!({ "a": a }), &json!({})) };
            walk_ends(&config, &caller, limits);
        }
    }
}
