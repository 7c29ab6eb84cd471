//! The walk through a dynamic route: from its start to the model that is to answer, and on when that fails
//! (contract §10.4).
//!
//! Pure: the call comes in as [`Inputs`], counters of limits as a function. Invariant: a walk ends, and it never names a
//! model twice for one element, because a route has no loops.

pub mod count;
mod input;
#[cfg(test)]
mod tests;
mod verdict;

use std::borrow::Cow;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::{DynamicRoute, ElementKind, ModelCall, Quota, Split};

pub use input::{Fact, Inputs};
pub use verdict::holds;

/// Where a walk has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'r> {
    /// This model is to be called. Should it fail, the walk goes on.
    Call(&'r ModelCall),
    /// A limit without a fallback is reached; when it admits the next call.
    Limited(Duration),
    /// There is no other model.
    End,
}

/// A call that a limit must count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The route's name.
    pub route: &'a str,
    /// The only gateway that has the route.
    pub gateway_id: Option<&'a str>,
    /// The element's id.
    pub element: &'a str,
    /// What is limited.
    pub quota: &'a Quota,
    /// Whose limit it is: the value of the key, which a client chooses and which may be long or secret. `None`: the limit
    /// has no key, or the call lacks it; such calls share one count, so that leaving the key out wins nothing.
    pub key: Option<Cow<'a, str>>,
}

/// Counts a call; `Err` holds the time until the next one is admitted. A counter that is out of order admits.
pub type Counter<'c> = dyn FnMut(&Counted<'_>) -> Result<(), Duration> + 'c;

/// A walk through a route for one call.
#[derive(Clone, Debug)]
pub struct Walk<'r> {
    route: &'r DynamicRoute,
    /// The element that comes next.
    at: Option<usize>,
}

impl<'r> Walk<'r> {
    /// A walk that stands at the start.
    pub const fn new(route: &'r DynamicRoute) -> Self {
        Self {
            route,
            at: Some(route.start),
        }
    }

    /// A walk that goes on where another one [stood](Self::at).
    pub const fn resume(route: &'r DynamicRoute, at: Option<usize>) -> Self {
        Self { route, at }
    }

    /// The element that comes next; `None`: there is none.
    pub const fn at(&self) -> Option<usize> {
        self.at
    }

    /// Goes on to the next model: the first time from the start, then because the model before has failed. Limits on the
    /// way are counted as they are passed.
    pub fn step(&mut self, inputs: &Inputs<'_>, count: &mut Counter<'_>) -> Step<'r> {
        let route = self.route;
        while let Some(element) = self.at.take().and_then(|at| route.element(at)) {
            self.at = match &element.kind {
                ElementKind::Start(next) => Some(*next),
                ElementKind::Conditional(condition, yes, _) if holds(condition, inputs) => {
                    Some(*yes)
                }
                ElementKind::Conditional(_, _, no) => Some(*no),
                ElementKind::Percentage(split) => {
                    choose(split, &[&route.name, &element.id], inputs)
                }
                ElementKind::Rate(quota, within, over) => {
                    let admitted = count(&counted(route, &element.id, quota, inputs));
                    match (admitted, over) {
                        (Ok(()), _) => Some(*within),
                        (Err(_), Some(over)) => Some(*over),
                        (Err(wait), None) => return Step::Limited(wait),
                    }
                }
                ElementKind::Model(call, _, fallback) => {
                    self.at = *fallback;
                    return Step::Call(call);
                }
                ElementKind::End => None,
            };
        }
        Step::End
    }
}

fn counted<'a>(
    route: &'a DynamicRoute,
    element: &'a str,
    quota: &'a Quota,
    inputs: &Inputs<'a>,
) -> Counted<'a> {
    Counted {
        route: &route.name,
        gateway_id: route.gateway_id.as_deref(),
        element,
        quota,
        key: quota.key.as_ref().and_then(|path| inputs.text(path)),
    }
}

/// The share that a call falls into: by its key, or at random, in each element anew.
fn choose(split: &Split, names: &[&str], inputs: &Inputs<'_>) -> Option<usize> {
    let key = split.key.as_ref().and_then(|path| inputs.text(path));
    let mut digest = Sha256::new();
    for name in names {
        digest.update(name);
        digest.update([0]);
    }
    match key {
        Some(key) => digest.update(key.as_bytes()),
        None => digest.update(inputs.random.to_le_bytes()),
    }
    let digest: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let drawn = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let drawn = drawn.checked_rem(Split::WHOLE.into()).unwrap_or(0);
    let mut end = 0_u64;
    let mut ways = split.shares.iter();
    let way = ways.find(|share| {
        end = end.saturating_add(share.parts.into());
        drawn < end
    });
    way.map(|share| share.next)
}
