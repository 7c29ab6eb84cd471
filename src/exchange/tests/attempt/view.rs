//! A call as it was seen from outside: by its providers, its client, and the log.

use super::driver::{Attempt, Call};
use super::*;

/// A request, as a provider sees it.
pub(super) struct Seen {
    pub(super) head: HeaderList,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn text(&self, name: &str) -> &str {
        self.head.text(name).unwrap_or_default()
    }
}

/// A head with those changes.
pub(super) fn applied(head: &HeaderList, edits: &[Edit]) -> HeaderList {
    let mut fields: Vec<(String, Vec<u8>)> = head
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    for edit in edits {
        let (Edit::Remove(name) | Edit::Set(name, _)) = edit;
        fields.retain(|(known, _)| known != name);
        if let Edit::Set(name, value) = edit {
            fields.push((name.to_string(), value.clone()));
        }
    }
    HeaderList::new(fields)
}

impl Call<'_> {
    /// The records so far, in the order of the attempts; those of the gateway's own stream come last.
    pub(super) fn records(&self) -> Vec<Value> {
        let attempts = self.attempts.iter().map(|attempt| &attempt.stream);
        let records = attempts
            .chain([&self.outer])
            .flat_map(|stream| stream.records.clone());
        records.collect()
    }

    /// What the provider of the latest attempt was sent.
    pub(super) fn seen(&self) -> Seen {
        self.attempts.last().unwrap().seen()
    }

    /// The names of the providers that were asked, in order, by their hosts.
    pub(super) fn asked(&self) -> Vec<String> {
        let sent = self
            .attempts
            .iter()
            .filter(|attempt| attempt.stream.upstream.is_some());
        let host = |attempt: &Attempt| {
            let seen = attempt.seen();
            seen.text(":authority")
                .split('.')
                .next()
                .unwrap()
                .to_owned()
        };
        sent.map(host).collect()
    }

    /// A field of the answer that the client has got.
    pub(super) fn told(&self, name: &str) -> Option<String> {
        if self.outer.reply.is_some() {
            return self.outer.told(name);
        }
        let edits = self.outer.downstream.as_deref()?;
        applied(self.answered.as_ref()?, edits)
            .text(name)
            .map(str::to_owned)
    }

    /// Status and body of the answer that the client has got; 0: none.
    pub(super) fn client(&self) -> (u16, String) {
        let (status, body) = match &self.outer.reply {
            Some(reply) => (reply.status, &reply.body),
            None => (
                self.told(":status")
                    .map_or(0, |status| status.parse().unwrap()),
                &self.outer.shown,
            ),
        };
        (status, String::from_utf8(body.clone()).unwrap())
    }

    /// Status of the client's answer, and the code of our envelope.
    pub(super) fn refusal(&self) -> (u16, Option<u64>) {
        let (status, body) = self.client();
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        (status, body["internalCode"].as_u64())
    }
}

impl Attempt {
    /// What its provider was sent.
    pub(super) fn seen(&self) -> Seen {
        let edits = self.stream.upstream.as_ref();
        let body = self.stream.asked.as_ref().unwrap_or(&self.body);
        Seen {
            head: applied(&self.arrived, edits.expect("nothing reached the provider")),
            body: String::from_utf8(body.clone()).unwrap(),
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        self.stream.upstream.is_some()
    }
}
