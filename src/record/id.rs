//! Identifiers of calls: UUID version 7 (RFC 9562 §5.7), in lower case as the contract has them since October 2026.

/// A UUIDv7 from a clock in nanoseconds and 128 random bits, of which 74 are used.
pub fn uuid_v7(now: u64, random: (u64, u64)) -> String {
    let millis = (now / 1_000_000) & 0xFFFF_FFFF_FFFF;
    let version = 0x7000 | (random.0 & 0x0FFF);
    let variant = 0x8000 | ((random.0 >> 12) & 0x3FFF);
    let (high, low) = (millis >> 16, millis & 0xFFFF);
    let node = random.1 & 0xFFFF_FFFF_FFFF;
    let groups = [
        (high, 8_u32),
        (low, 4),
        (version, 4),
        (variant, 4),
        (node, 12),
    ];
    let mut text = String::with_capacity(36);
    for (number, digits) in groups {
        if !text.is_empty() {
            text.push('-');
        }
        for place in (0..digits).rev() {
            let digit = number >> place.saturating_mul(4) & 0xF;
            // Four bits are always a digit.
            let digit = u32::try_from(digit).ok();
            text.extend(digit.and_then(|digit| char::from_digit(digit, 16)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::uuid_v7;

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        // RFC 9562, appendix A.6.
        let id = uuid_v7(
            0x017F_22E2_79B0 * 1_000_000,
            (0xCC3 | (0x18C4 << 12), 0xDC0C_0C07_398F),
        );
        assert_eq!(id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let early = uuid_v7(1_000_000_000, (u64::MAX, u64::MAX));
        assert!(early < uuid_v7(2_000_000_000, (0, 0)));
    }
}
