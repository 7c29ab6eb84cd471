//! The alphabets of the names that a call may put into a host or a base path.
//!
//! Invariant: no text that passes has a slash or a percent sign, unless said; what becomes a part of a host has no dot.

use super::path::MAX_ID;

/// One label of a host name, in lower case (RFC 1123 §2.1).
pub(super) fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..64).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A host name without a dot at its end, or an IPv4 address.
pub(super) fn is_host(text: &str) -> bool {
    text.len() < 254 && text.split('.').all(is_label)
}

/// A dedicated model's id: letters and digits, which leave room for the rest of its host's label.
pub(super) fn is_model_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A project's id or number, also with the domain of old projects (`example.com:project`).
pub(super) fn is_project(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':')
    };
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(allowed)
}

/// A deployment's name: letters, digits, `-`, `_`, `.`.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(allowed)
}

/// A byte of a model's name in a path: slashes and dots too, so the whole is checked as a path.
pub(super) const fn is_model_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'/' | b'-' | b'_' | b'.')
}

/// `us-east-1`, `us-gov-west-1`: two letters, words, a number.
pub(super) fn is_aws_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    let mut words = words.split('-');
    text.len() <= 32
        && is_number(number)
        && words
            .next()
            .is_some_and(|country| country.len() == 2 && is_word(country))
        && words.next().is_some_and(is_word)
        && words.all(is_word)
}

/// `us-central1`, `northamerica-northeast1`: a word, a word with a number.
pub(super) fn is_google_region(text: &str) -> bool {
    let Some((area, place)) = text.split_once('-') else {
        return false;
    };
    let word = place.trim_end_matches(|char: char| char.is_ascii_digit());
    text.len() <= 32
        && is_word(area)
        && is_word(word)
        && place.strip_prefix(word).is_some_and(is_number)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_number(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
