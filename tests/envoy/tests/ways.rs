//! Issue: attempts go straight to their providers or, with a time limit, over the hop, in any order, and nobody can tell by
//! the requests; what is mounted wrongly harms nobody.

use serde_json::{Value, json};
use sluice_e2e::gateway::records_of;
use sluice_e2e::{Answer, Case, Gate, Gateway, Upstream, eventually, sample};

use super::hop::{assert_own, config, gateway, single, step_of};

fn failing() -> Answer {
    Answer::json(503, &json!({"error": {"message": "not now"}}))
}

/// Waits until that many attempts of the case have taken the hop and are over.
async fn assert_hops(gateway: &Gateway, case: &Case, count: usize) {
    let hops = eventually("the hops", || {
        let hops = gateway.output.entries(|entry| {
            entry["listener"] == "hop"
                && entry["type"] == "DownstreamEnd"
                && entry["case"] == case.id()
        });
        Some(hops).filter(|hops| hops.len() >= count)
    });
    assert_eq!(hops.await.len(), count);
}

/// A step whose body has a length of its own.
fn step((at, case): (usize, &Case), is_limited: bool) -> Value {
    let provider = ["one", "two", "three"][at % 3];
    let mut step = sample::step(&format!("custom-{provider}"), case);
    step["query"]["fill"] = json!("x".repeat(1000 * (10 - at)));
    if is_limited {
        step["config"] = json!({"requestTimeout": 10_000});
    }
    step
}

/// A call of one step for each of `limits`, of which the last one answers; `refused`: and of one more before that, whose
/// provider nobody can reach.
async fn mixed(gateway: &Gateway, limits: &[bool], refused: bool) {
    let last = limits.len() - 1;
    let answers = vec![failing(); last].into_iter().chain([sample::chat()]);
    let cases: Vec<_> = answers.map(|answer| gateway.fake.case(answer)).collect();
    let steps = cases.iter().enumerate().zip(limits);
    let own: Vec<_> = steps.map(|(case, limit)| step(case, *limit)).collect();
    let mut all = own.clone();
    if refused {
        all.insert(last, sample::step("custom-dead", &cases[last]));
    }
    let event = gateway.fake.case(sample::chat());
    let call = gateway.universal("open", &event, &all).over_http2(refused);
    let reply = call.complete().await;
    let answered = (reply.status, step_of(&reply));
    assert_eq!(
        answered,
        (200, Some((all.len() - 1).to_string())),
        "{limits:?}"
    );
    for (at, (case, step)) in cases.iter().zip(&own).enumerate() {
        assert_own(&case.only(), case, &step["query"]);
        // The last attempt of all is waited for, so it has no limit.
        assert_hops(gateway, case, usize::from(limits[at] && at != last)).await;
    }
    gateway.steps(&event, all.len()).await;
}

/// Calls these providers so that each worker has seen the role in their clusters.
async fn warm_up(gateway: &Gateway, providers: &[&str]) {
    for provider in providers {
        let gate = Gate::new();
        let case = gateway.fake.case(sample::chat().hold(&gate));
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let call = single(gateway, "open", provider, &case).json(&sample::ask("hi"));
                tokio::spawn(call.complete())
            })
            .collect();
        // Connections that are open at a time are spread evenly.
        eventually("the calls", || (case.seen().len() == 8).then_some(())).await;
        gate.open();
        for call in calls {
            assert_eq!(call.await.unwrap().status, 200);
        }
    }
}

#[tokio::test]
async fn only_an_attempt_with_a_time_limit_takes_the_hop() {
    let gateway = gateway();
    warm_up(&gateway, &["custom-one", "custom-two", "custom-three"]).await;
    for limits in [
        &[false, false][..],
        &[true, false],
        &[false, true, false],
        &[true, false, true, false],
        &[true, true, false, false],
        &[false, false, true, true],
    ] {
        mixed(&gateway, limits, false).await;
        mixed(&gateway, limits, true).await;
    }
}

#[tokio::test]
async fn the_attempts_of_one_call_are_the_same_on_both_ways() {
    let gateway = gateway();
    warm_up(&gateway, &["openai"]).await;
    let case = gateway.fake.cases([failing(), failing(), sample::chat()]);
    let body = json!({"model": "m", "fill": "x".repeat(1 << 20)});
    let call = single(&gateway, "keen", "openai", &case)
        .header("cf-aig-request-timeout", "10000")
        .header("x-custom", "1");
    assert_eq!(call.json(&body).complete().await.status, 200);
    let seen = case.seen();
    assert_eq!(seen.len(), 3);
    for seen in &seen {
        assert_own(seen, &case, &body);
    }
    let fields = |at: usize| {
        let mut fields = seen[at].headers.clone();
        fields.sort();
        fields
    };
    assert_eq!(fields(0), fields(2));
    assert_hops(&gateway, &case, 2).await;
}

#[tokio::test]
async fn the_records_of_a_call_are_one_or_a_list_in_the_order_of_the_steps() {
    let gateway = gateway();
    let entry = |event: Case| {
        let mark = format!("\"event_id\":\"{}\"", event.id());
        let output = gateway.output.clone();
        let is_of_event = move |entry: &Value| {
            let record = entry["record"].as_str();
            record.is_some_and(|record| record.contains(&mark))
        };
        async move { eventually("the entry", || output.entries(&is_of_event).pop()).await }
    };
    let case = gateway.fake.cases([failing(), sample::chat()]);
    let call = single(&gateway, "keen", "openai", &case).json(&sample::ask("hi"));
    assert_eq!(call.complete().await.status, 200);
    let alone = entry(case).await;
    assert!(alone["record"].as_str().unwrap().starts_with('{'));
    let cases = [failing(), failing(), sample::chat()].map(|answer| gateway.fake.case(answer));
    let slugs = ["custom-one", "custom-two", "custom-three"];
    let mut steps: Vec<_> = slugs
        .iter()
        .zip(&cases)
        .map(|(slug, case)| sample::step(slug, case))
        .collect();
    steps[1]["config"] = json!({"requestTimeout": 10_000});
    let event = gateway.fake.case(sample::chat());
    let call = gateway.universal("open", &event, &steps);
    assert_eq!(call.complete().await.status, 200);
    let records = records_of(&entry(event.clone()).await);
    let facts = |record: &Value| (record["step"].clone(), record["status_code"].clone());
    let facts: Vec<_> = records.iter().map(facts).collect();
    assert_eq!(
        facts,
        [
            (json!(0), json!(503)),
            (json!(1), json!(503)),
            (json!(2), json!(200))
        ]
    );
    for record in records {
        let lines = gateway.record_lines(record["id"].as_str().unwrap()).await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
    }
}

/// A gateway with a cluster that the route does not know, one without the role, and a name of none.
fn odd() -> Gateway {
    let mut config = config(&json!([{"id": "open"}]));
    for slug in ["unlisted", "roleless", "nowhere"] {
        let provider =
            json!({"slug": slug, "base_url": format!("https://{slug}.test"), "cluster": slug});
        config["custom_providers"]
            .as_array_mut()
            .unwrap()
            .push(provider);
    }
    let builder = crate::gateway().config(&config);
    let builder = ["one", "unlisted", "roleless"]
        .into_iter()
        .fold(builder, |builder, name| {
            builder.cluster(name, Upstream::Plain)
        });
    builder.start()
}

#[tokio::test]
async fn clusters_that_no_attempt_can_go_straight_to_harm_nobody() {
    let gateway = odd();
    let [one, two, three] = [failing(), failing(), sample::chat()].map(|it| gateway.fake.case(it));
    let steps = [
        sample::step("custom-nowhere", &one),
        sample::step("custom-unlisted", &two),
        sample::step("custom-one", &three),
    ];
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("2")));
    assert_eq!(one.seen().len(), 0);
    assert_own(&two.only(), &two, &steps[1]["query"]);
    let records = gateway.steps(&event, 3).await;
    let codes = records.iter().map(|record| record["status_code"].as_u64());
    assert_eq!(codes.collect::<Vec<_>>(), [Some(400), Some(503), Some(200)]);
}

/// A call of a step that fails and one that answers, at these providers, one of which has no role.
async fn one_without_the_role(gateway: &Gateway, providers: [&str; 2]) {
    let cases = [failing(), sample::chat()].map(|answer| gateway.fake.case(answer));
    let steps = [0, 1].map(|at| sample::step(providers[at], &cases[at]));
    let event = gateway.fake.case(sample::chat());
    let call = gateway.universal("open", &event, &steps);
    let call = ["authorization", "x-api-key", "cookie", "x-custom"]
        .into_iter()
        .fold(call, |call, name| call.header(name, "the-secret"));
    let reply = call.complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    for (case, step) in cases.iter().zip(&steps) {
        let seen = case.only();
        assert_own(&seen, case, &step["query"]);
        assert!(!format!("{seen:?}").contains("the-secret"));
    }
    let bare = providers.iter().position(|it| *it == "custom-roleless");
    assert_hops(gateway, &cases[bare.unwrap()], 1).await;
    gateway.steps(&event, 2).await;
}

#[tokio::test]
async fn a_cluster_without_the_role_is_sent_its_own_step_alone_and_over_the_hop() {
    let gateway = odd();
    // Each worker knows the other cluster.
    warm_up(&gateway, &["custom-one"]).await;
    for _ in 0..4 {
        one_without_the_role(&gateway, ["custom-one", "custom-roleless"]).await;
        one_without_the_role(&gateway, ["custom-roleless", "custom-one"]).await;
    }
}
