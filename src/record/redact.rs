//! Takes the call's own credentials out of what is logged of its bodies.

use crate::http::header::HeaderList;
use crate::llm::provider::{CREDENTIAL_PARAMETERS, is_credential_header};

/// Shorter words are not credentials, and replacing them would garble the text.
const SHORTEST: usize = 8;
/// What stands in its place.
const MASK: &str = "***";

/// The credentials that a request carries.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secrets {
    /// Collects every word of the header fields that may hold a credential, and the query parameters that do.
    pub(super) fn of(head: &HeaderList) -> Self {
        let is_secret = |name: &str| name == "cf-aig-authorization" || is_credential_header(name);
        let words = head
            .iter()
            .filter(|(name, _)| is_secret(name))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split([' ', ',', ';', '=']));
        let query = head
            .text(":path")
            .and_then(|path| path.split_once('?'))
            .map_or("", |(_, query)| query);
        let parameters = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| CREDENTIAL_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(_, value)| value);
        let plain = words
            .chain(parameters)
            .filter(|word| word.len() >= SHORTEST);
        let mut secrets: Vec<String> = plain.flat_map(spellings).collect();
        // The longest first: a shorter one may be a part of it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// Adds a credential that the gateway has put into the request.
    pub(super) fn add(&mut self, secret: &str) {
        self.0.extend(spellings(secret));
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text without them. Where the text was cut, a credential may have been cut with it: its beginning goes too.
    pub(super) fn redact(&self, mut text: String, is_whole: bool) -> String {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASK);
            }
        }
        let cut = self
            .0
            .iter()
            .filter(|_| !is_whole)
            .filter_map(|secret| tail(&text, secret))
            .min();
        if let Some(cut) = cut {
            text.truncate(cut);
            text.push_str(MASK);
        }
        text
    }
}

/// Where the text's last bytes are the first bytes of a secret.
fn tail(text: &str, secret: &str) -> Option<usize> {
    let longest = secret.len().min(text.len());
    let length = (SHORTEST / 2..=longest).rev().find(|length| {
        secret
            .get(..*length)
            .is_some_and(|beginning| text.ends_with(beginning))
    })?;
    text.len().checked_sub(length)
}

/// How a credential may be written in a body: as it is, with JSON's escaped slash, or with a query's escapes undone.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    if secret.contains('/') {
        all.push(secret.replace('/', "\\/"));
    }
    if secret.contains('%') {
        all.extend(decoded(secret));
    }
    all
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str, is_whole: bool) -> String {
        let fields = [
            ("authorization", "Bearer sk-12345678"),
            ("x-custom-key", "ab/cd+efgh/ij"),
            ("cookie", "session=sk-12345678-longer"),
            (
                ":path",
                "/v1/x?key=AIza%2D87654321&alt=sse&api-version=2026-01-01",
            ),
        ];
        let head = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Secrets::of(&head.collect()).redact(text.to_owned(), is_whole)
    }

    #[test]
    fn a_credential_of_the_call_never_shows_in_its_payload() {
        assert_eq!(
            redact("sk-12345678 AIza%2D87654321 AIza-87654321 sk-1", true),
            "*** *** *** sk-1"
        );
        assert_eq!(redact(r"ab\/cd+efgh\/ij ab/cd+efgh/ij", true), "*** ***");
        assert_eq!(redact("sk-12345678-longer", true), "***");
    }

    #[test]
    fn what_is_no_credential_stays() {
        assert_eq!(redact("2026-01-01 sse", true), "2026-01-01 sse");
    }

    #[test]
    fn the_beginning_of_a_credential_at_the_cut_goes_too() {
        assert_eq!(redact("the key is sk-12345", false), "the key is ***");
        assert_eq!(redact("the key is sk-12345", true), "the key is sk-12345");
        assert_eq!(redact("ends in sk-", false), "ends in sk-");
    }
}
