//! Changes of one record: what others change at the same time, and what may be logged.

use serde_json::{Value, json};

use super::{API, Console};

#[test]
fn two_changes_of_one_field_are_both_told_to_be_made() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    let path = format!("{API}/gateways/gw/logs/{id}");
    let begin = |body: &Value| {
        let body = body.to_string();
        console.begin("PATCH", &path, &[], Some(body.as_bytes()))
    };
    // Both wait when the keeper comes to them.
    let tasks = [1, -1].map(|feedback| begin(&json!({"feedback": feedback})));
    for task in &tasks {
        assert_eq!(console.finish(task).result(), json!({}));
    }
    let logs = console.list("");
    assert_eq!(logs[0]["feedback"], -1);
}

#[test]
fn a_change_of_another_field_is_not_taken_for_ones_own() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    let path = format!("{API}/gateways/gw/logs/{id}");
    let body = json!({"feedback": 1}).to_string();
    let task = console.begin("PATCH", &path, &[], Some(body.as_bytes()));
    let batches: Vec<_> = {
        let mut queues = console.host.queues.borrow_mut();
        queues.get_mut(&super::KEEPER).unwrap().drain(..).collect()
    };
    let score = json!({"score": 5});
    let answer = console.send("PATCH", &format!("/gateways/gw/logs/{id}"), &score);
    assert_eq!(answer.result(), json!({}));
    // The first one got lost on its way.
    assert_eq!(batches.len(), 1);
    assert_eq!(console.finish(&task).refusal().0, 503);
}

#[test]
fn new_metadata_is_logged_as_the_gateway_of_the_record_lets_it() {
    let console = Console::configured(&json!({
        "console": {"open": true},
        "attempt_cluster": "hop",
        "gateways": [
            {"id": "gw", "log_privacy": {"redact": ["email"], "hash_metadata": ["user"]}},
            {"id": "other"},
        ],
    }));
    let ids = console.store(&[json!({}), json!({"gateway_id": "other"})]);
    let metadata = json!({"user": "jo", "mail": "jo@example.org", "n": 7});
    for (id, is_private) in [(&ids[0], true), (&ids[1], false)] {
        let path = format!("/client/v4/accounts/_/ai-gateway/gateways/_/logs/{id}");
        let body = json!({"metadata": metadata}).to_string();
        let answer = console.call("PATCH", &path, &[], Some(body.as_bytes()));
        assert_eq!(answer.result(), json!({}));
        let shown = console.call("GET", &path, &[], None).result()["metadata"].take();
        if is_private {
            assert_eq!(
                (&shown["mail"], &shown["n"]),
                (&json!("[email]"), &json!(7))
            );
            assert!(shown["user"].as_str().unwrap().starts_with("sha256:"));
        } else {
            assert_eq!(shown, metadata);
        }
    }
}

#[test]
fn a_change_and_its_opposite_at_once_are_both_made() {
    let console = Console::new();
    let id = console.store(&[json!({})]).remove(0);
    let target = format!("{API}/gateways/gw/logs/{id}");
    let begin = |body: &Value| {
        let body = body.to_string();
        console.begin("PATCH", &target, &[], Some(body.as_bytes()))
    };
    let tasks = [1, 0].map(|score| begin(&json!({"feedback": null, "score": score})));
    let back = begin(&json!({"score": null}));
    // The keeper takes all of them before anybody looks.
    for task in tasks.iter().chain([&back]) {
        assert_eq!(console.finish(task).status, 200);
    }
    let log = console.get(&format!("/gateways/gw/logs/{id}")).result();
    assert_eq!(log["score"], Value::Null);
}
