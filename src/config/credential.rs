//! What clients show to a gateway, by name and hash (contract §5).
//!
//! Invariant: the text of a credential is never kept and never shown, not even when it stands in a wrong field.

use std::fmt;

use sha2::{Digest, Sha256};

use super::section::{Field, Kind, distinct};
use super::{Environment, kind};

/// A gateway credential that a client may show, by name and hash. Its text is never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name that appears in the log record, unique in its gateway.
    pub name: String,
    /// SHA-256 of the credential's text. Compare in constant time.
    pub hash: [u8; 32],
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("name", &self.name)
            .field("hash", &format_args!("***"))
            .finish()
    }
}

/// Reads the list of a gateway's credentials; `required`: an empty one is a fault.
pub(super) fn read_all(
    list: &Field<'_>,
    required: bool,
    environment: Environment<'_>,
) -> Option<Vec<Credential>> {
    let entries = list.items()?;
    if required && entries.is_empty() {
        list.fault("is missing: authentication is on, write at least one {name, sha256}");
    }
    let credentials: Vec<_> = entries
        .iter()
        .map(|entry| read(entry, environment))
        .collect();
    let found = || {
        let pairs = entries.iter().zip(&credentials);
        pairs.filter_map(|(entry, credential)| Some((entry, credential.as_ref()?)))
    };
    distinct(
        found().map(|(entry, credential)| (entry, &credential.name)),
        |first| format!("has the name of {first}: give it its own name"),
    );
    distinct(
        found().map(|(entry, credential)| (entry, &credential.hash)),
        |first| format!("is the same credential as {first}: remove one of them"),
    );
    credentials.into_iter().collect()
}

fn read(entry: &Field<'_>, environment: Environment<'_>) -> Option<Credential> {
    let mut section = entry.section()?;
    let name = section
        .field("name")
        .required("a name for the log, such as ci")
        .text(&kind::LABEL);
    let (sha256, variable) = (
        section.field("sha256"),
        section.field("environment_variable"),
    );
    let hash = match (sha256.is_given(), variable.is_given()) {
        (true, false) => sha256.text(&SHA256),
        (false, true) => hash_of_variable(&variable, environment),
        (true, true) => {
            entry.fault("has two sources: keep either sha256 or environment_variable");
            None
        }
        (false, false) => {
            entry.fault("has no source: write either sha256 or environment_variable");
            None
        }
    };
    section.finish();
    Some(Credential {
        name: name?,
        hash: hash?,
    })
}

/// The name of the variable is not repeated: it may be the credential, put in the wrong place.
fn hash_of_variable(field: &Field<'_>, environment: Environment<'_>) -> Option<[u8; 32]> {
    let name = field.text(&kind::VARIABLE)?;
    let Some(text) = environment(&name) else {
        field
            .fault("is not set in the VM's environment: add it to vm_config.environment_variables");
        return None;
    };
    // A file's last line feed is not part of the credential: no header value could carry it.
    match text.trim() {
        "" => {
            field.fault("is empty in the VM's environment: give it the text of the credential");
            None
        }
        text => Some(Sha256::digest(text.as_bytes()).into()),
    }
}

const SHA256: Kind<[u8; 32]> = Kind {
    wanted: "64 hexadecimal digits, the SHA-256 of the credential's text",
    parse: |text| {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut hash = [0; 32];
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            let digit = |digit: &u8| char::from(*digit).to_digit(16);
            *byte = u8::try_from((digit(high)? << 4) | digit(low)?).ok()?;
        }
        Some(hash)
    },
};
