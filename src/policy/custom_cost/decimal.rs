//! Decimal numbers without a limit of digits, for amounts that the client states.
//!
//! Invariant: every operation is exact, and equal values are equal: no zeros stand before or behind the digits.

use std::fmt;
use std::iter::repeat_n;

/// Largest power of ten in a number's exponent, either way: the range of the floats in which clients reckon.
const MAX_EXPONENT: u32 = 400;
/// Most digits before the point, so that whoever reads the log finds numbers that fit a float.
const MAX_WHOLE_DIGITS: usize = 15;

/// A number that is not negative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decimal {
    /// Digits, the least significant first.
    digits: Vec<u8>,
    /// How many of them stand behind the point.
    places: usize,
}

/// Why a text is no [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadDecimal {
    /// Below zero.
    Negative,
    /// No number.
    NotANumber,
    /// An exponent above 400, or more than 15 digits before the point.
    OutOfRange,
}

impl Decimal {
    /// `count` × 10⁻ⁿ, where n is `places`.
    pub fn new(count: u64, places: usize) -> Self {
        let mut digits = Vec::with_capacity(20);
        carry(&mut digits, u128::from(count));
        Self::of(digits, places)
    }

    /// Reads a number as JSON writes it (RFC 8259 §6).
    pub fn parse(text: &str) -> Result<Self, BadDecimal> {
        let unsigned = text.strip_prefix('-');
        let negative = unsigned.is_some();
        let text = unsigned.unwrap_or(text);
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(BadDecimal::NotANumber);
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.parse::<i32>().ok();
        let exponent = exponent.filter(|exponent| exponent.unsigned_abs() <= MAX_EXPONENT);
        let exponent = exponent.ok_or(BadDecimal::OutOfRange)?;
        let shift = usize::try_from(exponent.unsigned_abs()).unwrap_or_default();
        let (zeros, places) = match exponent {
            1.. => (
                shift.saturating_sub(fraction.len()),
                fraction.len().saturating_sub(shift),
            ),
            _ => (0, fraction.len().saturating_add(shift)),
        };
        let written = whole.bytes().chain(fraction.bytes()).rev();
        let digit = |byte: u8| byte.checked_sub(b'0').filter(|digit| *digit < 10);
        let digits = repeat_n(Some(0), zeros).chain(written.map(digit));
        let digits: Option<Vec<u8>> = digits.collect();
        let number = Self::of(digits.ok_or(BadDecimal::NotANumber)?, places);
        if negative && number != Self::default() {
            return Err(BadDecimal::Negative);
        }
        if number.digits.len().saturating_sub(number.places) > MAX_WHOLE_DIGITS {
            return Err(BadDecimal::OutOfRange);
        }
        Ok(number)
    }

    /// The product with a count.
    #[must_use]
    pub fn times(&self, count: u64) -> Self {
        let mut digits = Vec::with_capacity(self.digits.len().saturating_add(20));
        let mut rest = 0;
        for digit in &self.digits {
            // At most 9 × 2⁶⁴ and a tenth of that.
            rest = u128::from(count)
                .saturating_mul(u128::from(*digit))
                .saturating_add(rest);
            digits.push(last_digit(rest));
            rest /= 10;
        }
        carry(&mut digits, rest);
        Self::of(digits, self.places)
    }

    /// The sum with another number.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let places = self.places.max(other.places);
        let size = |number: &Self| {
            let zeros = places.saturating_sub(number.places);
            number.digits.len().saturating_add(zeros)
        };
        let length = size(self).max(size(other));
        let mut digits = Vec::with_capacity(length.saturating_add(1));
        let mut rest = 0_u8;
        for (one, two) in self.aligned(places).zip(other.aligned(places)).take(length) {
            rest = one.saturating_add(two).saturating_add(rest);
            digits.push(rest % 10);
            rest /= 10;
        }
        carry(&mut digits, u128::from(rest));
        Self::of(digits, places)
    }

    /// The whole number of units of 10⁻ⁿ, where n is `places`: rounded down, and no more than fit.
    pub fn scaled(&self, places: usize) -> u64 {
        let dropped = self.places.saturating_sub(places);
        let zeros = places.saturating_sub(self.places);
        let kept = self.digits.iter().skip(dropped).rev().copied();
        kept.chain(repeat_n(0, zeros)).fold(0, |sum: u64, digit| {
            sum.saturating_mul(10).saturating_add(u64::from(digit))
        })
    }

    fn of(mut digits: Vec<u8>, places: usize) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let zeros = digits
            .iter()
            .take(places)
            .take_while(|digit| **digit == 0)
            .count();
        digits.drain(..zeros);
        let places = if digits.is_empty() {
            0
        } else {
            places.saturating_sub(zeros)
        };
        Self { digits, places }
    }

    /// The digits from that place behind the point on, with zeros on both sides.
    fn aligned(&self, places: usize) -> impl Iterator<Item = u8> {
        repeat_n(0, places.saturating_sub(self.places))
            .chain(self.digits.iter().copied())
            .chain(std::iter::repeat(0))
    }
}

/// Appends what is left above the digits.
fn carry(digits: &mut Vec<u8>, mut rest: u128) {
    while rest > 0 {
        digits.push(last_digit(rest));
        rest /= 10;
    }
}

fn last_digit(number: u128) -> u8 {
    u8::try_from(number % 10).unwrap_or_default()
}

impl fmt::Display for Decimal {
    /// All digits, without an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.digits.len().saturating_sub(self.places);
        let missing = self.places.saturating_sub(self.digits.len());
        let digit = |digit: &u8| char::from(digit.saturating_add(b'0'));
        let mut digits = self.digits.iter().rev().map(digit);
        let mut text: String = digits.by_ref().take(whole).collect();
        if text.is_empty() {
            text.push('0');
        }
        if self.places > 0 {
            text.push('.');
            text.extend(repeat_n('0', missing));
            text.extend(digits);
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn a_number_of_any_spelling_is_read_and_written_exactly() {
        for (text, written) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1", "1"),
            ("100", "100"),
            ("1.50", "1.5"),
            ("0.000001", "0.000001"),
            ("1e-6", "0.000001"),
            ("1.25E-06", "0.00000125"),
            ("1.5e3", "1500"),
            ("12.345e+1", "123.45"),
            ("0e9", "0"),
            (
                "0.1000000000000000055511151231257827",
                "0.1000000000000000055511151231257827",
            ),
        ] {
            assert_eq!(number(text).to_string(), written, "{text}");
        }
        assert_eq!(number("1.0"), number("10e-1"));
    }

    #[test]
    fn a_number_in_small_units_is_rounded_down_and_ends_where_the_range_does() {
        for (text, places, units) in [
            ("0", 9, 0),
            ("1.5", 3, 1500),
            ("0.0012345", 6, 1234),
            ("0.0000001", 6, 0),
            ("123", 0, 123),
            ("999999999999999", 12, u64::MAX),
        ] {
            assert_eq!(number(text).scaled(places), units, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_an_amount_says_why() {
        for (text, why) in [
            ("-1", BadDecimal::Negative),
            ("-1e-400", BadDecimal::Negative),
            ("1e401", BadDecimal::OutOfRange),
            ("1e-401", BadDecimal::OutOfRange),
            ("1e99999999999999999999", BadDecimal::OutOfRange),
            ("1e15", BadDecimal::OutOfRange),
            ("1234567890123456", BadDecimal::OutOfRange),
            ("\"1\"", BadDecimal::NotANumber),
            ("true", BadDecimal::NotANumber),
            ("1x", BadDecimal::NotANumber),
            ("", BadDecimal::NotANumber),
            ("-", BadDecimal::NotANumber),
            ("é", BadDecimal::NotANumber),
        ] {
            assert_eq!(Decimal::parse(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn sums_and_products_are_those_of_integers(
            one in 0..1_u64 << 40, places in 0..20_usize, two in 0..1_u64 << 40, count in 0..1_u64 << 20,
        ) {
            let (a, b) = (Decimal::new(one, places), Decimal::new(two, places));
            prop_assert_eq!(a.plus(&b), Decimal::new(one + two, places));
            prop_assert_eq!(a.times(count), Decimal::new(one * count, places));
            prop_assert_eq!(&Decimal::parse(&a.to_string()), &Ok(a));
        }

        #[test]
        fn numbers_of_different_places_add_up(one in 0..1_u64 << 30, two in 0..1_u64 << 30, places in 0..9_u32) {
            let sum = Decimal::new(one, 0).plus(&Decimal::new(two, usize::try_from(places).unwrap()));
            let scaled = u128::from(one) * 10_u128.pow(places) + u128::from(two);
            let scaled = u64::try_from(scaled).unwrap();
            prop_assert_eq!(sum, Decimal::new(scaled, usize::try_from(places).unwrap()));
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            drop(Decimal::parse(&text));
        }
    }
}
