//! What a provider asks for.

use super::*;

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
    assert!(budget.take(8 * second, Duration::from_millis(6999)));
    assert!(!budget.take(8 * second, Duration::from_secs(7)));
    assert!(!budget.take(15 * second, Duration::ZERO));
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
