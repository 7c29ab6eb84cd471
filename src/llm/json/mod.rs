//! Reads a few named values out of JSON of any size (RFC 8259), in pieces, in constant memory.
//!
//! A static tree of [`Node`]s says which paths matter; [`Scanner`] reports their values as [`Event`]s in the order of
//! the text. Whoever collects them lets a later value replace an earlier one, so the last duplicate wins.
//! Invariant: any cut of the text gives the same events, and nothing grows with the text, its strings or its nesting.

mod number;
mod scan;
mod skip;
mod state;
mod text;

pub use scan::Scanner;

/// A wanted place below an object or array. The tree is as deep as the deepest wanted path, and no deeper text counts.
#[derive(Clone, Copy)]
pub struct Node<I: 'static> {
    name: Name,
    place: Place<I>,
}

/// Which child of its parent a [`Node`] stands for. Of several that fit, the first in the table is taken.
#[derive(Clone, Copy)]
enum Name {
    Key(&'static str),
    Any,
    First,
    Every,
}

/// What is wanted at a place.
#[derive(Clone, Copy)]
struct Place<I: 'static> {
    id: Option<I>,
    children: &'static [Node<I>],
    /// Of a string only its length is wanted.
    measured: bool,
}

impl<I: Copy> Node<I> {
    /// The member `key` of an object (its decoded name, at most 64 bytes), reported as `id`.
    pub const fn leaf(key: &'static str, id: I) -> Self {
        Self {
            name: Name::Key(key),
            place: Place {
                id: Some(id),
                children: &[],
                measured: false,
            },
        }
    }

    /// The member `key`, of which only the length is wanted when it is a string, whatever its size.
    pub const fn measured(key: &'static str, id: I) -> Self {
        let mut node = Self::leaf(key, id);
        node.place.measured = true;
        node
    }

    /// The member `key`, of which only what is inside is wanted.
    pub const fn branch(key: &'static str, children: &'static [Self]) -> Self {
        Self {
            name: Name::Key(key),
            place: Place::inner(children),
        }
    }

    /// Any member of an object, whatever its name, reported as `id`.
    pub const fn any(id: I) -> Self {
        let mut node = Self::leaf("", id);
        node.name = Name::Any;
        node
    }

    /// The first element of an array, of which only what is inside is wanted.
    pub const fn first(children: &'static [Self]) -> Self {
        Self {
            name: Name::First,
            place: Place::inner(children),
        }
    }

    /// Every element of an array, of which only what is inside is wanted.
    pub const fn every(children: &'static [Self]) -> Self {
        Self {
            name: Name::Every,
            place: Place::inner(children),
        }
    }

    /// The same place, with its beginning and end (or its wrongly typed value) reported too.
    #[must_use]
    pub const fn reported(mut self, id: I) -> Self {
        self.place.id = Some(id);
        self
    }
}

impl<I> Place<I> {
    const fn inner(children: &'static [Node<I>]) -> Self {
        Self {
            id: None,
            children,
            measured: false,
        }
    }
}

impl<I: Copy> Place<I> {
    /// The member with that name; `None` is one that no table has.
    fn member(self, key: Option<&str>) -> Option<Self> {
        self.child(|name| match name {
            Name::Key(wanted) => key == Some(wanted),
            Name::Any => true,
            Name::First | Name::Every => false,
        })
    }

    fn element(self, is_first: bool) -> Option<Self> {
        self.child(|name| match name {
            Name::Key(_) | Name::Any => false,
            Name::First => is_first,
            Name::Every => true,
        })
    }

    fn child(self, fits: impl Fn(Name) -> bool) -> Option<Self> {
        self.children
            .iter()
            .find(|node| fits(node.name))
            .map(|node| node.place)
    }
}

/// What was found at a wanted place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An object or array begins.
    Open,
    /// The object or array ends.
    Close,
    /// A string, decoded; a lone surrogate is U+FFFD.
    Text(&'a str),
    /// The length of a [measured](Node::measured) string in decoded characters.
    Length(u64),
    /// A number as written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`: nothing was said.
    Null,
    /// A string or number above 4 KB, or a string that is not UTF-8.
    Unreadable,
}

impl<'a> Event<'a> {
    /// The value as a count: a whole number that is not negative, at most `u64::MAX`.
    pub fn count(self) -> Option<u64> {
        self.number().and_then(number::count)
    }

    /// The value in units of 10⁻ⁿ (`digits`), rounded half up: not negative, at most `u64::MAX`.
    pub fn scaled(self, digits: u32) -> Option<u64> {
        self.number().and_then(|text| number::scaled(text, digits))
    }

    /// The value as a number, as written.
    pub const fn number(self) -> Option<&'a str> {
        match self {
            Event::Number(text) => Some(text),
            Event::Open
            | Event::Close
            | Event::Length(_)
            | Event::Text(_)
            | Event::Bool(_)
            | Event::Null
            | Event::Unreadable => None,
        }
    }

    /// The value as a truth value.
    pub const fn bool(self) -> Option<bool> {
        match self {
            Event::Bool(value) => Some(value),
            Event::Open
            | Event::Close
            | Event::Length(_)
            | Event::Text(_)
            | Event::Number(_)
            | Event::Null
            | Event::Unreadable => None,
        }
    }

    /// The length of a measured string.
    pub const fn length(self) -> Option<u64> {
        match self {
            Event::Length(length) => Some(length),
            Event::Open
            | Event::Close
            | Event::Text(_)
            | Event::Number(_)
            | Event::Bool(_)
            | Event::Null
            | Event::Unreadable => None,
        }
    }

    /// The value as a string.
    pub const fn text(self) -> Option<&'a str> {
        match self {
            Event::Text(text) => Some(text),
            Event::Open
            | Event::Close
            | Event::Length(_)
            | Event::Number(_)
            | Event::Bool(_)
            | Event::Null
            | Event::Unreadable => None,
        }
    }
}

#[cfg(test)]
mod tests;
