//! Numbers as JSON writes them (RFC 8259 §6), kept as text so that no size is too large.
//!
//! Invariant: a count is exact or absent, and saturates at the top: never a rounded or wrapped figure.

/// The parts of a valid JSON number.
struct Number<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// Whether the text is a JSON number.
pub(super) fn is_number(text: &str) -> bool {
    split(text).is_some()
}

/// The number as a count: whole (`12`, `12.0`, `1.2e1`) and not negative, at most `u64::MAX`.
pub(super) fn count(text: &str) -> Option<u64> {
    let Number {
        negative,
        integer,
        fraction,
        exponent,
    } = split(text)?;
    let fraction = fraction.trim_end_matches('0');
    let whole = if fraction.is_empty() {
        integer.trim_end_matches('0')
    } else {
        integer
    };
    let zeros = integer.len().saturating_sub(whole.len());
    let shift = exponent
        .saturating_add(i64::try_from(zeros).ok()?)
        .saturating_sub(i64::try_from(fraction.len()).ok()?);
    let mut value = 0_u64;
    for digit in whole
        .chars()
        .chain(fraction.chars())
        .filter_map(|digit| digit.to_digit(10))
    {
        value = value.saturating_mul(10).saturating_add(u64::from(digit));
    }
    if value == 0 {
        return Some(0);
    }
    if negative {
        return None;
    }
    // 10^20 is above u64::MAX, so more steps change nothing.
    let steps = u32::try_from(shift)
        .ok()
        .or((shift > 0).then_some(20))?
        .min(20);
    Some((0..steps).fold(value, |value, _| value.saturating_mul(10)))
}

/// The number in units of 10⁻ⁿ (`digits`), rounded half up: not negative, at most `u64::MAX`.
pub(super) fn scaled(text: &str, digits: u32) -> Option<u64> {
    let number = split(text)?;
    let written = || number.integer.bytes().chain(number.fraction.bytes());
    if number.negative && written().any(|digit| digit != b'0') {
        return None;
    }
    // How many of the written digits stand before the point once it has moved; beyond them are zeros.
    let before = i64::try_from(number.integer.len())
        .ok()?
        .saturating_add(number.exponent)
        .saturating_add(i64::from(digits));
    let Ok(before) = usize::try_from(before) else {
        return Some(0);
    };
    let mut digits = written().map(|digit| u64::from(digit.saturating_sub(b'0')));
    let value = digits.by_ref().take(before).fold(0_u64, |value, digit| {
        value.saturating_mul(10).saturating_add(digit)
    });
    // 10^20 is above u64::MAX, so more zeros change nothing.
    let zeros = before.saturating_sub(written().count()).min(20);
    let value = (0..zeros).fold(value, |value, _| value.saturating_mul(10));
    let rounds_up = digits.next().is_some_and(|digit| digit >= 5);
    Some(value.saturating_add(u64::from(rounds_up)))
}

fn split(text: &str) -> Option<Number<'_>> {
    let unsigned = text.strip_prefix('-');
    let (mantissa, exponent) = cut(unsigned.unwrap_or(text), ['e', 'E']);
    let (integer, fraction) = cut(mantissa, ['.', '.']);
    let leading_zero = integer.len() > 1 && integer.starts_with('0');
    if !is_digits(integer) || leading_zero || !fraction.is_none_or(is_digits) {
        return None;
    }
    let exponent = exponent.map_or(Some(0), parse_exponent)?;
    Some(Number {
        negative: unsigned.is_some(),
        integer,
        fraction: fraction.unwrap_or_default(),
        exponent,
    })
}

fn cut(text: &str, at: [char; 2]) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(digits) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX);
    Some(if text.starts_with('-') {
        size.saturating_neg()
    } else {
        size
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_of_any_spelling_are_counts() {
        let cases = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0e5", Some(0)),
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("1.2e1", Some(12)),
            ("120E-1", Some(12)),
            ("1.50e+3", Some(1500)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("1e400", Some(u64::MAX)),
            ("1e99999999999999999999", Some(u64::MAX)),
            ("12.5", None),
            ("1e-1", None),
            ("1e-99999999999999999999", None),
            ("-3", None),
        ];
        for (text, expected) in cases {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_is_scaled_exactly_and_rounded_half_up() {
        let cases = [
            ("0.000123", 12, Some(123_000_000)),
            ("1.4e-05", 12, Some(14_000_000)),
            ("0.00014000000000000001", 12, Some(140_000_000)),
            ("12.3456", 3, Some(12_346)),
            ("12.3454", 3, Some(12_345)),
            ("7", 0, Some(7)),
            ("7.5", 0, Some(8)),
            ("0.0004", 3, Some(0)),
            ("0.0005", 3, Some(1)),
            ("5e-20", 3, Some(0)),
            ("0e99999999999999999999", 3, Some(0)),
            ("1e99999999999999999999", 3, Some(u64::MAX)),
            ("1e-99999999999999999999", 3, Some(0)),
            ("99999999999999999999", 0, Some(u64::MAX)),
            ("-0.0", 3, Some(0)),
            ("-1", 3, None),
            ("abc", 3, None),
        ];
        for (text, digits, expected) in cases {
            assert_eq!(scaled(text, digits), expected, "{text}");
        }
    }

    #[test]
    fn what_json_does_not_call_a_number_is_none() {
        for text in [
            "", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "1 ", "1.2.3", "٣",
        ] {
            assert!(!is_number(text), "{text}");
        }
    }
}
