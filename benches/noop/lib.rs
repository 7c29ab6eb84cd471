//! The two filters that `make bench` compares with: one that does nothing, and one (configured as `hash`) that hashes
//! request bodies as they pass, as a cache has to.

#[cfg(target_family = "wasm")]
mod filter;
