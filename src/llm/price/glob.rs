//! The two-wildcard patterns of the price data: `*` is any run of bytes, `#` is one digit, all else is literal.
//!
//! Invariant: no recursion and no allocation; at worst length of the glob × length of the name (prices.md "Matching a
//! model name to a row").

/// Whether the whole of `name` fits `glob`.
pub(crate) fn matches(mut glob: &[u8], mut name: &[u8]) -> bool {
    // What follows the last star seen, and the name from where it is tried next: only the last star needs a second try.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (glob, name) {
            ([], []) => return true,
            ([b'*', after @ ..], _) => {
                let Some(start) = next_start(after, name) else {
                    return false;
                };
                retry = Some((after, start));
                (glob, name) = (after, start);
            }
            ([want, glob_rest @ ..], [byte, name_rest @ ..]) if fits(*want, *byte) => {
                glob = glob_rest;
                name = name_rest;
            }
            _ => {
                let start = retry.and_then(|(after, tried)| {
                    let (_, shorter) = tried.split_first()?;
                    Some((after, next_start(after, shorter)?))
                });
                let Some((after, start)) = start else {
                    return false;
                };
                retry = Some((after, start));
                (glob, name) = (after, start);
            }
        }
    }
}

/// The name from the first place on where what follows a star may begin.
fn next_start<'n>(after: &[u8], name: &'n [u8]) -> Option<&'n [u8]> {
    match after {
        [] => Some(&[]),
        [b'*' | b'#', ..] => Some(name),
        [literal, ..] => {
            let place = name.iter().position(|byte| byte == literal)?;
            name.get(place..)
        }
    }
}

fn fits(want: u8, byte: u8) -> bool {
    want == byte || (want == b'#' && byte.is_ascii_digit())
}
