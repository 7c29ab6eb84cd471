//! Issue: `model: "dynamic/{name}"` lets a route of the configuration choose who answers: by what the call says, by shares,
//! and on to the next model when one fails.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Builder, Call, Case, Gateway, Lease, RawReply, Seen, Shared, sample};

use super::hop::{PROVIDERS, assert_own, assert_whole, config, step_of};

static GATEWAY: Shared = Shared::new(start);

/// An element of a route, which leads to these; a model is written `custom-one/m`.
pub(crate) fn element(
    id: &str,
    kind: &str,
    mut properties: Value,
    outputs: &[(&str, &str)],
) -> Value {
    if let Some((provider, model)) = kind.split_once('/') {
        (properties["provider"], properties["model"]) = (json!(provider), json!(model));
        return element(id, "model", properties, outputs);
    }
    let outputs: serde_json::Map<_, _> = outputs
        .iter()
        .map(|(name, id)| ((*name).to_owned(), json!({"elementId": id})))
        .collect();
    json!({"id": id, "type": kind, "properties": properties, "outputs": outputs})
}

/// A route that begins with its first element, and has the models `one` and `two` of the custom providers of these names.
pub(crate) fn route(name: &str, elements: &[Value]) -> Value {
    let start = element(
        "start",
        "start",
        json!({}),
        &[("next", elements[0]["id"].as_str().unwrap())],
    );
    let ends = ["one", "two"].map(|id| {
        element(
            id,
            &format!("custom-{id}/m-{id}"),
            json!({}),
            &[("success", "end")],
        )
    });
    let end = json!({"id": "end", "type": "end"});
    // What nothing leads to would be refused.
    let wanted = Value::from(elements).to_string();
    let ends = ends
        .into_iter()
        .filter(|end| wanted.contains(&json!({"elementId": end["id"]}).to_string()));
    let all = [start]
        .into_iter()
        .chain(elements.iter().cloned())
        .chain(ends)
        .chain([end]);
    json!({"name": name, "elements": all.collect::<Vec<_>>()})
}

fn conditional(name: &str, conditions: &Value) -> Value {
    let properties = json!({"conditions": conditions});
    route(
        name,
        &[element(
            "c",
            "conditional",
            properties,
            &[("true", "one"), ("false", "two")],
        )],
    )
}

/// A gateway with these routes.
pub(crate) fn start_with(gateways: &Value, routes: &[Value]) -> Gateway {
    let mut config = config(gateways);
    config["dynamic_routes"] = Value::from(routes);
    let builder = crate::gateway().config(&config);
    let cluster = |builder: Builder, (slug, upstream): &(&str, _)| builder.cluster(slug, *upstream);
    PROVIDERS.iter().fold(builder, cluster).start()
}

fn start() -> Gateway {
    let split =
        |name: &str, key: Value, outputs| route(name, &[element("s", "percentage", key, outputs)]);
    let sticky = json!({"key": "metadata.user_id"});
    let mut of_team = route(
        "of-team",
        &[element(
            "m",
            "custom-one/m-one",
            json!({}),
            &[("success", "end")],
        )],
    );
    of_team["gateway_id"] = json!("team");
    let mut own = conditional("metadata", &json!({"body.model": "never"}));
    own["gateway_id"] = json!("team");
    let mut older = conditional("older", &json!({}));
    let properties = json!({"condition": {"metadata.plan": {"$eq": "free"}}});
    older["elements"][1]["properties"] = properties;
    let routes = [
        conditional(
            "metadata",
            &json!({"metadata.plan": {"$in": ["free", "trial"]}}),
        ),
        conditional(
            "header",
            &json!({"$or": [{"headers.X-Team": "a"}, {"headers.x-level": {"$gt": 9}}]}),
        ),
        conditional(
            "body",
            &json!({"$and": [{"body.messages.0.role": {"$ne": "user"}}, {"body.max_tokens": {"$lte": 10}}]}),
        ),
        split("sticky", sticky.clone(), &[("30%", "one"), ("70%", "two")]),
        split("random", json!({}), &[("50%", "one"), ("else", "two")]),
        of_team,
        own,
        older,
    ];
    start_with(&json!([{"id": "open"}, {"id": "team"}]), &routes)
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A call of that route, which is its own event.
pub(crate) fn ask(gateway: &Gateway, id: &str, route: &str, case: &Case) -> Call {
    let mut body = sample::ask(case.id());
    body["model"] = json!(format!("dynamic/{route}"));
    asked(gateway, id, case).json(&body)
}

fn asked(gateway: &Gateway, id: &str, case: &Case) -> Call {
    let call = gateway.post(&format!("/v1/0123/{id}/compat/chat/completions"));
    let call = call.header("authorization", format!("Bearer sk-{}", case.id()));
    call.case(case).header("cf-aig-event-id", case.id())
}

/// The models that were tried, in their order; each got the whole call, the first one with the client's key.
pub(crate) fn tried(case: &Case) -> Vec<String> {
    let model = |(at, seen): (usize, &Seen)| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        if at == 0 || seen.header("authorization").is_some() {
            assert_own(seen, case, &body);
        } else {
            assert_whole(seen, &body);
        }
        let (host, model) = (
            seen.header("host").unwrap(),
            body["model"].as_str().unwrap(),
        );
        let slug = host.trim_end_matches(".test");
        assert_eq!(seen.path, format!("/base-{slug}/chat/completions"));
        model.to_owned()
    };
    case.seen().iter().enumerate().map(model).collect()
}

/// The answer names the model that gave it.
pub(crate) fn assert_answered_by(reply: &RawReply, model: &str) {
    let provider = format!("custom-{}", model.trim_start_matches("m-"));
    let named =
        ["cf-aig-provider", "cf-aig-model"].map(|name| reply.header(name).unwrap_or_default());
    assert_eq!(named, [provider, model.to_owned()]);
    assert_eq!((reply.status, step_of(reply).as_deref()), (200, Some("0")));
}

/// Route, model that answers, and what the call says: metadata, header fields, or members of the body.
const CHOICES: &str = r#"
metadata m-one cf-aig-metadata: {"plan":"trial"}
metadata m-one cf-aig-metadata: {"plan":"free", "user_id": 7}
metadata m-two cf-aig-metadata: {"plan":"paid"}
metadata m-two
older    m-one cf-aig-metadata: {"plan":"free"}
older    m-two cf-aig-metadata: {"plan":"trial"}
header   m-one x-team: a
header   m-one x-level: 10
header   m-two x-level: 9
header   m-two x-team: b
body     m-one {"max_tokens":10,"messages":[{"content":"hi","role":"system"}],"model":"dynamic/body"}
body     m-two {"max_tokens":11,"messages":[{"content":"hi","role":"system"}],"model":"dynamic/body"}
body     m-two {"max_tokens":10,"messages":[{"content":"hi","role":"user"}],"model":"dynamic/body"}
body     m-two {"messages":[{"content":"hi","role":"system"}],"model":"dynamic/body"}"#;

#[tokio::test]
async fn a_condition_looks_at_metadata_headers_and_body() {
    let gateway = gateway();
    for row in CHOICES.trim().lines() {
        let (route, rest) = row.split_once(char::is_whitespace).unwrap();
        let (model, said) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let case = gateway.fake.case(sample::chat());
        let call = match said.split_once(": ") {
            _ if said.starts_with('{') => asked(&gateway, "open", &case).body(said.to_owned()),
            Some((name, value)) => ask(&gateway, "open", route, &case).header(name, value),
            None => ask(&gateway, "open", route, &case),
        };
        let reply = call.complete().await;
        assert_eq!(tried(&case), [model], "{row}");
        assert_answered_by(&reply, model);
        let record = gateway.steps(&case, 1).await.remove(0);
        let fields = ["provider", "model_asked"].map(|name| record[name].as_str().unwrap());
        assert_eq!(
            fields,
            [&format!("custom-{}", model.trim_start_matches("m-")), model],
            "{record}"
        );
    }
}

#[tokio::test]
async fn calls_that_are_alike_in_the_key_take_the_same_way_on_every_worker() {
    let gateway = gateway();
    let mut ways = Vec::new();
    for user in 0..40 {
        let case = gateway.fake.case(sample::chat());
        let call = || {
            let call = ask(&gateway, "open", "sticky", &case);
            call.header("cf-aig-metadata", format!("{{\"user_id\": {user}}}"))
                .send()
        };
        let (one, two) = tokio::join!(call(), call());
        assert_eq!((one.status, two.status), (200, 200));
        let mut models = tried(&case);
        assert_eq!(models[0], models[1], "user {user}");
        ways.extend(models.pop());
    }
    // 30 % of 40 are 12; the users are always these, and so are their ways.
    let first = ways.iter().filter(|model| *model == "m-one").count();
    assert!((5..=20).contains(&first), "{first} of 40");
    let spread = gateway.connections_by_worker();
    assert!(spread.iter().all(|count| *count > 0));
}

#[tokio::test]
async fn calls_without_a_key_are_shared_out_at_random() {
    let gateway = gateway();
    for route in ["random", "sticky"] {
        let case = gateway.fake.case(sample::chat());
        let calls = (0..100).map(|_| tokio::spawn(ask(&gateway, "open", route, &case).send()));
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap().status, 200);
        }
        let first = tried(&case)
            .iter()
            .filter(|model| *model == "m-one")
            .count();
        // 50 and 30 are to be expected.
        assert!((8..=75).contains(&first), "{route}: {first} of 100");
    }
}

#[tokio::test]
async fn a_route_of_one_gateway_is_known_there_only_and_comes_before_that_of_all() {
    let gateway = gateway();
    for (id, route) in [("open", "of-team"), ("open", "nobody"), ("team", "nobody")] {
        let case = gateway.fake.case(sample::chat());
        let reply = ask(&gateway, id, route, &case).complete().await;
        assert_refused(&reply, 400, 2907);
        assert!(case.seen().is_empty());
        let record = gateway.record(&case).await;
        let model = json!(format!("dynamic/{route}"));
        assert_eq!(
            (&record["error_code"], &record["model_asked"]),
            (&json!(2907), &model)
        );
    }
    let case = gateway.fake.case(sample::chat());
    assert_answered_by(
        &ask(&gateway, "team", "of-team", &case).complete().await,
        "m-one",
    );
    for (id, model) in [("open", "m-one"), ("team", "m-two")] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, id, "metadata", &case);
        let call = call.header("cf-aig-metadata", "{\"plan\":\"free\"}");
        assert_answered_by(&call.complete().await, model);
    }
}
