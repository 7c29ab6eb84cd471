//! Things that are told many times but count once, over all workers: a finished prediction shows its consumption to
//! everyone who asks for it (providers.md §3, replicate).
//!
//! The first to tell leaves a mark in the answer table, where it has its share of the cache's budget. Invariant: of
//! several that tell at the same moment exactly one counts; where no mark can be left, everyone does, for a call that is
//! counted twice is seen, and one that is not counted is lost.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::CacheBudget;
use crate::host::Host;
use crate::store::table::{self, Begin, Key};
use crate::store::waiter::Verdict;

/// How long a mark stands: nobody polls longer.
const DAY: Duration = Duration::from_hours(24);
/// How long the mark may take to be written.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Whether this is the first time within a day that somebody tells of what these parts name.
pub fn is_first(host: &dyn Host, budget: CacheBudget, parts: &[&str]) -> bool {
    match table::begin(host, &key(parts), AT_ONCE) {
        Ok(Begin::Filler(ticket)) => {
            let (_, waiters) = table::complete(host, ticket, &[], DAY, budget);
            waiters.send(host, Verdict::LookAgain);
            true
        }
        Ok(Begin::Hit(_) | Begin::InFlight(..)) => false,
        Ok(Begin::Full) | Err(_) => true,
    }
}

/// SHA-256 over a tag and the parts, each preceded by its length: no other value of the table has such a key.
fn key(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in std::iter::once(&"sluice.once.1").chain(parts) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    Key(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::host::fake::FakeHost;

    const BUDGET: CacheBudget = CacheBudget {
        max_bytes: 10_000,
        max_object_bytes: 1000,
    };
    const PARTS: [&str; 3] = ["account", "gateway", "prediction"];

    #[test]
    fn only_the_first_of_a_day_counts_and_other_things_are_apart() {
        let host = FakeHost::new(&[]);
        assert!(is_first(&host, BUDGET, &PARTS));
        assert!(!is_first(&host, BUDGET, &PARTS));
        assert!(is_first(
            &host,
            BUDGET,
            &["account", "gatewayp", "rediction"]
        ));
        host.advance(Duration::from_hours(23));
        assert!(!is_first(&host, BUDGET, &PARTS));
        host.advance(Duration::from_hours(2));
        assert!(is_first(&host, BUDGET, &PARTS));
    }

    #[test]
    fn of_two_workers_at_the_same_moment_exactly_one_counts() {
        for moment in 0..12 {
            let host = FakeHost::new(&[]);
            let other = Rc::new(Cell::new(None));
            let told = Rc::clone(&other);
            host.interleave(moment, move |host| {
                told.set(Some(is_first(host, BUDGET, &PARTS)));
            });
            let first = is_first(&host, BUDGET, &PARTS);
            let second = other
                .get()
                .unwrap_or_else(|| is_first(&host, BUDGET, &PARTS));
            assert!(first ^ second, "at host call {moment}");
        }
    }

    #[test]
    fn a_host_that_fails_costs_a_second_count_never_the_only_one() {
        for moment in 0..12 {
            let host = FakeHost::new(&[]);
            host.fail_at.set(Some(moment));
            assert!(is_first(&host, BUDGET, &PARTS), "at host call {moment}");
        }
    }
}
