//! A small, strict proxy-wasm 0.2.1 host that is not Envoy: it interprets the module, counts every instruction and host
//! call, and can let each single call fail.
//!
//! ```text
//!  World            a proxy: threads with their virtual machines, the clock, who answers
//!   ├─ Platform     what all share: shared data, queues, metrics, log, requests of the filter's own, the ledger
//!   ├─ Vm, State    an instance, its contexts, what of them the module may see now; call/: the host calls
//!   ├─ Exchange     one stream through one plugin; router: from the gateway to a provider, or over the hop
//!   └─ Scenario     what is measured, and what must survive faults
//! ```
//!
//! It knows nothing of Sluice but the names of its roles and of its route's header. Where the ABI leaves a choice it does
//! what Envoy does; what Envoy lets pass but no host has to, it refuses. Everything is fixed: chance comes from a seed, time
//! moves only as the world says, so the same module gives the same figures to the instruction.
//!
//! The figures, by callback and by host call, of every scenario (or of those whose names contain a word):
//!
//! ```sh
//! make build && cargo run --quiet -p sluice-host
//! cargo run --quiet -p sluice-host hit
//! ```
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a panic is how a test fails, and it runs on the machine, not in the filter"
)]

pub mod abi;
mod call;
pub mod configuration;
pub mod exchange;
pub mod ledger;
pub mod message;
pub mod module;
pub mod platform;
pub mod provider;
mod router;
pub mod scenario;
mod state;
mod vm;
pub mod world;

pub use exchange::{Exchange, Turn};
pub use message::{Answer, End, Reply, Request, Sent};
pub use world::{MAIN, World};
