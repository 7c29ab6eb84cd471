//! Datasets.

use serde_json::{Value, json};

use super::Console;

pub(super) const DATASETS: &str = "/gateways/gw/datasets";

pub(super) fn dataset(name: &str, filters: &Value) -> Value {
    json!({"name": name, "enable": true, "filters": filters})
}

pub(super) fn make(console: &Console, name: &str, filters: &Value) -> Value {
    console
        .send("POST", DATASETS, &dataset(name, filters))
        .result()
}

#[test]
fn a_dataset_lives_from_its_making_to_its_end() {
    let console = Console::new();
    let filters = json!([{"key": "provider", "operator": "eq", "value": ["openai"]}]);
    let made = make(&console, "mine", &filters);
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["name"], &made["filters"], &made["gateway_id"]),
        (&json!("mine"), &filters, &json!("gw"))
    );
    assert_eq!(console.get(&format!("{DATASETS}/{id}")).result(), made);
    assert_eq!(console.get(DATASETS).result(), json!([made]));
    let changed = console
        .send(
            "PUT",
            &format!("{DATASETS}/{id}"),
            &json!({"name": "new", "enable": false, "filters": []}),
        )
        .result();
    assert_eq!(
        (&changed["name"], &changed["enable"], &changed["filters"]),
        (&json!("new"), &json!(false), &json!([]))
    );
    assert_eq!(changed["created_at"], made["created_at"]);
    assert_eq!(
        console.delete(&format!("{DATASETS}/{id}")).result(),
        changed
    );
    for method in ["GET", "DELETE"] {
        assert_eq!(
            console
                .send(method, &format!("{DATASETS}/{id}"), &json!({}))
                .refusal()
                .1,
            7002
        );
    }
    assert_eq!(
        console
            .send(
                "PUT",
                &format!("{DATASETS}/{id}"),
                &dataset("x", &json!([]))
            )
            .refusal()
            .1,
        7002
    );
}

#[test]
fn datasets_are_listed_by_name_search_and_state() {
    let console = Console::new();
    make(
        &console,
        "alpha",
        &json!([{"key": "model", "operator": "contains", "value": ["gpt"]}]),
    );
    console
        .send(
            "POST",
            DATASETS,
            &json!({"name": "beta", "enable": false, "filters": []}),
        )
        .result();
    for (query, found) in [
        ("", 2),
        ("name=alpha", 1),
        ("name=alp", 0),
        ("search=ALP", 1),
        ("search=gpt", 1),
        ("enable=true", 1),
        ("enable=false", 1),
        ("per_page=1", 1),
        ("per_page=1&page=3", 0),
    ] {
        let result = console.get(&format!("{DATASETS}?{query}")).result();
        assert_eq!(result.as_array().unwrap().len(), found, "{query}");
    }
    assert_eq!(
        console.get(&format!("{DATASETS}?enable=x")).refusal().1,
        7001
    );
}

#[test]
fn a_gateway_has_at_most_ten_datasets_and_each_account_its_own() {
    let console = Console::new();
    for n in 0..10 {
        make(&console, &format!("n{n}"), &json!([]));
    }
    let (status, _, message) = console
        .send("POST", DATASETS, &dataset("more", &json!([])))
        .refusal();
    assert_eq!((status, message.contains("10")), (409, true));
    let elsewhere = "/client/v4/accounts/else/ai-gateway/gateways/gw/datasets";
    assert_eq!(
        console.call("GET", elsewhere, &[], None).result(),
        json!([])
    );
    let body = dataset("theirs", &json!([])).to_string();
    let made = console
        .call("POST", elsewhere, &[], Some(body.as_bytes()))
        .result();
    assert_eq!(made["account_tag"], "else");
    let id = made["id"].as_str().unwrap();
    assert_eq!(console.get(&format!("{DATASETS}/{id}")).refusal().1, 7002);
    assert_eq!(
        console.delete(&format!("{DATASETS}/{id}")).refusal().1,
        7002
    );
}

#[test]
fn a_dataset_that_makes_no_sense_is_refused() {
    let console = Console::new();
    let filter =
        |key: &str, operator: &str| json!([{"key": key, "operator": operator, "value": ["x"]}]);
    for body in [
        json!({"enable": true, "filters": []}),
        json!({"name": "", "enable": true, "filters": []}),
        json!({"name": "x".repeat(200), "enable": true, "filters": []}),
        json!({"name": "x", "enable": "yes", "filters": []}),
        json!({"name": "x", "enable": true}),
        json!({"name": "x", "enable": true, "filters": {}}),
        json!({"name": "x", "enable": true, "filters": [1]}),
        dataset("x", &filter("metadata.key", "eq")),
        dataset("x", &filter("model", "neq")),
        dataset("x", &filter("cost", "eq")),
        dataset(
            "x",
            &json!([{"key": "model", "operator": "eq", "value": []}]),
        ),
        dataset("x", &json!(vec![filter("model", "eq")[0].clone(); 21])),
    ] {
        let (status, code, _) = console.send("POST", DATASETS, &body).refusal();
        assert_eq!((status, code), (400, 7001), "{body}");
    }
}

#[test]
fn two_workers_that_write_at_once_lose_nothing() {
    let console = Console::new();
    // Between the read and the write of the first, the second makes one of its own.
    let made_by_other = move |host: &crate::host::fake::FakeHost| {
        let key = "sluice/1/console//gw".to_owned();
        let (value, version) = host.data.borrow().get(&key).cloned().unwrap();
        let mut state: Value = serde_json::from_slice(&value).unwrap();
        let mut copy = state["datasets"][0].clone();
        copy["id"] = json!("the-other");
        state["datasets"].as_array_mut().unwrap().push(copy);
        host.data
            .borrow_mut()
            .insert(key, (state.to_string().into_bytes(), version + 100));
    };
    make(&console, "first", &json!([]));
    console.host.interleave(1, made_by_other);
    make(&console, "second", &json!([]));
    let names = console.get(DATASETS).result();
    assert_eq!(names.as_array().unwrap().len(), 3, "{names}");
}
