//! Whose setting counts, and what it comes to.

use super::*;

#[test]
fn each_setting_comes_from_the_nearest_place_that_has_it() {
    let gateway = RetrySettings {
        max_attempts: 2,
        delay_ms: 100,
        backoff: Backoff::Constant,
        ..RetrySettings::default()
    };
    let request = Wishes::read(&head(&[
        ("cf-aig-max-attempts", "3"),
        ("cf-aig-retry-delay", " 300 "),
        ("cf-aig-request-timeout", "3000"),
    ]));
    let step = Wishes {
        attempts: Some(4),
        timeout_ms: Some(0),
        ..Wishes::default()
    };
    let wanted = Retry {
        attempts: 4,
        delay_ms: 300,
        backoff: Backoff::Constant,
        timeout_ms: None,
    };
    assert_eq!(step.or(request).resolve(&gateway), wanted);
    assert_eq!(request.resolve(&gateway).timeout_ms, Some(3000));
    assert_eq!(Wishes::default().resolve(&gateway).attempts, 2);
}

#[test]
fn every_header_is_read_and_a_bad_value_reads_as_absent() {
    let all = Wishes::read(&head(&[
        ("cf-aig-max-attempts", "5"),
        ("cf-aig-retry-delay", "60000"),
        ("cf-aig-backoff", "Linear"),
        ("cf-aig-request-timeout", "3600000"),
    ]));
    let wanted = Wishes {
        attempts: Some(5),
        delay_ms: Some(60_000),
        backoff: Some(Backoff::Linear),
        timeout_ms: Some(3_600_000),
    };
    assert_eq!(all, wanted);
    for (name, value) in [
        ("cf-aig-max-attempts", "0"),
        ("cf-aig-max-attempts", "6"),
        ("cf-aig-max-attempts", "many"),
        ("cf-aig-max-attempts", ""),
        ("cf-aig-retry-delay", "60001"),
        ("cf-aig-retry-delay", "-1"),
        ("cf-aig-retry-delay", "1.5"),
        ("cf-aig-backoff", "quadratic"),
        ("cf-aig-request-timeout", "3600001"),
        ("cf-aig-request-timeout", "99999999999999999999999"),
    ] {
        let read = Wishes::read(&head(&[(name, value)]));
        assert_eq!(read, Wishes::default(), "{name}: {value}");
    }
}

#[test]
fn the_delay_grows_as_its_backoff_says_and_never_beyond_a_minute() {
    let delays = |backoff, delay| {
        [1, 2, 3, 4, 5].map(|attempt| retry(backoff, delay).delay_before(attempt).as_millis())
    };
    assert_eq!(delays(Backoff::Constant, 700), [0, 700, 700, 700, 700]);
    assert_eq!(delays(Backoff::Linear, 700), [0, 700, 1400, 2100, 2800]);
    assert_eq!(
        delays(Backoff::Exponential, 700),
        [0, 700, 1400, 2800, 5600]
    );
    assert_eq!(
        delays(Backoff::Exponential, 20_000),
        [0, 20_000, 40_000, 60_000, 60_000]
    );
    let far = retry(Backoff::Exponential, MAX_DELAY_MS).delay_before(u32::MAX);
    assert_eq!(far, Duration::from_mins(1));
    assert_eq!(
        retry(Backoff::Constant, 700).delay_before(0),
        Duration::ZERO
    );
}

#[test]
fn a_provider_is_obeyed_within_the_cap_and_not_asked_again_beyond_it() {
    let (retry, cap) = (retry(Backoff::Constant, 700), Duration::from_secs(10));
    let before = |asked: Option<u64>| retry.wait_before(2, asked.map(Duration::from_millis), cap);
    assert_eq!(before(None), Some(Duration::from_millis(700)));
    assert_eq!(before(Some(20)), Some(Duration::from_millis(20)));
    assert_eq!(before(Some(10_000)), Some(cap));
    assert_eq!(before(Some(10_001)), None);
}

#[test]
fn the_last_attempt_of_several_ignores_the_timeout() {
    let timeout = |attempts, attempt, has_next, is_first| {
        let retry = Retry {
            attempts,
            ..retry(Backoff::Constant, 0)
        };
        let turn = Turn {
            attempt,
            has_next,
            is_first,
        };
        retry.timeout(turn).is_some()
    };
    assert!(timeout(2, 1, false, true));
    assert!(!timeout(2, 2, false, false));
    assert!(timeout(2, 2, true, false), "the next step is waiting");
    assert!(timeout(1, 1, true, true), "the next step is waiting");
    assert!(!timeout(1, 1, false, false), "the last step");
    assert!(timeout(1, 1, false, true), "the only attempt");
}

#[test]
fn failures_lead_where_the_table_says() {
    let gateway = RetrySettings::default();
    let verdict = |failure| {
        let verdict = judge(&gateway, failure, Advice::default());
        (verdict.retries, verdict.falls_through)
    };
    assert_eq!(verdict(Failure::NoAnswer), (true, true));
    for status in [408, 409, 429, 500, 502, 503, 504, 529, 599] {
        assert_eq!(verdict(Failure::Status(status)), (true, true), "{status}");
    }
    for status in [401, 402, 403, 404] {
        assert_eq!(verdict(Failure::Status(status)), (false, true), "{status}");
    }
    for status in [200, 204, 304, 400, 405, 413, 415, 422, 424, 451, 499, 600] {
        assert_eq!(verdict(Failure::Status(status)), (false, false), "{status}");
    }
}

#[test]
fn a_provider_knows_better_than_its_status_whether_to_retry() {
    let gateway = RetrySettings::default();
    let retries = |status, word| {
        let advice = advice(&[("x-should-retry", word)]);
        judge(&gateway, Failure::Status(status), advice).retries
    };
    assert!(!retries(429, "false") && !retries(500, "false"));
    assert!(retries(400, "true") && retries(429, "maybe"));
    assert!(!retries(200, "true"), "an answer is not asked for twice");
}
