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
mod auth;
mod bodies;
mod cache;
mod compat;
mod config;
mod cost;
mod encoding;
mod golden;
mod harness;
mod hostile;
mod include_usage;
mod mesh;
mod rate_limit;
mod record;
mod routing;
mod shipped;
mod single_flight;
mod streaming;
mod usage;

/// A gateway to be configured, on the Envoys of this binary.
fn gateway() -> sluice_e2e::Builder {
    sluice_e2e::Gateway::builder()
}
