//! What an answer cost, from the price table that `build.rs` makes of `data/prices.json`.
//!
//! Invariant: a cost is exact or absent. Whatever cannot be priced is `None`, never 0, and money is an integer of
//! picodollars, so that every price per token is a whole number (prices.md).

mod charge;
mod glob;
mod layout;
mod name;
mod rates;
mod table;

#[cfg(test)]
#[path = "../../../build/encoder.rs"]
mod encoder;
#[cfg(test)]
#[path = "../../../build/source.rs"]
mod source;
#[cfg(test)]
mod tests;

use std::fmt;

use super::usage::{Terms, Usage};

const BEDROCK: &str = "aws-bedrock";

/// An amount of money in units of 10⁻¹² US dollars; the range ends at 18.4 million dollars.
///
/// Displays as US dollars: an exact decimal without exponent or trailing zeros, such as `0.00123`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Picodollars(pub u64);

/// The names a model goes by in one exchange; either may be unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Models<'a> {
    /// The model that the answer names.
    pub answered: Option<&'a str>,
    /// The model that the request names, in its body or its path.
    pub asked: Option<&'a str>,
}

/// Prices one answer of `provider` (a slug such as `openai`) given at `at` (Unix seconds, UTC).
///
/// `None` if the provider stated no token counts, if neither name has a row, or if the row has no price for some token
/// consumed. A sum beyond the range saturates at its end, against the spender. A price the provider or the operator
/// states beats this one; that choice is the caller's (prices.md "Cost rule").
pub fn cost(
    provider: &str,
    models: Models<'_>,
    usage: &Usage,
    terms: &Terms,
    at: u64,
) -> Option<Picodollars> {
    usage.input_tokens.or(usage.output_tokens)?;
    let row = models
        .in_order(provider)
        .into_iter()
        .flatten()
        .find_map(|model| table::find(provider, model))?;
    let rates = rates::Rates::choose(row, usage.input_tokens.unwrap_or(0), terms, at);
    charge::sum(&rates, usage)
}

impl<'a> Models<'a> {
    /// The names to try. The answer says best what ran, but on Bedrock only the path has the region prefix (`us.`,
    /// `global.`) that carries a surcharge, and a path with an ARN hides what it stands for.
    fn in_order(self, provider: &str) -> [Option<&'a str>; 2] {
        if provider != BEDROCK {
            return [self.answered, self.asked];
        }
        let hidden = self.asked.is_some_and(name::is_arn);
        [self.asked, self.answered.filter(|_| !hidden)]
    }
}

impl fmt::Display for Picodollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PER_DOLLAR: u64 = 1_000_000_000_000;
        let (dollars, mut rest, mut digits) = (self.0 / PER_DOLLAR, self.0 % PER_DOLLAR, 12_usize);
        if rest == 0 {
            return write!(f, "{dollars}");
        }
        while rest % 10 == 0 {
            rest /= 10;
            digits = digits.saturating_sub(1);
        }
        write!(f, "{dollars}.{rest:0digits$}")
    }
}
