//! Sums: in all, over time, by model, by group.

use serde_json::{Value, json};

use super::{Console, filter};

fn sums(console: &Console, query: &str) -> Value {
    console
        .get(&format!("/gateways/gw/analytics?{query}"))
        .result()
}

const RANGE: &str = "start_date=2026-09-21T14:13:20Z&end_date=2026-09-21T14:14:20Z&buckets=6";

fn console() -> Console {
    let console = Console::new();
    console.store(&[
        json!({"model": "a", "cost": 0.1, "saved_cost": null, "duration": 10}),
        json!({"model": "a", "cost": 0.2, "success": false, "duration": 20, "metadata": {"team": "blue"}}),
        json!({"model": "b", "provider": "groq", "cost": 0, "saved_cost": 0.7, "cached": true, "duration": 30, "metadata": null}),
        json!({"model": "b", "provider": "groq", "cost": null, "tokens_in": null, "created_at": "2026-09-21T14:14:00.000Z",
               "duration": 63, "timings": {"latency": null}}),
        json!({"model": "late", "created_at": "2026-09-21T14:14:20.000Z"}),
        json!({"model": "other", "gateway_id": "other"}),
    ]);
    console
}

#[test]
fn the_totals_are_exact_sums_of_the_time_range() {
    let found = sums(&console(), RANGE);
    let expected = json!({
        "requests": 4, "errors": 1, "cached": 1, "tokens_in": 30, "tokens_out": 80, "cost": 0.3, "saved_cost": 0.7,
        "latency": {"p50": 20, "p90": 63, "p99": 63}, "ttft": {"p50": 302, "p90": 302, "p99": 302},
    });
    let mut totals = found["totals"].clone();
    let ttft = totals["ttft"]["p50"].as_u64().unwrap();
    assert!(ttft.abs_diff(300) <= 5, "{ttft}");
    totals["ttft"] = expected["ttft"].clone();
    assert_eq!(totals, expected);
    assert_eq!(
        (&found["bucket_seconds"], &found["truncated"]),
        (&json!(10), &json!(false))
    );
    let buckets = found["buckets"].as_array().unwrap();
    let requests: Vec<_> = buckets
        .iter()
        .map(|it| it["requests"].as_u64().unwrap())
        .collect();
    assert_eq!(requests, [3, 0, 0, 0, 1, 0]);
    assert_eq!(buckets[1]["time"], "2026-09-21T14:13:30.000Z");
    assert_eq!(
        buckets[1]["latency"],
        json!({"p50": null, "p90": null, "p99": null})
    );
}

#[test]
fn models_and_groups_add_up_to_the_totals() {
    let found = sums(&console(), &format!("{RANGE}&group_by=metadata.team"));
    let name = |it: &Value| {
        format!(
            "{}/{}={}",
            it["provider"].as_str().unwrap(),
            it["model"].as_str().unwrap(),
            it["requests"]
        )
    };
    let models: Vec<_> = found["by_model"]
        .as_array()
        .unwrap()
        .iter()
        .map(name)
        .collect();
    assert_eq!(models, ["groq/b=2", "openai/a=2"]);
    let groups = found["by_group"].as_array().unwrap().iter();
    let groups: Vec<_> = groups
        .map(|it| {
            (
                it["value"].as_str().unwrap(),
                it["requests"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(groups, [("", 1), ("blue", 1), ("red", 2)]);
    assert_eq!(sums(&console(), RANGE)["by_group"], json!([]));
}

#[test]
fn filters_narrow_the_sums() {
    let found = sums(
        &console(),
        &format!("{RANGE}&{}", filter("model", "eq", &json!(["b"]))),
    );
    assert_eq!(found["totals"]["requests"], 2);
}

#[test]
fn without_a_range_it_is_the_last_day_and_all_gateways_are_one_underscore_away() {
    let console = console();
    console
        .host
        .clock
        .set(1_790_000_000_000_000_000 + 3_600_000_000_000);
    let found = sums(&console, "");
    assert_eq!(
        (&found["totals"]["requests"], &found["bucket_seconds"]),
        (&json!(5), &json!(1440))
    );
    let all = console.get("/gateways/_/analytics").result();
    assert_eq!(all["totals"]["requests"], 6);
}

#[test]
fn many_models_and_groups_become_other() {
    let console = Console::new();
    let changes: Vec<_> = (0..250)
        .map(|n| json!({"model": format!("m{n}"), "metadata": {"team": format!("t{n}")}}))
        .collect();
    console.store(&changes);
    let found = sums(
        &console,
        "start_date=2026-09-21&end_date=2026-09-23&group_by=metadata.team",
    );
    for list in ["by_model", "by_group"] {
        let list = found[list].as_array().unwrap();
        assert!(list.len() <= 101);
        let sum: u64 = list.iter().map(|it| it["requests"].as_u64().unwrap()).sum();
        assert_eq!(sum, 250);
    }
    assert_eq!(found["truncated"], true);
}

#[test]
fn a_range_or_group_that_makes_no_sense_is_refused() {
    let console = Console::new();
    for query in [
        "start_date=2026-09-22&end_date=2026-09-21",
        "start_date=2026-09-21&end_date=2026-09-21",
        "start_date=2000-01-01",
        "start_date=x",
        "buckets=0",
        "buckets=241",
        "buckets=x",
        "group_by=team",
        "group_by=metadata.",
        "filters=x",
    ] {
        let (status, code, _) = console
            .get(&format!("/gateways/gw/analytics?{query}"))
            .refusal();
        assert_eq!((status, code), (400, 7001), "{query}");
    }
}
