//! Points in time as clients write them (RFC 3339, or a date), in milliseconds since the Unix epoch.

/// Reads `2026-11-24`, `2026-11-24T22:05`, `2026-11-24T22:05:01.5Z`, `2026-11-24 22:05:01+01:00`. Without an offset it is UTC.
pub(in crate::console) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00"));
    let [year, month, day] = numbers(date, '-')?;
    let days = days(year, month, day)?;
    let (clock, offset) = split_offset(time)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let clock = match clock.matches(':').count() {
        1 => numbers(clock, ':').map(|[hour, minute]| [hour, minute, 0]),
        _ => numbers(clock, ':'),
    };
    let [hour, minute, second] =
        clock.filter(|[hour, minute, second]| *hour < 24 && *minute < 60 && *second <= 60)?;
    let millis = i64::from(millis(fraction)?);
    let minutes = days
        .checked_mul(24)?
        .checked_add(hour)?
        .checked_mul(60)?
        .checked_add(minute)?;
    let minutes = minutes.checked_sub(offset)?;
    let total = minutes
        .checked_mul(60)?
        .checked_add(second)?
        .checked_mul(1000)?
        .checked_add(millis)?;
    u64::try_from(total).ok()
}

/// Exactly `N` numbers of digits only.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for number in &mut found {
        *number = digits(parts.next()?)?;
    }
    parts.next().is_none().then_some(found)
}

fn digits(text: &str) -> Option<i64> {
    let is_good = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_good.then(|| text.parse().ok()).flatten()
}

/// The clock, and the minutes that it is ahead of UTC.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, offset) = time.split_at_checked(at)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let [hours, minutes] = numbers(offset, ':')?;
    let ahead = hours
        .checked_mul(60)?
        .checked_add(minutes)
        .filter(|ahead| *ahead < 24 * 60)?;
    Some((
        clock,
        if sign == "-" {
            ahead.checked_neg()?
        } else {
            ahead
        },
    ))
}

/// The first three digits behind the point.
fn millis(fraction: &str) -> Option<u32> {
    digits(fraction)?;
    let padded: String = fraction.chars().chain("00".chars()).take(3).collect();
    padded.parse().ok()
}

/// Days since 1970-01-01 of a Gregorian date, by counting 400-year eras from 0000-03-01.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28_i64.saturating_add(i64::from(is_leap)),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=9999).contains(&year) || !(1..=longest).contains(&day) {
        return None;
    }
    let year = year.saturating_sub(i64::from(month <= 2));
    let (era, of_era) = (year / 400, year % 400);
    let march = month.saturating_add(9) % 12;
    let of_year = (march.saturating_mul(153).saturating_add(2) / 5)
        .saturating_add(day)
        .saturating_sub(1);
    let leaps = (of_era / 4).saturating_sub(of_era / 100);
    let of_era = of_era
        .saturating_mul(365)
        .saturating_add(leaps)
        .saturating_add(of_year);
    Some(
        era.saturating_mul(146_097)
            .saturating_add(of_era)
            .saturating_sub(719_468),
    )
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::record::time::rfc3339;

    #[test]
    fn what_a_record_says_reads_back() {
        for millis in [
            0,
            951_782_400_123,
            1_709_164_800_000,
            1_735_689_599_999,
            4_107_542_400_001,
        ] {
            assert_eq!(parse(&rfc3339(millis * 1_000_000)), Some(millis));
        }
    }

    #[test]
    fn every_way_to_write_an_instant_is_read() {
        for (text, millis) in [
            ("1970-01-02", 86_400_000),
            ("1970-01-01T00:01", 60_000),
            ("1970-01-01 00:00:01", 1000),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T23:00:00-02:00", 3_600_000),
            ("1970-01-01T00:00:00.5Z", 500),
            ("1970-01-01t00:00:00.123456z", 123),
        ] {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "x",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-00-01",
            "2026-01-32",
            "2026-01-01T24:00",
            "2026-01-01T00:60",
            "2026-01-01T00:00:00+25:00",
            "2026-01-01T00:00:00.x",
            "1969-12-31",
            "2026-01-01T",
            "99999999999-01-01",
            "2026-01-01T1:2:3:4",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
