//! No more calls than the gateway's limit (contract §4.1), over all workers.
//!
//! Only calls that go to a provider are counted: answers from the cache are not. Should the shared counter fail, the
//! call goes on: a limiter that is out of order must not be an outage.

use std::borrow::Cow;
use std::time::Duration;

use crate::config::Gateway;
use crate::exchange::cx::Cx;
use crate::host::{Host, HostError};
use crate::http::reject::Reject;
use crate::store::window::{self, Refused};

/// Counts the call, or refuses it with the time until the next one is admitted.
pub fn admit(cx: &Cx, gateway: &Gateway) -> Result<(), Reject> {
    let Some(limit) = &gateway.rate_limit else {
        return Ok(());
    };
    match window::admit(cx.host(), &name(gateway), limit) {
        Ok(_) => Ok(()),
        Err(Refused::Limited { retry_after }) => Err(Reject::RateLimited(retry_after)),
        Err(Refused::Unavailable(error)) => {
            cx.complain(format!(
                "rate limit of gateway {} not counted: {error}",
                gateway.id
            ));
            Ok(())
        }
    }
}

/// How many calls count now and the time until one fewer does; `None` where there is no limit.
///
/// # Errors
/// The host refuses.
pub fn used(host: &dyn Host, gateway: &Gateway) -> Result<Option<(u64, Duration)>, HostError> {
    let limit = gateway.rate_limit.as_ref();
    limit
        .map(|limit| window::used(host, &name(gateway), limit))
        .transpose()
}

/// Names come from the configuration only: neither part can hold a slash.
fn name(gateway: &Gateway) -> Cow<'_, str> {
    match &gateway.account_id {
        Some(account) => Cow::Owned(format!("{account}/{}", gateway.id)),
        None => Cow::Borrowed(gateway.id.as_str()),
    }
}
