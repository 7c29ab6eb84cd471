//! Hostile bytes for every reader: what each must hold to, whatever comes.
//!
//! None may panic, hang or grow; where a text can be cut, any cut must give what the whole gives. The same functions run
//! from a fixed seed in `make check` (`tests/fixed_seed.rs`) and under libFuzzer (`make fuzz TARGET=answer`).
#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a broken promise stops the fuzzer, and so may an overflow here"
)]

mod answer;
mod console;
mod encoding;
mod exchange;
mod framing;
mod head;
mod json;
mod keeper;
mod logbook;
mod proxy;
mod request;
mod script;
mod stage;
mod table;
mod universal;

/// What takes any bytes, and panics where a promise is broken. It says whether the reader got somewhere: a loop of inputs
/// that are all refused at the door proves nothing.
pub type Target = fn(&[u8]) -> bool;

/// Every target with its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("answer", answer::run),
    ("config", head::config),
    ("console", console::run),
    ("cost", head::cost),
    ("encoding", encoding::run),
    ("event_stream", framing::frames),
    ("events", framing::events),
    ("exchange", exchange::run),
    ("export", keeper::export),
    ("form", request::form),
    ("frames", answer::frames),
    ("json", json::run),
    ("logbook", logbook::run),
    ("messages", keeper::messages),
    ("metadata", head::metadata),
    ("options", head::options),
    ("price", head::price),
    ("request", request::run),
    ("stream_usage", request::hide),
    ("table", table::run),
    ("universal", universal::run),
    ("url", head::url),
];

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
