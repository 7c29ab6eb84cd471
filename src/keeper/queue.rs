//! The way to the keeper: Envoy's queue has no bound of its own, so what waits in it is counted in shared data.
//!
//! ```text
//!  sluice/1/queue              waiting bytes u64 | dropped records u64 | changes asked for u64
//!  sluice/1/queue/done/{n}     the last change that was made, of those whose number is n modulo 256
//! ```
//! Invariant: a batch that is not sent is counted as dropped, record by record.

use std::cell::Cell;

use super::message::Message;
use crate::host::{Expect, Host, HostError, QueueId};

/// The name of the keeper's queue.
pub const QUEUE: &str = "sluice-keeper";
/// Bytes that may wait: the largest record there is (two bodies of 10 MiB) leaves room for others. A single batch may be
/// larger while nothing else waits.
pub const MAX_WAITING: u64 = 32 << 20;

const ACCOUNT: &str = "sluice/1/queue";
/// How often a compare-and-swap is tried: each lost try means that another worker got its own through.
const TRIES: usize = 256;

/// Changes that may be under way before one is told by another's number.
const CHANGES: u64 = 256;

/// What waits for the keeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Bytes of all batches in the queue.
    pub waiting: u64,
    /// Records that were dropped because too much was waiting, since the process began.
    pub dropped: u64,
    /// Changes of stored records that were asked for, since the process began.
    pub changes: u64,
}

/// Sends a change that must arrive, whatever waits: such are few and small. Its number, for [`is_done`].
///
/// # Errors
/// The host refuses; nothing was sent.
pub fn send(host: &dyn Host, queue: QueueId, messages: &[Message<'_>]) -> Result<u64, HostError> {
    let number = Cell::new(0);
    update(host, |account| {
        account.changes = account.changes.saturating_add(1);
        number.set(account.changes);
        true
    })?;
    let mut batch = Vec::new();
    for message in messages {
        message.write(&mut batch);
    }
    Message::Mark(number.get()).write(&mut batch);
    enqueue(host, queue, &batch, |_| true)?;
    Ok(number.get())
}

/// Whether the change of that number was made and can be seen.
///
/// # Errors
/// The host refuses.
pub fn is_done(host: &dyn Host, number: u64) -> Result<bool, HostError> {
    let value = host.shared(&done_key(number))?;
    let last = value.and_then(|it| it.value.first_chunk().copied());
    Ok(last.is_some_and(|last| u64::from_le_bytes(last) >= number))
}

/// The keeper has made the change of that number.
///
/// # Errors
/// The host refuses; nobody is told.
pub fn tell_done(host: &dyn Host, number: u64) -> Result<(), HostError> {
    host.set_shared(&done_key(number), &number.to_le_bytes(), Expect::Any)
}

fn done_key(number: u64) -> String {
    format!("{ACCOUNT}/done/{}", number % CHANGES)
}

/// Sends a batch of `records` records, or counts them as dropped.
///
/// # Errors
/// The host refuses; nothing was sent or counted.
pub fn ship(host: &dyn Host, queue: QueueId, batch: &[u8], records: u64) -> Result<(), HostError> {
    let fits = |waiting: u64| waiting == 0 || waiting.saturating_add(size(batch)) <= MAX_WAITING;
    if enqueue(host, queue, batch, fits)? {
        return Ok(());
    }
    drop_records(host, records)
}

/// Counts records as dropped.
///
/// # Errors
/// The host refuses; they were not counted.
pub fn drop_records(host: &dyn Host, records: u64) -> Result<(), HostError> {
    update(host, |account| {
        account.dropped = account.dropped.saturating_add(records);
        true
    })
    .map(|_| ())
}

/// The keeper has found the queue empty for a while: nothing can be waiting. What still counted as waiting was sent by
/// nobody, since a worker ended between counting and sending.
///
/// # Errors
/// The host refuses; nothing was changed.
pub fn reset(host: &dyn Host) -> Result<(), HostError> {
    update(host, |account| std::mem::take(&mut account.waiting) > 0).map(|_| ())
}

/// The keeper has taken a batch out of the queue.
///
/// # Errors
/// The host refuses; the bytes count as waiting until [`reset`].
pub fn taken(host: &dyn Host, bytes: u64) -> Result<(), HostError> {
    update(host, |account| {
        account.waiting = account.waiting.saturating_sub(bytes);
        bytes > 0
    })
    .map(|_| ())
}

/// What waits, and what was dropped.
///
/// # Errors
/// The host refuses.
pub fn account(host: &dyn Host) -> Result<Account, HostError> {
    let value = host.shared(ACCOUNT)?;
    Ok(Account::decode(value.map(|it| it.value).as_deref()))
}

/// Whether it was sent; `fits` judges what waits already.
fn enqueue(
    host: &dyn Host,
    queue: QueueId,
    batch: &[u8],
    fits: impl Fn(u64) -> bool,
) -> Result<bool, HostError> {
    let is_counted = update(host, |account| {
        let is_fit = fits(account.waiting);
        account.waiting = account.waiting.saturating_add(size(batch));
        is_fit
    })?;
    if is_counted && let Err(error) = host.enqueue(queue, batch) {
        taken(host, size(batch))?;
        return Err(error);
    }
    Ok(is_counted)
}

/// Changes the account if `change` says so.
fn update(host: &dyn Host, change: impl Fn(&mut Account) -> bool) -> Result<bool, HostError> {
    for _ in 0..TRIES {
        let (value, expect) = match host.shared(ACCOUNT)? {
            Some(it) => (Some(it.value), Expect::Version(it.version)),
            None => (None, Expect::Absent),
        };
        let mut account = Account::decode(value.as_deref());
        if !change(&mut account) {
            return Ok(false);
        }
        match host.set_shared(ACCOUNT, &account.encode(), expect) {
            Err(HostError::Conflict) => {}
            done => return done.map(|()| true),
        }
    }
    Err(HostError::Refused)
}

/// Bytes of a batch.
pub(super) fn size(batch: &[u8]) -> u64 {
    u64::try_from(batch.len()).unwrap_or(u64::MAX)
}

impl Account {
    fn decode(value: Option<&[u8]>) -> Self {
        let number = |at| {
            let bytes = value?.get(at..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        Self {
            waiting: number(0).unwrap_or_default(),
            dropped: number(8).unwrap_or_default(),
            changes: number(16).unwrap_or_default(),
        }
    }

    fn encode(self) -> Vec<u8> {
        let numbers = [self.waiting, self.dropped, self.changes];
        numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
    }
}
