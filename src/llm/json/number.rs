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
    fn what_json_does_not_call_a_number_is_none() {
        for text in [
            "", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "1 ", "1.2.3", "٣",
        ] {
            assert!(!is_number(text), "{text}");
        }
    }
}
