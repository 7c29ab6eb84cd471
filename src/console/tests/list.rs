//! Lists: every parameter, every order, paging, and every way to write filters.

use serde_json::{Value, json};

use super::{Console, filter};

/// Five calls that differ in everything.
pub(super) fn five() -> Console {
    let console = Console::new();
    console.store(&[
        json!({"model": "a", "provider": "openai", "cost": 0.5, "duration": 100, "tokens_in": 1, "tokens_out": 1, "feedback": 1}),
        json!({"model": "b", "provider": "anthropic", "cost": 0.1, "duration": 200, "tokens_in": 5, "tokens_out": 50,
               "cached": true, "feedback": -1, "model_type": "image"}),
        json!({"model": "c", "provider": "groq", "cost": null, "duration": 300, "tokens_in": null, "tokens_out": null,
               "success": false, "status_code": 500, "metadata": null, "model_type": null}),
        json!({"model": "d", "provider": "openai", "cost": 0, "duration": 400, "tokens_in": 30, "tokens_out": 0,
               "request_content_type": "audio/wav", "metadata": {"team": "blue", "n": 7}}),
        json!({"model": "e", "provider": "mistral", "cost": 2, "duration": 500, "tokens_in": 100, "tokens_out": 900,
               "response_content_type": "text/event-stream", "user_agent": "Other/2"}),
    ]);
    // Nobody else's.
    console.store(&[
        json!({"model": "x", "gateway_id": "other"}),
        json!({"model": "y", "account_id": "else"}),
    ]);
    console
}

#[test]
fn without_parameters_the_newest_of_the_gateways_own_come_first() {
    let console = five();
    assert_eq!(console.models(""), ["e", "d", "c", "b", "a"]);
    let body = console.get("/gateways/gw/logs").json();
    assert_eq!(
        body["result_info"],
        json!({"count": 5, "page": 1, "per_page": 20, "total_count": 5})
    );
}

#[test]
fn every_account_and_every_gateway_are_one_underscore_away() {
    let console = five();
    let count = |path: &str| {
        let target = format!("/client/v4/accounts/{path}/logs");
        console.call("GET", &target, &[], None).json()["result_info"]["total_count"].clone()
    };
    assert_eq!(count("_/ai-gateway/gateways/gw"), 6);
    assert_eq!(count("acc/ai-gateway/gateways/_"), 6);
    assert_eq!(count("_/ai-gateway/gateways/_"), 7);
    assert_eq!(count("else/ai-gateway/gateways/gw"), 1);
    assert_eq!(count("nobody/ai-gateway/gateways/gw"), 0);
}

#[test]
fn every_order_works_in_both_directions() {
    let console = five();
    for (by, ascending) in [
        ("created_at", "abcde"),
        ("provider", "bcead"),
        ("model", "abcde"),
        ("model_type", "cbade"),
        ("success", "cabde"),
        ("cached", "acdeb"),
        ("cost", "cdbae"),
        ("tokens_in", "cabde"),
        ("tokens_out", "cdabe"),
        ("duration", "abcde"),
        ("feedback", "cdeba"),
    ] {
        let found = console
            .models(&format!("order_by={by}&order_by_direction=asc"))
            .concat();
        assert_eq!(found, ascending, "{by}");
        let descending: String = ascending.chars().rev().collect();
        for query in [
            format!("order_by={by}"),
            format!("order_by={by}&direction=desc"),
        ] {
            assert_eq!(console.models(&query).concat(), descending, "{query}");
        }
    }
    assert_eq!(console.models("direction=asc").concat(), "abcde");
    assert_eq!(
        console
            .models("direction=asc&order_by_direction=desc")
            .concat(),
        "edcba"
    );
}

#[test]
fn pages_cut_the_list_without_loss_or_repetition() {
    let console = Console::new();
    let changes: Vec<_> = (0..130)
        .map(
            |n| json!({"model": format!("{n:03}"), "provider": if n % 2 == 0 { "b" } else { "a" }}),
        )
        .collect();
    console.store(&changes);
    for query in [
        "order_by=created_at",
        "order_by=provider",
        "order_by=model&order_by_direction=asc",
    ] {
        let mut all = Vec::new();
        for page in 1..=4 {
            let answer = console
                .get(&format!(
                    "/gateways/gw/logs?{query}&per_page=50&page={page}"
                ))
                .json();
            assert_eq!(answer["result_info"]["total_count"], 130);
            let models = answer["result"].as_array().unwrap().iter();
            all.extend(models.map(|item| item["model"].as_str().unwrap().to_owned()));
            assert_eq!(answer["result_info"]["count"], [50, 50, 30, 0][page - 1]);
        }
        assert_eq!(all.len(), 130);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 130, "{query}");
    }
}

#[test]
fn a_list_is_ordered_by_the_beginning_of_calls_not_by_their_end() {
    let console = Console::new();
    console.store(&[
        json!({"model": "short", "created_at": "2026-09-22T00:00:09.000Z"}),
        json!({"model": "long", "created_at": "2026-09-22T00:00:01.000Z"}),
    ]);
    assert_eq!(console.models(""), ["short", "long"]);
}

#[test]
fn the_extremes_are_those_of_all_matches() {
    let console = five();
    let info = |query: &str| {
        console.get(&format!("/gateways/gw/logs?{query}")).json()["result_info"].take()
    };
    let found = info("meta_info=true&per_page=1");
    let expected = json!({
        "count": 1, "page": 1, "per_page": 1, "total_count": 5, "min_cost": 0.0, "max_cost": 2.0, "min_duration": 100.0,
        "max_duration": 500.0, "min_tokens_in": 1.0, "max_tokens_in": 100.0, "min_tokens_out": 0.0, "max_tokens_out": 900.0,
        "min_total_tokens": 2.0, "max_total_tokens": 1000.0,
    });
    assert_eq!(found, expected);
    let nothing = info("meta_info=true&model=none");
    assert_eq!(
        (&nothing["total_count"], &nothing["min_cost"]),
        (&json!(0), &Value::Null)
    );
}

#[test]
fn every_deprecated_parameter_still_filters() {
    let console = five();
    for (query, found) in [
        ("cached=true", "b"),
        ("cached=false", "edca"),
        ("success=false", "c"),
        ("provider=openai", "da"),
        ("model=b", "b"),
        ("model_type=image", "b"),
        ("request_content_type=audio/wav", "d"),
        ("response_content_type=text/event-stream", "e"),
        ("min_cost=0.5", "ea"),
        ("max_cost=0.1", "dcb"),
        ("min_duration=400", "ed"),
        ("max_duration=200", "ba"),
        ("min_tokens_in=30", "ed"),
        ("max_tokens_in=5", "ba"),
        ("min_tokens_out=50", "eb"),
        ("max_tokens_out=1", "da"),
        ("min_total_tokens=55", "eb"),
        ("max_total_tokens=30", "da"),
        ("start_date=2026-09-21T14:13:23Z", "ed"),
        ("end_date=2026-09-21T14%3A13%3A21%2B00%3A00", "ba"),
        ("feedback=1", "a"),
        ("feedback=0", "b"),
        ("feedback=-1", "b"),
        ("provider=openai&max_cost=0", "d"),
        ("search=BLUE", "d"),
        ("search=team", "edba"),
        ("search=other%2F2", "e"),
        ("search=anthrop", "b"),
        ("search=nowhere", ""),
        ("unknown_parameter=1&provider=groq", "c"),
        ("provider=", "edcba"),
    ] {
        assert_eq!(console.models(query).concat(), found, "{query}");
    }
}

#[test]
fn an_item_is_the_record_with_what_the_contract_demands() {
    let console = Console::new();
    console.store(&[json!({"provider": null, "model": null, "path": null, "cost": null, "extra": [1, {"a": "ü\n"}]})]);
    let item = &console.list("")[0];
    assert_eq!(
        (
            &item["provider"],
            &item["model"],
            &item["path"],
            &item["cost"]
        ),
        (&json!("unknown"), &json!("unknown"), &json!(""), &json!(0))
    );
    assert_eq!(
        (&item["extra"], &item["timings"]),
        (
            &json!([1, {"a": "ü\n"}]),
            &json!({"total": 1200, "latency": 300})
        )
    );
    assert_eq!(
        console.models(&filter("provider", "eq", &json!(["unknown"]))),
        ["unknown"]
    );
}
