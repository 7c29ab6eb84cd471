//! Issue: a stored answer grows old and is then forgotten. In a module of its own, whose name comes first: this case
//! takes a minute, and so begins before all others.

use std::time::{Duration, Instant};

use serde_json::json;
use sluice_e2e::sample;

const LIFETIME: Duration = Duration::from_secs(60);
/// Moments of storing and expiry are whole seconds.
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_answer_ages_until_its_time_is_over_and_is_then_asked_for_again() {
    let config = json!({"gateways": [{"id": "cached", "cache_ttl": 300}]});
    let gateway = crate::gateway().config(&config).start();
    let case = gateway.fake.case(sample::chat());
    let ask = async || {
        let call = gateway.post("/v1/0123/cached/openai/chat/completions");
        let call = call.case(&case).header("cf-aig-cache-ttl", "60");
        call.json(&sample::ask("hi")).complete().await
    };
    let asked = Instant::now();
    assert_eq!(
        ask().await.header("cf-aig-cache-status").as_deref(),
        Some("MISS")
    );
    let answered = Instant::now();
    let mut ages = Vec::new();
    loop {
        tokio::time::sleep(SECOND).await;
        let least = answered.elapsed();
        let reply = ask().await;
        let most = asked.elapsed();
        let Some(age) = reply.header("age") else {
            assert_eq!(reply.header("cf-aig-cache-status").as_deref(), Some("MISS"));
            assert!(most + SECOND > LIFETIME, "forgotten after {most:?}");
            break;
        };
        assert!(least < LIFETIME + 6 * SECOND, "kept for {least:?}");
        let age = Duration::from_secs(age.parse().unwrap());
        assert!(
            least < age + SECOND && age < most + SECOND,
            "{age:?} old after {least:?} to {most:?}"
        );
        ages.push(age);
    }
    assert!(
        ages.is_sorted() && ages.last().is_some_and(|age| *age + 3 * SECOND >= LIFETIME),
        "{ages:?}"
    );
    assert_eq!(case.seen().len(), 2);
}
