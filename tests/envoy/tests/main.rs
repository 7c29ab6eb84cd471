//! The end-to-end cases against a native Envoy: one module a feature, every test a promise.
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

mod age;
mod attempt_account;
mod attempt_end;
mod attempt_given_up;
mod attempt_soak;
mod auth;
mod bodies;
mod cache;
mod compat;
mod config;
mod console;
mod console_access;
mod console_delay;
mod cost;
mod cut_notice;
mod deeds;
mod direct;
mod dynamic_routes;
mod encoding;
mod error_answers;
mod export;
mod fault_wall;
mod faults;
mod golden;
mod harness;
mod held_answers;
mod hop;
mod hostile;
mod include_usage;
mod isolation;
mod key_aliases;
mod key_follows;
mod key_rests;
mod load;
mod log_account;
mod log_overflow;
mod logbook;
mod mesh;
mod metrics;
mod privacy;
mod rate_limit;
mod record;
mod retry_advice;
mod retry_deadline;
mod retry_settings;
mod route_fallback;
mod route_limits;
mod route_steps;
mod routing;
mod shipped;
mod shipped_attempts;
mod shipped_direct;
mod single_flight;
mod stored_keys;
mod streaming;
mod traces;
mod universal;
mod universal_refused;
mod usage;
mod wall_client;
mod wall_death;
mod wall_envoy;
mod wall_resource;
mod wall_restart;
mod wall_shipped;

/// The form of the attempts in the cases of this level: over the hop.
const DIRECT: bool = false;

/// A gateway to be configured, on the Envoys of this binary.
fn gateway() -> sluice_e2e::Builder {
    sluice_e2e::Gateway::builder()
}
