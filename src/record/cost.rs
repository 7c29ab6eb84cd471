//! What a call cost, as the record has it.
//!
//! Invariant: a cost is exact or absent, and is written with all its digits.

use std::fmt;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::llm::price::Picodollars;
use crate::policy::custom_cost::Decimal;

/// An amount in US dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// By the client's own prices, with as many digits as they have.
    Exact(Decimal),
    /// By price lists, or stated by the provider.
    Picodollars(Picodollars),
}

/// Who says what the call cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostSource {
    /// The client: `cf-aig-custom-cost`.
    Custom,
    /// The prices in force, times the usage.
    Prices,
    /// The provider's answer.
    Provider,
}

impl Cost {
    /// No cost at all.
    pub const ZERO: Self = Self::Picodollars(Picodollars(0));

    /// In units of 10⁻¹² US dollars, rounded down; the range of 18.4 million dollars saturates at its end.
    pub fn picodollars(&self) -> u64 {
        match self {
            Self::Exact(amount) => amount.scaled(12),
            Self::Picodollars(amount) => amount.0,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(amount) => amount.fmt(f),
            Self::Picodollars(amount) => amount.fmt(f),
        }
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(self, serializer)
    }
}

/// A JSON number with all the digits that it displays.
pub(super) fn number<S: Serializer>(
    number: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    RawValue::from_string(number.to_string())
        .map_err(Error::custom)?
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_written_with_all_its_digits() {
        let exact = Cost::Exact(Decimal::parse("1.2345678901234567890123e-5").unwrap());
        let text = serde_json::to_string(&exact).unwrap();
        assert_eq!(text, "0.000012345678901234567890123");
        assert_eq!(exact.picodollars(), 12_345_678);
        let listed = Cost::Picodollars(Picodollars(35_000_000));
        assert_eq!(serde_json::to_string(&listed).unwrap(), "0.000035");
    }
}
