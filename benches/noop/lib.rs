//! The filters that `make bench` compares with: one that does nothing, one (configured as `hash`) that hashes request
//! bodies as they pass, as a cache has to, and one (`ask`) that only makes the host calls that Sluice makes.

#[cfg(target_family = "wasm")]
mod asking;
#[cfg(target_family = "wasm")]
mod filter;
