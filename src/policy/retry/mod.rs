//! How often, how soon and for how long a provider is asked again (contract §6, providers.md §2).
//!
//! | failure | same provider again | next step |
//! |---|---|---|
//! | no connection, or reset before the answer's first byte; no first byte in time | yes | yes |
//! | status in the gateway's `retry_statuses` (408, 409, 429, 5xx with 529) | yes | see below |
//! | status in its `fallback_statuses` (the same, 401, 402, 403, 404) | see above | yes |
//! | a used-up quota (OpenAI's `insufficient_quota`, a 429) | no | by its status |
//! | an error in the place of an answer's content, where `retry_error_answers` is on | yes | yes |
//! | any other status, first of all 400 | no | no: the client gets it |
//!
//! A provider's `x-should-retry` beats its status in the second column. Invariant: each setting is the first of step,
//! request and gateway that has a good one; after the deadline nothing begins but
//! one attempt at the last step.

mod advice;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::advice::{Advice, BodyHint};
use crate::config::{Backoff, RetrySettings};
use crate::http::header::HeaderList;

/// Most attempts at one step (contract §12).
pub const MAX_ATTEMPTS: u32 = 5;
/// Most attempts at all steps of a call together.
pub const MAX_TOTAL_ATTEMPTS: u32 = 32;
/// Longest delay of our own in milliseconds, whatever the backoff (contract §6).
pub const MAX_DELAY_MS: u32 = 60_000;
/// Longest timeout to the first part of an answer in milliseconds: one hour.
pub const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// What one place (a step's `config`, the `cf-aig-*` headers) says about retries. `None`: nothing, or nonsense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `maxAttempts`, `cf-aig-max-attempts`: 1 to [`MAX_ATTEMPTS`].
    pub attempts: Option<u32>,
    /// `retryDelay`, `cf-aig-retry-delay`: at most [`MAX_DELAY_MS`].
    pub delay_ms: Option<u32>,
    /// `backoff`, `cf-aig-backoff`.
    pub backoff: Option<Backoff>,
    /// `requestTimeout`, `cf-aig-request-timeout`: at most [`MAX_TIMEOUT_MS`]; 0 is none.
    pub timeout_ms: Option<u64>,
}

impl Wishes {
    /// Reads the headers; a bad value, also one out of range, reads as absent.
    pub fn read(head: &HeaderList) -> Self {
        Self {
            attempts: number(head, "cf-aig-max-attempts", 1, MAX_ATTEMPTS),
            delay_ms: number(head, "cf-aig-retry-delay", 0, MAX_DELAY_MS),
            backoff: head.text("cf-aig-backoff").and_then(backoff),
            timeout_ms: number(head, "cf-aig-request-timeout", 0, MAX_TIMEOUT_MS),
        }
    }

    /// These, and the other ones where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            attempts: self.attempts.or(other.attempts),
            delay_ms: self.delay_ms.or(other.delay_ms),
            backoff: self.backoff.or(other.backoff),
            timeout_ms: self.timeout_ms.or(other.timeout_ms),
        }
    }

    /// What holds: these, and the gateway's settings where these say nothing.
    pub fn resolve(self, gateway: &RetrySettings) -> Retry {
        Retry {
            attempts: self.attempts.unwrap_or(gateway.max_attempts),
            delay_ms: self.delay_ms.unwrap_or(gateway.delay_ms),
            backoff: self.backoff.unwrap_or(gateway.backoff),
            timeout_ms: self.timeout_ms.filter(|timeout| *timeout > 0),
        }
    }
}

/// The kind of backoff that a word stands for.
pub fn backoff(word: &str) -> Option<Backoff> {
    let mut words = Backoff::WORDS.into_iter();
    words.find_map(|(known, backoff)| known.eq_ignore_ascii_case(word).then_some(backoff))
}

fn number<T: std::str::FromStr + PartialOrd>(
    head: &HeaderList,
    name: &str,
    min: T,
    max: T,
) -> Option<T> {
    let number = head.text(name)?.parse().ok()?;
    (min <= number && number <= max).then_some(number)
}

/// How one step is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// 1 to [`MAX_ATTEMPTS`].
    pub attempts: u32,
    /// Milliseconds before the second attempt, at most [`MAX_DELAY_MS`].
    pub delay_ms: u32,
    /// How the delay grows.
    pub backoff: Backoff,
    /// Milliseconds to the first part of an answer.
    pub timeout_ms: Option<u64>,
}

/// Which attempt of a call is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The attempt at this step, from 1.
    pub attempt: u32,
    /// Whether another step follows.
    pub has_next: bool,
    /// Whether it is the first attempt of the whole call.
    pub is_first: bool,
}

impl Retry {
    /// The wait before an attempt of this step, counted from 1: none before the first.
    pub fn delay_before(&self, attempt: u32) -> Duration {
        let Some(failures) = attempt.checked_sub(1).filter(|failures| *failures > 0) else {
            return Duration::ZERO;
        };
        let factor = match self.backoff {
            Backoff::Constant => 1,
            Backoff::Linear => failures,
            Backoff::Exponential => 2_u32.saturating_pow(failures.saturating_sub(1)),
        };
        let delay = self.delay_ms.saturating_mul(factor).min(MAX_DELAY_MS);
        Duration::from_millis(delay.into())
    }

    /// The wait before an attempt, as the provider wants it or as we do; `None`: the provider wants more than `cap`,
    /// and to ask it sooner is of no use.
    pub fn wait_before(
        &self,
        attempt: u32,
        asked: Option<Duration>,
        cap: Duration,
    ) -> Option<Duration> {
        match asked {
            Some(asked) => (asked <= cap).then_some(asked),
            None => Some(self.delay_before(attempt)),
        }
    }

    /// The timeout of a call that has one attempt only.
    pub fn only_timeout(&self) -> Option<Duration> {
        self.timeout(Turn {
            attempt: self.attempts,
            has_next: false,
            is_first: true,
        })
    }

    /// The time to the first part of the answer. The last attempt of all has none: to wait is better than to fail
    /// (contract §6). A call that has only one attempt is not meant, or its timeout would have no meaning.
    pub fn timeout(&self, turn: Turn) -> Option<Duration> {
        let is_last = turn.attempt >= self.attempts && !turn.has_next;
        let timeout = self.timeout_ms.filter(|_| !is_last || turn.is_first);
        timeout.map(Duration::from_millis)
    }
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, a reset or the timeout before the first byte of the answer.
    NoAnswer,
    /// An answer of this status.
    Status(u16),
    /// A good status, and an error in the place of content (`retry_error_answers`).
    ErrorAnswer,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The same provider may be asked again.
    pub retries: bool,
    /// When it is not, the next step is tried.
    pub falls_through: bool,
}

/// Judges a failure by the table of this module.
pub fn judge(gateway: &RetrySettings, failure: Failure, advice: Advice) -> Verdict {
    match failure {
        Failure::NoAnswer | Failure::ErrorAnswer => Verdict {
            retries: true,
            falls_through: true,
        },
        Failure::Status(status) => {
            let listed = gateway.retry_statuses.contains(status);
            Verdict {
                retries: status >= 400 && advice.should_retry.unwrap_or(listed),
                falls_through: gateway.fallback_statuses.contains(status),
            }
        }
    }
}

/// What a call may still spend on attempts, of all its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nanoseconds since the epoch.
    ends: u64,
    attempts: u32,
}

impl Budget {
    /// A whole budget, with the first attempt already taken from it. `now` is in nanoseconds since the epoch.
    pub fn begin(now: u64, gateway: &RetrySettings) -> Self {
        let whole = u64::try_from(gateway.deadline.as_nanos()).unwrap_or(u64::MAX);
        Self {
            ends: now.saturating_add(whole),
            attempts: MAX_TOTAL_ATTEMPTS.saturating_sub(1),
        }
    }

    /// Takes another attempt that begins after `wait`; false when it would begin too late or be one too many.
    pub fn take(&mut self, now: u64, wait: Duration) -> bool {
        let is_in_time = wait < self.remaining(now);
        let left = self.attempts.checked_sub(1).filter(|_| is_in_time);
        self.attempts = left.unwrap_or(self.attempts);
        left.is_some()
    }

    /// Takes the one attempt that may still begin when the time is over; nothing is left after it.
    pub fn take_last(&mut self, now: u64) -> bool {
        let is_left = self.attempts > 0 && self.remaining(now).is_zero();
        if is_left {
            self.attempts = 0;
        }
        is_left
    }

    /// The time in which another attempt may begin.
    pub fn remaining(&self, now: u64) -> Duration {
        Duration::from_nanos(self.ends.saturating_sub(now))
    }
}
