//! The two-wildcard patterns of the price data: `*` is any run of bytes, `#` is one digit, all else is literal.
//!
//! Invariant: no recursion and no allocation; at worst length of the glob × length of the name (prices.md "Matching a
//! model name to a row").

/// Whether the whole of `name` fits `glob`.
pub(super) fn matches(mut glob: &[u8], mut name: &[u8]) -> bool {
    // What follows the last star seen, and the name from where it is tried next: only the last star needs a second try.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (glob, name) {
            ([], []) => return true,
            ([b'*', after @ ..], _) => {
                retry = Some((after, name));
                glob = after;
            }
            ([want, glob_rest @ ..], [byte, name_rest @ ..]) if fits(*want, *byte) => {
                glob = glob_rest;
                name = name_rest;
            }
            _ => {
                let Some((after, [_, shorter @ ..])) = retry else {
                    return false;
                };
                retry = Some((after, shorter));
                glob = after;
                name = shorter;
            }
        }
    }
}

fn fits(want: u8, byte: u8) -> bool {
    want == byte || (want == b'#' && byte.is_ascii_digit())
}
