//! The end-to-end cases of `sluice-e2e` again, against Envoy in a container.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a panic is how a test fails"
)]
#![expect(
    clippy::duplicate_mod,
    reason = "both forms of attempts pass the same cases"
)]

use std::io::Write;

use sluice_containers::{Docker, engine_answers};
use sluice_e2e::Builder;

#[path = "../../envoy/tests/age.rs"]
mod age;
#[path = "../../envoy/tests/attempt_account.rs"]
mod attempt_account;
#[path = "../../envoy/tests/attempt_end.rs"]
mod attempt_end;
#[path = "../../envoy/tests/attempt_given_up.rs"]
mod attempt_given_up;
#[path = "../../envoy/tests/attempt_soak.rs"]
mod attempt_soak;
#[path = "../../envoy/tests/auth.rs"]
mod auth;
#[path = "../../envoy/tests/bodies.rs"]
mod bodies;
#[path = "../../envoy/tests/cache.rs"]
mod cache;
#[path = "../../envoy/tests/compat.rs"]
mod compat;
#[path = "../../envoy/tests/config.rs"]
mod config;
#[path = "../../envoy/tests/console.rs"]
mod console;
#[path = "../../envoy/tests/console_access.rs"]
mod console_access;
#[path = "../../envoy/tests/cost.rs"]
mod cost;
#[path = "../../envoy/tests/cut_notice.rs"]
mod cut_notice;
#[path = "../../envoy/tests/deeds.rs"]
mod deeds;
#[path = "../../envoy/tests/direct.rs"]
mod direct;
#[path = "../../envoy/tests/dynamic_routes.rs"]
mod dynamic_routes;
#[path = "../../envoy/tests/encoding.rs"]
mod encoding;
#[path = "../../envoy/tests/error_answers.rs"]
mod error_answers;
#[path = "../../envoy/tests/export.rs"]
mod export;
#[path = "../../envoy/tests/fault_wall.rs"]
mod fault_wall;
#[path = "../../envoy/tests/faults.rs"]
mod faults;
#[path = "../../envoy/tests/golden.rs"]
mod golden;
#[path = "../../envoy/tests/harness.rs"]
mod harness;
#[path = "../../envoy/tests/held_answers.rs"]
mod held_answers;
#[path = "../../envoy/tests/hop.rs"]
mod hop;
#[path = "../../envoy/tests/hostile.rs"]
mod hostile;
#[path = "../../envoy/tests/include_usage.rs"]
mod include_usage;
#[path = "../../envoy/tests/isolation.rs"]
mod isolation;
#[path = "../../envoy/tests/key_aliases.rs"]
mod key_aliases;
#[path = "../../envoy/tests/key_follows.rs"]
mod key_follows;
#[path = "../../envoy/tests/key_rests.rs"]
mod key_rests;
#[path = "../../envoy/tests/log_account.rs"]
mod log_account;
#[path = "../../envoy/tests/log_overflow.rs"]
mod log_overflow;
#[path = "../../envoy/tests/logbook.rs"]
mod logbook;
#[path = "../../envoy/tests/mesh.rs"]
mod mesh;
#[path = "../../envoy/tests/metrics.rs"]
mod metrics;
#[path = "../../envoy/tests/privacy.rs"]
mod privacy;
#[path = "../../envoy/tests/rate_limit.rs"]
mod rate_limit;
#[path = "../../envoy/tests/record.rs"]
mod record;
#[path = "../../envoy/tests/retry_advice.rs"]
mod retry_advice;
#[path = "../../envoy/tests/retry_deadline.rs"]
mod retry_deadline;
#[path = "../../envoy/tests/retry_settings.rs"]
mod retry_settings;
#[path = "../../envoy/tests/route_fallback.rs"]
mod route_fallback;
#[path = "../../envoy/tests/route_limits.rs"]
mod route_limits;
#[path = "../../envoy/tests/route_steps.rs"]
mod route_steps;
#[path = "../../envoy/tests/routing.rs"]
mod routing;
#[path = "../../envoy/tests/shipped.rs"]
mod shipped;
#[path = "../../envoy/tests/shipped_attempts.rs"]
mod shipped_attempts;
#[path = "../../envoy/tests/shipped_direct.rs"]
mod shipped_direct;
#[path = "../../envoy/tests/single_flight.rs"]
mod single_flight;
#[path = "../../envoy/tests/stored_keys.rs"]
mod stored_keys;
#[path = "../../envoy/tests/streaming.rs"]
mod streaming;
#[path = "../../envoy/tests/traces.rs"]
mod traces;
#[path = "../../envoy/tests/universal.rs"]
mod universal;
#[path = "../../envoy/tests/universal_refused.rs"]
mod universal_refused;
#[path = "../../envoy/tests/usage.rs"]
mod usage;

/// The form of the attempts in the cases of this level: over the hop.
const DIRECT: bool = false;

/// A gateway to be configured, on the containers of this machine. Without an engine no case can run: that is said in one
/// line and is a failure in CI only.
fn gateway() -> Builder {
    if !engine_answers() {
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let line = "sluice: no Docker engine answers: the container cases did not run";
        // Not by a macro: the test runner would keep it to itself.
        let mut terminal = std::io::stderr();
        writeln!(terminal, "{line}").unwrap();
        std::process::exit(i32::from(in_ci));
    }
    Builder::new(Docker)
}
