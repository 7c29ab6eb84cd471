//! One feature, one file: plain functions that the life of a call names in order.
//!
//! A policy returns `Result<_, Reject>`; none knows another.

pub mod auth;
pub mod cache;
pub mod custom_cost;
pub mod dynamic_route;
pub mod key_pool;
pub mod metadata;
pub mod once;
pub mod privacy;
pub mod rate_limit;
pub mod retry;
