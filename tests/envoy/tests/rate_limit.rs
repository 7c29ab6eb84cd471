//! Issue: never more calls than the limit in a window, over all workers; whoever is refused is told how long to wait.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Call, Case, Gateway, Lease, Shared, sample};

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    let gateway = |id: &str, limit: u32, interval: u32, technique: &str| {
        json!({"id": id, "rate_limiting_limit": limit, "rate_limiting_interval": interval,
            "rate_limiting_technique": technique})
    };
    let of_account = |account: &str| {
        let mut gateway = gateway("shared", 1, 600, "sliding");
        gateway["account_id"] = json!(account);
        gateway
    };
    let mut cached = gateway("cached", 2, 600, "sliding");
    cached["cache_ttl"] = json!(300);
    let config = json!({"gateways": [
        gateway("burst-sliding", 5, 600, "sliding"),
        gateway("burst-fixed", 5, 86_400, "fixed"),
        gateway("refused", 1, 600, "sliding"),
        gateway("left", 1, 600, "sliding"),
        gateway("right", 1, 600, "sliding"),
        gateway("shared", 1, 600, "sliding"),
        of_account("0123"),
        of_account("4567"),
        gateway("everybody", 2, 600, "sliding"),
        gateway("fixed", 3, 2, "fixed"),
        gateway("sliding", 3, 2, "sliding"),
        cached
    ]});
    crate::gateway().config(&config).start()
}

fn gateway() -> Lease {
    GATEWAY.lease()
}

fn ask(gateway: &Gateway, id: &str, case: &Case, text: &str) -> Call {
    let path = format!("/v1/0123/{id}/openai/chat/completions");
    gateway.post(&path).case(case).json(&sample::ask(text))
}

fn ask_as(gateway: &Gateway, account: &str, id: &str, case: &Case) -> Call {
    let path = format!("/v1/{account}/{id}/openai/chat/completions");
    gateway.post(&path).case(case).json(&sample::ask("hi"))
}

#[tokio::test]
async fn a_burst_over_all_workers_gets_exactly_the_limit() {
    let gateway = gateway();
    for id in ["burst-sliding", "burst-fixed"] {
        let case = gateway.fake.case(sample::chat());
        let calls: Vec<_> = (0..30)
            .map(|_| tokio::spawn(ask(&gateway, id, &case, "hi").send()))
            .collect();
        let mut served = 0;
        for call in calls {
            match call.await.unwrap().status {
                200 => served += 1,
                status => assert_eq!(status, 429),
            }
        }
        assert_eq!((served, case.seen().len()), (5, 5), "{id}");
    }
    assert!(
        gateway
            .connections_by_worker()
            .iter()
            .all(|count| *count > 0)
    );
}

#[tokio::test]
async fn a_refusal_says_how_long_to_wait_and_reaches_nobody() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    assert_eq!(
        ask(&gateway, "refused", &case, "hi")
            .complete()
            .await
            .status,
        200
    );
    let reply = ask(&gateway, "refused", &case, "hi").complete().await;
    assert_refused(&reply, 429, 2003);
    assert_eq!(
        reply.json()["error"],
        json!([{"code": 2003, "message": "Rate limited"}])
    );
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    // So few calls are counted exactly; from 65 on it may be up to 1/120 of the interval more.
    assert!((590..=601).contains(&wait), "{wait}");
    assert!(reply.header("cf-aig-log-id").is_some());
    assert_eq!(case.seen().len(), 1);
    let records = gateway.records(&case, 2).await;
    assert_eq!(
        records
            .iter()
            .filter(|record| record["status_code"] == 429)
            .count(),
        1
    );
}

#[tokio::test]
async fn every_gateway_and_account_has_a_limit_of_its_own() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    for (id, status) in [("left", 200), ("left", 429), ("right", 200), ("right", 429)] {
        assert_eq!(
            ask(&gateway, id, &case, "hi").complete().await.status,
            status,
            "{id}"
        );
    }
    // One id, three gateways: of this account, of that one, and of all others.
    for account in ["0123", "4567", "others"] {
        for status in [200, 429] {
            let call = ask_as(&gateway, account, "shared", &case);
            assert_eq!(call.complete().await.status, status, "{account}");
        }
    }
}

#[tokio::test]
async fn an_account_id_that_was_invented_does_not_begin_anew() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    for (account, status) in [("a", 200), ("b", 200), ("c", 429), ("d", 429), ("a", 429)] {
        let call = ask_as(&gateway, account, "everybody", &case);
        assert_eq!(call.complete().await.status, status, "{account}");
    }
}

#[tokio::test]
async fn answers_from_the_cache_are_not_counted() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    assert_eq!(
        ask(&gateway, "cached", &case, "one")
            .complete()
            .await
            .status,
        200
    );
    for _ in 0..5 {
        let reply = ask(&gateway, "cached", &case, "one").complete().await;
        let from_cache = reply.header("cf-aig-cache-status").as_deref() == Some("HIT");
        assert_eq!((reply.status, from_cache), (200, true));
    }
    assert_eq!(
        ask(&gateway, "cached", &case, "two")
            .complete()
            .await
            .status,
        200
    );
    assert_eq!(
        ask(&gateway, "cached", &case, "three")
            .complete()
            .await
            .status,
        429
    );
    // Not even when nothing else is left.
    assert_eq!(
        ask(&gateway, "cached", &case, "one")
            .complete()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_fixed_window_ends_when_it_was_told_to() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let refused = loop {
        let reply = ask(&gateway, "fixed", &case, "hi").send().await;
        if reply.status == 429 {
            break reply;
        }
    };
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_secs(wait)).await;
    for _ in 0..3 {
        assert_eq!(
            ask(&gateway, "fixed", &case, "hi").complete().await.status,
            200
        );
    }
}

#[tokio::test]
async fn no_trailing_interval_of_a_sliding_window_has_more_than_the_limit() {
    let gateway = gateway();
    let case = gateway.fake.case(sample::chat());
    let begun = Instant::now();
    let mut served = Vec::new();
    let mut waits = Vec::new();
    while begun.elapsed() < Duration::from_secs(5) {
        let sent = Instant::now();
        let reply = ask(&gateway, "sliding", &case, "hi").send().await;
        match reply.status {
            200 => served.push((sent, Instant::now())),
            status => {
                assert_eq!(status, 429);
                waits.push(reply.header("retry-after").unwrap().parse::<u32>().unwrap());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    // A call was counted between its sending and its answer.
    for pair in served.windows(4) {
        let span = pair[3].1 - pair[0].0;
        assert!(span >= Duration::from_secs(2), "four calls within {span:?}");
    }
    // And the limit is used: 3 at once, and 3 more in each interval that follows.
    assert!(served.len() >= 6, "only {} calls were served", served.len());
    assert!(waits.iter().all(|wait| (1..=3).contains(wait)), "{waits:?}");
}
