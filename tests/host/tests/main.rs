//! What Sluice must do in a host that is not Envoy, by promise.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic is how a test fails"
)]

mod attempt;
mod console;
mod fault;
mod fuel;
mod gateway;
mod import;
mod keeper;
mod lost_piece;
