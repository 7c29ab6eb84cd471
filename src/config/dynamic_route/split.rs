//! Shares of the calls, for A/B tests and gradual roll-outs.
//!
//! Invariant: the shares add up to the whole, and they stand in the order of the ids of the elements that they lead to. So a
//! call with the same key takes the same way in every worker, however a map was ordered on its way here; and when two
//! shares change, only the calls between their old and their new border change their way.

use super::Links;
use super::field_path::{FIELD, FieldPath};
use crate::config::section::{Field, Section};
use crate::llm::json::Event;

/// How calls are shared out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Calls that are alike in this field take the same way; `None`, or a call without it: at random.
    pub key: Option<FieldPath>,
    /// The shares, by the ids of the elements that follow; together [`Split::WHOLE`].
    pub shares: Vec<Share>,
}

impl Split {
    /// All calls, in units of a share.
    pub const WHOLE: u32 = 1_000_000;
}

/// One way out of a [`Split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Ten-thousandths of a percent.
    pub parts: u32,
    /// The element that follows.
    pub next: usize,
}

/// Reads a split: its key, and the ways out of it.
pub(super) fn read(
    mut properties: Section<'_>,
    outputs: Section<'_>,
    entry: &Field<'_>,
    links: &Links<'_>,
) -> Option<Split> {
    let key = properties.field("key").text(&FIELD);
    properties.finish();
    let shares = shares(outputs, entry, links)?;
    Some(Split { key, shares })
}

/// Most outputs with a percentage (contract §12).
const MAX_SHARES: usize = 5;

/// Reads the outputs of a split: `10%`, `33.3%`, and `else` for what they leave.
fn shares(outputs: Section<'_>, entry: &Field<'_>, links: &Links<'_>) -> Option<Vec<Share>> {
    let mut shares: Vec<(Option<u32>, usize)> = Vec::new();
    let mut is_good = true;
    for (name, output) in outputs.entries() {
        let parts = percent(name);
        if parts.is_none() && name != "else" {
            output.fault("is not a share: name it like 10% or 12.5%, or else");
        }
        let next = links.follow(&output);
        is_good &= next.is_some() && (parts.is_some() || name == "else");
        shares.extend(next.map(|next| (parts, next)));
    }
    if !is_good {
        return None;
    }
    shares.sort_by_key(|(parts, next)| (links.id(*next), *parts));
    let named = shares.iter().filter_map(|(parts, _)| *parts);
    let sum = named.clone().fold(0_u32, u32::saturating_add);
    let has_rest = named.count() < shares.len();
    let rest = Split::WHOLE
        .checked_sub(sum)
        .filter(|rest| (*rest > 0) == has_rest);
    let Some(rest) = rest.filter(|_| !shares.is_empty()) else {
        let sum = f64::from(sum) / 10_000.0;
        let remedy = if has_rest {
            "leave something for else"
        } else {
            "they must total 100"
        };
        entry.fault(format!("has outputs of {sum}% together: {remedy}"));
        return None;
    };
    if shares.len().saturating_sub(usize::from(has_rest)) > MAX_SHARES {
        entry.fault(format!("has more than {MAX_SHARES} shares: merge some"));
    }
    let whole = |(parts, next): (Option<u32>, usize)| Share {
        parts: parts.unwrap_or(rest),
        next,
    };
    Some(shares.into_iter().map(whole).collect())
}

/// A percentage with at most four decimals, in ten-thousandths of a percent.
fn percent(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?.trim_end();
    let decimals = number
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parts = Event::Number(number).scaled(4)?;
    let parts = u32::try_from(parts)
        .ok()
        .filter(|parts| *parts <= Split::WHOLE);
    parts.filter(|_| is_plain && decimals <= 4)
}
