//! The two ends of `make bench` and `make soak`: a provider that answers at once, and clients that time calls or count them.
//!
//! ```text
//! traffic provide      prints its port; serves until it is killed
//! traffic soak         makes many calls of several kinds and prints how they ended
//! traffic load         reads a load (JSON) from standard input, plays it, prints what it measured (JSON)
//! ```
//!
//! Both share one core beside the gateway's, so they must cost little: a thread for each connection, no runtime. A load
//! generator from elsewhere cannot number bodies, check the cache's word, or time each event of a stream.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for this machine, not the filter: it has a clock, threads and an output, and may panic"
)]

mod answer;
mod load;
mod provider;
mod soak;
mod tally;
mod timing;
mod wire;

use std::io;

fn main() -> io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("provide") => provider::serve(),
        Some("load") => load::play(),
        Some("soak") => soak::play(),
        _ => Err(io::Error::other("usage: traffic provide|load|soak")),
    }
}
