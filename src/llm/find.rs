//! Finds the next byte that matters, eight at a time, so that long strings cost next to nothing.
//!
//! Invariant: the result is the *first* hit. A word's borrow can spoil only the bytes above a true hit, and the
//! lowest one is taken. Without SIMD (wasm) this beats a byte loop several times over.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A pair of bytes to look for.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    first: u8,
    second: u8,
    /// Bits that are set in a byte before it is compared with `second`.
    mask: u8,
}

impl Pair {
    /// Looks for either byte.
    pub(crate) const fn new(first: u8, second: u8) -> Self {
        Self {
            first,
            second,
            mask: 0,
        }
    }

    /// Looks for `first`, or for any byte that equals `second` once the bits of `mask` are set.
    pub(crate) const fn masked(first: u8, second: u8, mask: u8) -> Self {
        Self {
            first,
            second,
            mask,
        }
    }

    /// Cuts before the first hit; the second part is empty when there is none.
    pub(crate) fn split(self, bytes: &[u8]) -> (&[u8], &[u8]) {
        bytes
            .split_at_checked(self.find(bytes))
            .unwrap_or((bytes, &[]))
    }

    /// Offset of the first hit, or the length.
    fn find(self, bytes: &[u8]) -> usize {
        let first = u64::from_ne_bytes([self.first; 8]);
        let second = u64::from_ne_bytes([self.second; 8]);
        let mask = u64::from_ne_bytes([self.mask; 8]);
        let mut offset = 0_usize;
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            let word = u64::from_le_bytes(*word);
            let hits = zero_bytes(word ^ first) | zero_bytes((word | mask) ^ second);
            if hits != 0 {
                let byte = usize::try_from(hits.trailing_zeros() / 8).unwrap_or_default();
                return offset.saturating_add(byte);
            }
            offset = offset.saturating_add(8);
        }
        let rest = tail
            .iter()
            .position(|byte| *byte == self.first || (*byte | self.mask) == self.second);
        offset.saturating_add(rest.unwrap_or(tail.len()))
    }
}

/// The top bit of every zero byte; bytes above the lowest zero byte may be marked wrongly.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_hit_is_found_as_a_byte_loop_finds_it(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x20..0x24_u8, 0x7A..0x80_u8], 0..64),
        ) {
            for pair in [Pair::new(b'"', b'\\'), Pair::new(b'!', b'#'), Pair::masked(b'"', 0x7F, 0x26)] {
                let expected = bytes.iter().position(|b| *b == pair.first || (*b | pair.mask) == pair.second);
                prop_assert_eq!(pair.find(&bytes), expected.unwrap_or(bytes.len()));
            }
        }
    }
}
