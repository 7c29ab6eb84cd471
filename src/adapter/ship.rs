//! The finished records of this virtual machine on their way to the keeper: those of all its roots.

use std::cell::RefCell;

use crate::config::Config;
use crate::host::Host;
use crate::keeper::shipper::Shipper;
use crate::record::Finished;

thread_local! {
    static SHIPPER: RefCell<Shipper> = RefCell::default();
}

/// Takes a finished record, if the keeper has a use for it.
pub(super) fn add(host: &dyn Host, config: &Config, record: &Finished) {
    let store = config.log_store.max_bytes > 0;
    if store || config.sinks().next().is_some() {
        SHIPPER.with_borrow_mut(|shipper| shipper.add(host, record, store));
    }
}

/// Sends what has gathered.
pub(super) fn flush(host: &dyn Host) {
    SHIPPER.with_borrow_mut(|shipper| shipper.flush(host));
}

/// Whether nothing waits to be sent.
pub(super) fn is_empty() -> bool {
    SHIPPER.with_borrow(Shipper::is_empty)
}
