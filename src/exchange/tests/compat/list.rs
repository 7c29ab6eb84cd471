//! The list of models.

use super::*;

/// The ids of the list of models, and nothing is recorded of it.
fn listed(path: &str) -> Vec<String> {
    let mut call = Proxy::new().stream();
    call.on(Event::RequestHead {
        headers: list(&[(":method", "GET"), (":path", path)]),
        end: true,
    });
    let reply = call.reply.as_ref().unwrap();
    assert_eq!(reply.status, 200);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["object"], "list");
    call.on(Event::Done(Ending::default()));
    assert!(call.records.is_empty() && call.upstream.is_none());
    let models = body["data"].as_array().unwrap();
    let id = |model: &Value| model["id"].as_str().unwrap().to_owned();
    models.iter().map(id).collect()
}

#[test]
fn the_models_of_a_provider_are_listed() {
    let path = "/v1/acc/my-gateway/compat/models";
    let openai = listed(&format!("{path}?provider=openai"));
    assert!(openai.contains(&"openai/gpt-4o-mini".to_owned()));
    assert!(openai.iter().all(|id| id.starts_with("openai/")));
    assert_eq!(listed(path), Vec::<String>::new());
    for (path, code) in [
        (format!("{path}?provider=nobody"), 2008),
        (path.replace("my-gateway", "locked"), 2009),
    ] {
        let mut call = Proxy::new().stream();
        call.on(Event::RequestHead {
            headers: list(&[(":method", "GET"), (":path", &path)]),
            end: true,
        });
        assert_eq!(call.error_code(), code);
        call.done(0, false);
    }
}
