//! Issue: chunks go to the client as they come, unchanged; a stream that is cut is seen and recorded as cut.

use serde_json::json;
use sluice_e2e::{Answer, Gate, Gateway, Lease, Shared, Upstream, sample};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let config = json!({
        "gateways": [
            {"id": "open"},
            {"id": "cached", "cache_ttl": 300},
            {"id": "shared", "cache_ttl": 300, "cache_single_flight": "all"},
            {"id": "payload", "collect_log_payload": true}
        ],
        "custom_providers": [
            {"slug": "h2c", "base_url": "https://provider.test", "cluster": "h2c"},
            {"slug": "tls", "base_url": "https://provider.test", "cluster": "tls"}
        ]
    });
    crate::gateway()
        .config(&config)
        .cluster("h2c", Upstream::H2c)
        .cluster("tls", Upstream::Tls)
        .start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// The protocols of the two sides: a provider behind one, a client that speaks HTTP/2 or not.
const SIDES: [(&str, bool); 4] = [
    ("openai", false),
    ("openai", true),
    ("custom-h2c", true),
    ("custom-tls", false),
];

#[tokio::test]
async fn every_chunk_arrives_before_the_next_is_sent() {
    let gateway = gateway();
    for id in ["open", "cached", "shared", "payload"] {
        for (provider, http2) in SIDES {
            let path = format!("/v1/0123/{id}/{provider}/chat/completions");
            one_by_one(&gateway, &path, http2).await;
        }
    }
}

async fn one_by_one(gateway: &Gateway, path: &str, http2: bool) {
    let events = sample::chat_events()
        .into_iter()
        .map(|event| (format!("{event}\n\n"), Gate::new()));
    let events: Vec<_> = events.collect();
    let head = Answer::new(200).header("content-type", "text/event-stream");
    let answer = events.iter().fold(head, |answer, (event, gate)| {
        answer.gate(gate).chunk(event.as_bytes())
    });
    let case = gateway.fake.case(answer);
    let call = gateway
        .post(path)
        .case(&case)
        .json(&sample::ask_stream(case.id()));
    // The head comes although not one chunk was sent.
    let mut reply = call.over_http2(http2).send().await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/event-stream"))
    );
    for (event, gate) in &events {
        gate.open();
        reply.expect_bytes(event.as_bytes()).await;
    }
    assert_eq!(reply.bytes().await, b"");
}

#[tokio::test]
async fn no_byte_of_a_stream_is_changed() {
    let gateway = gateway();
    let pieces: [&[u8]; 9] = [
        b"\xef\xbb\xbf: keep-alive\r\n\r\n",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"\xe2\x82",
        b"\xac\"}}]}\r\n\r",
        b"\n",
        b"event: x\rdata: one\rdata: two\r\r",
        b"data: {\"not\": json\n\n",
        b"\xff\xfe\x00\n\n",
        b"id: 7\nretry: 10\nunknown\n\n",
        b"data: [DONE]",
    ];
    for kind in [
        "text/event-stream",
        "application/x-ndjson",
        "application/vnd.amazon.eventstream",
        "audio/mpeg",
    ] {
        for id in ["open", "cached", "payload"] {
            let head = Answer::new(200).header("content-type", kind);
            let answer = pieces
                .iter()
                .fold(head, |answer, piece| answer.chunk(*piece));
            let case = gateway.fake.case(answer);
            let path = format!("/v1/0123/{id}/openai/chat/completions");
            let mut reply = gateway
                .post(&path)
                .case(&case)
                .json(&sample::ask_stream(case.id()))
                .send()
                .await;
            assert_eq!(
                (reply.header("content-type"), reply.header("content-length")),
                (Some(kind), None)
            );
            assert_eq!(reply.bytes().await, pieces.concat());
        }
    }
}

#[tokio::test]
async fn a_cut_stream_reaches_the_client_as_cut() {
    let gateway = gateway();
    for id in ["open", "cached"] {
        for (provider, http2) in [("openai", false), ("openai", true), ("custom-h2c", false)] {
            let gate = Gate::new();
            let events = sample::chat_events();
            let answer = Answer::events(&events[..2]);
            let case = gateway.fake.case(answer.clone().gate(&gate).cut());
            let path = format!("/v1/0123/{id}/{provider}/chat/completions");
            let call = gateway
                .post(&path)
                .case(&case)
                .json(&sample::ask_stream(case.id()));
            let mut reply = call.over_http2(http2).send().await;
            reply.expect_bytes(&answer.body()).await;
            gate.open();
            assert_eq!(reply.rest().await, (Vec::new(), false), "{id} {provider}");
            let record = gateway.record(&case).await;
            assert_eq!(
                (&record["outcome"], &record["complete"]),
                (&json!("cut"), &json!(false))
            );
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_call_to_the_provider() {
    let gateway = gateway();
    for id in ["open", "cached", "shared"] {
        for http2 in [false, true] {
            let events = sample::message_events();
            let case = gateway.fake.case(Answer::events(&events[..3]).hang());
            let path = format!("/v1/0123/{id}/anthropic/v1/messages");
            let body = json!({"model": "claude-haiku-4-5", "stream": true, "id": case.id()});
            let call = gateway.post(&path).case(&case).json(&body);
            let mut reply = call.over_http2(http2).send().await;
            reply.chunk().await;
            reply.hang_up();
            case.until("the end of the upstream call", |seen| seen.abandoned)
                .await;
            let record = gateway.record(&case).await;
            assert_eq!(
                (&record["outcome"], &record["tokens_in"]),
                (&json!("client_gone"), &json!(10))
            );
        }
    }
}

#[tokio::test]
async fn many_streams_at_once_do_not_mix() {
    let gateway = gateway();
    let calls: Vec<_> = (0..24)
        .map(|n| {
            let events: Vec<_> = (0..20)
                .map(|event| format!("data: {{\"stream\": {n}, \"event\": {event}}}"))
                .collect();
            let answer = Answer::events(&events);
            let case = gateway.fake.case(answer.clone());
            let call = gateway
                .post("/v1/0123/cached/openai/chat/completions")
                .case(&case);
            (
                answer.body(),
                tokio::spawn(call.json(&sample::ask_stream(case.id())).send()),
            )
        })
        .collect();
    for (bytes, call) in calls {
        assert_eq!(call.await.unwrap().bytes().await, bytes);
    }
}
