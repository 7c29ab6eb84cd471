//! Issue: metrics at Envoy's Prometheus endpoint, exact over all workers, with bounded labels.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::metrics::Metrics;
use sluice_e2e::{Answer, Call, Case, Gateway, eventually, sample};

/// Between the events of a stream.
const PAUSE: Duration = Duration::from_millis(30);
const DURATION: &str = "gen_ai_client_operation_duration_milliseconds";
type Labels<'a> = Vec<(&'a str, &'a str)>;

fn gateway() -> Gateway {
    let config = json!({
        "attempt_cluster": "sluice-attempts",
        "direct_attempts": super::DIRECT,
        "gateways": [
            {"id": "open"},
            {"id": "quiet", "collect_logs": false},
            {"id": "cached", "cache_ttl": 300},
            {"id": "limited", "rate_limiting_limit": 2, "rate_limiting_interval": 600, "rate_limiting_technique": "sliding"},
            {"id": "keen", "retry_max_attempts": 3, "retry_delay": 0},
            {"id": "bound", "account_id": "0123"}
        ]
    });
    crate::gateway().config(&config).start()
}

fn ask(gateway: &Gateway, id: &str, case: &Case, body: &Value) -> Call {
    let path = format!("/v1/0123/{id}/openai/chat/completions");
    gateway.post(&path).case(case).json(body)
}

fn refusal(status: u16) -> Answer {
    Answer::json(status, &json!({"error": {"message": "no"}}))
}

fn of<'a>(gateway: &'a str, model: &'a str, more: &[(&'a str, &'a str)]) -> Labels<'a> {
    let call = [
        ("gateway", gateway),
        ("gen_ai_provider_name", "openai"),
        ("gen_ai_request_model", model),
    ];
    call.iter().chain(more).copied().collect()
}

/// Waits until so many calls are measured: a client has its answer before its call is over.
async fn measured(gateway: &Gateway, calls: u32) -> Metrics {
    eventually("the calls are measured", || {
        let metrics = gateway.metrics();
        let requests = |labels: &[(&str, &str)]| metrics.sum("sluice_requests_total", labels);
        // The harness itself calls gateways that there are not.
        let all = requests(&[]) - requests(&[("error_type", "unknown_gateway")]);
        assert!(all <= f64::from(calls), "{all} calls are measured");
        // Envoy shows histograms a moment after counters.
        let asked = ["answered", "cut"].map(|outcome| requests(&[("outcome", outcome)]));
        let timed = metrics.sum(&format!("{DURATION}_count"), &[]);
        let is_all = all == f64::from(calls) && timed == asked.iter().sum::<f64>();
        is_all.then_some(metrics)
    })
    .await
}

#[tokio::test]
async fn the_calls_of_all_workers_are_counted_exactly_whether_logged_or_not() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let calls: Vec<_> = (0..60)
        .map(|number| {
            let id = ["open", "quiet"][number % 2];
            tokio::spawn(ask(&gateway, id, &case, &sample::ask("hi")).complete())
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().status, 200);
    }
    assert!(
        gateway
            .connections_by_worker()
            .iter()
            .all(|count| *count > 0)
    );
    let metrics = measured(&gateway, 60).await;
    for id in ["open", "quiet"] {
        let sum =
            |name: &str, more: &[(&str, &str)]| metrics.sum(name, &of(id, "gpt-4o-mini", more));
        let answered = [("outcome", "answered"), ("status", "2xx")];
        assert_eq!(sum("sluice_requests_total", &answered), 30.0);
        let (input, output) = (
            ("gen_ai_token_type", "input"),
            ("gen_ai_token_type", "output"),
        );
        assert_eq!(sum("sluice_tokens_total", &[input]), 330.0);
        assert_eq!(sum("sluice_tokens_total", &[output]), 210.0);
        // 11 tokens at 0.15 and 7 at 0.60 dollars a million.
        assert_eq!(sum("sluice_cost_nanodollars_total", &[]), 30.0 * 5850.0);
        let chat = ("gen_ai_operation_name", "chat");
        assert_eq!(sum("gen_ai_client_token_usage_count", &[input, chat]), 30.0);
        let within = [input, chat, ("le", "16")];
        assert_eq!(sum("gen_ai_client_token_usage_bucket", &within), 30.0);
        assert_eq!(
            sum(
                "gen_ai_client_token_usage_bucket",
                &[input, chat, ("le", "4")]
            ),
            0.0
        );
        assert_eq!(sum(&format!("{DURATION}_count"), &[chat]), 30.0);
        let last = [chat, ("le", "327680")];
        assert_eq!(sum(&format!("{DURATION}_bucket"), &last), 30.0);
    }
}

#[tokio::test]
async fn every_kind_of_end_is_counted_with_its_reason() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let body = sample::ask("hi");
    for _ in 0..3 {
        ask(&gateway, "limited", &case, &body).complete().await;
        ask(&gateway, "cached", &case, &body).complete().await;
    }
    for status in [529, 429] {
        let failing = gateway.fake.case(refusal(status));
        ask(&gateway, "open", &failing, &body).complete().await;
    }
    let cut = gateway.fake.case(Answer::new(200).chunk("{").cut());
    ask(&gateway, "open", &cut, &body).send().await.rest().await;
    ask(&gateway, "bound", &case, &body).complete().await;
    let metrics = measured(&gateway, 10).await;
    let requests = |id: &str, more: &[(&str, &str)]| {
        metrics.sum("sluice_requests_total", &of(id, "gpt-4o-mini", more))
    };
    let error = |why| [("error_type", why)];
    assert_eq!(requests("limited", &error("")), 2.0);
    let limited = [
        ("gateway", "limited"),
        ("error_type", "rate_limited"),
        ("status", "429"),
    ];
    assert_eq!(metrics.sum("sluice_requests_total", &limited), 1.0);
    assert_eq!(requests("open", &error("5xx")), 1.0);
    assert_eq!(requests("open", &error("429")), 1.0);
    assert_eq!(requests("open", &error("cut")), 1.0);
    assert_eq!(requests("bound", &[("account", "0123")]), 1.0);
    assert_eq!(requests("cached", &[("outcome", "cached")]), 2.0);
    let cached =
        |name: &str, more: &[(&str, &str)]| metrics.sum(name, &of("cached", "gpt-4o-mini", more));
    assert_eq!(
        cached("sluice_cache_lookups_total", &[("result", "miss")]),
        1.0
    );
    assert_eq!(
        cached("sluice_cache_lookups_total", &[("result", "hit")]),
        2.0
    );
    assert_eq!(
        cached("sluice_saved_cost_nanodollars_total", &[]),
        2.0 * 5850.0
    );
    assert_eq!(
        cached(
            "sluice_saved_tokens_total",
            &[("gen_ai_token_type", "output")]
        ),
        14.0
    );
}

#[tokio::test]
async fn retries_and_fallbacks_are_counted_where_they_were_made() {
    let gateway = gateway();
    let failing = gateway.fake.case(refusal(503));
    let good = gateway.fake.case(sample::chat());
    let event = gateway.fake.case(sample::chat());
    let steps = [
        sample::step("openai", &failing),
        sample::step("groq", &good),
    ];
    let reply = gateway.universal("keen", &event, &steps).complete().await;
    assert_eq!(reply.status, 200);
    let metrics = measured(&gateway, 2).await;
    let retries = of("keen", "gpt-4o-mini", &[("status", "5xx")]);
    assert_eq!(metrics.sum("sluice_retries_total", &retries), 2.0);
    let fallbacks = |provider| {
        let labels = [("gateway", "keen"), ("gen_ai_provider_name", provider)];
        metrics.sum("sluice_fallbacks_total", &labels)
    };
    assert_eq!((fallbacks("openai"), fallbacks("groq")), (0.0, 1.0));
}

#[tokio::test]
async fn a_stream_has_its_time_to_the_first_token_and_for_each_of_the_others() {
    let gateway = gateway();
    let events = sample::chat_events();
    let mut answer = Answer::new(200).header("content-type", b"text/event-stream");
    for event in &events {
        answer = answer.chunk(format!("{event}\n\n")).pause(PAUSE);
    }
    let case = gateway.fake.case(answer);
    let call = ask(&gateway, "open", &case, &sample::ask_stream("hi"));
    call.complete().await;
    let metrics = measured(&gateway, 1).await;
    let sum =
        |name: &str, more: &[(&str, &str)]| metrics.sum(name, &of("open", "gpt-4o-mini", more));
    assert_eq!(
        sum("gen_ai_server_time_to_first_token_milliseconds_count", &[]),
        1.0
    );
    let each = "gen_ai_server_time_per_output_token_microseconds";
    assert_eq!(sum(&format!("{each}_count"), &[]), 1.0);
    // Five pauses over six tokens.
    assert!(sum(&format!("{each}_sum"), &[]) > 19_000.0);
    assert_eq!(sum(&format!("{each}_bucket"), &[("le", "10000")]), 0.0);
}

#[tokio::test]
async fn hostile_names_make_no_labels_and_break_no_scrape() {
    let gateway = gateway();
    let refused = gateway.fake.case(refusal(404));
    let long = "m".repeat(1 << 20);
    let names = [
        "a\nb",
        "a\"} 1\nsluice_requests_total{x=\"",
        "a;gateway=b",
        "\u{0}",
        "\u{1F600}",
        &long,
        "",
    ];
    for name in names {
        let body = json!({"model": name, "messages": []});
        ask(&gateway, "open", &refused, &body).complete().await;
    }
    let many: Vec<_> = (0..300)
        .map(|number| {
            let body = json!({"model": format!("made-up-{number}"), "messages": []});
            tokio::spawn(ask(&gateway, "open", &refused, &body).complete())
        })
        .collect();
    for call in many {
        call.await.unwrap();
    }
    // What a provider answers for is shown as it is, dots and all.
    let good = gateway.fake.case(sample::chat());
    for name in ["ft:gpt-3.5-turbo:acme::7p4lURel", "org/llama-3.1@v1.0"] {
        let body = json!({"model": name, "messages": []});
        ask(&gateway, "open", &good, &body).complete().await;
    }
    for slug in ["nobody", "x%22%0a"] {
        let path = format!("/v1/0123/open/{slug}/chat/completions");
        gateway.post(&path).json(&json!({})).complete().await;
    }
    let metrics = measured(&gateway, 311).await;
    assert_eq!(
        metrics.values("sluice_", "gen_ai_request_model"),
        [
            "",
            "ft:gpt-3.5-turbo:acme::7p4lURel",
            "org/llama-3.1@v1.0",
            "other"
        ]
    );
    assert_eq!(
        metrics.values("sluice_", "gen_ai_provider_name"),
        ["", "openai", "other"]
    );
    assert_eq!(metrics.values("sluice_", "gateway"), ["", "open", "other"]);
    let other = of("open", "other", &[("status", "4xx")]);
    // But for the empty name and the one that is too long to be read.
    assert_eq!(metrics.sum("sluice_requests_total", &other), 305.0);
}

#[tokio::test]
async fn neither_credentials_nor_metadata_are_in_the_metrics() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let call = ask(&gateway, "open", &case, &sample::ask("my-question"));
    let call = call.header("authorization", "Bearer sk-my-secret");
    let call = call.header("cf-aig-metadata", r#"{"team":"my-team"}"#);
    call.complete().await;
    let metrics = measured(&gateway, 1).await;
    let labels = ["sluice_", "gen_ai_"].map(|prefix| metrics.labels(prefix));
    for label in labels.concat() {
        let is_ours =
            ["gateway", "outcome", "status", "result", "le", "error_type"].contains(&label);
        assert!(is_ours || label.starts_with("gen_ai_"), "{label}");
    }
    let values: Vec<_> = ["gateway", "gen_ai_provider_name", "gen_ai_request_model"]
        .map(|label| metrics.values("", label))
        .concat();
    assert!(
        values.iter().all(|value| !value.contains("my-")),
        "{values:?}"
    );
}
