//! Points in time as text (RFC 3339, UTC).

/// Nanoseconds since the epoch as `2026-11-24T22:05:01.123Z`.
pub fn rfc3339(nanos: u64) -> String {
    let millis = nanos / 1_000_000;
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    let mut text = String::with_capacity(24);
    let parts = [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (hour, 2, ':'),
        (minute, 2, ':'),
        (second, 2, '.'),
        (milli, 3, 'Z'),
    ];
    for (number, digits, after) in parts {
        push(&mut text, number, digits);
        text.push(after);
    }
    text
}

/// Appends a number in decimal. Every record has such a text, and `format!` would take a hundredth of a call's fuel.
fn push(text: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let head = number.checked_div(10_u64.saturating_pow(place));
        let digit = head.and_then(|head| u32::try_from(head % 10).ok());
        text.extend(digit.and_then(|digit| char::from_digit(digit, 10)));
    }
}

/// The Gregorian date of a day since 1970-01-01, by counting whole 400-year eras from 0000-03-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let leap_days = (of_era / 1_460).saturating_add(of_era / 146_096);
    let year = of_era
        .saturating_sub(leap_days)
        .saturating_add(of_era / 36_524)
        / 365;
    let before = year
        .saturating_mul(365)
        .saturating_add(year / 4)
        .saturating_sub(year / 100);
    let of_year = of_era.saturating_sub(before);
    let march = of_year.saturating_mul(5).saturating_add(2) / 153;
    let passed = march.saturating_mul(153).saturating_add(2) / 5;
    let day = of_year.saturating_sub(passed).saturating_add(1);
    let month = if march < 10 {
        march.saturating_add(3)
    } else {
        march.saturating_sub(9)
    };
    let year = era
        .saturating_mul(400)
        .saturating_add(year)
        .saturating_add(u64::from(month <= 2));
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn known_instants_read_as_their_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (1_795_557_901, "2026-11-24T22:05:01.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(seconds * 1_000_000_000), text);
        }
        assert_eq!(rfc3339(1_999_999_999), "1970-01-01T00:00:01.999Z");
    }

    #[test]
    fn the_end_of_time_does_not_panic() {
        assert!(rfc3339(u64::MAX).starts_with("2554-"));
    }
}
