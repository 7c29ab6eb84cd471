//! Issue: a gateway asks chat streams for the usage that their client did not ask for; the client sees the stream as
//! if nobody had.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gate, Lease, Shared, Upstream};

const CHAT: &str = "/v1/0123/asks/openai/chat/completions";

static GATEWAY: Shared = Shared::new(|| {
    let config = json!({
        "gateways": [
            {"id": "asks", "stream_usage": true},
            {"id": "cached", "stream_usage": true, "cache_ttl": 300, "cache_single_flight": "all",
             "collect_log_payload": true},
            {"id": "silent"}
        ],
        "custom_providers": [
            {"slug": "h2c", "base_url": "https://provider.test", "cluster": "h2c"},
        ],
        "limits": {"request_body_bytes": 300_000}
    });
    crate::gateway()
        .config(&config)
        .cluster("h2c", Upstream::H2c)
        .start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// The events of a stream, when it was asked for usage and when it was not.
fn events(asked: bool) -> Vec<String> {
    let usage = if asked { ",\"usage\":null" } else { "" };
    let chunk = |choices: &str| {
        format!(
            "data: {{\"id\":\"c\",\"model\":\"gpt-4o-mini\",\"choices\":[{choices}]{usage},\"obfuscation\":\"x\"}}\n\n"
        )
    };
    let delta = |text: &str| {
        chunk(&format!(
            "{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}"
        ))
    };
    let last = "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini\",\"choices\":[],\
                \"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n";
    let mut events = vec![
        chunk(""),
        delta("Hel"),
        ": comment\n\n".to_owned(),
        delta("lo"),
    ];
    events.extend(asked.then(|| last.to_owned()));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The stream that the provider sends when it is asked.
fn stream() -> Answer {
    let head = Answer::new(200).header("content-type", "text/event-stream");
    events(true)
        .iter()
        .fold(head, |answer, event| answer.chunk(event.as_bytes()))
}

fn shown() -> Vec<u8> {
    events(false).concat().into_bytes()
}

fn question(case: &Case) -> String {
    format!(
        r#"{{ "model": "gpt-4o-mini", "stream": true, "user": "{}" }}"#,
        case.id()
    )
}

/// What the provider gets for `question`.
fn asked(question: &str) -> Vec<u8> {
    let member = r#"{"stream_options":{"include_usage":true},"#;
    question.replacen('{', member, 1).into_bytes()
}

fn assert_shown(got: &[u8], expected: &[u8]) {
    assert_eq!(
        String::from_utf8_lossy(got),
        String::from_utf8_lossy(expected)
    );
}

fn assert_usage(record: &Value) {
    let facts = ["tokens_in", "tokens_out", "complete"].map(|name| &record[name]);
    let expected = [json!(11), json!(7), json!(true)];
    assert_eq!(facts, expected.each_ref(), "{record}");
}

#[tokio::test]
async fn the_provider_is_asked_and_the_client_sees_what_it_would_have_seen() {
    let gateway = gateway();
    for (provider, http2) in [
        ("openai", false),
        ("grok", true),
        ("custom-h2c", true),
        ("custom-h2c", false),
    ] {
        for size in [None, Some(1), Some(7), Some(1000)] {
            let answer = stream();
            let answer = size.map_or_else(|| answer.clone(), |size| answer.in_pieces_of(size));
            let case = gateway.fake.case(answer);
            let body = question(&case);
            let path = CHAT.replace("openai", provider);
            let call = gateway.post(&path).case(&case).over_http2(http2);
            let call = call.header("content-type", "application/json");
            // With its length stated, and in pieces of unknown length.
            let call = call.framed(body.clone().into_bytes(), size);
            let reply = call.complete().await;
            assert_shown(&reply.body, &shown());
            assert_eq!(case.only().body, asked(&body), "{provider} {size:?}");
            assert_usage(&gateway.record(&case).await);
        }
    }
}

#[tokio::test]
async fn a_stream_of_stated_length_is_shown_without_that_length() {
    let gateway = gateway();
    for path in [CHAT.to_owned(), CHAT.replace("asks", "cached")] {
        let case = gateway.fake.case(stream().sized());
        let call = gateway.post(&path).case(&case);
        let call = call.header("content-type", "application/json");
        let reply = call.body(question(&case)).complete().await;
        assert_eq!(reply.header("content-length"), None);
        assert_shown(&reply.body, &shown());
    }
}

#[tokio::test]
async fn every_event_arrives_before_the_next_is_sent() {
    let gateway = gateway();
    for path in [CHAT.to_owned(), CHAT.replace("asks", "cached")] {
        let gates: Vec<_> = events(true).iter().map(|_| Gate::new()).collect();
        let head = Answer::new(200).header("content-type", "text/event-stream");
        let script = events(true).into_iter().zip(&gates);
        let answer = script.fold(head, |answer, (event, gate)| {
            answer.gate(gate).chunk(event.into_bytes())
        });
        let case = gateway.fake.case(answer);
        let call = gateway.post(&path).case(&case);
        let call = call.header("content-type", "application/json");
        let mut reply = call.body(question(&case)).send().await;
        let (before, done) = gates.split_at(4);
        for (gate, event) in before.iter().zip(events(false)) {
            gate.open();
            reply.expect_bytes(event.as_bytes()).await;
        }
        done.iter().for_each(Gate::open);
        assert_eq!(reply.bytes().await, b"data: [DONE]\n\n");
    }
}

#[tokio::test]
async fn a_client_that_asked_sees_everything() {
    let gateway = gateway();
    let case = gateway.fake.case(stream());
    let body = format!(
        r#"{{"stream":true,"stream_options":{{"include_usage":true}},"user":"{}"}}"#,
        case.id()
    );
    let call = gateway.post(CHAT).case(&case);
    let call = call.header("content-type", "application/json");
    let reply = call.body(body.clone()).complete().await;
    assert_shown(&reply.body, &stream().body());
    assert_eq!(case.only().body, body.as_bytes());
    assert_usage(&gateway.record(&case).await);
}

#[tokio::test]
async fn the_cache_knows_the_question_of_the_client_and_the_stream_it_saw() {
    let gateway = gateway();
    let path = CHAT.replace("asks", "cached");
    let gate = Gate::new();
    let case = gateway.fake.case(stream().hold(&gate));
    let body = question(&case);
    let ask = || {
        let call = gateway.post(&path).case(&case);
        let call = call.header("content-type", "application/json");
        tokio::spawn(call.body(body.clone()).complete())
    };
    let first = ask();
    gateway.arrivals(&case, 1).await;
    let second = ask();
    gateway.arrivals(&case, 2).await;
    gate.open();
    assert_shown(&first.await.unwrap().body, &shown());
    assert_shown(&second.await.unwrap().body, &shown());
    let third = ask().await.unwrap();
    assert_eq!(third.header("cf-aig-cache-status").as_deref(), Some("HIT"));
    assert_shown(&third.body, &shown());
    assert_eq!(case.only().body, asked(&body));
    let records = gateway.records(&case, 3).await;
    let billed = records.iter().filter(|record| record["tokens_in"] == 11);
    assert_eq!(billed.count(), 1);
    for record in records {
        assert_eq!(record["request_head"], body.as_str());
        assert_eq!(
            record["response_head"].as_str().map(str::as_bytes),
            Some(shown().as_slice())
        );
    }
}

#[tokio::test]
async fn who_waited_in_vain_asks_the_provider_too() {
    let gateway = gateway();
    let path = CHAT.replace("asks", "cached");
    let gate = Gate::new();
    let refused = Answer::json(429, &json!({"error": {"type": "requests"}})).hold(&gate);
    let case = gateway.fake.cases([refused, stream()]);
    let body = question(&case);
    let ask = || {
        let call = gateway.post(&path).case(&case);
        let call = call.header("content-type", "application/json");
        tokio::spawn(call.body(body.clone()).complete())
    };
    let first = ask();
    gateway.arrivals(&case, 1).await;
    case.until("the first call", |_| true).await;
    let second = ask();
    gateway.arrivals(&case, 2).await;
    gate.open();
    assert_eq!(first.await.unwrap().status, 429);
    assert_shown(&second.await.unwrap().body, &shown());
    for seen in case.seen() {
        assert_eq!(seen.body, asked(&body));
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_is_cut_for_the_client_and_nothing_else_is_shown() {
    let gateway = gateway();
    let stream = stream().body();
    for end in [60, stream.len() - 40] {
        let gate = Gate::new();
        let head = Answer::new(200).header("content-type", "text/event-stream");
        let answer = head.chunk(&stream[..end]).gate(&gate).cut();
        let case = gateway.fake.case(answer);
        let call = gateway.post(CHAT).case(&case);
        let call = call.header("content-type", "application/json");
        let mut reply = call.body(question(&case)).send().await;
        gate.open();
        let (got, clean) = reply.rest().await;
        assert!(!clean && shown().starts_with(&got), "{end}");
        let record = gateway.record(&case).await;
        assert_eq!(
            (&record["outcome"], &record["complete"]),
            (&json!("cut"), &json!(false))
        );
    }
}

#[tokio::test]
async fn an_event_that_ends_with_the_body_is_shown() {
    let gateway = gateway();
    for tail in [
        "data: {\"choices\":[1],\"usage\":null}",
        "data: [DONE]",
        "data: [DONE]\n",
    ] {
        let bytes = [stream().body(), tail.as_bytes().to_vec()].concat();
        let head = Answer::new(200).header("content-type", "text/event-stream");
        let case = gateway.fake.case(head.chunk(bytes).clone());
        let call = gateway.post(CHAT).case(&case);
        let call = call.header("content-type", "application/json");
        let reply = call.body(question(&case)).complete().await;
        let tail = tail.replace(",\"usage\":null", "");
        assert_shown(&reply.body, &[shown(), tail.into_bytes()].concat());
    }
}

#[tokio::test]
async fn a_stream_that_ends_with_trailers_is_shown_whole() {
    for tail in [
        "",
        "data: [DONE]",
        "data: [DONE]\n",
        "data: {\"choices\":[1],\"usage\":null}",
        "data: {\"choices\":[1],\"usage\":null}\n",
        "data: {\"choices\":[1]}",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}",
    ] {
        let bytes = [stream().body(), tail.as_bytes().to_vec()].concat();
        let shown_of_it = if tail.contains("11") { "" } else { tail };
        let shown_of_it = shown_of_it.replace(",\"usage\":null", "").into_bytes();
        let expected = [shown(), shown_of_it].concat();
        let head = Answer::new(200).header("content-type", "text/event-stream");
        let answer = head.chunk(bytes);
        for answer in [answer.clone(), answer.in_pieces_of(9)] {
            assert_shown_before_trailers(answer, &expected).await;
        }
    }
}

/// The client of a stream that ends in trailers, and who asks after it, see these bytes.
async fn assert_shown_before_trailers(answer: Answer, expected: &[u8]) {
    let gateway = gateway();
    let case = gateway.fake.case(answer.trailer("x-checksum", "1"));
    let ask = || {
        let call = gateway.post("/v1/0123/cached/custom-h2c/chat/completions");
        let call = call.case(&case).http2();
        let call = call.header("content-type", "application/json");
        call.body(question(&case)).send()
    };
    let mut reply = ask().await;
    assert_shown(&reply.bytes().await, expected);
    assert_eq!(reply.trailer("x-checksum"), Some("1"));
    assert_usage(&gateway.record(&case).await);
    let mut again = ask().await;
    assert_eq!(again.header("cf-aig-cache-status"), Some("HIT"));
    assert_shown(&again.bytes().await, expected);
}

#[tokio::test]
async fn a_compressed_stream_passes_as_it_is_and_at_once() {
    let gateway = gateway();
    // Not what the codings would make of it, but just as little to be cut.
    let start = [b"\x8bdata: ".to_vec(), stream().body()].concat();
    let pieces = [
        start,
        b"data: {\"x\"".to_vec(),
        b":1,\"usage\":null}\n\n".to_vec(),
    ];
    for coding in ["br", "zstd", "gzip"] {
        let gates = [(); 3].map(|()| Gate::new());
        let head = Answer::new(200).header("content-type", "text/event-stream");
        let head = head.header("content-encoding", coding);
        let script = pieces.iter().zip(&gates);
        let answer = script.fold(head, |answer, (piece, gate)| {
            answer.gate(gate).chunk(piece.clone())
        });
        let case = gateway.fake.case(answer.sized());
        let call = gateway.post(CHAT).case(&case);
        let call = call.header("content-type", "application/json");
        let mut reply = call.body(question(&case)).send().await;
        let length = pieces.concat().len().to_string();
        assert_eq!(reply.header("content-length"), Some(length.as_str()));
        for (piece, gate) in pieces.iter().zip(&gates) {
            gate.open();
            reply.expect_bytes(piece).await;
        }
        assert!(reply.bytes().await.is_empty(), "{coding}");
        assert_eq!(case.only().body, asked(&question(&case)));
    }
}

#[tokio::test]
async fn a_question_that_ends_with_trailers_is_asked_too() {
    let gateway = gateway();
    let path = CHAT.replace("openai", "custom-h2c");
    for http2 in [false, true] {
        let case = gateway.fake.case(stream());
        let call = gateway.post(&path).case(&case).over_http2(http2);
        let call = call.header("content-type", "application/json");
        let call = call.header("te", "trailers").header("trailer", "x-end");
        let (feed, call) = call.upload();
        let call = tokio::spawn(call.complete());
        let body = question(&case);
        let (start, end) = body.split_at(20);
        assert!(feed.chunk(start.to_owned()).await && feed.chunk(end.to_owned()).await);
        let trailers = [("x-end".parse().unwrap(), "here".parse().unwrap())];
        assert!(feed.trailers(trailers.into_iter().collect()).await);
        drop(feed);
        assert_shown(&call.await.unwrap().body, &shown());
        let seen = case.only();
        assert_eq!(seen.body, asked(&body));
        assert_eq!(seen.trailers, [("x-end".to_owned(), b"here".to_vec())]);
    }
}

#[tokio::test]
async fn nothing_else_is_asked_or_hidden() {
    let gateway = gateway();
    let large = format!(r#"{{"stream":true,"x":"{}"}}"#, "x".repeat(300_000));
    let digest = [("content-digest", "sha-256=:x:")];
    let stream_body = r#"{"model":"m","stream":true}"#;
    for (path, headers, body) in [
        (CHAT.replace("asks", "silent"), &[][..], stream_body),
        (CHAT.replace("openai", "mistral"), &[], stream_body),
        (CHAT.replace("openai", "cohere"), &[], stream_body),
        (CHAT.to_owned(), &digest, stream_body),
        (CHAT.to_owned(), &[], r#"{"model":"m","stream":false}"#),
        (CHAT.to_owned(), &[], "{\"stream\":true"),
        (CHAT.to_owned(), &[], large.as_str()),
    ] {
        let case = gateway.fake.case(stream());
        let call = gateway.post(&path).case(&case);
        let call = call.header("content-type", "application/json");
        let call = headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value));
        let reply = call.body(body.to_owned()).complete().await;
        assert_shown(&reply.body, &stream().body());
        assert!(case.only().body == body.as_bytes(), "{path}");
    }
    // A large body within the limit is asked.
    let body = format!(r#"{{"stream":true,"x":"{}"}}"#, "x".repeat(290_000));
    let case = gateway.fake.case(stream());
    let call = gateway.post(CHAT).case(&case);
    let call = call.header("content-type", "application/json");
    let reply = call.body(body.clone()).complete().await;
    assert_shown(&reply.body, &shown());
    assert!(case.only().body == asked(&body));
}
