//! The harness of the end-to-end cases: a real Envoy with the filter in it, a scriptable provider behind it, and
//! clients in front of it that see every byte.
//!
//! ```text
//!  Call / Wire ──▶ Gateway (Envoy + sluice.wasm) ──▶ Fake (answers by script, remembers what it saw)
//!                     │ access log, admin, configuration updates
//! ```
//!
//! Invariant: nothing here waits without a limit, and nothing that was started outlives the test process.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a panic is how a test fails, and it runs on the machine, not in the filter"
)]

mod admin;
pub mod builder;
pub mod client;
pub mod contract;
pub mod fake;
pub mod frames;
pub mod gateway;
pub mod lane;
pub mod launch;
pub mod metrics;
mod module;
pub mod output;
pub mod sample;
pub mod streams;
pub mod template;
pub mod tls;
pub mod wire;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

pub use builder::Builder;
pub use client::{Call, Reply};
pub use fake::answer::{Answer, Gate};
pub use fake::{Case, Fake, Seen};
pub use frames::Feed;
pub use gateway::{Gateway, Lease, Shared};
pub use lane::Lane;
pub use launch::{Launcher, Native};
pub use miniz_oxide;
pub use streams::Streams;
pub use template::Upstream;
pub use wire::{RawReply, Wire};

/// The longest that anything in a test may take.
pub const LIMIT: Duration = Duration::from_secs(15);

/// How often a test of faults does what it does: `make test-faults` sets `SLUICE_FAULTS=long`.
pub fn rounds(short: u64, long: u64) -> u64 {
    let is_long = std::env::var_os("SLUICE_FAULTS").is_some_and(|value| value == "long");
    if is_long { long } else { short }
}

/// Lets this process, and Envoys that it starts from then on, have that many files open.
pub fn allow_files(count: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return;
    }
    limit.current = Some(count);
    setrlimit(Resource::Nofile, limit)
        .unwrap_or_else(|_| panic!("{count} open files are needed: ulimit -n {count}"));
}

/// Where servers and connections live, so that they outlast the single test that started them.
pub(crate) static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
});

/// Waits until `probe` has an answer; panics with `what` after [`LIMIT`].
pub async fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(
            start.elapsed() < LIMIT,
            "did not happen within {LIMIT:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The outcome of `work`; panics with `what` after [`LIMIT`].
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work)
        .await
        .unwrap_or_else(|_| panic!("took longer than {LIMIT:?}: {what}"))
}

/// Repeats a call until its answer has that status: workers take a new configuration over one after the other.
pub async fn until_status(call: impl Fn() -> Call, status: u16) {
    let start = Instant::now();
    loop {
        let got = call().send().await.status;
        if got == status {
            return;
        }
        assert!(
            start.elapsed() < LIMIT,
            "the status is still {got}, not {status}"
        );
    }
}
