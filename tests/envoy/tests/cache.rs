//! Issue: the same question is answered from the cache, byte for byte, and nothing else ever is.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_e2e::{
    Answer, Call, Case, Gate, Gateway, Lease, Reply, Shared, Upstream, sample, until_status,
};

const CHAT: &str = "/v1/0123/cached/openai/chat/completions";
const UNCACHED: &str = "/v1/0123/uncached/openai/chat/completions";

static GATEWAY: Shared = Shared::new(|| {
    let builder = crate::gateway()
        .config(&config())
        .cluster("raw", Upstream::Raw);
    builder.cluster("h2c", Upstream::H2c).start()
});

fn config() -> Value {
    json!({
        "gateways": [{"id": "cached", "cache_ttl": 300}, {"id": "other", "cache_ttl": 300}, {"id": "uncached"}],
        "custom_providers": [
            {"slug": "raw", "base_url": "https://provider.test", "cluster": "raw"},
            {"slug": "h2c", "base_url": "https://provider.test", "cluster": "h2c"}
        ]
    })
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A question that only this case asks.
fn ask(gateway: &Gateway, path: &str, case: &Case) -> Call {
    gateway.post(path).case(case).json(&sample::ask(case.id()))
}

fn status(reply: &Reply) -> Option<&str> {
    reply.header("cf-aig-cache-status")
}

/// Makes the call, reads the answer to its end and tells whether it came from the cache.
async fn asked(call: Call) -> Option<String> {
    call.complete().await.header("cf-aig-cache-status")
}

/// Asks twice and expects the second answer to be from the cache, or not.
async fn twice(gateway: &Gateway, path: &str, answer: Answer, stored: bool) {
    let case = gateway.fake.case(answer);
    for turn in ["first", "second"] {
        let mut reply = ask(gateway, path, &case).send().await;
        let (body, clean) = reply.rest().await;
        let text = String::from_utf8_lossy(&body);
        let hit = turn == "second" && stored;
        assert_eq!(
            status(&reply) == Some("HIT"),
            hit,
            "{turn}, clean {clean}: {} {text}",
            reply.status
        );
    }
    assert_eq!(case.seen().len(), if stored { 1 } else { 2 });
}

#[tokio::test]
async fn the_same_question_is_answered_from_the_cache_on_every_worker() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let mut reply = ask(&gateway, CHAT, &case).send().await;
    assert_eq!(
        (reply.status, status(&reply), reply.header("age")),
        (200, Some("MISS"), None)
    );
    assert_eq!(reply.json().await, sample::chat_body());
    // Two at a time are on different workers.
    for _ in 0..4 {
        let (one, two) = tokio::join!(
            ask(&gateway, CHAT, &case).send(),
            ask(&gateway, CHAT, &case).send()
        );
        for mut reply in [one, two] {
            assert_eq!((reply.status, status(&reply)), (200, Some("HIT")));
            let age: u64 = reply.header("age").unwrap().parse().unwrap();
            assert!(age < 60, "{age}");
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert_eq!(
                reply.bytes().await,
                sample::chat_body().to_string().as_bytes()
            );
        }
    }
    assert_eq!(case.seen().len(), 1);
}

#[tokio::test]
async fn whatever_names_another_answer_is_another_question() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let base = || ask(&gateway, CHAT, &case).header("authorization", "Bearer one");
    assert_eq!(asked(base()).await.as_deref(), Some("MISS"));
    let elsewhere = |path: &str| ask(&gateway, path, &case).header("authorization", "Bearer one");
    let others = [
        (
            "provider",
            elsewhere("/v1/0123/cached/groq/chat/completions"),
        ),
        ("path", elsewhere("/v1/0123/cached/openai/completions")),
        (
            "query",
            elsewhere("/v1/0123/cached/openai/chat/completions?a=b"),
        ),
        (
            "gateway",
            elsewhere("/v1/0123/other/openai/chat/completions"),
        ),
        (
            "account",
            elsewhere("/v1/4567/cached/openai/chat/completions"),
        ),
        (
            "credential",
            ask(&gateway, CHAT, &case).header("authorization", "Bearer two"),
        ),
        ("no credential", ask(&gateway, CHAT, &case)),
        (
            "credential elsewhere",
            ask(&gateway, CHAT, &case).header("x-api-key", "one"),
        ),
        (
            "body",
            base().body(sample::ask(case.id()).to_string() + " "),
        ),
    ];
    for (what, call) in others {
        assert_eq!(asked(call).await.as_deref(), Some("MISS"), "{what}");
    }
    assert_eq!(asked(base()).await.as_deref(), Some("HIT"));
}

#[tokio::test]
async fn headers_that_do_not_change_the_answer_do_not_change_the_question() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    assert_eq!(
        asked(ask(&gateway, CHAT, &case)).await.as_deref(),
        Some("MISS")
    );
    let call = ask(&gateway, CHAT, &case)
        .header("cf-aig-metadata", "{\"a\": 1}")
        .header("user-agent", "other");
    let call = call
        .header("cf-aig-event-id", "another")
        .header("x-stainless-retry-count", "1")
        .http2();
    assert_eq!(asked(call).await.as_deref(), Some("HIT"));
}

#[tokio::test]
async fn skip_cache_asks_the_provider_in_both_spellings() {
    let gateway = gateway();
    for name in ["cf-aig-skip-cache", "cf-skip-cache"] {
        let case = gateway.fake.case(sample::chat());
        assert_eq!(
            asked(ask(&gateway, CHAT, &case)).await.as_deref(),
            Some("MISS")
        );
        assert_eq!(
            asked(ask(&gateway, CHAT, &case).header(name, "true"))
                .await
                .as_deref(),
            Some("MISS")
        );
        assert_eq!(case.seen().len(), 2);
        assert_eq!(
            asked(ask(&gateway, CHAT, &case).header(name, "false"))
                .await
                .as_deref(),
            Some("HIT")
        );
    }
}

#[tokio::test]
async fn a_key_of_the_clients_own_opts_in_and_is_shared_by_different_bodies() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let keyed = |path: &str, text: &str| {
        gateway
            .post(path)
            .case(&case)
            .header("cf-aig-cache-key", case.id())
            .json(&sample::ask(text))
    };
    assert_eq!(asked(keyed(UNCACHED, "one")).await.as_deref(), Some("MISS"));
    assert_eq!(asked(keyed(UNCACHED, "two")).await.as_deref(), Some("HIT"));
    // Keys belong to their gateway and account.
    assert_eq!(asked(keyed(CHAT, "one")).await.as_deref(), Some("MISS"));
    assert_eq!(
        asked(keyed(&UNCACHED.replace("0123", "4567"), "one"))
            .await
            .as_deref(),
        Some("MISS")
    );
    assert_eq!(case.seen().len(), 3);
}

#[tokio::test]
async fn a_lifetime_alone_does_not_opt_in_and_zero_opts_out() {
    let gateway = gateway();
    for (path, name, value) in [
        (UNCACHED, "cf-aig-cache-ttl", "300"),
        (UNCACHED, "cf-cache-ttl", "300"),
        (CHAT, "cf-aig-cache-ttl", "0"),
    ] {
        let case = gateway.fake.case(sample::chat());
        for _ in 0..2 {
            let reply = ask(&gateway, path, &case).header(name, value).send().await;
            assert_eq!(
                (reply.status, status(&reply)),
                (200, None),
                "{name}: {value}"
            );
        }
        assert_eq!(case.seen().len(), 2);
    }
}

#[tokio::test]
async fn caching_is_not_mentioned_where_it_does_not_apply() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    for call in [
        gateway.post(UNCACHED).json(&sample::ask("hi")),
        gateway.get(CHAT),
        gateway.call("PUT", CHAT).json(&sample::ask("hi")),
        gateway
            .post(CHAT)
            .header("content-type", "text/plain")
            .body("hi"),
    ] {
        assert_eq!(asked(call.case(&case)).await.as_deref(), None);
    }
}

#[tokio::test]
async fn only_complete_answers_of_status_200_are_stored() {
    let gateway = gateway();
    twice(&gateway, CHAT, sample::chat(), true).await;
    for code in [201, 202, 206, 301, 400, 404, 429, 500, 529] {
        twice(
            &gateway,
            CHAT,
            Answer::json(code, &json!({"error": code})),
            false,
        )
        .await;
    }
    twice(&gateway, CHAT, Answer::new(204), false).await;
}

#[tokio::test]
async fn a_cut_answer_is_never_stored() {
    let gateway = gateway();
    let body = sample::chat_body().to_string();
    let json = || Answer::new(200).header("content-type", "application/json");
    let half = body.get(..40).unwrap();
    twice(&gateway, CHAT, json().chunk(half).cut(), false).await;
    twice(&gateway, CHAT, json().chunk(half).length(body.len()), false).await;
    // Even when all of the JSON came.
    twice(&gateway, CHAT, json().chunk(body.clone()).cut(), false).await;
    let path = "/v1/0123/cached/custom-h2c/chat/completions";
    twice(&gateway, path, json().chunk(half).cut(), false).await;
    twice(&gateway, path, sample::chat(), true).await;
    let raw = "/v1/0123/cached/custom-raw/chat/completions";
    let close = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{half}");
    twice(&gateway, raw, Answer::wire().chunk(close), false).await;
}

/// Bytes that are no text, PNG in name.
fn image() -> Answer {
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    Answer::new(200)
        .header("content-type", "image/png")
        .chunk(bytes)
}

#[tokio::test]
async fn an_image_is_stored_and_replayed() {
    let gateway = gateway();
    let path = "/v1/0123/cached/workers-ai/@cf/black-forest-labs/flux-1-schnell";
    let case = gateway.fake.case(image().sized());
    for expected in ["MISS", "HIT", "HIT"] {
        let mut reply = ask(&gateway, path, &case).send().await;
        assert_eq!(
            (status(&reply), reply.header("content-type")),
            (Some(expected), Some("image/png"))
        );
        assert!(reply.bytes().await == image().body());
    }
    assert_eq!(case.seen().len(), 1);
    twice(&gateway, path, image().length(70_001), false).await;
    let audio = Answer::new(200).header("content-type", "audio/mpeg");
    twice(&gateway, path, audio.chunk(image().body()).sized(), false).await;
}

#[tokio::test]
async fn an_image_of_unknown_length_over_http2_streams_through_and_is_not_stored() {
    let gateway = gateway();
    let path = "/v1/0123/cached/custom-h2c/images/generations";
    let gate = Gate::new();
    let case = gateway.fake.case(image().gate(&gate).chunk("end"));
    let mut reply = ask(&gateway, path, &case).send().await;
    reply.expect_bytes(&image().body()).await;
    gate.open();
    assert_eq!(reply.bytes().await, b"end");
    assert_ne!(status(&reply), Some("HIT"));
    // Neither its length nor its content would tell that nothing is missing.
    twice(&gateway, path, image(), false).await;
    twice(&gateway, path, image().sized(), true).await;
}

#[tokio::test]
async fn a_stream_is_stored_when_its_terminal_event_came_and_replayed_byte_for_byte() {
    let gateway = gateway();
    for (path, events) in [
        (CHAT, sample::chat_events()),
        (
            "/v1/0123/cached/anthropic/v1/messages",
            sample::message_events(),
        ),
        (
            "/v1/0123/cached/openai/responses",
            sample::response_events(),
        ),
    ] {
        let answer = Answer::events(&events).header("x-model-version", "7");
        let case = gateway.fake.case(answer.clone());
        for expected in ["MISS", "HIT", "HIT"] {
            let call = gateway
                .post(path)
                .case(&case)
                .json(&sample::ask_stream(case.id()));
            let mut reply = call.send().await;
            assert_eq!(
                (status(&reply), reply.header("content-type")),
                (Some(expected), Some("text/event-stream"))
            );
            assert_eq!(reply.header("x-model-version"), Some("7"));
            assert_eq!(reply.bytes().await, answer.body(), "{path}");
        }
        twice(
            &gateway,
            path,
            Answer::events(&events[..events.len() - 1]),
            false,
        )
        .await;
        twice(&gateway, path, Answer::events(&events[..2]).cut(), false).await;
    }
    let failed =
        ["event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\"}}"];
    twice(
        &gateway,
        "/v1/0123/cached/anthropic/v1/messages",
        Answer::events(failed),
        false,
    )
    .await;
}

#[tokio::test]
async fn a_client_that_hangs_up_right_after_the_terminal_event_has_filled_the_cache() {
    let gateway = gateway();
    let events = sample::chat_events();
    let answer = Answer::events(&events);
    let bytes = answer.body();
    let case = gateway.fake.case(answer.hang());
    let stream = || {
        gateway
            .post(CHAT)
            .case(&case)
            .json(&sample::ask_stream(case.id()))
    };
    let mut first = stream().send().await;
    first.expect_bytes(&bytes).await;
    first.hang_up();
    gateway.entries(&case, 1).await;
    let mut second = stream().send().await;
    assert_eq!(status(&second), Some("HIT"));
    assert_eq!(second.bytes().await, bytes);
}

#[tokio::test]
async fn a_client_that_hangs_up_earlier_has_not() {
    let gateway = gateway();
    let gate = Gate::new();
    let events = sample::chat_events();
    let case = gateway.fake.case(
        Answer::events(&events[..2])
            .gate(&gate)
            .chunk("data: [DONE]\n\n"),
    );
    let stream = || {
        gateway
            .post(CHAT)
            .case(&case)
            .json(&sample::ask_stream(case.id()))
    };
    let mut first = stream().send().await;
    first.chunk().await;
    first.hang_up();
    gateway.entries(&case, 1).await;
    gate.open();
    assert_eq!(asked(stream()).await.as_deref(), Some("MISS"));
}

#[tokio::test]
async fn streamed_and_whole_answers_never_mix() {
    let gateway = gateway();
    let case = gateway
        .fake
        .cases([sample::chat(), Answer::events(sample::chat_events())]);
    let keyed = |body: &Value| {
        gateway
            .post(UNCACHED)
            .case(&case)
            .header("cf-aig-cache-key", case.id())
            .json(body)
    };
    for expected in ["MISS", "HIT"] {
        for (body, kind) in [
            (sample::ask("a"), "application/json"),
            (sample::ask_stream("a"), "text/event-stream"),
        ] {
            let mut reply = keyed(&body).send().await;
            assert_eq!(
                (status(&reply), reply.header("content-type")),
                (Some(expected), Some(kind))
            );
            reply.bytes().await;
        }
    }
}

#[tokio::test]
async fn what_belongs_to_one_call_is_not_replayed() {
    let gateway = gateway();
    let answer = sample::chat()
        .header("set-cookie", "session=secret")
        .header("x-request-id", "req_1");
    let answer = answer
        .header("date", "Tue, 24 Nov 2026 00:00:00 GMT")
        .header("openai-version", "2020-10-01");
    let answer = answer
        .header("x-ratelimit-remaining-tokens", "9")
        .header("retry-after", "3");
    let case = gateway.fake.case(
        answer
            .header("keep-alive", "timeout=5")
            .header("openai-processing-ms", "12"),
    );
    let first = ask(&gateway, CHAT, &case).complete().await;
    let second = ask(&gateway, CHAT, &case).complete().await;
    for (reply, name, value) in [
        (&first, "set-cookie", "session=secret"),
        (&second, "cf-aig-cache-status", "HIT"),
        (&second, "openai-version", "2020-10-01"),
    ] {
        assert_eq!(reply.header(name).as_deref(), Some(value), "{name}");
    }
    for name in [
        "set-cookie",
        "x-request-id",
        "x-ratelimit-remaining-tokens",
        "retry-after",
        "keep-alive",
        "openai-processing-ms",
    ] {
        assert_eq!(second.header(name), None, "{name}");
    }
    for name in ["cf-aig-log-id", "cf-aig-event-id"] {
        assert_ne!(first.header(name), second.header(name), "{name}");
    }
}

#[tokio::test]
async fn no_answer_is_ever_given_to_another_question() {
    let gateway = gateway();
    let mut calls = Vec::new();
    for round in 0..4 {
        for question in 0..12 {
            let text = format!("mixture {question}");
            let case = gateway.fake.case(Answer::json(
                200,
                &json!({"answer": text, "fill": "x".repeat(question * 997)}),
            ));
            let call = gateway.post(CHAT).case(&case).json(&sample::ask(&text));
            calls.push((text, round, tokio::spawn(call.send())));
        }
    }
    for (text, round, call) in calls {
        let mut reply = call.await.unwrap();
        assert_eq!(reply.json().await["answer"], json!(text), "round {round}");
    }
}

/// A gateway whose cache has room for 9 answers of [`SIZE`] bytes and takes none over 40 KB.
fn small() -> Gateway {
    let mut config = config();
    config["cache"] = json!({"max_bytes": 300_000, "max_object_bytes": 40_000});
    crate::gateway().config(&config).start()
}

const SIZE: usize = 30_000;

/// Asks `count` new questions, one after the other. Asking one again when its answer is not in the cache stores nothing.
async fn fill(gateway: &Gateway, count: usize) -> Vec<Case> {
    let answer = Answer::json(200, &json!({"fill": "x".repeat(SIZE)}));
    let mut cases = Vec::new();
    for _ in 0..count {
        let case = gateway
            .fake
            .cases([answer.clone(), Answer::json(500, &json!({}))]);
        assert_eq!(
            asked(ask(gateway, CHAT, &case)).await.as_deref(),
            Some("MISS")
        );
        cases.push(case);
    }
    cases
}

async fn kept(gateway: &Gateway, cases: &[Case]) -> usize {
    let mut kept = 0;
    for case in cases {
        kept += usize::from(asked(ask(gateway, CHAT, case)).await.as_deref() == Some("HIT"));
    }
    kept
}

#[tokio::test]
async fn the_byte_budget_and_the_object_limit_hold() {
    let gateway = small();
    twice(
        &gateway,
        CHAT,
        Answer::json(200, &json!({"fill": "x".repeat(50_000)})),
        false,
    )
    .await;
    let cases = fill(&gateway, 25).await;
    let bytes = kept(&gateway, &cases).await * SIZE;
    assert!(
        (150_000..=300_000).contains(&bytes),
        "{bytes} bytes are kept"
    );
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first() {
    let gateway = small();
    let old = fill(&gateway, 9).await;
    // Uses are told apart by the second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(kept(&gateway, &old[..2]).await, 2);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let new = fill(&gateway, 4).await;
    assert_eq!(kept(&gateway, &new).await, 4);
    assert_eq!(kept(&gateway, &old[..2]).await, 2, "those used in between");
    assert!(kept(&gateway, &old[2..]).await <= 3);
}

#[tokio::test]
async fn an_update_of_the_configuration_keeps_what_is_stored() {
    let gateway = crate::gateway().config(&config()).start();
    let case = gateway.fake.case(sample::chat());
    assert_eq!(
        asked(ask(&gateway, CHAT, &case)).await.as_deref(),
        Some("MISS")
    );
    let mut changed = config();
    changed["gateways"][0]["cache_ttl"] = json!(600);
    changed["gateways"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "new"}));
    assert!(gateway.update(&changed).await);
    until_status(
        || gateway.post("/v1/0123/new/openai/x").json(&json!({})),
        200,
    )
    .await;
    assert_eq!(
        asked(ask(&gateway, CHAT, &case)).await.as_deref(),
        Some("HIT")
    );
}

#[tokio::test]
async fn the_cache_outlives_the_listener_where_the_keeper_is_mounted() {
    let gateway = crate::gateway().config(&config()).keeper().start();
    let case = gateway.fake.case(sample::chat());
    assert_eq!(
        asked(ask(&gateway, CHAT, &case)).await.as_deref(),
        Some("MISS")
    );
    gateway.remove_listener().await;
    gateway.restore_listener().await;
    assert_eq!(
        asked(ask(&gateway, CHAT, &case)).await.as_deref(),
        Some("HIT")
    );
}
