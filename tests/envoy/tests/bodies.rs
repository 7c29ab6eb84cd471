//! Issue: bodies of every kind, size and framing go both ways; what need not be held streams.

use serde_json::json;
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Answer, Call, Case, Gate, Gateway, Lease, Shared, Upstream, Wire, sample};

const CHAT: &str = "/v1/0123/open/openai/chat/completions";
const CACHED: &str = "/v1/0123/cached/openai/chat/completions";
/// What a held body may have in this module's gateways.
const LIMIT: usize = 100_000;

static GATEWAY: Shared = Shared::new(|| start("reject"));
static PASSING: Shared = Shared::new(|| start("pass"));

fn start(over_limit: &str) -> Gateway {
    let config = json!({
        "gateways": [{"id": "open"}, {"id": "cached", "cache_ttl": 300}],
        "custom_providers": [
            {"slug": "h2c", "base_url": "https://provider.test", "cluster": "h2c"},
            {"slug": "raw", "base_url": "https://provider.test", "cluster": "raw"}
        ],
        "limits": {"request_body_bytes": LIMIT, "over_limit": over_limit}
    });
    crate::gateway()
        .config(&config)
        .cluster("h2c", Upstream::H2c)
        .cluster("raw", Upstream::Raw)
        .start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A JSON body of that many bytes, unlike any other.
fn json_of(bytes: usize, id: &str) -> Vec<u8> {
    let frame = json!({"model": "gpt-4o", "id": id, "fill": ""})
        .to_string()
        .len();
    json!({"model": "gpt-4o", "id": id, "fill": "x".repeat(bytes - frame)})
        .to_string()
        .into_bytes()
}

/// HTTP version and framing: the length stated, or pieces of unknown number.
const FRAMINGS: [(bool, Option<usize>); 4] = [
    (false, None),
    (false, Some(70_001)),
    (true, None),
    (true, Some(70_001)),
];

#[tokio::test]
async fn a_large_json_body_arrives_whole_however_it_is_framed() {
    let gateway = gateway();
    for (http2, piece) in FRAMINGS {
        let case = gateway.fake.case(sample::chat());
        let body = json_of(3 << 20, case.id());
        let call = gateway
            .post(CHAT)
            .case(&case)
            .header("content-type", "application/json")
            .over_http2(http2);
        let status = call.framed(body.clone(), piece).complete().await.status;
        assert_eq!(status, 200);
        assert!(case.only().body == body);
    }
}

#[tokio::test]
async fn a_held_body_arrives_whole_however_it_is_cut() {
    let gateway = gateway();
    for (size, piece) in [(200, 1), (LIMIT, 7), (LIMIT, 4096), (LIMIT, LIMIT)] {
        let case = gateway.fake.case(sample::chat());
        let body = json_of(size, case.id());
        let call = gateway
            .post(CACHED)
            .case(&case)
            .header("content-type", "application/json");
        let reply = call.framed(body.clone(), Some(piece)).send().await;
        assert_eq!(
            (reply.status, reply.header("cf-aig-cache-status")),
            (200, Some("MISS"))
        );
        assert!(case.only().body == body);
    }
}

#[tokio::test]
async fn a_held_body_over_the_limit_is_refused_with_a_clear_error() {
    let gateway = gateway();
    for (http2, piece) in FRAMINGS {
        let case = gateway.fake.case(sample::chat());
        let body = json_of(LIMIT + 1, case.id());
        let call = gateway
            .post(CACHED)
            .case(&case)
            .header("content-type", "application/json")
            .over_http2(http2);
        assert_refused(&call.framed(body, piece).complete().await, 413, 2903);
        assert_eq!(case.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_passes_where_nothing_must_be_held() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let body = json_of(LIMIT * 2, case.id());
    let call = gateway
        .post(CHAT)
        .case(&case)
        .header("content-type", "application/json")
        .body(body.clone());
    assert_eq!(call.complete().await.status, 200);
    assert_eq!(case.only().body, body);
}

#[tokio::test]
async fn a_body_over_the_limit_passes_uncached_when_so_configured() {
    let gateway = PASSING.lease();
    for (http2, piece) in FRAMINGS {
        let case = gateway.fake.case(sample::chat());
        let body = json_of(LIMIT * 3, case.id());
        for _ in 0..2 {
            let call = gateway
                .post(CACHED)
                .case(&case)
                .header("content-type", "application/json")
                .over_http2(http2);
            let reply = call.framed(body.clone(), piece).send().await;
            assert_eq!(reply.status, 200);
            assert_ne!(reply.header("cf-aig-cache-status"), Some("HIT"));
        }
        let seen = case.seen();
        assert!(seen.len() == 2 && seen.iter().all(|seen| seen.body == body));
    }
}

#[tokio::test]
async fn a_body_over_envoys_own_limit_is_told_as_too_large() {
    let config = json!({"gateways": [{"id": "cached", "cache_ttl": 300}]});
    let gateway = crate::gateway().config(&config).buffer(20_000).start();
    let case = gateway.fake.case(sample::chat());
    let body = json_of(2 << 20, case.id());
    let call = gateway
        .post(CACHED)
        .case(&case)
        .header("content-type", "application/json");
    assert_refused(&call.body(body).complete().await, 413, 2903);
    assert_eq!(
        (
            case.seen().len(),
            &gateway.record(&case).await["status_code"]
        ),
        (0, &json!(413))
    );
}

#[tokio::test]
async fn an_upload_streams_through_and_is_not_held() {
    let gateway = gateway();
    for (kind, path) in [
        (
            "multipart/form-data; boundary=x",
            "/v1/0123/cached/openai/audio/transcriptions",
        ),
        ("audio/mpeg", "/v1/0123/cached/deepgram/v1/listen"),
        ("application/octet-stream", CACHED),
        ("application/json", CHAT),
    ] {
        for http2 in [false, true] {
            let call = gateway
                .post(path)
                .header("content-type", kind)
                .over_http2(http2);
            assert_eq!(stream_up(&gateway, call).await, 200, "{kind}");
        }
    }
}

/// Sends a body in parts, each only when the one before has reached the provider.
async fn stream_up(gateway: &Gateway, call: Call) -> u16 {
    let case = gateway.fake.case(sample::chat());
    let (feed, call) = call.case(&case).upload();
    let call = tokio::spawn(call.send());
    let mut sent = Vec::new();
    for part in [
        b"{\"model\": \"\xff\0".to_vec(),
        vec![0x80; 300_000],
        b"\"}".to_vec(),
    ] {
        sent.extend_from_slice(&part);
        assert!(feed.chunk(part).await);
        case.until("the part at the provider", |seen| {
            seen.body == sent && !seen.complete
        })
        .await;
    }
    drop(feed);
    call.await.unwrap().status
}

#[tokio::test]
async fn media_come_back_byte_for_byte() {
    let gateway = gateway();
    let media: Vec<u8> = (0..2_000_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let case = gateway.fake.case(
        Answer::new(200)
            .header("content-type", "audio/mpeg")
            .chunk(media.clone()),
    );
    let mut reply = gateway
        .post("/v1/0123/cached/openai/audio/speech")
        .case(&case)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(reply.header("content-type"), Some("audio/mpeg"));
    assert!(reply.bytes().await == media);
}

#[tokio::test]
async fn calls_without_a_body_work_on_every_kind_of_gateway() {
    let gateway = gateway();
    let methods = ["GET", "DELETE", "OPTIONS", "POST", "PUT"];
    for (method, http2) in methods
        .iter()
        .flat_map(|method| [(method, false), (method, true)])
    {
        for path in [CHAT, CACHED] {
            let case = gateway.fake.case(sample::chat());
            let path = format!("{path}?of={}", case.id());
            let call = gateway
                .call(method, &path)
                .case(&case)
                .header("content-type", "application/json");
            let mut reply = call.over_http2(http2).send().await;
            assert_eq!(
                (reply.status, reply.json().await),
                (200, sample::chat_body()),
                "{method} {path}"
            );
            let seen = case.only();
            assert_eq!((seen.method.as_str(), seen.body.len()), (*method, 0));
        }
    }
}

#[tokio::test]
async fn answers_without_a_body_work() {
    let gateway = gateway();
    for path in [CHAT, CACHED] {
        for status in [204, 304] {
            let case = gateway.fake.case(Answer::new(status).header("x-a", "b"));
            let mut reply = gateway
                .post(path)
                .case(&case)
                .json(&json!({"id": case.id()}))
                .send()
                .await;
            assert_eq!((reply.status, reply.header("x-a")), (status, Some("b")));
            assert_eq!(reply.bytes().await, b"");
            assert_eq!(gateway.record(&case).await["complete"], true);
        }
        let case = gateway.fake.case(
            Answer::new(200)
                .header("content-type", "application/json")
                .length(40),
        );
        let mut reply = gateway.call("HEAD", path).case(&case).send().await;
        assert_eq!((reply.status, reply.bytes().await.len()), (200, 0));
        assert_eq!(gateway.record(&case).await["complete"], true);
    }
}

#[tokio::test]
async fn expect_continue_is_answered_and_the_call_goes_on() {
    let gateway = gateway();
    for path in [CHAT, CACHED] {
        let case = gateway.fake.case(sample::chat());
        let body = json_of(500, case.id());
        let mut wire = Wire::connect(gateway.address()).await;
        wire.send(format!(
            "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nx-case: {}\r\ncontent-type: application/json\r\n\
             expect: 100-continue\r\ncontent-length: 500\r\nconnection: close\r\n\r\n",
            case.id()
        ))
        .await;
        assert!(
            wire.read_until("\r\n\r\n")
                .await
                .starts_with("HTTP/1.1 100")
        );
        wire.send(&body).await;
        assert_eq!(wire.reply().await.status, 200);
        assert_eq!(case.only().body, body);
    }
}

#[tokio::test]
async fn request_trailers_end_a_body_too() {
    let gateway = gateway();
    for path in [
        "/v1/0123/open/custom-h2c/v1/x",
        "/v1/0123/cached/custom-h2c/v1/x",
    ] {
        for http2 in [false, true] {
            let case = gateway.fake.case(sample::chat());
            let call = gateway
                .post(path)
                .case(&case)
                .header("content-type", "application/json");
            let call = call.header("te", "trailers").header("trailer", "x-end");
            let (feed, call) = call.over_http2(http2).upload();
            let call = tokio::spawn(call.send());
            let body = json!({"model": "gpt-4o", "id": case.id()}).to_string();
            assert!(feed.chunk(body.clone()).await);
            assert!(
                feed.trailers(
                    [("x-end".parse().unwrap(), "here".parse().unwrap())]
                        .into_iter()
                        .collect()
                )
                .await
            );
            drop(feed);
            assert_eq!(call.await.unwrap().status, 200);
            let seen = case.only();
            assert_eq!(seen.body, body.as_bytes());
            assert_eq!(seen.trailers, [("x-end".to_owned(), b"here".to_vec())]);
        }
    }
}

#[tokio::test]
async fn response_trailers_reach_the_client_and_end_the_answer() {
    let gateway = gateway();
    for gateway_id in ["open", "cached"] {
        let answer = Answer::new(200)
            .header("content-type", "application/json")
            .chunk(sample::chat_body().to_string());
        let case = gateway.fake.case(answer.trailer("x-checksum", "abc"));
        let path = format!("/v1/0123/{gateway_id}/custom-h2c/v1/x");
        let call = gateway
            .post(&path)
            .case(&case)
            .json(&json!({"id": case.id()}))
            .http2();
        let mut reply = call.send().await;
        assert_eq!(reply.json().await, sample::chat_body());
        assert_eq!(reply.trailer("x-checksum"), Some("abc"));
        let record = gateway.record(&case).await;
        assert_eq!(
            (&record["complete"], &record["outcome"]),
            (&json!(true), &json!("answered"))
        );
    }
}

#[tokio::test]
async fn a_compressed_request_passes_as_it_is() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let body = b"\x28\xb5\x2f\xfd not really zstd".to_vec();
    let call = gateway
        .post("/v1/0123/cached/openai/responses")
        .case(&case)
        .header("content-encoding", "zstd");
    let reply = call
        .header("content-type", "application/json")
        .body(body.clone())
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.header("cf-aig-cache-status")),
        (200, None)
    );
    let seen = case.only();
    assert_eq!(
        (
            seen.body,
            seen.headers
                .iter()
                .any(|(name, _)| name == "content-encoding")
        ),
        (body, true)
    );
}

#[tokio::test]
async fn an_answer_that_comes_before_the_requests_end_reaches_the_client() {
    let gateway = gateway();
    let case = gateway
        .fake
        .case(Answer::json(400, &json!({"error": {"type": "bad"}})).early());
    let (feed, call) = gateway
        .post(CHAT)
        .case(&case)
        .header("content-type", "audio/mpeg")
        .upload();
    let call = tokio::spawn(call.send());
    assert!(feed.chunk("half").await);
    assert_eq!(call.await.unwrap().status, 400);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_its_upload_takes_the_call_with_it() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let (feed, call) = gateway
        .post(CHAT)
        .case(&case)
        .header("content-type", "application/json")
        .upload();
    let call = tokio::spawn(call.try_send());
    assert!(feed.chunk("{\"model\": \"gpt-4o\",").await);
    case.until("the first part", |seen| !seen.body.is_empty())
        .await;
    feed.cut().await;
    assert!(call.await.unwrap().is_err());
    case.until("the end of the call", |seen| seen.abandoned)
        .await;
    let record = gateway.record(&case).await;
    assert_eq!(
        (&record["outcome"], &record["success"]),
        (&json!("client_gone"), &json!(false))
    );
}

#[tokio::test]
async fn a_client_that_leaves_while_its_body_is_held_reaches_nobody() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let (feed, call) = gateway
        .post(CACHED)
        .case(&case)
        .header("content-type", "application/json")
        .upload();
    let call = tokio::spawn(call.try_send());
    assert!(feed.chunk("{\"model\": \"gpt-4o\",").await);
    sluice_e2e::eventually("the call's arrival", || {
        (gateway.stat("http.gateway.downstream_rq_active") > 0).then_some(())
    })
    .await;
    feed.cut().await;
    assert!(call.await.unwrap().is_err());
    assert_eq!(gateway.record(&case).await["outcome"], "client_gone");
    assert_eq!(case.seen().len(), 0);
}

#[tokio::test]
async fn a_websocket_goes_through_in_both_directions() {
    let gateway = gateway();
    for (id, provider_ends) in [("open", true), ("cached", false)] {
        let gate = Gate::new();
        let case = gateway.fake.case(socket(&gate, provider_ends));
        let path = format!("/v1/0123/{id}/custom-raw/realtime?model=gpt-realtime");
        let mut wire = Wire::connect(gateway.address()).await;
        wire.send(handshake(&path, &case)).await;
        let head = wire.read_until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        wire.read_until("first").await;
        wire.send(CLIENT_FRAME).await;
        let seen = case
            .until("the client's frame", |seen| seen.later == CLIENT_FRAME)
            .await;
        assert_eq!(seen.header("upgrade").as_deref(), Some("websocket"));
        gate.open();
        wire.read_until("second").await;
        if !provider_ends {
            drop(wire);
        }
        let record = gateway.record(&case).await;
        assert_eq!(record["status_code"], 101);
        assert_eq!(record["success"], true, "{record}");
    }
}

/// A text frame of a client, masked; its bytes are no text.
pub(crate) const CLIENT_FRAME: &[u8] = b"\x81\x85\x01\x02\x03\x04\xff\xfe\x00\r\n";

/// A provider that says something, and something more when the gate is open; then it closes, or waits for the client to.
pub(crate) fn socket(gate: &Gate, provider_ends: bool) -> Answer {
    let answer = Answer::wire()
        .chunk(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .chunk(b"\x81\x05first".to_vec())
        .gate(gate)
        .chunk(b"\x81\x06second".to_vec());
    if provider_ends { answer } else { answer.hang() }
}

/// A client's request for a socket.
pub(crate) fn handshake(path: &str, case: &Case) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: gateway.test\r\nx-case: {0}\r\ncf-aig-event-id: {0}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: a2V5\r\nsec-websocket-version: 13\r\n\r\n",
        case.id()
    )
}
