//! Shares and conditions.

use super::*;

fn split(outputs: &Value) -> Value {
    let element = json!({"id": "a", "type": "percentage", "outputs": outputs, "properties": {"key": "headers.X-User"}});
    route([element, model("b", None), model("c", None)])
}

#[test]
fn shares_total_the_whole_in_one_order() {
    let ElementKind::Percentage(one) = kind(
        &split(&json!({"33.3%": to("b"), "else": to("c"), "0.5%": to("end")})),
        "a",
    ) else {
        panic!()
    };
    let shares: Vec<_> = one.shares.iter().map(|share| share.parts).collect();
    assert_eq!(shares, [333_000, 662_000, 5_000], "b, c and end");
    assert_eq!(shares.iter().sum::<u32>(), Split::WHOLE);
    assert_eq!(one.key.unwrap().name, "x-user");
}

#[test]
fn shares_that_are_not_the_whole_are_refused() {
    for (outputs, wanted) in [
        (
            json!({"10%": to("b"), "80%": to("c")}),
            "[2]: has outputs of 90% together: they must total 100",
        ),
        (
            json!({"60%": to("b"), "60%%": to("c")}),
            "[2].outputs.\"60%%\": is not a share: name it like 10% or 12.5%, or else",
        ),
        (
            json!({"60%": to("b"), "50%": to("c")}),
            "[2]: has outputs of 110% together: they must total 100",
        ),
        (
            json!({"60%": to("b"), "40%": to("c"), "else": to("b")}),
            "[2]: has outputs of 100% together: leave something for else",
        ),
        (
            json!({}),
            "[2]: has outputs of 0% together: they must total 100",
        ),
        (
            json!({"10%": to("b"), "11%": to("b"), "12%": to("b"), "13%": to("b"), "14%": to("c"), "40%": to("c")}),
            "[2]: has more than 5 shares: merge some",
        ),
        (
            json!({"100.00001%": to("b"), "else": to("c")}),
            "[2].outputs.\"100.00001%\": is not a share: name it like 10% or 12.5%, or else",
        ),
    ] {
        assert_eq!(refused(&split(&outputs)), [wanted], "{outputs}");
    }
}

fn conditional(conditions: &Value) -> Value {
    let outputs = json!({"true": to("b"), "false": to("end")});
    let properties = json!({ "conditions": conditions });
    route([
        json!({"id": "a", "type": "conditional", "properties": properties, "outputs": outputs}),
        model("b", None),
    ])
}

#[test]
fn conditions_are_read_with_all_their_operators() {
    let ElementKind::Conditional(condition, ..) = kind(
        &conditional(&json!({
            "$or": [{"metadata.plan": "free"}, {"body.max_tokens": {"$gt": 5, "$lte": 10.5}}],
            "headers.X-Beta": {"$exists": false},
        })),
        "a",
    ) else {
        panic!()
    };
    let Condition::All(all) = condition else {
        panic!()
    };
    let [Condition::Any(any), Condition::Not(not)] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert!(matches!(&**not, Condition::Test(path, Test::Exists) if path.name == "x-beta"));
    let [Condition::Test(_, Test::In(values)), Condition::All(range)] = any.as_slice() else {
        panic!("{any:?}")
    };
    assert_eq!(values, &[json!("free")]);
    assert!(matches!(
        range.as_slice(),
        [
            Condition::Test(_, Test::Order(Order::Above, _)),
            Condition::Test(_, Test::Order(Order::AtMost, _)),
        ]
    ));
}

#[test]
fn conditions_that_say_nothing_are_refused() {
    let at = "[2].properties.conditions";
    let nothing = "must say something in each member: null is not compared, use $exists";
    for (conditions, wanted) in [
        (json!({}), format!("{at}: {nothing}")),
        (json!({"metadata.a": null}), format!("{at}: {nothing}")),
        (
            json!({"metadata.a": {"$eq": null, "$ne": 1}}),
            format!("{at}.\"metadata.a\": {nothing}"),
        ),
        (
            json!({"$and": []}),
            format!("{at}.\"$and\": is empty: write at least one condition"),
        ),
        (
            json!({"metadata.a": {"$in": []}}),
            format!("{at}.\"metadata.a\".\"$in\": is empty: write at least one value"),
        ),
        (
            json!({"metadata.a": {"$eq": [1]}}),
            format!("{at}.\"metadata.a\".\"$eq\": must be text, a number, true or false"),
        ),
        (
            json!({"metadata.a": {"$gtt": 1}}),
            format!(
                "{at}.\"metadata.a\".\"$gtt\": \"$gtt\" is not an operator here: did you mean $gt?"
            ),
        ),
        (
            json!({"$xor": []}),
            format!("{at}.\"$xor\": \"$xor\" is not an operator here: did you mean $nor?"),
        ),
        (
            json!({"plan": "free"}),
            format!(
                "{at}.plan: must be named like a field of the call, such as metadata.plan, body.model or headers.x-team"
            ),
        ),
    ] {
        let found = refused(&conditional(&conditions));
        assert_eq!(found.first(), Some(&wanted), "{conditions}");
    }
}
