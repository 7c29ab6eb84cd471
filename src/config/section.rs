//! Typed reading of the tree: every fault is recorded with its path, and reading goes on.
//!
//! Invariant: a reader that gives `None` for a field that is there has recorded a fault, so that a [`Faults`]
//! without faults at the end means that every value read is good. Text is put into a fault only where it cannot
//! be a credential.

use std::collections::BTreeMap;

use super::faults::{Faults, bounded, join, shown};
use super::node::Node;
use super::suggestion::nearest;

/// Text that means something: how to read it, and what to ask for instead of text that cannot be read.
pub(super) struct Kind<T> {
    /// The end of the sentence "must be …".
    pub(super) wanted: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

/// The bounds of a whole number, both included.
pub(super) struct Range {
    pub(super) min: u64,
    pub(super) max: u64,
    /// What is counted, in the singular.
    pub(super) unit: &'static str,
}

/// An object that is being read, field by field.
#[must_use = "finish it, or unknown fields go unnoticed"]
pub(super) struct Section<'a> {
    path: String,
    fields: &'a [(String, Node)],
    /// The fields that were asked for, which an unknown name may have been meant to be.
    known: Vec<&'static str>,
    /// The fields that are known, but that nobody should be pointed to.
    tolerated: Vec<&'static str>,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    /// The whole configuration.
    pub(super) fn root(node: &'a Node, faults: &'a Faults) -> Option<Self> {
        let root = Field {
            path: "configuration".to_owned(),
            node: Some(node),
            faults,
        };
        root.section().map(|section| Self {
            path: String::new(),
            ..section
        })
    }

    pub(super) fn field(&mut self, name: &'static str) -> Field<'a> {
        self.known.push(name);
        self.lookup(name)
    }

    /// Every field there is, for an object whose names the operator chooses. One that is `null` is absent.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Field<'a>)> {
        let fields = self.fields.iter();
        let given = fields.filter(|(_, node)| !matches!(node, Node::Null));
        given.map(move |(name, node)| {
            let path = join(&self.path, name);
            let (node, faults) = (Some(node), self.faults);
            (name.as_str(), Field { path, node, faults })
        })
    }

    /// Names fields that have no meaning here, whatever they hold.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        self.tolerated.extend(names);
    }

    /// Names fields of features that do not exist here: they may be there as long as they are off.
    pub(super) fn refuse_unless_off(&mut self, names: &[&'static str]) {
        self.tolerated.extend(names);
        for field in names
            .iter()
            .map(|name| self.lookup(name))
            .filter(Field::is_on)
        {
            field.fault("is not supported by this version: remove it");
        }
    }

    /// Records the fields that nobody knows.
    pub(super) fn finish(self) {
        for (name, _) in self.fields {
            if self.known.contains(&name.as_str()) || self.tolerated.contains(&name.as_str()) {
                continue;
            }
            let remedy = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("remove it, or write one of {}", self.known.join(", ")),
            };
            self.faults
                .add(&join(&self.path, name), format!("is unknown: {remedy}"));
        }
    }

    fn lookup(&self, name: &str) -> Field<'a> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        let node = found
            .map(|(_, node)| node)
            .filter(|node| !matches!(node, Node::Null));
        Field {
            path: join(&self.path, name),
            node,
            faults: self.faults,
        }
    }
}

/// A field of an object or an item of a list; `null` is the same as absent.
pub(super) struct Field<'a> {
    path: String,
    pub(super) node: Option<&'a Node>,
    faults: &'a Faults,
}

impl<'a> Field<'a> {
    pub(super) fn fault(&self, message: impl Into<String>) {
        self.faults.add(&self.path, message);
    }

    /// Whether anything is written here.
    pub(super) const fn is_given(&self) -> bool {
        self.node.is_some()
    }

    /// Whether something is written here that does not mean "off".
    pub(super) fn is_on(&self) -> bool {
        self.node.is_some_and(|node| !node.is_inert())
    }

    /// The field itself; it is a fault when it is absent.
    pub(super) fn required(self, remedy: &str) -> Self {
        if self.node.is_none() {
            self.fault(format!("is missing: write {remedy}"));
        }
        self
    }

    pub(super) fn flag(&self, default: bool) -> bool {
        match self.node {
            None => default,
            Some(Node::Flag(flag)) => *flag,
            Some(other) => {
                self.fault(format!("must be true or false, found {}", other.kind()));
                default
            }
        }
    }

    pub(super) fn text<T>(&self, kind: &Kind<T>) -> Option<T> {
        let (node, wanted) = (self.node?, kind.wanted);
        let fault = if let Node::Text(text) = node {
            let parsed = (kind.parse)(text);
            if parsed.is_some() {
                return parsed;
            }
            format!("must be {wanted}")
        } else {
            let quotes = if matches!(node, Node::Number(_)) {
                ": put it in quotes"
            } else {
                ""
            };
            format!("must be {wanted}, found {}{quotes}", node.kind())
        };
        self.fault(fault);
        None
    }

    /// One of a few words. Never for a field that may hold a credential: a wrong word is shown.
    pub(super) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let node = self.node?;
        let found = if let Node::Text(text) = node {
            if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
                return Some(*value);
            }
            shown(text)
        } else {
            node.kind().to_owned()
        };
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.fault(format!(
            "must be one of {}, found {found}",
            words.join(", ")
        ));
        None
    }

    /// A whole number, written as a number or as text.
    pub(super) fn whole(&self, range: &Range) -> Option<u64> {
        let node = self.node?;
        let number = match node {
            Node::Number(digits) => Some(digits),
            Node::Text(text) => text.parse::<f64>().ok().map(|_| text),
            Node::Null | Node::Flag(_) | Node::List(_) | Node::Map(_) => None,
        };
        let (min, max, unit) = (range.min, range.max, range.unit);
        let fault = match number.map(|digits| (digits, node.whole())) {
            None => format!("must be a whole number of {unit}s, found {}", node.kind()),
            Some((digits, None)) => {
                format!("{} is not a whole number of {unit}s", bounded(digits))
            }
            Some((_, Some(number))) if number < i128::from(min) => {
                format!("{number} is below the minimum of {}", amount(min, unit))
            }
            Some((_, Some(number))) if number > i128::from(max) => {
                format!("{number} is above the maximum of {}", amount(max, unit))
            }
            Some((_, Some(number))) => return u64::try_from(number).ok(),
        };
        self.fault(fault);
        None
    }

    /// A decimal number, written as a number or as text.
    pub(super) fn decimal<T>(&self, kind: &Kind<T>) -> Option<T> {
        let (Node::Number(digits) | Node::Text(digits)) = self.node? else {
            return self.text(kind);
        };
        let parsed = (kind.parse)(digits);
        if parsed.is_none() {
            self.fault(format!("must be {}, found {}", kind.wanted, shown(digits)));
        }
        parsed
    }

    /// A whole number where 0 means the same as absent.
    pub(super) fn whole_unless_off(&self, range: &Range) -> Option<u64> {
        let is_zero = self.node?.whole() == Some(0);
        if is_zero { None } else { self.whole(range) }
    }

    /// The object here; an absent one has no fields.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        let fields: &[(String, Node)] = match self.node {
            None => &[],
            Some(Node::Map(fields)) => fields,
            Some(other) => {
                self.fault(format!("must be an object, found {}", other.kind()));
                return None;
            }
        };
        let path = self.path.clone();
        Some(Section {
            path,
            fields,
            known: Vec::new(),
            tolerated: Vec::new(),
            faults: self.faults,
        })
    }

    /// The items of the list here; an absent one has none.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let items: &[Node] = match self.node {
            None => &[],
            Some(Node::List(items)) => items,
            Some(other) => {
                self.fault(format!("must be a list, found {}", other.kind()));
                return None;
            }
        };
        let item = |(index, node)| {
            let path = format!("{}[{index}]", self.path);
            Self {
                path,
                node: Some(node),
                faults: self.faults,
            }
        };
        Some(items.iter().enumerate().map(item).collect())
    }
}

/// Records every field whose key stood before, by a message made from the path of the first.
pub(super) fn distinct<'f, 'a: 'f, K: Ord>(
    fields: impl IntoIterator<Item = (&'f Field<'a>, K)>,
    message: impl Fn(&str) -> String,
) {
    let mut first = BTreeMap::new();
    for (field, key) in fields {
        let path = *first.entry(key).or_insert(&field.path);
        if *path != field.path {
            field.fault(message(path));
        }
    }
}

fn amount(number: u64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}
