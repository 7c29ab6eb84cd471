//! The cost rule by itself, for `tools/check_prices.py`: lines of JSON in, one cost a line out.
//!
//! Invariant: one line in is one line out: US dollars in decimal, `null` where the cost is not known. A line in is
//! `{"provider", "model", "usage": {…}, "service_tier", "speed", "inference_geo", "at"}`; the fields of `usage` are those of
//! [`Usage`], `at` is in Unix seconds, and only the model may not be left out.

use std::error::Error;
use std::io::{BufRead, Write};

use serde_json::Value;
use sluice::llm::price::{Models, Prices};
use sluice::llm::usage::{Terms, Usage};

fn main() -> Result<(), Box<dyn Error>> {
    let prices = Prices::default();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| case.get(name).and_then(Value::as_str);
        let terms = Terms {
            service_tier: text("service_tier").map(str::to_owned),
            speed: text("speed").map(str::to_owned),
            inference_geo: text("inference_geo").map(str::to_owned),
            ..Terms::default()
        };
        let models = Models {
            answered: None,
            asked: text("model"),
        };
        let usage = case.get("usage").unwrap_or(&Value::Null);
        let at = case.get("at").and_then(Value::as_u64).unwrap_or_default();
        let provider = text("provider").unwrap_or_default();
        match prices.bill(provider, models, &read(usage)?, (&terms, at)) {
            Some(bill) => writeln!(out, "{}", bill.cost)?,
            None => writeln!(out, "null")?,
        }
    }
    out.flush()?;
    Ok(())
}

/// # Errors
/// A field that [`Usage`] does not have.
fn read(stated: &Value) -> Result<Usage, String> {
    let mut usage = Usage::default();
    for (name, count) in stated.as_object().into_iter().flatten() {
        let field = match name.as_str() {
            "input_tokens" => &mut usage.input_tokens,
            "output_tokens" => &mut usage.output_tokens,
            "cache_read" => &mut usage.cache_read,
            "cache_write" => &mut usage.cache_write,
            "cache_write_1h" => &mut usage.cache_write_1h,
            "cache_write_12h" => &mut usage.cache_write_12h,
            "reasoning" => &mut usage.reasoning,
            "citation" => &mut usage.citation,
            "audio_input" => &mut usage.audio_input,
            "audio_output" => &mut usage.audio_output,
            "audio_cache_read" => &mut usage.audio_cache_read,
            "image_input" => &mut usage.image_input,
            "image_output" => &mut usage.image_output,
            "video_input" => &mut usage.video_input,
            "web_searches" => &mut usage.web_searches,
            "pages" => &mut usage.pages,
            "annotated_pages" => &mut usage.annotated_pages,
            "search_units" => &mut usage.search_units,
            "characters" => &mut usage.characters,
            "images" => &mut usage.images,
            "audio_input_ms" => &mut usage.audio_input_ms,
            _ => return Err(format!("no such count: {name}")),
        };
        *field = count.as_u64();
    }
    Ok(usage)
}
