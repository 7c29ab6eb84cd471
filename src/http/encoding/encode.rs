//! Puts a content coding on a body that is sent whole: gzip (RFC 1952), in one member.

use miniz_oxide::deflate::compress_to_vec;

use crate::http::crc32::Crc;

/// The fast end of the scale: text still shrinks to a fifth, and the proxy's main thread is not held up.
const LEVEL: u8 = 1;
/// No name, no time, no system: the same body always has the same bytes.
const HEAD: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// The body, compressed.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut member = HEAD.to_vec();
    member.extend(compress_to_vec(body, LEVEL));
    member.extend(Crc::START.of(body).value().to_le_bytes());
    // The size counts modulo 2^32.
    let [a, b, c, d, ..] = body.len().to_le_bytes();
    member.extend([a, b, c, d]);
    member
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Coding, Decoder};
    use super::*;

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = Decoder::new(Coding::Gzip);
        let mut found = Vec::new();
        let done = decoder.feed(bytes, &mut |piece| found.extend_from_slice(piece));
        assert_eq!((done, decoder.is_whole()), (Ok(()), true));
        found
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_out_again(body in proptest::collection::vec(any::<u8>(), 0..5000)) {
            prop_assert_eq!(decoded(&gzip(&body)), body);
        }
    }

    #[test]
    fn text_shrinks() {
        let line = r#"{"id":"01a20fb2-10ca-7de1-ae37-2150f2d70d37","provider":"openai"}"#;
        let body = line.repeat(1000).into_bytes();
        let packed = gzip(&body);
        assert!(packed.len() < body.len() / 20, "{}", packed.len());
        assert_eq!(decoded(&packed), body);
    }
}
