//! What a provider says about asking it again: `retry-after` (RFC 9110 §10.2.3), `retry-after-ms` and
//! `x-should-retry` of OpenAI and Anthropic, and the error body of Google and OpenAI (providers.md §2).
//!
//! Invariant: what is not understood is no advice.

use std::time::Duration;

use crate::http::header::HeaderList;
use crate::llm::json::{Event, Node, Scanner};

/// A provider's advice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// How long to wait.
    pub wait: Option<Duration>,
    /// Whether to ask again at all.
    pub should_retry: Option<bool>,
    /// Whether a quota is used up, which does not come back by waiting.
    pub is_used_up: bool,
}

impl Advice {
    /// Reads the head of an answer. `now` is in nanoseconds since the epoch. The finer header counts.
    pub fn read(head: &HeaderList, now: u64) -> Self {
        let millis = head.text("retry-after-ms").and_then(milliseconds);
        let after = || wait_until(head.text("retry-after")?, now);
        let should_retry = head.text("x-should-retry").and_then(|text| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        });
        Self {
            wait: millis.or_else(after),
            should_retry,
            is_used_up: false,
        }
    }
}

/// Reads the advice in an error's body, piece by piece.
pub struct BodyHint {
    scanner: Scanner<Hint>,
    advice: Advice,
}

#[derive(Clone, Copy)]
enum Hint {
    /// Google's `RetryInfo`: a duration such as `34s`.
    Delay,
    /// OpenAI's kind of error.
    Kind,
}

const ERROR: &[Node<Hint>] = &[
    Node::branch(
        "details",
        &[Node::every(&[Node::leaf("retryDelay", Hint::Delay)])],
    ),
    Node::leaf("code", Hint::Kind),
    Node::leaf("type", Hint::Kind),
];
/// Google wraps the error of a stream in an array.
const BODY: &[Node<Hint>] = &[
    Node::branch("error", ERROR),
    Node::first(&[Node::branch("error", ERROR)]),
];

impl BodyHint {
    /// A reader that adds to what the head has said; the head's word stands.
    pub fn new(head: Advice) -> Self {
        Self {
            scanner: Scanner::new(BODY),
            advice: head,
        }
    }

    /// Reads on.
    pub fn feed(&mut self, piece: &[u8]) {
        let advice = &mut self.advice;
        self.scanner.feed(piece, &mut |hint, event: Event<'_>| {
            let Some(text) = event.text() else { return };
            match hint {
                Hint::Delay => {
                    let delay = text.strip_suffix('s').and_then(seconds);
                    advice.wait = advice.wait.or(delay);
                }
                Hint::Kind => {
                    let is_quota = text == "insufficient_quota";
                    advice.is_used_up |= is_quota;
                    advice.should_retry = advice.should_retry.or(is_quota.then_some(false));
                }
            }
        });
    }

    /// The advice of head and body so far.
    pub const fn advice(&self) -> Advice {
        self.advice
    }
}

/// Decimal seconds, as some providers send them, saturating.
fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    let is_number = number >= 0.0
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then(|| Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

fn milliseconds(text: &str) -> Option<Duration> {
    seconds(text).map(|seconds| seconds.checked_div(1000).unwrap_or_default())
}

/// The wait that a `retry-after` asks for; none for a date in the past.
fn wait_until(text: &str, now: u64) -> Option<Duration> {
    seconds(text).or_else(|| {
        let until = Duration::from_secs(http_date(text)?);
        Some(until.saturating_sub(Duration::from_nanos(now)))
    })
}

/// Seconds since the epoch of an HTTP-date in any of its three forms (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<u64> {
    let mut parts = text.split([' ', ',', '-']).filter(|part| !part.is_empty());
    let (_, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let (fourth, fifth) = (parts.next()?, parts.next()?);
    let (day, month, year, time) = if fourth.contains(':') {
        (third, second, fifth, fourth)
    } else {
        (second, third, fourth, fifth)
    };
    let month = u64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()?;
    let days = days(short_year(year)?, month, day.parse().ok()?)?;
    let mut clock = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let seconds = days
        .checked_mul(24)?
        .checked_add(hour)?
        .checked_mul(60)?
        .checked_add(minute)?
        .checked_mul(60)?
        .checked_add(second)?;
    is_time.then_some(seconds)
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A year of four digits, or of two as RFC 850 has it; a retry is never meant for the last century.
fn short_year(text: &str) -> Option<u64> {
    let year: u64 = text.parse().ok()?;
    let year = if text.len() == 2 {
        year.checked_add(2000)?
    } else {
        year
    };
    (1970..=9999).contains(&year).then_some(year)
}

/// Days since the epoch, by a year that begins in March (month: 0 is January).
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=31).contains(&day) {
        return None;
    }
    let from_march = month.checked_add(10)? % 12;
    let year = year.checked_sub(u64::from(month < 2))?;
    let leaps = (year / 4)
        .checked_sub(year / 100)?
        .checked_add(year / 400)?;
    let before = from_march.checked_mul(153)?.checked_add(2)? / 5;
    let days = year.checked_mul(365)?.checked_add(leaps)?;
    // 719469 days lie between 1 March of the year 0 and the epoch, but for the day's own 1.
    days.checked_add(before)?
        .checked_add(day)?
        .checked_sub(719_469)
}
