//! Any route that loads.

use super::*;

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
