//! What Sluice must do in a host that is not Envoy, by promise.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "tests may overflow: they would fail"
)]

mod fuel;
mod import;
