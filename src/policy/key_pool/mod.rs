//! Which stored key a call is sent with, and the rest of those that were turned away (contract §10.1).
//!
//! A client's own credential comes before any of these ([`crate::llm::provider::Placement::is_shown`]).
//!
//! | status of the answer | what becomes of the key |
//! |---|---|
//! | 429 | it rests as long as its provider says, else `rate_limited` |
//! | 401, 402, 403; 429 because a quota is used up | it rests for `refused` |
//! | below 400 | it is well: a rest is forgotten |
//! | all others (400, 404, 5xx …) and no answer | nothing: they are not the key's making |
//!
//! When a rest is over, one call in [`TRIAL`] tries the key, until an answer says that it is well; if it is turned away
//! again, it rests twice as long. Invariant: no call is refused because keys rest, nor because the shared table fails.
//! No host call is made for a pool of one key; else one read for a choice, and one read and write for what changes.

mod rest;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::Duration;

use self::rest::Rests;
use crate::config::{KeyPool, StoredKey};
use crate::host::{Expect, Host, HostError};
use crate::http::reject::Reject;

/// How long one call may try a key before another one does.
pub const TRIAL: Duration = Duration::from_secs(5);

/// How often a compare-and-swap is tried: each lost try is another worker's success.
const TRIES: usize = 256;

/// The key of a call.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The key, and where it leads.
    pub key: Rc<StoredKey>,
    /// Why the rests could not be heeded: the choice was made without.
    pub fault: Option<HostError>,
    pool: Rc<KeyPool>,
    /// Whether the client has named it.
    is_named: bool,
    seen: Seen,
}

impl Chosen {
    /// The keys it was chosen from.
    pub fn pool(&self) -> &KeyPool {
        &self.pool
    }

    /// Whether the other key could take this one's place.
    fn is_spare(&self, other: &StoredKey, rests: &Rests<'_>, now: u64) -> bool {
        let is_other = other.weight > 0 && other.alias != self.key.alias;
        is_other && !rests.is_resting(&other.alias, now)
    }
}

/// How a key stood when it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It is the only one, so it never rests.
    Only,
    /// Not turned away since it was last seen to be well.
    Well,
    /// In the rest that began then.
    Resting(u64),
    /// After the rest that began then: this call tries it.
    Tried(u64),
}

/// What an answer meant for the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What has changed.
    pub change: Change,
    /// Whether another attempt would get another key, one that does not rest.
    pub has_spare: bool,
}

/// What has changed for a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    #[default]
    Kept,
    /// It rests from now on, for so long.
    Rested(Duration),
    /// It is well again.
    Well,
}

/// Chooses a key for a call that brings none: the one that `alias` names; else, of those that do not rest and have a
/// weight, one of the lowest priority number, by weight; if all rest, the one whose rest ends first. `now` is in
/// nanoseconds since the epoch.
///
/// # Errors
/// There is no such alias; without one: every key waits for its name.
pub fn choose(
    host: &dyn Host,
    now: u64,
    pool: &Rc<KeyPool>,
    alias: Option<&str>,
) -> Result<Chosen, Reject> {
    let is_meant = |key: &StoredKey| match alias {
        Some(alias) => key.alias == alias,
        None => key.weight > 0,
    };
    let mut meant = pool.keys.iter().filter(|key| is_meant(key));
    let first = meant.next();
    let first = first.ok_or_else(|| unknown_alias(&pool.provider, Some(pool), alias))?;
    let chosen = |key: &Rc<StoredKey>, seen, fault| Chosen {
        key: Rc::clone(key),
        fault,
        pool: Rc::clone(pool),
        is_named: alias.is_some(),
        seen,
    };
    if pool.keys.len() == 1 {
        return Ok(chosen(first, Seen::Only, None));
    }
    let name = shared_name(pool);
    for _ in 0..TRIES {
        let (value, expect) = match read(host, &name) {
            Ok(found) => found,
            Err(error) => {
                let key = pick(host, now, pool, &is_meant, &Rests::default());
                return Ok(chosen(key.unwrap_or(first), Seen::Well, Some(error)));
            }
        };
        let mut rests = Rests::decode(&value);
        let key = pick(host, now, pool, &is_meant, &rests).unwrap_or(first);
        let seen = rests.enter(&key.alias, now);
        if !matches!(seen, Seen::Tried(_)) {
            return Ok(chosen(key, seen, None));
        }
        match host.set_shared(&name, &rests.encode(), expect) {
            Ok(()) => return Ok(chosen(key, seen, None)),
            Err(HostError::Conflict) => {}
            Err(HostError::Refused) => return Ok(chosen(key, seen, Some(HostError::Refused))),
        }
    }
    Ok(chosen(first, Seen::Well, Some(HostError::Conflict)))
}

/// The refusal of an alias that `provider` has no key by, also where it has no keys at all.
pub fn unknown_alias(provider: &str, pool: Option<&KeyPool>, alias: Option<&str>) -> Reject {
    let keys = pool.map(|pool| &*pool.keys).unwrap_or_default();
    Reject::UnknownAlias {
        provider: provider.to_owned(),
        alias: alias.unwrap_or("default").to_owned(),
        configured: keys.iter().map(|key| key.alias.clone()).collect(),
    }
}

/// A key by weight among those of the first priority that has one that does not rest; else the first to end its rest.
fn pick<'p>(
    host: &dyn Host,
    now: u64,
    pool: &'p KeyPool,
    is_meant: &dyn Fn(&StoredKey) -> bool,
    rests: &Rests<'_>,
) -> Option<&'p Rc<StoredKey>> {
    let meant = || pool.keys.iter().filter(|key| is_meant(key));
    let awake = || meant().filter(|key| !rests.is_resting(&key.alias, now));
    let Some(priority) = awake().next().map(|key| key.priority) else {
        return meant().min_by_key(|key| rests.until(&key.alias));
    };
    let peers = || awake().take_while(|key| key.priority == priority);
    // One alone draws no lot; one that was named may have no weight.
    if peers().nth(1).is_none() {
        return peers().next();
    }
    let total = peers().map(|key| key.weight).sum();
    let mut lot = host.random().checked_rem(total)?;
    peers().find(|key| {
        let left = lot.checked_sub(key.weight);
        lot = left.unwrap_or(lot);
        left.is_none()
    })
}

/// Takes the provider's verdict on the key: the status of its answer, and for how long it wants not to be asked.
///
/// # Errors
/// The shared table could not be read or written: other calls do not know.
pub fn report(
    host: &dyn Host,
    now: u64,
    chosen: &Chosen,
    status: u16,
    retry_after: Option<Duration>,
) -> Result<Report, HostError> {
    let Chosen {
        key, pool, seen, ..
    } = chosen;
    let asked = match (status, seen) {
        (_, Seen::Only) => return Ok(Report::default()),
        (429, _) => Some(retry_after.unwrap_or(pool.rest.rate_limited)),
        (401..=403, _) => Some(pool.rest.refused),
        (100..=399, Seen::Resting(_) | Seen::Tried(_)) => None,
        _ => return Ok(Report::default()),
    };
    let name = shared_name(pool);
    for _ in 0..TRIES {
        let (value, expect) = read(host, &name)?;
        let mut rests = Rests::decode(&value);
        let change = match asked {
            Some(asked) => rests.fail((&key.alias, *seen), now, asked, pool.rest.longest),
            None => rests.clear(&key.alias, *seen),
        };
        let is_spare = |other: &Rc<StoredKey>| chosen.is_spare(other, &rests, now);
        let report = Report {
            change,
            has_spare: asked.is_some() && !chosen.is_named && pool.keys.iter().any(is_spare),
        };
        if change == Change::Kept {
            return Ok(report);
        }
        match host.set_shared(&name, &rests.encode(), expect) {
            Ok(()) => return Ok(report),
            Err(HostError::Conflict) => {}
            Err(HostError::Refused) => return Err(HostError::Refused),
        }
    }
    Err(HostError::Conflict)
}

/// Whether another call would get another key than the chosen one, should that be turned away.
pub fn has_spare(host: &dyn Host, now: u64, chosen: &Chosen) -> bool {
    if chosen.is_named || chosen.seen == Seen::Only {
        return false;
    }
    let Ok((value, _)) = read(host, &shared_name(&chosen.pool)) else {
        return false;
    };
    let rests = Rests::decode(&value);
    let mut keys = chosen.pool.keys.iter();
    keys.any(|other| chosen.is_spare(other, &rests, now))
}

/// What tells a pool from all others. Names come from the configuration and the table of providers only, and hold no slash:
/// they are bounded.
pub fn shared_name(pool: &KeyPool) -> String {
    let (mark, gateway) = match &pool.gateway_id {
        Some(id) => ("/", id.as_str()),
        None => ("", ""),
    };
    ["sluice/1/k/", &pool.provider, mark, gateway].concat()
}

/// The value, and the precondition under which it may be replaced.
fn read(host: &dyn Host, name: &str) -> Result<(Vec<u8>, Expect), HostError> {
    // Envoy ignores the version of a write to a key that does not exist, so the first write must say `Absent`.
    Ok(match host.shared(name)? {
        Some(found) => (found.value, Expect::Version(found.version)),
        None => (Vec::new(), Expect::Absent),
    })
}
