//! The promises of retries: precedence, waits, the table, advice, budget.

mod advice;
mod setting;

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
