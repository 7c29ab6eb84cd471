//! The spellings under which a model name is looked up.
//!
//! Invariant: one allocation for a name, none for its spellings; a name longer than any in the table is refused, so a
//! client cannot buy matching time (prices.md "Matching a model name to a row" 1 and 2).

use super::glob;

/// Far above the longest name in the table (63 bytes) and the longest ARN.
const MAX_BYTES: usize = 512;

/// A model name in lower case, with and without the prefix that says where it is served.
pub(super) struct Name {
    /// The name as given, and after it the bare name with its date written with dashes.
    text: Vec<u8>,
    given: usize,
    /// Where the bare name starts.
    start: usize,
    /// Length of the bare name without its date; 0 if there is no date.
    stem: usize,
}

impl Name {
    /// `None` if the text names no model: overlong, or a profile or router of Bedrock.
    pub(super) fn new(provider: &str, model: &str) -> Option<Self> {
        if model.len() > MAX_BYTES {
            return None;
        }
        // Room for both spellings: the second is two dashes longer.
        let mut text = Vec::with_capacity(model.len().saturating_add(1).saturating_mul(2));
        if provider == super::BEDROCK {
            push_decoded(&mut text, model.as_bytes());
        } else {
            text.extend_from_slice(model.as_bytes());
        }
        text.make_ascii_lowercase();
        if text.starts_with(b"arn:") {
            let named = named_by_arn(&text)?.len();
            text.drain(..text.len().saturating_sub(named));
        }
        let given = text.len();
        let bare = bare(provider, &text);
        let (start, stem) = (
            given.saturating_sub(bare.len()),
            stem(bare).map_or(0, <[u8]>::len),
        );
        push_dashed(&mut text, start);
        Some(Self {
            text,
            given,
            start,
            stem,
        })
    }

    /// The bare name; with its date rewritten from `-YYYYMMDD` to `-YYYY-MM-DD`; without its date; and as given, for
    /// providers that begin names of their own with their name. What does not exist is left out.
    pub(super) fn spellings(&self) -> impl Iterator<Item = &[u8]> {
        let (given, dashed) = self.text.split_at_checked(self.given).unwrap_or_default();
        let bare = given.get(self.start..).unwrap_or_default();
        let stem = bare.get(..self.stem).unwrap_or_default();
        let prefixed = if self.start == 0 { &[] } else { given };
        [bare, dashed, stem, prefixed]
            .into_iter()
            .filter(|name| !name.is_empty())
    }
}

/// Whether a Bedrock path names a resource of the account rather than a model.
pub(super) fn is_arn(model: &str) -> bool {
    ["arn:", "arn%3a"].iter().any(|prefix| {
        model
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    })
}

/// What follows the last slash, unless the resource is a profile or router that may stand for any model.
fn named_by_arn(arn: &[u8]) -> Option<&[u8]> {
    let mut parts = arn.rsplit(|byte| *byte == b'/');
    let name = parts.next()?;
    let stands_for_any = |part: &[u8]| {
        part.ends_with(b":application-inference-profile") || part.ends_with(b"prompt-router")
    };
    parts.all(|part| !stands_for_any(part)).then_some(name)
}

/// The name behind the gateway's `provider/`, and `models/` or `publishers/*/models/`.
fn bare<'t>(provider: &str, text: &'t [u8]) -> &'t [u8] {
    let text = text
        .strip_prefix(provider.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"/"))
        .unwrap_or(text);
    let published = text.strip_prefix(b"publishers/").and_then(|rest| {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        rest.split_at_checked(slash)?.1.strip_prefix(b"/models/")
    });
    published
        .or_else(|| text.strip_prefix(b"models/"))
        .unwrap_or(text)
}

fn stem(name: &[u8]) -> Option<&[u8]> {
    let compact = name
        .split_last_chunk::<9>()
        .map(|(stem, tail)| (stem, tail.as_slice()));
    let dashed = name
        .split_last_chunk::<11>()
        .map(|(stem, tail)| (stem, tail.as_slice()));
    [(compact, b"20######".as_slice()), (dashed, b"20##-##-##")]
        .into_iter()
        .find_map(|(split, date)| match split? {
            (stem, [b'-' | b'@', tail @ ..]) if glob::matches(date, tail) => Some(stem),
            _ => None,
        })
}

fn push_dashed(text: &mut Vec<u8>, start: usize) {
    let Some((before, tail)) = text
        .split_last_chunk::<9>()
        .filter(|(_, tail)| glob::matches(b"-20######", *tail))
    else {
        return;
    };
    let (end, [year @ .., m1, m2, d1, d2]) = (before.len(), *tail);
    if start < end {
        text.extend_from_within(start..end);
        text.extend_from_slice(&year);
        text.extend_from_slice(&[b'-', m1, m2, b'-', d1, d2]);
    }
}

/// Percent-decodes; a broken escape stays as it is.
fn push_decoded(text: &mut Vec<u8>, mut encoded: &[u8]) {
    while let [byte, rest @ ..] = encoded {
        let escape = match encoded {
            [b'%', high, low, after @ ..] => hex(*high)
                .zip(hex(*low))
                .map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        let (byte, rest) = escape.unwrap_or((*byte, rest));
        text.push(byte);
        encoded = rest;
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
