//! Evaluations over the records.

use serde_json::json;

use super::Console;
use super::dataset::{DATASETS, dataset, make};

const EVALUATIONS: &str = "/gateways/gw/evaluations";

#[test]
fn an_evaluation_says_cost_speed_and_human_feedback_of_its_records() {
    let console = Console::new();
    console.store(&[
        json!({"provider": "openai", "cost": 0.3, "duration": 100, "feedback": 1}),
        json!({"provider": "openai", "cost": 0.1, "duration": 201, "feedback": -1}),
        json!({"provider": "openai", "cost": null, "duration": 300, "feedback": 1}),
        json!({"provider": "groq", "cost": 9, "duration": 9000}),
        json!({"provider": "openai", "cost": 9, "duration": 9000, "gateway_id": "other"}),
    ]);
    let set = make(
        &console,
        "set",
        &json!([{"key": "provider", "operator": "eq", "value": ["openai"]}]),
    );
    // Records of several datasets count once.
    let again = make(
        &console,
        "again",
        &json!([{"key": "cost", "operator": "lt", "value": [1]}]),
    );
    let body = json!({"name": "ev", "dataset_ids": [set["id"], again["id"]], "evaluation_type_ids": ["cost", "speed", "human_feedback"]});
    let made = console.send("POST", EVALUATIONS, &body).result();
    assert_eq!(
        (&made["processed"], &made["total_logs"], &made["name"]),
        (&json!(true), &json!(3), &json!("ev"))
    );
    assert_eq!(made["datasets"][0]["name"], "set");
    let results = made["results"].as_array().unwrap();
    let results: Vec<_> = results
        .iter()
        .map(|it| {
            (
                &it["evaluation_type_id"],
                &it["result"],
                &it["total_logs"],
                &it["status"],
            )
        })
        .collect();
    let expected = [
        ("cost", "0.133333333333"),
        ("speed", "200.33"),
        ("human_feedback", "66.67"),
    ];
    for ((kind, result, logs, status), (expected_kind, expected_result)) in
        results.into_iter().zip(expected)
    {
        assert_eq!(
            (kind, result, logs, status),
            (
                &json!(expected_kind),
                &json!(expected_result),
                &json!(3),
                &json!(1)
            )
        );
    }
}

#[test]
fn an_evaluation_lives_from_its_making_to_its_end() {
    let console = Console::new();
    let set = make(&console, "set", &json!([]));
    let body = json!({"name": "ev", "dataset_ids": [set["id"]], "evaluation_type_ids": ["cost"]});
    let made = console.send("POST", EVALUATIONS, &body).result();
    let id = made["id"].as_str().unwrap();
    assert_eq!(console.get(&format!("{EVALUATIONS}/{id}")).result(), made);
    for (query, found) in [
        ("", 1),
        ("name=ev", 1),
        ("name=x", 0),
        ("processed=true", 1),
        ("processed=false", 0),
        ("search=EV", 1),
    ] {
        let result = console.get(&format!("{EVALUATIONS}?{query}")).result();
        assert_eq!(result.as_array().unwrap().len(), found, "{query}");
    }
    assert_eq!(
        console.delete(&format!("{EVALUATIONS}/{id}")).result(),
        made
    );
    assert_eq!(
        console.get(&format!("{EVALUATIONS}/{id}")).refusal().1,
        7002
    );
}

#[test]
fn an_evaluation_of_nothing_says_that_there_was_nothing() {
    let console = Console::new();
    let set = make(&console, "set", &json!([]));
    let body = json!({"name": "ev", "dataset_ids": [set["id"]], "evaluation_type_ids": ["speed", "cost", "human_feedback"]});
    let made = console.send("POST", EVALUATIONS, &body).result();
    for result in made["results"].as_array().unwrap() {
        assert_eq!(
            (&result["result"], &result["status"], &result["total_logs"]),
            (&json!(""), &json!(0), &json!(0))
        );
    }
}

#[test]
fn an_evaluation_that_names_nothing_known_is_refused() {
    let console = Console::new();
    let set = make(&console, "set", &json!([]));
    for (sets, types) in [
        (json!([]), json!(["cost"])),
        (json!(["none"]), json!(["cost"])),
        (json!([set["id"]]), json!([])),
        (json!([set["id"]]), json!(["beauty"])),
        (json!([7]), json!(["cost"])),
        (json!("x"), json!(["cost"])),
    ] {
        let body = json!({"name": "ev", "dataset_ids": sets, "evaluation_type_ids": types});
        assert_eq!(
            console.send("POST", EVALUATIONS, &body).refusal().1,
            7001,
            "{body}"
        );
    }
    assert_eq!(
        console
            .send(
                "POST",
                EVALUATIONS,
                &json!({"dataset_ids": [set["id"]], "evaluation_type_ids": ["cost"]})
            )
            .refusal()
            .1,
        7001
    );
}

#[test]
fn the_evaluators_are_listed() {
    let console = Console::new();
    let ids = |query: &str| {
        let result = console.get(&format!("/evaluation-types?{query}")).result();
        let ids = result
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(""), "cost speed human_feedback");
    assert_eq!(ids("order_by_direction=desc&per_page=1"), "human_feedback");
}

#[test]
fn what_is_kept_is_bounded() {
    let console = Console::new();
    let set = make(&console, "set", &json!([]));
    let body = json!({"name": "ev", "dataset_ids": [set["id"]], "evaluation_type_ids": ["cost"]});
    for _ in 0..30 {
        console.send("POST", EVALUATIONS, &body).result();
    }
    let kept = console.get(&format!("{EVALUATIONS}?per_page=100")).result();
    assert_eq!(kept.as_array().unwrap().len(), 20);
    let value = vec!["x".repeat(1000); 30];
    let filters = json!(vec![
        json!({"key": "model", "operator": "eq", "value": value});
        2
    ]);
    let answers = (0..9).map(|_| {
        console
            .send("POST", DATASETS, &dataset("large", &filters))
            .status
    });
    let answers: Vec<_> = answers.collect();
    assert!(answers.contains(&409), "{answers:?}");
    let stored = console.host.data.borrow()["sluice/1/console//gw"].0.len();
    assert!(stored <= 256 << 10);
    assert_eq!(console.get(DATASETS).status, 200);
}

#[test]
fn a_dataset_that_is_not_enabled_counts_no_record() {
    let console = Console::new();
    console.store(&[json!({"cost": 1}), json!({"cost": 1})]);
    let filters = json!([{"key": "cost", "operator": "gt", "value": [0]}]);
    let off = json!({"name": "off", "enable": false, "filters": filters});
    let off = console.send("POST", DATASETS, &off).result();
    let body = json!({"name": "ev", "dataset_ids": [off["id"]], "evaluation_type_ids": ["cost"]});
    let made = console.send("POST", EVALUATIONS, &body).result();
    assert_eq!(
        (&made["total_logs"], &made["results"][0]["status"]),
        (&json!(0), &json!(0))
    );
}
