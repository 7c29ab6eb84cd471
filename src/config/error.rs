//! One fault of a configuration, for the operator.
//!
//! Invariant: neither part ever holds the text of a credential, however it came to stand where it stands.

/// A fault in the configuration: where it is, what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The place, as in `gateways[1].cache_ttl`; `configuration` when the whole text is meant.
    pub path: String,
    /// What is wrong there and what to write instead, without a final stop.
    pub message: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for ConfigError {}
