//! Routes that are refused or have a model that cannot be called: what is tried instead, and what is recorded.

use super::*;

fn ask<'p>(proxy: &'p Proxy, route: &str, fields: &[(&str, &str)]) -> Call<'p> {
    let body = json!({"model": format!("dynamic/{route}"), "messages": []}).to_string();
    Call::ask(proxy, "/v1/acc/open/compat/chat/completions", fields, &body)
}

fn compat(route: &str) -> Value {
    let mut step = step("one", json!({}));
    step["provider"] = json!("compat");
    step["query"]["model"] = json!(format!("dynamic/{route}"));
    step
}

/// Uses a route's limit up.
fn use_up(proxy: &Proxy, route: &str) {
    let mut call = ask(proxy, route, &[]);
    call.answer("200", &[], DONE);
    call.finish();
}

/// (step, status, outcome, provider, model) of each record.
fn named(records: &[Value]) -> Vec<(u64, u64, &str, &str, &str)> {
    let both = facts(records).into_iter().zip(records);
    both.map(|((step, status, outcome), record)| {
        let [provider, model] = ["provider", "model"].map(|name| record[name].as_str().unwrap());
        (step, status, outcome, provider, model)
    })
    .collect()
}

const QUOTA: (&str, &str) = ("unknown", "dynamic/quota");

#[test]
fn a_limit_does_not_end_the_list_but_is_its_steps_record() {
    let proxy = proxy();
    use_up(&proxy, "quota");
    let limited = (429, "refused", QUOTA.0, QUOTA.1);
    let steps = [compat("quota"), step("three", json!({}))];
    let mut call = universal(&proxy, "open", &steps);
    assert_eq!(call.asked(), ["three"], "where the route comes first");
    call.answer("200", &[], DONE);
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("1"));
    let mut records = call.finish();
    records.sort_by_key(|record| record["step"].as_u64());
    let three = ("answered", "custom-three", "m");
    assert_eq!(
        named(&records),
        [
            (0, limited.0, limited.1, limited.2, limited.3),
            (1, 200, three.0, three.1, three.2)
        ]
    );
    let middle = [
        step("one", json!({})),
        compat("quota"),
        step("three", json!({})),
    ];
    let mut call = universal(&proxy, "open", &middle);
    call.answer("503", &[], FAILED);
    assert_eq!(call.asked(), ["one", "three"], "where it stands between");
    call.answer("503", &[], FAILED);
    assert_eq!(call.client().0, 503, "the last step's answer is the answer");
    let records = call.finish();
    let states: Vec<_> = facts(&records);
    assert_eq!(
        states,
        [
            (0, 503, "answered"),
            (1, 429, "refused"),
            (2, 503, "answered")
        ]
    );
    let ids: std::collections::BTreeSet<_> = records
        .iter()
        .map(|record| record["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_limit_is_the_answer_where_nothing_is_left() {
    let proxy = proxy();
    use_up(&proxy, "quota");
    let mut call = universal(&proxy, "open", &[step("three", json!({})), compat("quota")]);
    call.answer("503", &[], FAILED);
    assert_eq!(call.refusal(), (429, Some(2003)));
    assert_eq!(call.told("cf-aig-step").as_deref(), Some("1"));
    let told = call.told("cf-aig-log-id");
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 503, "answered"), (1, 429, "refused")]);
    assert_eq!(records[1]["id"].as_str(), told.as_deref());
    let mut call = universal(&proxy, "open", &[compat("quota"), compat("quota")]);
    assert_eq!(call.refusal(), (429, Some(2003)), "nor was anything before");
    let records = call.finish();
    let mut steps: Vec<_> = facts(&records);
    steps.sort_unstable();
    assert_eq!(steps, [(0, 429, "refused"), (1, 429, "refused")]);
    assert_ne!(records[0]["id"], records[1]["id"]);
}

#[test]
fn a_limit_behind_a_model_that_failed_is_recorded_beside_it() {
    let proxy = proxy();
    let mut first = ask(&proxy, "used-up", &[]);
    first.answer("503", &[], FAILED);
    first.answer("200", &[], DONE);
    assert_eq!(first.asked(), ["one", "two"]);
    first.finish();
    let mut call = ask(&proxy, "used-up", &[]);
    call.answer("503", &[], FAILED);
    assert_eq!(call.refusal(), (429, Some(2003)));
    let records = call.finish();
    let route = ("unknown", "dynamic/used-up");
    assert_eq!(
        named(&records),
        [
            (0, 503, "answered", "custom-one", "one-model"),
            (0, 429, "refused", route.0, route.1)
        ]
    );
    assert_ne!(records[0]["id"], records[1]["id"]);
}

/// Only the first provider is shown the client's credential, and the second has no key of that name.
const FIELDS: [(&str, &str); 2] = [
    ("authorization", "Bearer sk-client"),
    ("cf-aig-byok-alias", "nobodys"),
];

#[test]
fn a_model_that_cannot_be_called_gives_way_to_its_fallback() {
    let proxy = proxy();
    let mut call = ask(&proxy, "onward", &FIELDS);
    call.answer("503", &[], FAILED);
    assert_eq!(call.asked(), ["one", "one"]);
    call.answer("200", &[], DONE);
    let records = call.finish();
    assert_eq!(
        named(&records),
        [
            (0, 503, "answered", "custom-one", "one-model"),
            (0, 400, "refused", "custom-four", "four-model"),
            (0, 200, "answered", "custom-one", "m"),
        ]
    );
    assert_eq!(records[1]["error_code"], 2040);
}

#[test]
fn without_a_fallback_the_answer_before_it_stands() {
    let proxy = proxy();
    let mut call = ask(&proxy, "guarded", &FIELDS);
    call.answer("503", &[], FAILED);
    assert_eq!(
        call.client(),
        (503, String::from_utf8(FAILED.to_vec()).unwrap())
    );
    let records = call.finish();
    assert_eq!(facts(&records), [(0, 503, "answered"), (0, 400, "refused")]);
}

#[test]
fn the_fault_of_the_only_model_is_the_answer() {
    let proxy = proxy();
    let mut call = ask(&proxy, "guarded", &FIELDS[1..]);
    assert_eq!(call.refusal(), (400, Some(2040)));
    assert_eq!(call.asked(), Vec::<String>::new());
    assert_eq!(
        facts(&call.finish()),
        [(0, 400, "refused"), (0, 400, "refused")]
    );
}

#[test]
fn a_route_that_came_to_no_model_is_recorded_under_its_own_name() {
    let proxy = proxy();
    use_up(&proxy, "quota");
    for (route, status) in [("quota", 429), ("narrow", 400), ("nowhere", 400)] {
        let name = format!("dynamic/{route}");
        let call = ask(&proxy, route, &[]).finish();
        let expected = (0, status, "refused", "unknown", name.as_str());
        assert_eq!(named(&call), [expected]);
    }
    let records = universal(&proxy, "open", &[compat("nowhere")]).finish();
    assert_eq!(
        named(&records),
        [(0, 400, "refused", "unknown", "dynamic/nowhere")]
    );
    let steps = [compat("narrow"), step("three", json!({}))];
    assert_eq!(universal(&proxy, "open", &steps).asked(), ["three"]);
}
