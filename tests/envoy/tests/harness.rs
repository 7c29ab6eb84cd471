//! The harness itself, against Envoy without the filter: what the cases rely on.

use serde_json::json;
use sluice_e2e::{Answer, Gate, Lease, Shared, Upstream, Wire, sample};

static GATEWAY: Shared = Shared::new(|| {
    let every = [
        ("tls", Upstream::Tls),
        ("h2c", Upstream::H2c),
        ("raw", Upstream::Raw),
        ("dead", Upstream::Dead),
    ];
    let builder = every
        .into_iter()
        .fold(crate::gateway(), |builder, (name, upstream)| {
            builder.cluster(name, upstream)
        });
    builder.cluster("other", Upstream::TlsOfAnother).start()
});

fn gateway() -> Lease {
    GATEWAY.lease()
}

#[tokio::test]
async fn a_scripted_answer_comes_through_and_the_request_was_seen() {
    let gateway = gateway();
    let case = gateway
        .fake
        .case(Answer::json(201, &json!({"a": 1})).header("x-b", b"\xa1"));
    let mut reply = gateway
        .post("/p?q=1")
        .header("x-byte", b"\xff")
        .case(&case)
        .json(&json!({"b": 2}))
        .send()
        .await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.headers["x-b"].as_bytes(), b"\xa1");
    assert_eq!(reply.json().await, json!({"a": 1}));
    let seen = case.only();
    assert_eq!(
        (
            seen.method.as_str(),
            seen.path.as_str(),
            seen.body.as_slice()
        ),
        ("POST", "/p?q=1", b"{\"b\":2}".as_slice())
    );
    assert_eq!(seen.raw_header("x-byte"), Some(b"\xff".as_slice()));
    assert_eq!(seen.version, "HTTP/1.1");
    assert_eq!(gateway.entry(&case).await["status"], 201);
}

#[tokio::test]
async fn a_gate_holds_a_chunk_back() {
    let gateway = gateway();
    let gate = Gate::new();
    let case = gateway
        .fake
        .case(Answer::new(200).chunk("one").gate(&gate).chunk("two"));
    let mut reply = gateway.get("/").case(&case).send().await;
    reply.expect_bytes(b"one").await;
    assert!(!case.only().answered);
    gate.open();
    assert_eq!(reply.text().await, "two");
}

#[tokio::test]
async fn a_cut_answer_is_seen_as_cut() {
    let gateway = gateway();
    for (http2, length) in [(false, None), (true, None), (false, Some(9))] {
        let gate = Gate::new();
        let answer = length
            .into_iter()
            .fold(Answer::new(200), Answer::length)
            .chunk("one")
            .gate(&gate);
        let case = gateway.fake.case(if length.is_some() {
            answer
        } else {
            answer.cut()
        });
        let call = gateway.get("/").case(&case);
        let mut reply = if http2 {
            call.http2().send().await
        } else {
            call.send().await
        };
        reply.expect_bytes(b"one").await;
        gate.open();
        assert_eq!(reply.rest().await, (b"".to_vec(), false));
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let gateway = gateway();
    for gate in [None, Some(Gate::new())] {
        let answer = Answer::new(200).chunk("one").hang();
        let held = gate.is_some();
        let case = gateway.fake.case(gate.iter().fold(answer, Answer::hold));
        let call = gateway.post("/").case(&case).body("x");
        if held {
            let call = tokio::spawn(call.try_send());
            case.until("the request", |seen| seen.complete).await;
            call.abort();
        } else {
            call.send().await.hang_up();
        }
        case.until("the end of the call", |seen| seen.abandoned)
            .await;
    }
}

#[tokio::test]
async fn tls_is_checked_and_speaks_http2() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let reply = gateway
        .get("/")
        .header("x-sluice-cluster", "tls")
        .case(&case)
        .send()
        .await;
    assert_eq!(reply.status, 200, "{:?}", gateway.entry(&case).await);
    let seen = case.only();
    assert_eq!(
        (seen.version.as_str(), seen.sni.as_deref()),
        ("HTTP/2.0", Some("provider.test"))
    );
    let refused = gateway
        .get("/")
        .header("x-sluice-cluster", "other")
        .case(&case)
        .send()
        .await;
    assert_eq!(refused.status, 503);
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let gateway = gateway();
    let case = gateway
        .fake
        .case(Answer::new(200).chunk("x").trailer("x-end", "there"));
    let (feed, call) = gateway
        .post("/")
        .header("x-sluice-cluster", "h2c")
        .case(&case)
        .http2()
        .upload();
    let call = tokio::spawn(call.send());
    assert!(feed.chunk("body").await);
    feed.trailers(
        [("x-end".parse().unwrap(), "here".parse().unwrap())]
            .into_iter()
            .collect(),
    )
    .await;
    drop(feed);
    let mut reply = call.await.unwrap();
    assert_eq!(reply.text().await, "x");
    assert_eq!(reply.trailer("x-end"), Some("there"));
    assert_eq!(
        case.only().trailers,
        [("x-end".to_owned(), b"here".to_vec())]
    );
}

#[tokio::test]
async fn raw_answers_and_raw_requests_are_bytes() {
    let gateway = gateway();
    let case = gateway
        .fake
        .case(Answer::wire().chunk("HTTP/1.1 200 OK\r\nx-odd: \u{e9}\r\n\r\nuntil the end"));
    let head = format!(
        "POST /x HTTP/1.1\r\nhost: h\r\nx-sluice-cluster: raw\r\nx-case: {}\r\n",
        case.id()
    );
    let reply = Wire::exchange(
        gateway.address(),
        head + "content-length: 2\r\nconnection: close\r\n\r\nok",
    )
    .await;
    assert_eq!(
        (reply.status, reply.body.as_slice()),
        (200, b"until the end".as_slice())
    );
    assert_eq!(case.only().body, b"ok");
    let dead = gateway
        .get("/")
        .header("x-sluice-cluster", "dead")
        .send()
        .await;
    assert_eq!(dead.status, 503);
}

#[tokio::test]
async fn connections_are_spread_over_the_workers() {
    let gateway = crate::gateway().start();
    let gate = Gate::new();
    let case = gateway.fake.case(sample::chat().hold(&gate));
    let calls: Vec<_> = (0..6)
        .map(|_| tokio::spawn(gateway.get("/").case(&case).send()))
        .collect();
    sluice_e2e::eventually("six calls at the provider", || {
        (case.seen().len() == 6).then_some(())
    })
    .await;
    gate.open();
    for call in calls {
        assert_eq!(call.await.unwrap().status, 200);
    }
    let spread = gateway.connections_by_worker();
    assert!(
        spread.len() == 2 && spread.iter().all(|count| *count >= 3),
        "{spread:?}"
    );
}
