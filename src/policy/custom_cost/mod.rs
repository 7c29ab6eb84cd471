//! `cf-aig-custom-cost`: the client's own prices for a call (contract §8.2).
//!
//! Invariant: the cost is exact, with all the digits that were stated. A value that cannot be a price voids the whole
//! header: prices that hold only in part would pass for all of them.

mod decimal;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use decimal::{BadDecimal, Decimal};

use crate::llm::usage::Usage;

/// Longest header that is read, in bytes.
const MAX_BYTES: usize = 4096;

/// Prices in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomCost {
    per_token_in: Decimal,
    per_token_out: Decimal,
    per_cache_read_token: Decimal,
    per_cache_write_token: Decimal,
    /// The price of the call, whatever it consumes.
    total: Option<Decimal>,
}

/// Why the header is ignored, as the record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BadCustomCost {
    /// A price below zero.
    Negative,
    /// None of the contract's prices is in it.
    NoPrice,
    /// A price that is no number.
    NotANumber,
    /// No JSON object.
    NotAnObject,
    /// A price of more than 15 digits before the point, or with an exponent above 400.
    OutOfRange,
    /// Longer than 4096 bytes.
    TooLong,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header<'a> {
    #[serde(borrow)]
    per_token_in: Option<&'a RawValue>,
    #[serde(borrow)]
    per_token_out: Option<&'a RawValue>,
    #[serde(borrow)]
    per_cache_read_token: Option<&'a RawValue>,
    #[serde(borrow)]
    per_cache_write_token: Option<&'a RawValue>,
    #[serde(borrow)]
    total_cost: Option<&'a RawValue>,
}

impl CustomCost {
    /// Reads the header's value. A price that is not stated is 0; of the two prices for cached tokens, `per_token_in`.
    pub fn parse(text: &[u8]) -> Result<Self, BadCustomCost> {
        if text.len() > MAX_BYTES {
            return Err(BadCustomCost::TooLong);
        }
        // A sequence would be taken for the fields in their order.
        let header: Option<Header<'_>> = match text.trim_ascii_start().first() {
            Some(b'{') => serde_json::from_slice(text).ok(),
            _ => None,
        };
        let header = header.ok_or(BadCustomCost::NotAnObject)?;
        let per_token_in = price(header.per_token_in)?;
        let per_token_out = price(header.per_token_out)?;
        let per_cache_read_token = price(header.per_cache_read_token)?;
        let per_cache_write_token = price(header.per_cache_write_token)?;
        let total = price(header.total_cost)?;
        let stated = [
            &per_token_in,
            &per_token_out,
            &per_cache_read_token,
            &per_cache_write_token,
            &total,
        ];
        if stated.into_iter().all(Option::is_none) {
            return Err(BadCustomCost::NoPrice);
        }
        let per_token_in = per_token_in.unwrap_or_default();
        Ok(Self {
            per_token_out: per_token_out.unwrap_or_default(),
            per_cache_read_token: per_cache_read_token.unwrap_or_else(|| per_token_in.clone()),
            per_cache_write_token: per_cache_write_token.unwrap_or_else(|| per_token_in.clone()),
            per_token_in,
            total,
        })
    }

    /// Whether these are a price of the call, whatever it consumes.
    pub const fn is_of_the_call(&self) -> bool {
        self.total.is_some()
    }

    /// What an answer costs. A price of the call holds whatever was consumed, but not for an error; otherwise no cost is
    /// known where no tokens are stated. The input is a total in every format, so the provider's way of stating cached
    /// tokens does not matter.
    pub fn of(&self, usage: &Usage, is_error: bool) -> Option<Decimal> {
        if let Some(total) = &self.total {
            return Some(total.clone()).filter(|_| !is_error);
        }
        usage.input_tokens.or(usage.output_tokens)?;
        let input = usage.input_tokens.unwrap_or_default();
        let read = usage.cache_read.unwrap_or_default().min(input);
        let written = [
            usage.cache_write,
            usage.cache_write_1h,
            usage.cache_write_12h,
        ];
        let written = written.into_iter().flatten().fold(0, u64::saturating_add);
        let written = written.min(input.saturating_sub(read));
        let fresh = input.saturating_sub(read).saturating_sub(written);
        let parts = [
            (&self.per_token_in, fresh),
            (&self.per_cache_read_token, read),
            (&self.per_cache_write_token, written),
            (&self.per_token_out, usage.output_tokens.unwrap_or_default()),
        ];
        let sum = |sum: Decimal, (price, count): (&Decimal, u64)| sum.plus(&price.times(count));
        Some(parts.into_iter().fold(Decimal::default(), sum))
    }
}

fn price(value: Option<&RawValue>) -> Result<Option<Decimal>, BadCustomCost> {
    value
        .map(|value| Decimal::parse(value.get()))
        .transpose()
        .map_err(BadCustomCost::from)
}

impl From<BadDecimal> for BadCustomCost {
    fn from(error: BadDecimal) -> Self {
        match error {
            BadDecimal::Negative => Self::Negative,
            BadDecimal::NotANumber => Self::NotANumber,
            BadDecimal::OutOfRange => Self::OutOfRange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(header: &str, usage: &Usage) -> String {
        let prices = CustomCost::parse(header.as_bytes()).unwrap();
        prices
            .of(usage, false)
            .map(|cost| cost.to_string())
            .unwrap_or_default()
    }

    /// The contract's example: 1,000 tokens in, 600 of them read from the cache and 200 written to it.
    fn usage() -> Usage {
        Usage {
            input_tokens: Some(1000),
            output_tokens: Some(10),
            cache_read: Some(600),
            cache_write: Some(150),
            cache_write_1h: Some(50),
            ..Usage::default()
        }
    }

    #[test]
    fn cached_tokens_have_their_own_prices_once_either_is_stated() {
        for (prices, expected) in [
            (r#"{"per_token_in":1,"per_token_out":2}"#, "1020"),
            (
                r#"{"per_token_in":1,"per_cache_read_token":0.1,"per_cache_write_token":1.25}"#,
                "510",
            ),
            (r#"{"per_token_in":1,"per_cache_read_token":0.1}"#, "460"),
            (r#"{"per_token_in":1,"per_cache_write_token":0}"#, "800"),
            (r#"{"per_cache_read_token":1}"#, "600"),
            (r#"{"per_token_out":1e-6, "per_token_in":null}"#, "0.00001"),
        ] {
            assert_eq!(cost(prices, &usage()), expected, "{prices}");
        }
    }

    #[test]
    fn no_digit_is_lost() {
        let prices =
            r#"{"per_token_in":0.00000012345678901234567890123456789,"per_token_out":1E-30}"#;
        assert_eq!(cost(prices, &usage()), "0.00012345678901234567890123457789");
    }

    #[test]
    fn wrong_counts_never_make_a_negative_rest() {
        let usage = Usage {
            input_tokens: Some(5),
            cache_read: Some(9),
            cache_write: Some(u64::MAX),
            ..Usage::default()
        };
        assert_eq!(
            cost(r#"{"per_token_in":100,"per_cache_read_token":1}"#, &usage),
            "5"
        );
    }

    #[test]
    fn unknown_consumption_has_no_cost_unless_the_call_has_a_price() {
        let tokens = CustomCost::parse(br#"{"per_token_in":1}"#).unwrap();
        assert_eq!(tokens.of(&Usage::default(), false), None);
        let pages = Usage {
            pages: Some(1),
            ..Usage::default()
        };
        assert_eq!(tokens.of(&pages, false), None);
        let call = CustomCost::parse(br#"{"per_token_in":1,"total_cost":0.50}"#).unwrap();
        assert_eq!(call.of(&usage(), false), Some(Decimal::new(5, 1)));
        assert_eq!(call.of(&Usage::default(), false), Some(Decimal::new(5, 1)));
        assert_eq!(call.of(&Usage::default(), true), None);
    }

    #[test]
    fn a_header_that_cannot_be_prices_says_why() {
        let long = format!("{{\"per_token_in\":0.{}}}", "1".repeat(MAX_BYTES));
        for (text, why) in [
            ("", BadCustomCost::NotAnObject),
            ("0.5", BadCustomCost::NotAnObject),
            ("[1,2]", BadCustomCost::NotAnObject),
            (r#"{"per_token_in":0.1"#, BadCustomCost::NotAnObject),
            (r#"{"per_token_in":.1}"#, BadCustomCost::NotAnObject),
            (
                r#"{"per_token_in":1,"per_token_in":2}"#,
                BadCustomCost::NotAnObject,
            ),
            (r#"{"per_token_in":-0.1}"#, BadCustomCost::Negative),
            (
                r#"{"per_token_in":1,"per_token_out":-1e-9}"#,
                BadCustomCost::Negative,
            ),
            (r#"{"per_token_in":"0.1"}"#, BadCustomCost::NotANumber),
            (r#"{"total_cost":[]}"#, BadCustomCost::NotANumber),
            (r#"{"total_cost":1e16}"#, BadCustomCost::OutOfRange),
            (r#"{"per_token":1}"#, BadCustomCost::NoPrice),
            (r#"{"total_cost":null}"#, BadCustomCost::NoPrice),
            ("{}", BadCustomCost::NoPrice),
            (&long, BadCustomCost::TooLong),
        ] {
            assert_eq!(CustomCost::parse(text.as_bytes()), Err(why), "{text}");
        }
    }
}
