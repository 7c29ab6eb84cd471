//! The promises of retries: precedence, waits, the table, advice, budget.

use std::time::Duration;

use proptest::prelude::*;

use super::advice::BodyHint;
use super::*;

/// Sunday, 6 November 1994, 08:49:00 GMT in seconds: the date of RFC 9110, less its 37 seconds.
const NOW: u64 = 784_111_740;

fn head(fields: &[(&str, &str)]) -> HeaderList {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    fields.collect()
}

fn advice(fields: &[(&str, &str)]) -> Advice {
    Advice::read(&head(fields), NOW * 1_000_000_000)
}

fn wait(fields: &[(&str, &str)]) -> Option<u128> {
    advice(fields).wait.map(|wait| wait.as_millis())
}

fn retry(backoff: Backoff, delay_ms: u32) -> Retry {
    Retry {
        attempts: 5,
        delay_ms,
        backoff,
        timeout_ms: Some(1000),
    }
}

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

#[test]
fn retry_after_is_read_in_all_its_forms() {
    for (value, millis) in [
        ("0", Some(0)),
        ("34", Some(34_000)),
        (" 1.5 ", Some(1500)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37_000)),
        ("Sun Nov  6 08:49:37 1994", Some(37_000)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Mon, 07 Nov 1994 08:49:00 GMT", Some(86_400_000)),
        ("-1", None),
        ("soon", None),
        ("NaN", None),
        ("inf", None),
        ("1e3", None),
        ("", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ] {
        assert_eq!(wait(&[("retry-after", value)]), millis, "{value}");
    }
    let short_year = wait(&[("retry-after", "Saturday, 06-Nov-94 08:49:37 GMT")]);
    assert_eq!(short_year, Some(37_000 + 36_525 * 86_400_000), "2094");
    let far = advice(&[("retry-after", &"9".repeat(400))]).wait;
    assert!(far > Some(Duration::from_hours(1000)), "{far:?}");
}

#[test]
fn the_finer_header_counts_where_it_is_good() {
    let both = |millis| wait(&[("retry-after", "2"), ("retry-after-ms", millis)]);
    assert_eq!(both("1500"), Some(1500));
    assert_eq!(both("0.4"), Some(0));
    assert_eq!(both("x"), Some(2000));
}

fn hint(body: &str, cut: usize) -> Advice {
    let mut hint = BodyHint::new(Advice::default());
    for piece in body.as_bytes().chunks(cut) {
        hint.feed(piece);
    }
    hint.advice()
}

const GOOGLE: &str = r#"{"error": {"code": 429, "message": "Quota exceeded, retry in 34.07s", "status": "RESOURCE_EXHAUSTED",
    "details": [{"@type": "type.googleapis.com/google.rpc.Help", "links": [{"description": "limits"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074s"}]}}"#;

#[test]
fn googles_hint_is_read_from_the_body_however_it_is_cut() {
    let wanted = Some(Duration::from_millis(34_074));
    for cut in 1..GOOGLE.len() {
        assert_eq!(hint(GOOGLE, cut).wait, wanted);
    }
    assert_eq!(hint(&format!("[{GOOGLE}\n]"), 7).wait, wanted);
    for odd in ["34", "34m", "-1s", "s", ""] {
        assert_eq!(hint(&GOOGLE.replace("34.074s", odd), 9).wait, None, "{odd}");
    }
}

#[test]
fn the_head_beats_the_body() {
    let mut hint = BodyHint::new(advice(&[("retry-after", "1")]));
    hint.feed(GOOGLE.as_bytes());
    assert_eq!(hint.advice().wait, Some(Duration::from_secs(1)));
}

#[test]
fn a_used_up_quota_is_not_retried_and_falls_through() {
    let quota = |kind| {
        let body = format!(
            r#"{{"error": {{"message": "You exceeded your quota", "type": "{kind}", "param": null, "code": "{kind}"}}}}"#
        );
        let gateway = RetrySettings::default();
        let verdict = judge(&gateway, Failure::Status(429), hint(&body, 10));
        (verdict.retries, verdict.falls_through)
    };
    assert_eq!(quota("insufficient_quota"), (false, true));
    assert_eq!(quota("requests"), (true, true));
}

#[test]
fn nothing_begins_after_the_deadline() {
    let gateway = RetrySettings {
        deadline: Duration::from_secs(10),
        ..RetrySettings::default()
    };
    let second = 1_000_000_000;
    let mut budget = Budget::begin(5 * second, &gateway);
    assert_eq!(budget.remaining(8 * second), Duration::from_secs(7));
    assert!(budget.take(8 * second, Duration::from_secs(7)));
    assert!(!budget.take(8 * second, Duration::from_millis(7001)));
    assert!(!budget.take(16 * second, Duration::from_nanos(1)));
}

#[test]
fn a_call_has_no_more_than_32_attempts() {
    let mut budget = Budget::begin(0, &RetrySettings::default());
    let taken = (0..100).filter(|_| budget.take(0, Duration::ZERO)).count();
    assert_eq!(taken + 1, 32);
}

proptest! {
    #[test]
    fn no_header_and_no_body_panic(value in "\\PC{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..80), now: u64) {
        for name in ["retry-after", "retry-after-ms", "x-should-retry", "cf-aig-max-attempts"] {
            let head = head(&[(name, &value)]);
            let _advice = Advice::read(&head, now);
            let _wishes = Wishes::read(&head);
        }
        let mut hint = BodyHint::new(Advice::default());
        hint.feed(&bytes);
    }

    #[test]
    fn every_date_is_read_as_the_record_writes_it(seconds in 0_u64..18_446_744_073) {
        let text = crate::record::time::rfc3339(seconds * 1_000_000_000);
        let (date, rest) = text.split_once('T').unwrap();
        let (time, _) = rest.split_once('.').unwrap();
        let mut parts = date.split('-');
        let (year, month, day) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            [month.parse::<usize>().unwrap() - 1];
        let value = format!("Mon, {day} {month} {year} {time} GMT");
        let wait = Advice::read(&head(&[("retry-after", &value)]), 0).wait;
        prop_assert_eq!(wait, Some(Duration::from_secs(seconds)));
    }
}
