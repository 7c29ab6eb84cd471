//! The store under test: single operations (`table`, `tally`, `window`), and workers at the same time (`race` on `stage`).

mod race;
mod stage;
mod table;
mod tally;
mod window;

use std::time::Duration;

use crate::config::CacheBudget;
use crate::host::QueueId;

use super::table::Key;
use super::waiter::Waiter;

const LEASE: Duration = Duration::from_secs(30);
const TTL: Duration = Duration::from_secs(60);

/// A key in `bucket`, told apart by `name`.
fn key(bucket: u8, name: u8) -> Key {
    let mut key = [name; 32];
    key[0] = bucket;
    key[1] = 0;
    Key(key)
}

fn budget(max_bytes: u64) -> CacheBudget {
    CacheBudget {
        max_bytes,
        max_object_bytes: 1 << 20,
    }
}

fn waiter(context: u32) -> Waiter {
    Waiter {
        queue: QueueId(1),
        context,
    }
}
