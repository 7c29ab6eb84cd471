//! Writer of the price table; the reader is `src/llm/price/table.rs`.
//!
//! Invariant: the output depends on the input alone, and what does not fit the layout is an error (prices.md "Embedded
//! table").

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    glob,
    layout::{HOURS, LATER, NO_LIST, SERVICE_TIER, SPEED, TIER},
    source::{Condition, File, Prices, Provider},
};

/// Providers whose answers state the cost, or that bill by what a usage does not count.
pub(super) const NOT_EMBEDDED: [&str; 4] = ["fal", "huggingface", "openrouter", "replicate"];

/// The sections of the table, and where what they hold once can be found.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Table {
    lists: Vec<u8>,
    exact: Vec<u8>,
    globs: Vec<u8>,
    nots: Vec<u8>,
    sets: Vec<u8>,
    names: Vec<u8>,
    known_nots: BTreeMap<Vec<String>, u8>,
    known_sets: BTreeMap<Vec<u8>, [u8; 2]>,
    known_names: BTreeMap<String, [u8; 4]>,
}

/// Encodes the text of `data/prices.json`.
pub(super) fn encode(json: &str) -> Result<Table, String> {
    let mut file: File = serde_json::from_str(json).map_err(|error| error.to_string())?;
    file.providers
        .retain(|slug, _| !NOT_EMBEDDED.contains(&slug.as_str()));
    let slugs: Vec<&str> = file.providers.keys().map(String::as_str).collect();
    let mut table = Table::default();
    for (slug, provider) in &file.providers {
        table
            .list(slug, provider, &slugs)
            .map_err(|error| format!("{slug}: {error}"))?;
    }
    Ok(table)
}

impl Table {
    /// Every section with the name the reader knows it by.
    pub(super) fn sections(&self) -> [(&'static str, &[u8]); 6] {
        [
            ("lists", &self.lists),
            ("exact", &self.exact),
            ("globs", &self.globs),
            ("nots", &self.nots),
            ("sets", &self.sets),
            ("names", &self.names),
        ]
    }

    fn list(&mut self, slug: &str, provider: &Provider, slugs: &[&str]) -> Result<(), String> {
        let mut exact = BTreeMap::new();
        let mut globs = Vec::new();
        for row in &provider.models {
            let base = row.base().map_err(|error| format!("{}: {error}", row.id))?;
            let set = self
                .set(&base, &row.prices)
                .map_err(|error| format!("{}: {error}", row.id))?;
            let nots = self.nots(&row.nots)?;
            let (patterns, names) = row
                .names()
                .partition::<Vec<_>, _>(|name| name.contains(['*', '#']));
            globs.extend(patterns.into_iter().map(|glob| (glob, set, nots)));
            let is_meant = |name: &String| {
                !row.nots
                    .iter()
                    .any(|not| glob::matches(not.as_bytes(), name.as_bytes()))
            };
            for name in names.into_iter().filter(is_meant) {
                exact.entry(name).or_insert(set);
            }
        }
        // Stable, so that of two equals the first in the data wins.
        globs.sort_by_key(|(glob, ..)| Reverse(literal_count(glob)));

        let name = self.text(slug)?;
        self.lists.extend(name);
        self.lists.extend(u16_le(self.exact.len() / 6)?);
        self.lists.extend(u16_le(exact.len())?);
        self.lists.extend(u16_le(self.globs.len() / 7)?);
        self.lists.extend(u16_le(globs.len())?);
        self.lists.extend(fallback(&provider.fallback, slugs)?);
        for (name, set) in exact {
            let name = self.text(&name)?;
            self.exact.extend([name.as_slice(), &set].concat());
        }
        for (glob, set, nots) in globs {
            let glob = self.text(&glob)?;
            self.globs.extend([glob.as_slice(), &set, &[nots]].concat());
        }
        Ok(())
    }

    /// Stores prices with the rules of `source`, whose sets come before it.
    fn set(&mut self, prices: &[(u8, u32)], source: &Prices) -> Result<[u8; 2], String> {
        let rules = source.rules()?;
        let mut bytes = vec![u8_of(prices.len())?, u8_of(rules.len())?];
        for (key, price) in prices {
            bytes.push(*key);
            bytes.extend(price.to_le_bytes());
        }
        for (condition, prices) in rules {
            let (kind, argument) = self.condition(&condition)?;
            bytes.push(kind);
            bytes.extend(argument);
            bytes.extend(self.set(&prices.own()?, prices)?);
        }
        if let Some(known) = self.known_sets.get(&bytes) {
            return Ok(*known);
        }
        let offset = u16_le(self.sets.len())?;
        self.sets.extend(&bytes);
        self.known_sets.insert(bytes, offset);
        Ok(offset)
    }

    fn condition(&mut self, condition: &Condition<'_>) -> Result<(u8, [u8; 4]), String> {
        Ok(match condition {
            Condition::Over(tokens) => (TIER, tokens.to_le_bytes()),
            Condition::From(day) => (LATER, day.to_le_bytes()),
            Condition::Within(start, end) => {
                let ([s0, s1], [e0, e1]) = (start.to_le_bytes(), end.to_le_bytes());
                (HOURS, [s0, s1, e0, e1])
            }
            Condition::ServiceTier(tier) => (SERVICE_TIER, self.text(tier)?),
            Condition::Speed(speed) => (SPEED, self.text(speed)?),
        })
    }

    fn nots(&mut self, nots: &[String]) -> Result<u8, String> {
        if let Some(known) = self.known_nots.get(nots) {
            return Ok(*known);
        }
        let offset = u8_of(self.nots.len())?;
        self.nots.push(u8_of(nots.len())?);
        for not in nots {
            let not = self.text(not)?;
            self.nots.extend(not);
        }
        self.known_nots.insert(nots.to_vec(), offset);
        Ok(offset)
    }

    fn text(&mut self, text: &str) -> Result<[u8; 4], String> {
        if let Some(known) = self.known_names.get(text) {
            return Ok(*known);
        }
        let offset = u32::try_from(self.names.len()).map_err(|error| error.to_string())?;
        let [o0, o1, o2, 0] = offset.to_le_bytes() else {
            return Err("more than 16 MiB of names".to_owned());
        };
        self.names.extend(text.bytes());
        let known = [o0, o1, o2, u8_of(text.len())?];
        self.known_names.insert(text.to_owned(), known);
        Ok(known)
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
    u8::try_from(count).map_err(|error| format!("{count}: {error}"))
}

fn u16_le(count: usize) -> Result<[u8; 2], String> {
    u16::try_from(count)
        .map(u16::to_le_bytes)
        .map_err(|error| format!("{count}: {error}"))
}
