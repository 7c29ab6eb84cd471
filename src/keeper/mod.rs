//! The keeper: the one place where the finished records of all workers arrive, on Envoy's main thread.
//!
//! - [`desk`]: what becomes of a record there.
//! - [`export`]: what goes on to sinks outside.
//! - [`message`]: what workers tell it.
//! - [`pending`]: where exchanges that are over wait, in a worker.
//! - [`queue`]: how it gets there, and how much may wait.
//! - [`shipper`]: the workers' side.

pub mod desk;
pub mod export;
pub mod message;
pub mod pending;
pub mod queue;
pub mod shipper;
#[cfg(test)]
mod tests;

pub use queue::{QUEUE, is_done, send};
