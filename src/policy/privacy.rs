//! Takes what the operator does not want to be logged out of texts and metadata, in one pass per pattern.
//!
//! JSON stays JSON: an escape before a match keeps its letter.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::metadata::Metadata;
use crate::config::{Pattern, Privacy, Secret, Token, is_word};

/// Digits of a card's number.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Longest part of an address before the `@` (RFC 5321 §4.5.3.1.1), and a bound of the rest.
const LOCAL: usize = 64;
const DOMAIN: usize = 253;
/// What may belong to a match that the end of a text cut.
const CUT: usize = 320;
/// Bytes of a hash that are shown.
const SHOWN: usize = 16;

/// The text without what the patterns describe. `is_whole`: nothing was cut off its end.
pub fn redact(mut text: String, patterns: &[Pattern], is_whole: bool) -> String {
    if patterns.is_empty() {
        return text;
    }
    for pattern in patterns {
        if let Some(less) = without(&text, pattern) {
            text = less;
        }
    }
    if !is_whole {
        cut(&mut text);
    }
    text
}

/// The metadata as it is logged.
#[must_use]
pub fn metadata(metadata: &Metadata, privacy: &Privacy) -> Metadata {
    let entries = metadata.entries().iter().map(|(name, value)| {
        let shown = if privacy.hash_metadata.has(name) {
            Value::String(hash(value, privacy))
        } else if let Value::String(text) = value {
            Value::String(redact(text.clone(), &privacy.redact, true))
        } else {
            value.clone()
        };
        (name.clone(), shown)
    });
    Metadata::of(entries.collect())
}

/// The same value always has the same hash.
fn hash(value: &Value, privacy: &Privacy) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let salt = privacy.salt.as_ref().map_or("", Secret::reveal);
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update([0])
        .chain_update(text)
        .finalize();
    let shown = digest.iter().take(SHOWN);
    std::iter::once("sha256:".to_owned())
        .chain(shown.map(|byte| format!("{byte:02x}")))
        .collect()
}

/// `None`: nothing is to be taken out.
fn without(text: &str, pattern: &Pattern) -> Option<String> {
    let mask = match pattern {
        Pattern::Email => "[email]",
        Pattern::Card => "[card]",
        Pattern::Word(..) => "[redacted]",
    };
    let mut less = String::new();
    let mut done = 0;
    while let Some((start, end)) = find(text, pattern, done) {
        less.push_str(text.get(done..start)?);
        less.push_str(mask);
        done = end;
    }
    less.push_str(text.get(done..)?);
    (done > 0).then_some(less)
}

/// The first match from `from` on, as the places of its first byte and of the byte behind it.
fn find(text: &str, pattern: &Pattern, from: usize) -> Option<(usize, usize)> {
    match pattern {
        Pattern::Email => email(text, from),
        Pattern::Card => card(text, from),
        Pattern::Word(literal, tokens) => word(text, (literal, tokens), from),
    }
}

fn email(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let mut next = from;
    loop {
        let at = next.saturating_add(text.get(next..)?.find('@')?);
        next = at.saturating_add(1);
        let before = bytes.get(from..at)?;
        let length = before
            .iter()
            .rev()
            .take(LOCAL)
            .take_while(|it| is_local(it));
        let start = behind_escape(bytes, at.saturating_sub(length.count()));
        let after = bytes.get(next..)?.iter().take(DOMAIN);
        let is_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
        let length = after.take_while(is_domain).count();
        let domain = text.get(next..next.saturating_add(length))?;
        let domain = domain.trim_end_matches(['.', '-']);
        let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
        if start < at && top.len() > 1 {
            return Some((start, next.saturating_add(domain.len())));
        }
    }
}

/// Where a word begins whose first letters may belong to an escape of JSON (`\n`, `\u00e9`).
fn behind_escape(bytes: &[u8], start: usize) -> usize {
    let before = bytes.get(..start).unwrap_or_default();
    let slashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    if slashes.count() % 2 == 0 {
        return start;
    }
    let escape = if bytes.get(start) == Some(&b'u') {
        5
    } else {
        1
    };
    start.saturating_add(escape)
}

fn card(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut next = from;
    loop {
        let rest = bytes.get(next..)?;
        let start = next.saturating_add(rest.iter().position(u8::is_ascii_digit)?);
        let (digits, end) = number(bytes, start);
        let inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        let stands_alone = !inside(before) && !inside(bytes.get(end));
        if stands_alone && CARD.contains(&digits.len()) && is_card(&digits) {
            return Some((start, end));
        }
        next = end;
    }
}

/// The digits from `start` on, with single blanks and dashes between them, and where they end.
fn number(bytes: &[u8], start: usize) -> (Vec<u8>, usize) {
    let (mut digits, mut end, mut at) = (Vec::new(), start, start);
    while let Some(byte) = bytes.get(at) {
        at = at.saturating_add(1);
        if byte.is_ascii_digit() {
            digits.push(byte.wrapping_sub(b'0'));
            end = at;
        } else if !matches!(byte, b' ' | b'-') || at.saturating_sub(end) > 1 {
            break;
        }
    }
    (digits, end)
}

/// The first digit is one of the card networks', and the last one is right (Luhn).
fn is_card(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit) {
            (0, digit) => u32::from(*digit),
            (_, 0..=4) => u32::from(*digit).saturating_mul(2),
            (_, digit) => u32::from(*digit).saturating_mul(2).saturating_sub(9),
        })
        .sum();
    matches!(digits.first(), Some(2..=6)) && sum.is_multiple_of(10)
}

fn word(text: &str, (literal, tokens): (&str, &[Token]), from: usize) -> Option<(usize, usize)> {
    let mut next = from;
    loop {
        let start = next.saturating_add(text.get(next..)?.find(literal)?);
        next = start.saturating_add(literal.len());
        match follow(text.get(next..)?, tokens) {
            Ok(length) => return Some((start, next.saturating_add(length))),
            // Whatever begins inside the run ends where it ends, and fails there too.
            Err(run) => next = next.saturating_add(run),
        }
    }
}

/// How much of the text the tokens cover; or else how much of it the first run did, if it came so far.
fn follow(text: &str, tokens: &[Token]) -> Result<usize, usize> {
    let (mut rest, mut run) = (text, 0);
    for token in tokens {
        let is_one = |wanted: fn(char) -> bool| rest.strip_prefix(wanted);
        let after = match token {
            Token::Literal(character) => rest.strip_prefix(*character),
            Token::Digit => is_one(|it| it.is_ascii_digit()),
            Token::Any => is_one(|it| it.is_ascii_alphanumeric()),
            Token::Run => is_one(is_word).map(|rest| rest.trim_start_matches(is_word)),
        };
        rest = after.ok_or(run)?;
        if *token == Token::Run && run == 0 {
            run = text.len().saturating_sub(rest.len());
        }
    }
    Ok(text.len().saturating_sub(rest.len()))
}

/// Takes off the end of a text that was cut what may be the beginning of a match.
fn cut(text: &mut String) {
    let may_belong =
        |character: char| character.is_ascii_alphanumeric() || "._%+-@ ".contains(character);
    let longest = text.chars().rev().take(CUT);
    let length = longest.take_while(|it| may_belong(*it)).count();
    // One byte each.
    text.truncate(text.len().saturating_sub(length));
    text.push_str("***");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Hashed;

    fn patterns() -> Vec<Pattern> {
        let tokens = vec![Token::Digit, Token::Any, Token::Literal('.'), Token::Run];
        vec![
            Pattern::Email,
            Pattern::Card,
            Pattern::Word("ACME-".to_owned(), tokens),
        ]
    }

    fn all(text: &str) -> String {
        redact(text.to_owned(), &patterns(), true)
    }

    #[test]
    fn addresses_and_cards_and_described_words_are_taken_out() {
        let cases = [
            ("to jo.doe+x@mail.example.com.", "to [email]."),
            (r#"{"a":"x\njo@example.org"}"#, r#"{"a":"x\n[email]"}"#),
            (r#""\u00e9jo@example.org""#, r#""\u00e9[email]""#),
            ("a@b, @, x@y.z, jo@example", "a@b, @, x@y.z, jo@example"),
            ("pay 4111 1111 1111 1111 now", "pay [card] now"),
            ("5500-0000-0000-0004;378282246310005", "[card];[card]"),
            (
                "4111111111111112 1790000000123",
                "4111111111111112 1790000000123",
            ),
            (
                "x4111111111111111 4111111111111111y",
                "x4111111111111111 4111111111111111y",
            ),
            ("see ACME-1a.b_2-c, ACME-1a", "see [redacted], ACME-1a"),
            ("ACME-ACME-2b.é ACME-2b.c", "ACME-ACME-2b.é [redacted]"),
        ];
        for (text, wanted) in cases {
            assert_eq!(all(text), wanted);
        }
    }

    #[test]
    fn a_long_run_is_gone_over_once_however_many_words_begin_in_it() {
        let tokens = vec![Token::Run, Token::Literal('.')];
        let pattern = [Pattern::Word("tok_".to_owned(), tokens)];
        // Gone over anew for each of the words, this would take hours.
        let long = "tok_".repeat(1 << 20);
        assert_eq!(redact(long.clone(), &pattern, true), long);
        assert_eq!(
            redact(format!("{long}. tok_a."), &pattern, true),
            "[redacted] [redacted]"
        );
        assert_eq!(
            redact("tok_tok_!tok_a.".to_owned(), &pattern, true),
            "tok_tok_![redacted]"
        );
    }

    #[test]
    fn the_beginning_of_a_match_at_the_cut_goes_too() {
        let cut = |text: &str| redact(text.to_owned(), &patterns(), false);
        assert_eq!(cut("say \"jo@exam"), "say \"***");
        assert_eq!(cut("card: 4111 1111 11"), "card:***");
        assert_eq!(redact("jo@exam".to_owned(), &[], false), "jo@exam");
    }

    #[test]
    fn metadata_is_redacted_or_hashed_with_the_salt() {
        let given = Metadata::parse(br#"{"user":"jo","mail":"jo@example.org","n":7}"#).unwrap();
        let shown = |privacy: &Privacy| serde_json::to_value(metadata(&given, privacy)).unwrap();
        let mut privacy = Privacy {
            redact: patterns(),
            hash_metadata: Hashed::Named(vec!["user".to_owned()]),
            salt: None,
        };
        let plain = shown(&privacy);
        assert_eq!(
            (&plain["mail"], &plain["n"]),
            (&"[email]".into(), &7.into())
        );
        assert_ne!(plain["user"], "jo");
        privacy.salt = Some(Secret::new("pepper"));
        privacy.hash_metadata = Hashed::All;
        let salted = shown(&privacy);
        assert_ne!(salted["user"], plain["user"]);
        assert_eq!(salted, shown(&privacy));
        assert!(salted["n"].as_str().unwrap().starts_with("sha256:"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_redacted(text in r#"[a-c@.\\u0-9 "é-]{0,80}"#, is_whole: bool) {
            let less = redact(text, &patterns(), is_whole);
            let again = redact(less.clone(), &patterns(), true);
            proptest::prop_assert_eq!(again, less);
        }
    }
}
