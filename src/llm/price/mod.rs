//! What an answer cost, from the prices of the configuration and the table that `build.rs` makes of `data/prices.json`.
//!
//! Invariant: a cost is exact or absent. Whatever cannot be priced is `None`, never 0, and money is an integer of
//! picodollars, so that every price per token is a whole number (prices.md).

mod charge;
mod encoder;
pub(crate) mod glob;
mod layout;
mod name;
mod rates;
pub(crate) mod row;
mod table;

#[cfg(test)]
#[path = "../../../build/source.rs"]
pub(crate) mod source;
#[cfg(test)]
mod tests;

use std::fmt;

use self::encoder::Sections;
use self::name::Name;
use self::rates::Rates;
pub use self::rates::is_prepaid;
use self::table::{EMBEDDED, List, Set, Table};
use super::usage::{Terms, Usage};

const BEDROCK: &str = "aws-bedrock";

/// An amount of money in units of 10⁻¹² US dollars; the range ends at 18.4 million dollars.
///
/// Displays as US dollars: an exact decimal without exponent or trailing zeros, such as `0.00123`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Picodollars(pub u64);

/// The names a model goes by in one exchange; either may be unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Models<'a> {
    /// The model that the answer names.
    pub answered: Option<&'a str>,
    /// The model that the request names, in its body or its path.
    pub asked: Option<&'a str>,
}

/// The prices in force: those of the configuration, then the embedded ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    configured: Sections,
    /// The models of the configured ones, by provider, as they are spelled there; patterns too.
    spelled: Vec<(String, String)>,
}

/// What an answer is billed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill<'a> {
    /// The sum.
    pub cost: Picodollars,
    /// The name of the model under which its prices were found: the one answered or the one asked for.
    pub model: &'a str,
}

impl Prices {
    /// The embedded prices, and these before them, with the names of their models as they were `spelled`, by provider.
    ///
    /// # Errors
    /// What there is too much of for one table.
    pub(crate) fn with(
        configured: &[row::List],
        spelled: Vec<(String, String)>,
    ) -> Result<Self, String> {
        let configured = encoder::encode(configured)?;
        Ok(Self {
            configured,
            spelled,
        })
    }

    /// Prices one answer of `provider` (a slug such as `openai`) given under `terms` at `at` (Unix seconds, UTC).
    ///
    /// `None` if neither name has a row, if the row has no price for some token consumed, for anything that the provider
    /// stated, or for the place of inference, or if the terms say that the counts are not all. What a free model consumes
    /// need not be stated. A sum beyond the range saturates at its end, against the spender. A price the provider or the
    /// operator states beats this one; that choice is the caller's (prices.md "Cost rule").
    pub fn bill<'a>(
        &self,
        provider: &str,
        models: Models<'a>,
        usage: &Usage,
        (terms, at): (&Terms, u64),
    ) -> Option<Bill<'a>> {
        if terms.is_unpriced {
            return None;
        }
        let names = models.in_order(provider).into_iter().flatten();
        let (model, row) = names
            .filter_map(|model| Some((model, self.find(provider, model)?)))
            .next()?;
        let rates = Rates::choose(row, usage.input_tokens.unwrap_or(0), terms, at)?;
        let cost = charge::sum(&rates, usage)?;
        Some(Bill { cost, model })
    }

    /// The models that have prices of their own, by provider, without patterns: those of the configuration as it spells
    /// them, and of one provider also the embedded ones, in lower case.
    pub fn models<'a>(
        &'a self,
        provider: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let configured = self.spelled.iter();
        let configured = configured
            .map(|(slug, name)| (slug.as_str(), name.as_str()))
            .filter(move |(slug, name)| {
                provider.is_none_or(|wanted| wanted == *slug) && !name.contains(['*', '#'])
            });
        let list = provider.and_then(|slug| EMBEDDED.list(slug.as_bytes()));
        let names: Vec<_> = list.iter().flat_map(table::List::names).collect();
        let names = names.into_iter();
        let names = names.filter_map(|name| std::str::from_utf8(name).ok());
        let embedded = names.filter_map(move |name| Some((provider?, name)));
        let is_new = |(slug, name): &(&str, &str)| {
            let mut spelled = self.spelled.iter();
            !spelled.any(|(other, own)| other == slug && own.eq_ignore_ascii_case(name))
        };
        configured.chain(embedded.filter(is_new))
    }

    /// The name of its own under which a model is listed: in lower case, of all its spellings the same; `None` where it is
    /// not, or only fits a pattern.
    pub fn listed(&self, provider: &str, model: &str) -> Option<&str> {
        let name = Name::new(provider, model)?;
        let found = self.among(provider, |list| list.named(&name))?;
        std::str::from_utf8(found).ok()
    }

    /// Looks a model up among the provider's own, then in its fallback lists; each time in the configured prices first.
    fn find(&self, provider: &str, model: &str) -> Option<Set<'_>> {
        let name = Name::new(provider, model)?;
        self.among(provider, |list| list.find(&name))
    }

    fn among<'t, T>(&'t self, provider: &str, look: impl Fn(List<'t>) -> Option<T>) -> Option<T> {
        let slug = provider.as_bytes();
        let tables = [Table::from(&self.configured), EMBEDDED];
        let find = |slug| {
            let mut lists = tables.into_iter().filter_map(|table| table.list(slug));
            lists.find_map(&look)
        };
        find(slug).or_else(|| EMBEDDED.list(slug)?.fallback().find_map(find))
    }
}

impl<'a> Models<'a> {
    /// The names to try. The answer says best what ran, but on Bedrock only a path, or the ARN that a router has chosen,
    /// has the region prefix (`us.`, `global.`) that carries a surcharge, and a path with an ARN hides what it stands for.
    fn in_order(self, provider: &str) -> [Option<&'a str>; 2] {
        if provider != BEDROCK || self.answered.is_some_and(name::is_arn) {
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
