//! Writer of a price table, at build time and for prices of the configuration; the reader is `table.rs`.
//!
//! Invariant: the output depends on the input alone, and what does not fit the layout is an error (prices.md "Embedded
//! table").

use std::collections::BTreeMap;

use super::glob;
use super::layout::{HOURS, INFERENCE_GEO, LATER, NO_LIST, SERVICE_TIER, SPEED, TIER};
use super::row::{Condition, List, Prices};

/// The sections of a table. One without a list finds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections {
    pub(super) lists: Vec<u8>,
    pub(super) exact: Vec<u8>,
    pub(super) globs: Vec<u8>,
    pub(super) nots: Vec<u8>,
    pub(super) sets: Vec<u8>,
    pub(super) names: Vec<u8>,
}

/// Writes a table.
///
/// # Errors
/// What there is too much of, or which list a fallback lacks.
pub(crate) fn encode(lists: &[List]) -> Result<Sections, String> {
    let slugs: Vec<&str> = lists.iter().map(|list| list.slug.as_str()).collect();
    let mut draft = Draft::default();
    for list in lists {
        draft
            .list(list, &slugs)
            .map_err(|error| format!("{}: {error}", list.slug))?;
    }
    Ok(Sections {
        lists: draft.lists,
        exact: draft.exact,
        globs: draft.globs,
        nots: draft.nots.bytes,
        sets: draft.sets.bytes,
        names: draft.names.bytes,
    })
}

#[derive(Default)]
struct Draft {
    lists: Vec<u8>,
    exact: Vec<u8>,
    globs: Vec<u8>,
    nots: Pool,
    sets: Pool,
    names: Pool,
}

/// Bytes that hold equal pieces once.
#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    known: BTreeMap<Vec<u8>, usize>,
}

impl Pool {
    /// Where the piece begins.
    fn offset(&mut self, piece: Vec<u8>) -> usize {
        if let Some(known) = self.known.get(&piece) {
            return *known;
        }
        let offset = self.bytes.len();
        self.bytes.extend(&piece);
        self.known.insert(piece, offset);
        offset
    }
}

impl Draft {
    fn list(&mut self, list: &List, slugs: &[&str]) -> Result<(), String> {
        let mut exact: Vec<(&String, [u8; 2])> = Vec::new();
        let mut globs: Vec<(usize, &String, [u8; 4])> = Vec::new();
        for row in &list.rows {
            let in_row = |error| format!("{}: {error}", row.names.join(", "));
            let set = self.set(&row.prices).map_err(in_row)?;
            let [s0, s1] = set;
            let [n0, n1] = self.nots(&row.nots).map_err(in_row)?;
            let is_glob = |name: &&String| name.contains(['*', '#']);
            let (patterns, names) = row.names.iter().partition::<Vec<_>, _>(is_glob);
            for glob in patterns {
                let weight = literal_count(glob);
                // Behind its equals, so that of two the first in the data wins.
                let place = globs.partition_point(|(other, ..)| *other >= weight);
                globs.insert(place, (weight, glob, [s0, s1, n0, n1]));
            }
            let is_not = |not: &String, name: &str| glob::matches(not.as_bytes(), name.as_bytes());
            let is_meant = |name: &&String| !row.nots.iter().any(|not| is_not(not, name));
            for name in names.into_iter().filter(is_meant) {
                add_unless_there(&mut exact, name, set);
            }
        }

        let name = self.text(&list.slug)?;
        self.lists.extend(name);
        self.lists.extend(u16_le(self.exact.len() / 6)?);
        self.lists.extend(u16_le(exact.len())?);
        self.lists.extend(u16_le(self.globs.len() / 8)?);
        self.lists.extend(u16_le(globs.len())?);
        self.lists.extend(fallback(&list.fallback, slugs)?);
        for (name, set) in exact {
            let name = self.text(name)?;
            self.exact.extend([name.as_slice(), &set].concat());
        }
        for (_, glob, set_and_nots) in globs {
            let glob = self.text(glob)?;
            self.globs.extend([glob, set_and_nots].concat());
        }
        Ok(())
    }

    /// Stores prices behind the sets of their rules.
    fn set(&mut self, prices: &Prices) -> Result<[u8; 2], String> {
        let mut bytes = vec![u8_of(prices.own.len())?, u8_of(prices.rules.len())?];
        for (key, price) in &prices.own {
            bytes.push(*key);
            bytes.extend(price.to_le_bytes());
        }
        for (condition, prices) in &prices.rules {
            let (kind, argument) = self.condition(condition)?;
            bytes.push(kind);
            bytes.extend(argument);
            bytes.extend(self.set(prices)?);
        }
        u16_le(self.sets.offset(bytes))
    }

    fn condition(&mut self, condition: &Condition) -> Result<(u8, [u8; 4]), String> {
        Ok(match condition {
            Condition::Over(tokens) => (TIER, tokens.to_le_bytes()),
            Condition::From(day) => (LATER, day.to_le_bytes()),
            Condition::Within(start, end) => {
                let ([s0, s1], [e0, e1]) = (start.to_le_bytes(), end.to_le_bytes());
                (HOURS, [s0, s1, e0, e1])
            }
            Condition::ServiceTier(tier) => (SERVICE_TIER, self.text(tier)?),
            Condition::Speed(speed) => (SPEED, self.text(speed)?),
            Condition::InferenceGeo(place) => (INFERENCE_GEO, self.text(place)?),
        })
    }

    fn nots(&mut self, nots: &[String]) -> Result<[u8; 2], String> {
        let mut bytes = vec![u8_of(nots.len())?];
        for not in nots {
            bytes.extend(self.text(not)?);
        }
        u16_le(self.nots.offset(bytes))
    }

    fn text(&mut self, text: &str) -> Result<[u8; 4], String> {
        let length = u8_of(text.len())?;
        let offset = self.names.offset(text.as_bytes().to_vec());
        match u32::try_from(offset).map(u32::to_le_bytes) {
            Ok([o0, o1, o2, 0]) => Ok([o0, o1, o2, length]),
            Ok(_) | Err(_) => Err("more than 16 MiB of names".to_owned()),
        }
    }
}

/// Adds a name in its order; of two the first in the data counts.
fn add_unless_there<'n>(exact: &mut Vec<(&'n String, [u8; 2])>, name: &'n String, set: [u8; 2]) {
    if let Err(place) = exact.binary_search_by(|(other, _)| (*other).cmp(name)) {
        exact.insert(place, (name, set));
    }
}

/// Twice the literal bytes; a digit wildcard counts half a literal.
fn literal_count(glob: &str) -> usize {
    let weight = |byte| match byte {
        b'*' => 0,
        b'#' => 1,
        _ => 2,
    };
    glob.bytes().map(weight).sum()
}

fn fallback(wanted: &[String], slugs: &[&str]) -> Result<[u8; 4], String> {
    let mut lists = [NO_LIST; 4];
    if wanted.len() > lists.len() {
        return Err("more than four fallback lists".to_owned());
    }
    for (list, slug) in lists.iter_mut().zip(wanted) {
        let index = slugs.iter().position(|other| other == slug);
        *list = u8_of(index.ok_or(format!("no fallback list {slug}"))?)?;
    }
    Ok(lists)
}

fn u8_of(count: usize) -> Result<u8, String> {
    u8::try_from(count).map_err(|_error| format!("{count} is too much, at most 255 fit"))
}

fn u16_le(count: usize) -> Result<[u8; 2], String> {
    u16::try_from(count)
        .map(u16::to_le_bytes)
        .map_err(|_error| format!("{count} is too much, at most 65535 fit"))
}
