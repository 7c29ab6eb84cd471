//! The rests of a pool's keys, as one value of shared data that all workers change by compare-and-swap.
//!
//! Layout of each entry (little-endian): length of the alias 1, alias, began 8, until 8, span 8. A key without an entry is
//! well; one whose entry is over is to be tried. Invariant: at most [`MAX_KEYS`] entries, and the moment at which a rest
//! began tells it from every other rest of its key, so that an answer to an older call changes nothing.

use std::time::Duration;

use super::{Change, Seen, TRIAL};
use crate::config::MAX_KEYS;

/// Shortest rest: shorter ones would only cost writes.
const SHORTEST: Duration = Duration::from_secs(1);

/// All moments and spans are in nanoseconds, moments since the epoch.
#[derive(Clone, Copy, Debug)]
struct Rest<'a> {
    alias: &'a str,
    began: u64,
    /// The end of the rest or, after it, of the trial.
    until: u64,
    span: u64,
}

impl Rest<'_> {
    /// A clock that was set back makes no rest much longer than it was meant to be. A little is nothing: another worker may
    /// have begun the rest after this one looked at the clock.
    fn holds(&self, now: u64) -> bool {
        let (left, trial) = (self.until.saturating_sub(now), nanos(TRIAL));
        left > 0 && left <= self.span.max(trial).saturating_add(trial)
    }
}

/// The rests of a pool.
#[derive(Debug, Default)]
pub(super) struct Rests<'a>(Vec<Rest<'a>>);

impl<'a> Rests<'a> {
    /// Reads the value; of a foreign one, what makes sense.
    pub(super) fn decode(mut bytes: &'a [u8]) -> Self {
        let entries = std::iter::from_fn(|| {
            let ([length], rest) = bytes.split_first_chunk()?;
            let (alias, rest) = rest.split_at_checked((*length).into())?;
            let (moments, rest) = rest.split_first_chunk::<24>()?;
            let mut moments = moments.as_chunks::<8>().0.iter().copied();
            let mut moment = || moments.next().map(u64::from_le_bytes);
            bytes = rest;
            Some(Rest {
                alias: std::str::from_utf8(alias).ok()?,
                began: moment()?,
                until: moment()?,
                span: moment()?,
            })
        });
        Self(entries.take(MAX_KEYS).collect())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for rest in &self.0 {
            // Aliases are checked to be short.
            let Ok(length) = u8::try_from(rest.alias.len()) else {
                continue;
            };
            bytes.push(length);
            bytes.extend_from_slice(rest.alias.as_bytes());
            for moment in [rest.began, rest.until, rest.span] {
                bytes.extend_from_slice(&moment.to_le_bytes());
            }
        }
        bytes
    }

    pub(super) fn is_resting(&self, alias: &str, now: u64) -> bool {
        self.find(alias).is_some_and(|rest| rest.holds(now))
    }

    /// When the key may be tried; 0 if it is well.
    pub(super) fn until(&self, alias: &str) -> u64 {
        self.find(alias).map_or(0, |rest| rest.until)
    }

    /// How a key stands for a call that is going to use it. If its rest is over, the trial begins with this call.
    pub(super) fn enter(&mut self, alias: &str, now: u64) -> Seen {
        match self.0.iter_mut().find(|rest| rest.alias == alias) {
            None => Seen::Well,
            Some(rest) if rest.holds(now) => Seen::Resting(rest.began),
            Some(rest) => {
                rest.until = now.saturating_add(nanos(TRIAL));
                Seen::Tried(rest.began)
            }
        }
    }

    /// The key was turned away. What is known already, or no longer true, changes nothing: calls that were under way
    /// together fail together, and that is one failure.
    pub(super) fn fail(
        &mut self,
        (alias, seen): (&'a str, Seen),
        now: u64,
        asked: Duration,
        longest: Duration,
    ) -> Change {
        let (began, at_least) = match (self.find(alias), seen) {
            (None, _) => (now, 0),
            (Some(rest), Seen::Tried(began)) if rest.began == began => (
                now.max(began.saturating_add(1)),
                rest.span.saturating_mul(2),
            ),
            (Some(_), _) => return Change::Kept,
        };
        let span = nanos(asked.max(SHORTEST)).max(at_least).min(nanos(longest));
        self.0.retain(|rest| rest.alias != alias);
        if self.0.len() >= MAX_KEYS {
            // Left by keys that are configured no more.
            self.0.sort_by_key(|rest| std::cmp::Reverse(rest.until));
            self.0.truncate(MAX_KEYS.saturating_sub(1));
        }
        self.0.push(Rest {
            alias,
            began,
            until: now.saturating_add(span),
            span,
        });
        Change::Rested(Duration::from_nanos(span))
    }

    /// The key was not turned away; that counts only if it was chosen in the rest that is now known.
    pub(super) fn clear(&mut self, alias: &str, seen: Seen) -> Change {
        let (Seen::Resting(began) | Seen::Tried(began)) = seen else {
            return Change::Kept;
        };
        let before = self.0.len();
        self.0
            .retain(|rest| rest.alias != alias || rest.began != began);
        if self.0.len() == before {
            Change::Kept
        } else {
            Change::Well
        }
    }

    fn find(&self, alias: &str) -> Option<&Rest<'a>> {
        self.0.iter().find(|rest| rest.alias == alias)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
