//! Parameters of a header field: `name=value`, bare or quoted (RFC 2045 §5.1, RFC 7578 §4.2).
//!
//! Invariant: a name is found in any case and order; what is malformed is no parameter.

/// The value of a parameter in `; name=value; name="value"` (RFC 9110 §5.6.6).
pub(super) fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (part, after) = split_parameter(rest);
        if let Some((name, value)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case(wanted)
        {
            return Some(unquote(value.trim()));
        }
        rest = after?;
    }
}

/// Cuts before the first semicolon that is in no quotes.
fn split_parameter(text: &str) -> (&str, Option<&str>) {
    let (mut in_quotes, mut is_escaped) = (false, false);
    let end = text.bytes().position(|byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if in_quotes => is_escaped = !was_escaped,
            b'"' if !was_escaped => in_quotes = !in_quotes,
            b';' => return !in_quotes,
            _ => {}
        }
        false
    });
    match end.and_then(|end| text.split_at_checked(end)) {
        Some((part, after)) => (part, after.get(1..)),
        None => (text, None),
    }
}

fn unquote(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let mut text = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}
