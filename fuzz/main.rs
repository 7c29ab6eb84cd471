//! libFuzzer on the target that the environment variable TARGET names (`make fuzz`).
#![no_main]

use std::sync::LazyLock;

use sluice_fuzz::{TARGETS, Target};

/// What is run when TARGET names none: nothing, at once.
fn nothing(_: &[u8]) -> bool {
    std::process::exit(2)
}

#[expect(
    clippy::disallowed_methods,
    reason = "libFuzzer has the command line for itself"
)]
static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TARGET").unwrap_or_default();
    let named = TARGETS.iter().find(|(target, _)| *target == name);
    named.map_or(nothing, |(_, target)| *target)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET(bytes);
});
