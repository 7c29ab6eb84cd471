//! The shape of a request target: what may go to a provider, and what two spellings of one path have in common.
//!
//! Invariant: a path that passes [`check`] cannot leave the prefix it is put behind, whatever decoding, merging or
//! normalising the provider's servers do. It is only read here, never rewritten: a signature covers its bytes
//! (RFC 3986 §2, §3.3, §6.2.2; SigV4).

use std::fmt;

/// Longest path with query, in bytes, of a request and of what is sent for it.
pub const MAX_TARGET: usize = 8192;

/// Longest account id, gateway id and provider slug, in bytes (contract §12).
pub const MAX_ID: usize = 64;

/// How many layers of percent-encoding are looked through; more are refused.
const MAX_LAYERS: usize = 4;

/// Why a path or query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A backslash, also an encoded one or its look-alike.
    Backslash,
    /// White space, CR, LF, NUL or another control character; in a path also an encoded one (but an encoded space).
    Control,
    /// A `?` or `#` where none can be.
    Delimiter,
    /// A segment of dots, in any encoding.
    DotSegment,
    /// Two slashes in a row, or one at the start of the provider's part.
    EmptySegment,
    /// A `%` that starts no escape, too many layers of escapes, or escapes that are no UTF-8.
    Escape,
    /// A byte above 0x7F that is not percent-encoded.
    NonAscii,
    /// More than [`MAX_TARGET`] bytes.
    TooLong,
}

impl PathError {
    /// The reason in words for the client.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Backslash => "the path has a backslash",
            Self::Control => "the path or query has white space or a control character",
            Self::Delimiter => "the path or query has a delimiter in the wrong place",
            Self::DotSegment => "the path has a segment of dots",
            Self::EmptySegment => "the path has an empty segment",
            Self::Escape => "the path has a malformed percent-encoding",
            Self::NonAscii => "the path has a byte that must be percent-encoded",
            Self::TooLong => "the path is too long",
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

/// Checks a provider's part of a path (without the slash before it, without query).
///
/// `@`, `:`, `;`, `%2F` and `%20` are legitimate there: `@cf/meta/…`, `models/m:generateContent`, an ARN as a model.
pub fn check(path: &str) -> Result<(), PathError> {
    if path.len() > MAX_TARGET {
        return Err(PathError::TooLong);
    }
    path.bytes().try_for_each(check_byte)?;
    if !path.contains('%') {
        return check_segments(path);
    }
    let decoded = decode_all(path)?;
    decoded.chars().try_for_each(check_decoded)?;
    check_segments(&decoded)
}

/// Checks a query: it belongs to the endpoint, so only what could end the request line is refused.
pub fn check_query(query: &str) -> Result<(), PathError> {
    if query.len() > MAX_TARGET {
        return Err(PathError::TooLong);
    }
    query.bytes().try_for_each(|byte| match byte {
        0..=b' ' | 0x7F => Err(PathError::Control),
        b'#' => Err(PathError::Delimiter),
        _ => Ok(()),
    })
}

/// Whether `text` can be an account id, a gateway id or a provider slug: 1 to 64 of `A-Z a-z 0-9 _ -`.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// One spelling for all paths that mean the same: escapes of plain characters undone, the others in upper case, no
/// slash at the end. `label` comes before `path`. For keys and comparison only, never to be sent.
pub(super) fn canonical(label: &str, path: &str) -> String {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut text = String::with_capacity(label.len().saturating_add(path.len()));
    text.push_str(label);
    let mut rest = path;
    while let Some((plain, after)) = rest.split_once('%') {
        let (digits, tail) = after.split_at_checked(2).unwrap_or((after, ""));
        text.push_str(plain);
        match escape(digits.as_bytes()).map(|(byte, _)| char::from(byte)) {
            Some(char) if is_unreserved(char) => text.push(char),
            _ => {
                text.push('%');
                text.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

/// A character whose escape means the same as itself (RFC 3986 §2.3).
const fn is_unreserved(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_' | '~')
}

/// `text` without one layer of percent-encoding.
pub(super) fn decode(text: &str) -> String {
    String::from_utf8_lossy(&decode_layer(text.as_bytes())).into_owned()
}

/// The first value of a query parameter, decoded. A `+` stays a plus: no model name has a space.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name && !value.is_empty()).then(|| decode(value))
    })
}

const fn check_byte(byte: u8) -> Result<(), PathError> {
    match byte {
        0..=b' ' | 0x7F => Err(PathError::Control),
        b'#' | b'?' => Err(PathError::Delimiter),
        b'\\' => Err(PathError::Backslash),
        0x80.. => Err(PathError::NonAscii),
        _ => Ok(()),
    }
}

const fn check_decoded(char: char) -> Result<(), PathError> {
    match char {
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => Err(PathError::Control),
        '\\' | '\u{FE68}' | '\u{FF3C}' => Err(PathError::Backslash),
        _ => Ok(()),
    }
}

/// A slash at the end is the endpoint's own business; every other segment must say something.
fn check_segments(path: &str) -> Result<(), PathError> {
    let path = path
        .strip_suffix(is_slash)
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path);
    for segment in path.split(is_slash) {
        // Some servers drop what follows a semicolon, or white space, before they look at the dots.
        let name = segment.split(';').next().unwrap_or_default().trim();
        if !name.is_empty() && name.chars().all(is_dot) {
            return Err(PathError::DotSegment);
        }
        if segment.is_empty() && !path.is_empty() {
            return Err(PathError::EmptySegment);
        }
    }
    Ok(())
}

/// A slash, or what compatibility normalisation makes one.
const fn is_slash(char: char) -> bool {
    matches!(char, '/' | '\u{FF0F}')
}

/// A dot, or what compatibility normalisation makes one or several.
const fn is_dot(char: char) -> bool {
    matches!(
        char,
        '.' | '\u{2024}'..='\u{2026}' | '\u{FE52}' | '\u{FF0E}'
    )
}

/// `path` without any percent-encoding, however deep.
fn decode_all(path: &str) -> Result<String, PathError> {
    let malformed = path
        .split('%')
        .skip(1)
        .any(|after| escape(after.as_bytes()).is_none());
    if malformed {
        return Err(PathError::Escape);
    }
    let mut decoded = path.as_bytes().to_vec();
    for _ in 0..MAX_LAYERS {
        let next = decode_layer(&decoded);
        if next.len() == decoded.len() {
            return String::from_utf8(decoded).ok().ok_or(PathError::Escape);
        }
        decoded = next;
    }
    Err(PathError::Escape)
}

fn decode_layer(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = if byte == b'%' {
            escape(tail).unwrap_or((byte, tail))
        } else {
            (byte, tail)
        };
        decoded.push(byte);
        rest = tail;
    }
    decoded
}

/// The byte that two hexadecimal digits at the start of `text` stand for, and what follows them.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], tail) = text.split_first_chunk()?;
    let (high, low) = (
        char::from(high).to_digit(16)?,
        char::from(low).to_digit(16)?,
    );
    u8::try_from(high.checked_mul(16)?.checked_add(low)?)
        .ok()
        .map(|byte| (byte, tail))
}
