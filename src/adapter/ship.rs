//! The exchanges of this virtual machine that are over, on their way to metrics and keeper: those of all its roots.

use std::cell::RefCell;

use crate::host::Host;
use crate::keeper::pending::{Over, Pending};

thread_local! {
    static PENDING: RefCell<Pending> = RefCell::default();
}

/// Takes an exchange that is over.
pub(super) fn add(host: &dyn Host, over: Over) {
    PENDING.with_borrow_mut(|pending| pending.add(host, over));
}

/// Counts and sends what has gathered, when it is time, as much as one callback should.
pub(super) fn tick(host: &dyn Host, now: u64) {
    PENDING.with_borrow_mut(|pending| pending.tick(host, now));
}

/// Counts and sends all that has gathered.
pub(super) fn flush(host: &dyn Host) {
    PENDING.with_borrow_mut(|pending| pending.flush(host));
}

/// Whether nothing waits.
pub(super) fn is_empty() -> bool {
    PENDING.with_borrow(Pending::is_empty)
}
