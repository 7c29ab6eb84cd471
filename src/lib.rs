//! Sluice: an AI gateway that runs inside Envoy as one proxy-wasm filter.
//!
//! ```text
//!  adapter/   the only code that names proxy_wasm (wasm only): callbacks become events
//!     |  events, then poll                                  ^  impl Host
//!  exchange/  ONE async function, the life of a call        |
//!     |               |                                  host/   the port: clock, shared data, queues, log
//!  policy/         llm/                                  store/  bounded tables and windows in shared data
//!  one feature,    providers, scanners, usage, prices    config/ what the user wrote -> what can run
//!  one file                                              http/   header lists, replies, encodings
//!
//!  record/ the log record of one exchange --> keeper/ takes those of all workers --> logbook/ the store, a ring in
//!     |                                          |  export/: sinks outside             |  shared data
//!  metric/ counters and histograms            (main thread)                          console/ control API and page
//! ```
//!
//! Everything but `adapter` is plain Rust that runs natively: bytes and header lists go in, decisions come out,
//! and the few services that must answer in the middle of a thought stand behind [`host::Host`].
#![cfg_attr(
    test,
    expect(
        clippy::arithmetic_side_effects,
        reason = "tests may overflow: they would fail"
    )
)]

#[cfg(target_family = "wasm")]
mod adapter;
pub mod config;
pub mod console;
pub mod exchange;
pub mod host;
pub mod http;
pub mod keeper;
pub mod llm;
pub mod logbook;
pub mod metric;
pub mod policy;
pub mod record;
pub mod store;
