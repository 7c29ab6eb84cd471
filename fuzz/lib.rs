//! Hostile bytes for every reader: what each must hold to, whatever comes.
//!
//! None may panic, hang or grow; where a text can be cut, any cut must give what the whole gives. The same functions run
//! from a fixed seed in `make check` (`tests/fixed_seed.rs`) and under libFuzzer:
//! `cargo +nightly fuzz run --fuzz-dir fuzz --features libfuzzer answer`.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow here would only stop the fuzzer"
)]

mod answer;
mod encoding;
mod head;
mod request;

/// What takes any bytes, and panics where a promise is broken. It says whether the reader got somewhere: a loop of inputs
/// that are all refused at the door proves nothing.
pub type Target = fn(&[u8]) -> bool;

/// Every target with its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("answer", answer::run),
    ("cost", head::cost),
    ("config", head::config),
    ("encoding", encoding::run),
    ("form", request::form),
    ("frames", answer::frames),
    ("metadata", head::metadata),
    ("price", head::price),
    ("request", request::run),
    ("stream_usage", request::hide),
    ("url", head::url),
];

/// Gives the bytes to the target of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(of, _)| *of == name);
    if let Some((_, target)) = target {
        target(bytes);
    }
}

/// The text in pieces whose sizes follow from `seed`: from single bytes to kilobytes.
fn pieces(text: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    let mut state = u32::from(seed).wrapping_mul(2_654_435_761) | 1;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let most = 1_usize << (seed % 12);
        let size = usize::try_from(state).unwrap_or_default() % most;
        let (piece, after) = rest.split_at(size.saturating_add(1).min(rest.len()));
        rest = after;
        Some(piece)
    })
}
