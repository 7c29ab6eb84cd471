//! The end-to-end cases against a native Envoy: one module a feature, every test a promise.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a panic is how a test fails"
)]

mod age;
mod attempt_account;
mod attempt_end;
mod attempt_soak;
mod auth;
mod bodies;
mod cache;
mod compat;
mod config;
mod cost;
mod encoding;
mod fault_wall;
mod faults;
mod golden;
mod harness;
mod hop;
mod hostile;
mod include_usage;
mod isolation;
mod mesh;
mod rate_limit;
mod record;
mod retry_advice;
mod retry_settings;
mod routing;
mod shipped;
mod single_flight;
mod streaming;
mod universal;
mod universal_refused;
mod usage;

/// A gateway to be configured, on the Envoys of this binary.
fn gateway() -> sluice_e2e::Builder {
    sluice_e2e::Gateway::builder()
}
