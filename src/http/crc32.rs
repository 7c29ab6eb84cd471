//! CRC-32 as Ethernet and gzip have it (IEEE 802.3: polynomial 0x04C11DB7, reflected), four bytes at a time.
//!
//! Invariant: any cut of the bytes gives the same sum.

/// The polynomial, lowest bit first.
const POLYNOMIAL: u32 = 0xEDB8_8320;
/// What a byte does to the sum once 0, 1, 2 or 3 more bytes have followed it.
static TABLES: [[u32; 256]; 4] = [table(8), table(16), table(24), table(32)];

/// A sum over bytes that are still coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crc(u32);

impl Crc {
    /// The sum over nothing.
    pub(crate) const START: Self = Self(u32::MAX);

    /// The sum with `bytes` added.
    pub(crate) fn of(self, bytes: &[u8]) -> Self {
        let [first, second, third, fourth] = &TABLES;
        let (words, tail) = bytes.as_chunks::<4>();
        let sum = words.iter().fold(self.0, |sum, word| {
            let [a, b, c, d] = (u32::from_le_bytes(*word) ^ sum).to_le_bytes();
            entry(fourth, a) ^ entry(third, b) ^ entry(second, c) ^ entry(first, d)
        });
        Self(tail.iter().fold(sum, |sum, byte| {
            let [low, ..] = sum.to_le_bytes();
            (sum >> 8) ^ entry(first, low ^ byte)
        }))
    }

    /// The sum as it is written down.
    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

fn entry(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// What each byte becomes after so many steps of one bit.
const fn table(steps: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut byte = 0_u32;
    while let Some((entry, after)) = rest.split_first_mut() {
        *entry = shifted(byte, steps);
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
}

const fn shifted(mut sum: u32, steps: u32) -> u32 {
    let mut step = 0_u32;
    while step < steps {
        let divides = sum & 1 == 1;
        sum >>= 1;
        if divides {
            sum ^= POLYNOMIAL;
        }
        step = step.wrapping_add(1);
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_check_value_of_the_catalogues_comes_out() {
        assert_eq!(Crc::START.of(b"123456789").value(), 0xCBF4_3926);
        assert_eq!(Crc::START.of(b"").value(), 0);
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_sum_that_a_bit_loop_gives(bytes in proptest::collection::vec(any::<u8>(), 0..99), cut in 0..99_usize) {
            let slow = bytes.iter().fold(u32::MAX, |sum, byte| shifted(sum ^ u32::from(*byte), 8));
            let (start, end) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(Crc::START.of(start).of(end).value(), !slow);
        }
    }
}
