use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use proptest::prelude::*;

use super::*;

fn coding(field: &str) -> Result<Option<Coding>, Unread> {
    let mut head = HeaderList::default();
    head.push("content-encoding", field);
    Coding::of(&head)
}

/// What comes out of the pieces, and whether it is whole.
fn decode<'a>(
    field: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<u8>, bool), Unread> {
    let mut decoder = Decoder::new(coding(field)?.unwrap());
    let mut decoded = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |bytes| decoded.extend_from_slice(bytes))?;
    }
    Ok((decoded, decoder.is_whole()))
}

/// A gzip member with these flags and optional parts.
fn member(text: &[u8], flags: u8, optional: &[u8]) -> Vec<u8> {
    let mut trailer = Trailer::default();
    trailer.count(text);
    let head = [0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 0, 255];
    let crc = trailer.expected_crc();
    let size = u32::try_from(text.len()).unwrap().to_le_bytes();
    [&head, optional, &compress_to_vec(text, 6), &crc, &size].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    member(text, 0, b"")
}

/// `printf hello | gzip -n`
const HELLO: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";

#[test]
fn what_the_gzip_program_writes_is_read() {
    assert_eq!(decode("gzip", [HELLO]), Ok((b"hello".to_vec(), true)));
}

#[test]
fn every_spelling_of_the_codings_is_known() {
    let text = b"{\"usage\": 1}";
    for (coding, bytes) in [
        ("gzip", gzip(text)),
        ("GZip", gzip(text)),
        ("x-gzip", gzip(text)),
        (" identity ,gzip", gzip(text)),
        ("deflate", compress_to_vec_zlib(text, 6)),
        ("deflate", compress_to_vec(text, 6)),
    ] {
        assert_eq!(
            decode(coding, [bytes.as_slice()]),
            Ok((text.to_vec(), true)),
            "{coding}"
        );
    }
    for plain in ["identity", "", "Identity, identity"] {
        assert_eq!(coding(plain), Ok(None));
    }
    assert_eq!(Coding::of(&HeaderList::default()), Ok(None));
}

#[test]
fn what_is_not_read_says_why() {
    for (field, reason) in [
        ("br", Unread::Brotli),
        ("ZSTD", Unread::Zstandard),
        ("compress", Unread::Unknown),
        ("gzip, gzip", Unread::Unknown),
        ("\u{e9}", Unread::Unknown),
    ] {
        assert_eq!(coding(field), Err(reason), "{field}");
    }
}

#[test]
fn every_optional_part_of_a_head_is_passed_over() {
    for (flags, optional) in [
        (1, &b""[..]),
        (2, b"\x01\x02"),
        (4, b"\x03\x00abc"),
        (4, b"\x00\x00"),
        (8, b"name\0"),
        (16, b"comment\0"),
        (31, b"\x01\x00xname\0comment\0\x01\x02"),
    ] {
        let bytes = member(b"text", flags, optional);
        assert_eq!(
            decode("gzip", bytes.chunks(1)),
            Ok((b"text".to_vec(), true))
        );
    }
}

#[test]
fn members_follow_each_other_and_what_is_behind_them_is_ignored() {
    let two = [gzip(b"one "), gzip(b"two")].concat();
    for tail in [&b""[..], b"\0\0\0", b"garbage", b"\x1f?"] {
        let bytes = [two.as_slice(), tail].concat();
        assert_eq!(
            decode("gzip", bytes.chunks(1)),
            Ok((b"one two".to_vec(), true)),
            "{tail:?}"
        );
    }
    let zlib = [compress_to_vec_zlib(b"one", 6), b"garbage".to_vec()].concat();
    assert_eq!(
        decode("deflate", zlib.chunks(1)),
        Ok((b"one".to_vec(), true))
    );
}

#[test]
fn what_is_cut_is_never_whole() {
    let text = "some text that compresses somewhat, somewhat".as_bytes();
    for (coding, bytes) in [
        ("gzip", gzip(text)),
        ("deflate", compress_to_vec_zlib(text, 6)),
        ("deflate", compress_to_vec(text, 6)),
    ] {
        for end in 0..bytes.len() {
            let (decoded, whole) = decode(coding, [&bytes[..end]]).unwrap();
            assert!(!whole && text.starts_with(&decoded), "{coding} {end}");
        }
    }
}

#[test]
fn damage_is_noticed() {
    let bytes = gzip(b"some text");
    for at in [0, 1, 2, bytes.len() - 8, bytes.len() - 1] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x40;
        assert_eq!(
            decode("gzip", bytes.chunks(3)),
            Err(Unread::Damaged),
            "{at}"
        );
    }
    let mut zlib = compress_to_vec_zlib(b"some text", 6);
    *zlib.last_mut().unwrap() ^= 1;
    assert_eq!(decode("deflate", zlib.chunks(2)), Err(Unread::Damaged));
    assert_eq!(
        decode("deflate", [&b"\xff\xff\xff"[..]]),
        Err(Unread::Damaged)
    );
}

#[test]
fn a_bomb_is_not_decoded_to_its_end() {
    let bomb = gzip(&vec![0; 3 << 20]);
    for piece in [1, 100, bomb.len()] {
        let mut decoder = Decoder::new(Coding::Gzip);
        let (mut fed, mut size) = (0, 0);
        let ended = bomb.chunks(piece).try_for_each(|bytes| {
            fed += bytes.len();
            decoder.feed(bytes, &mut |bytes| size += bytes.len())
        });
        assert_eq!(ended, Err(Unread::TooLarge));
        let limit = (1 << 20) + 200 * fed;
        assert!(size <= limit && size > (1 << 20) - 4096, "{piece}: {size}");
        assert_eq!(
            decoder.feed(&bomb, &mut |_| panic!("more")),
            Err(Unread::TooLarge)
        );
    }
}

#[test]
fn no_body_is_decoded_beyond_the_limit_of_all() {
    let mut decoder = Decoder::new(Coding::Gzip);
    decoder.decoded = DECODED_LIMIT - 100;
    decoder.limit = DECODED_LIMIT;
    let fed = decoder.feed(&gzip(&[b'x'; 101]), &mut |_| panic!("more"));
    assert_eq!(fed, Err(Unread::TooLarge));
}

#[test]
fn a_text_that_says_the_same_all_over_is_read() {
    let event = |at: usize| {
        let word = ["one ", "two ", "three ", "four "][at * at / 3 % 4];
        format!(
            "data: {{\"id\":\"chunk\",\"choices\":[{{\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"
        )
    };
    let text: String = (0..30_000).map(event).collect();
    let bytes = gzip(text.as_bytes());
    assert!(
        text.len() > 50 * bytes.len(),
        "{}",
        text.len() / bytes.len()
    );
    let decoded = decode("gzip", bytes.chunks(1000));
    assert!(decoded == Ok((text.into_bytes(), true)));
}

proptest! {
    #[test]
    fn any_cut_decodes_to_the_same(
        text in proptest::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..6000),
        repeats in 1..4_usize,
        size in 1..50_usize,
    ) {
        let text = text.repeat(repeats);
        for (coding, bytes) in [
            ("gzip", gzip(&text)),
            ("deflate", compress_to_vec_zlib(&text, 6)),
            ("deflate", compress_to_vec(&text, 9)),
        ] {
            prop_assert_eq!(decode(coding, bytes.chunks(size)), Ok((text.clone(), true)));
            prop_assert_eq!(decode(coding, [bytes.as_slice()]), Ok((text.clone(), true)));
        }
    }

    #[test]
    fn no_bytes_panic_and_the_cut_does_not_matter(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        size in 1..20_usize,
    ) {
        let mut damaged = gzip(&bytes);
        for (at, byte) in flips {
            let at = at % damaged.len();
            damaged[at] = byte;
        }
        for coding in ["gzip", "deflate"] {
            for bytes in [&bytes, &damaged] {
                prop_assert_eq!(decode(coding, bytes.chunks(size)), decode(coding, [bytes.as_slice()]));
            }
        }
    }
}
