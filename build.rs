//! Compiles `data/prices.json` into the table that `src/llm/price` embeds.
//!
//! Invariant: the output depends on that file alone, so a build is the same everywhere and needs no network.

#[path = "src/llm/price/encoder.rs"]
mod encoder;
#[path = "src/llm/price/glob.rs"]
mod glob;
#[path = "src/llm/price/layout.rs"]
mod layout;
#[path = "src/llm/price/row.rs"]
mod row;
#[path = "build/source.rs"]
mod source;

use std::{error::Error, fs, io::Write, path::Path};

const DATA: &str = "data/prices.json";

fn main() -> Result<(), Box<dyn Error>> {
    writeln!(std::io::stdout(), "cargo:rerun-if-changed={DATA}")?;
    let directory = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run by cargo")?;
    let table = encoder::encode(&source::read(&fs::read_to_string(DATA)?)?)?;
    for (section, bytes) in [
        ("lists", table.lists),
        ("exact", table.exact),
        ("globs", table.globs),
        ("nots", table.nots),
        ("sets", table.sets),
        ("names", table.names),
    ] {
        fs::write(
            Path::new(&directory).join(format!("prices.{section}")),
            bytes,
        )?;
    }
    Ok(())
}
