//! Takes the call's own credentials out of what is logged of its bodies.

use crate::http::header::HeaderList;
use crate::llm::provider::CREDENTIAL_HEADERS;

/// Shorter words are not credentials, and replacing them would garble the text.
const SHORTEST: usize = 8;

/// The credentials that a request carries.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secrets {
    /// Collects every word of the header fields that may hold a credential, and of credential query parameters.
    pub(super) fn of(head: &HeaderList) -> Self {
        let headers = CREDENTIAL_HEADERS
            .iter()
            .chain(&["cf-aig-authorization", "sec-websocket-protocol"]);
        let words = headers
            .flat_map(|name| head.values(name))
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split([' ', ',', ';', '=']));
        let query = head
            .text(":path")
            .and_then(|path| path.split_once('?'))
            .map_or("", |(_, query)| query);
        let parameters = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(_, value)| value);
        let secrets = words
            .chain(parameters)
            .filter(|word| word.len() >= SHORTEST);
        Self(secrets.map(str::to_owned).collect())
    }

    /// The text without them.
    pub(super) fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), "***")
            } else {
                text
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_of_the_call_never_shows_in_its_payload() {
        let fields = [
            ("authorization", "Bearer sk-12345678"),
            (":path", "/v1/x?key=AIza-87654321&alt=sse"),
        ];
        let head = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        let text = "alt=sse sk-12345678 AIza-87654321 sk-1".to_owned();
        assert_eq!(Secrets::of(&head).redact(text), "alt=sse *** *** sk-1");
    }
}
