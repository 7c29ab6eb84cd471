//! What the limits of a route admit (contract §10.4), over all workers.
//!
//! A limit belongs to its element: a route that every gateway has counts the calls of all of them together. Calls are
//! counted before they are made; money is compared before and counted after, so that calls under way may exceed a limit
//! by what they cost. Clients choose the keys: `store::tally` says why inventing some wins nothing and costs no memory.
//! Should the shared state fail, the call goes on: a limiter that is out of order must not be an outage.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Counted;
use crate::config::{Limit, Technique};
use crate::host::Host;
use crate::llm::price::Picodollars;
use crate::store::tally::{self, Tally};
use crate::store::window::Refused;

/// A limit that a call has passed, and whose it was; kept until the call's cost is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    /// A hash, for a key may be long or secret.
    key: Option<[u8; 32]>,
    interval: Duration,
    technique: Technique,
}

/// Admits a call, and counts it if calls are what is limited; `Err` is the time until the next one is admitted.
/// `complain`: what the operator should know.
pub fn admit(
    host: &dyn Host,
    counted: &Counted<'_>,
    complain: impl FnOnce(String),
) -> Result<(), Duration> {
    let (amount, limit) = match counted.quota.limit {
        Limit::Calls(limit) => (1, limit.get().into()),
        Limit::Cost(limit) => (0, limit.0),
    };
    Account::of(counted).add(host, amount, Some(limit), complain)
}

/// The account that the cost of this call must be [charged](charge) to; `None` if calls are what is limited.
pub fn account(counted: &Counted<'_>) -> Option<Account> {
    let is_cost = matches!(counted.quota.limit, Limit::Cost(_));
    is_cost.then(|| Account::of(counted))
}

/// Counts what a call has cost.
pub fn charge(
    host: &dyn Host,
    account: &Account,
    cost: Picodollars,
    complain: impl FnOnce(String),
) {
    // Without a limit nothing is refused.
    account
        .add(host, cost.0, None, complain)
        .unwrap_or_default();
}

impl Account {
    fn of(counted: &Counted<'_>) -> Self {
        // Only the element's id can hold a slash, and it comes last.
        let gateway = counted.gateway_id.unwrap_or_default();
        Self {
            name: [gateway, counted.route, counted.element].join("/"),
            key: counted
                .key
                .as_ref()
                .map(|key| Sha256::digest(key.as_bytes()).into()),
            interval: counted.quota.window,
            technique: counted.quota.technique,
        }
    }

    fn add(
        &self,
        host: &dyn Host,
        amount: u64,
        limit: Option<u64>,
        complain: impl FnOnce(String),
    ) -> Result<(), Duration> {
        let tally = Tally {
            name: &self.name,
            key: self.key.as_ref(),
            interval: self.interval,
            technique: self.technique,
        };
        match tally::add(host, &tally, amount, limit) {
            Ok(()) => Ok(()),
            Err(Refused::Limited { retry_after }) => Err(retry_after),
            Err(Refused::Unavailable(error)) => {
                complain(format!(
                    "limit {} of a dynamic route not counted: {error}",
                    self.name
                ));
                Ok(())
            }
        }
    }
}
