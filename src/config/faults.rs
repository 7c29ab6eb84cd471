//! The faults found so far, and how paths and words are written in them.
//!
//! Invariant: what is quoted from the configuration is escaped and short, so that a fault is one readable line.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::error::ConfigError;
use super::node::Node;

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults(RefCell<Vec<ConfigError>>);

impl Faults {
    pub(super) fn add(&self, path: &str, message: impl Into<String>) {
        self.0.borrow_mut().push(ConfigError {
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.0.into_inner()
    }

    /// Records every field of the tree that is written twice.
    pub(super) fn add_repeated(&self, node: &Node, path: &str) {
        if let Node::List(items) = node {
            for (index, item) in items.iter().enumerate() {
                self.add_repeated(item, &format!("{path}[{index}]"));
            }
        }
        let Node::Map(fields) = node else { return };
        let mut seen = BTreeSet::new();
        for (name, value) in fields {
            let path = join(path, name);
            if !seen.insert(name) {
                self.add(&path, "is written twice: keep one");
            }
            self.add_repeated(value, &path);
        }
    }
}

/// A name or word in quotes, escaped and not too long.
pub(super) fn shown(text: &str) -> String {
    format!("{:?}", bounded(text))
}

/// The text, or its beginning.
pub(super) fn bounded(text: &str) -> String {
    let mut characters = text.chars();
    let mut start: String = characters.by_ref().take(40).collect();
    if characters.next().is_some() {
        start.push('…');
    }
    start
}

/// The path of a field of the object at `path`; the path of the whole configuration is empty.
pub(super) fn join(path: &str, name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(is_plain);
    let name = if is_plain {
        name.to_owned()
    } else {
        shown(name)
    };
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}
