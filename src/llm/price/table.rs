//! A price table: from a provider and a model name to a set of prices.
//!
//! Invariant: nothing is parsed ahead or allocated, and a byte that points nowhere reads as "not found". Layout:
//! `layout.rs`; writer: `encoder.rs`.

use super::encoder::Sections;
use super::{glob, layout, name::Name};

/// The table that `build.rs` makes of `data/prices.json`.
pub(super) static EMBEDDED: Table<'static> = Table {
    lists: include_bytes!(concat!(env!("OUT_DIR"), "/prices.lists")),
    exact: include_bytes!(concat!(env!("OUT_DIR"), "/prices.exact")),
    globs: include_bytes!(concat!(env!("OUT_DIR"), "/prices.globs")),
    nots: include_bytes!(concat!(env!("OUT_DIR"), "/prices.nots")),
    sets: include_bytes!(concat!(env!("OUT_DIR"), "/prices.sets")),
    names: include_bytes!(concat!(env!("OUT_DIR"), "/prices.names")),
};

/// The sections of a table.
#[derive(Clone, Copy)]
pub(super) struct Table<'t> {
    lists: &'t [u8],
    exact: &'t [u8],
    globs: &'t [u8],
    nots: &'t [u8],
    sets: &'t [u8],
    names: &'t [u8],
}

impl<'t> From<&'t Sections> for Table<'t> {
    fn from(sections: &'t Sections) -> Self {
        Self {
            lists: &sections.lists,
            exact: &sections.exact,
            globs: &sections.globs,
            nots: &sections.nots,
            sets: &sections.sets,
            names: &sections.names,
        }
    }
}

impl<'t> Table<'t> {
    /// The models of the provider with this slug.
    pub(super) fn list(self, slug: &[u8]) -> Option<List<'t>> {
        let mut entries = self.lists.as_chunks::<16>().0.iter();
        entries
            .find(|[n0, n1, n2, n3, ..]| self.text([*n0, *n1, *n2, *n3]) == slug)
            .map(|entry| self.read(entry))
    }

    fn read(self, entry: &[u8; 16]) -> List<'t> {
        let [n0, n1, n2, n3, e0, e1, e2, e3, rest @ ..] = *entry;
        let [g0, g1, g2, g3, fallback @ ..] = rest;
        List {
            table: self,
            slug: self.text([n0, n1, n2, n3]),
            exact: run(self.exact.as_chunks().0, [e0, e1], [e2, e3]),
            globs: run(self.globs.as_chunks().0, [g0, g1], [g2, g3]),
            fallback,
        }
    }

    fn set(self, offset: [u8; 2]) -> Option<Set<'t>> {
        let offset = usize::from(u16::from_le_bytes(offset));
        let (counts, rest) = self.sets.get(offset..)?.split_first_chunk()?;
        let [prices, rules] = counts.map(usize::from);
        let (prices, rest) = rest.split_at_checked(prices.saturating_mul(5))?;
        let rules = rest.get(..rules.saturating_mul(7))?;
        Some(Set {
            table: self,
            prices: prices.as_chunks().0,
            rules: rules.as_chunks().0,
        })
    }

    /// Whether the row of a glob says that it is not meant for this name.
    fn is_excluded(self, offset: [u8; 2], name: &[u8]) -> bool {
        let offset = usize::from(u16::from_le_bytes(offset));
        let nots = self.nots.get(offset..).and_then(<[u8]>::split_first);
        nots.is_some_and(|(count, texts)| {
            let mut texts = texts.as_chunks().0.iter().take(usize::from(*count));
            texts.any(|not| glob::matches(self.text(*not), name))
        })
    }

    fn text(self, [o0, o1, o2, length]: [u8; 4]) -> &'t [u8] {
        let start = usize::try_from(u32::from_le_bytes([o0, o1, o2, 0])).unwrap_or(usize::MAX);
        self.names
            .get(start..start.saturating_add(length.into()))
            .unwrap_or_default()
    }
}

/// The models of one provider.
pub(super) struct List<'t> {
    table: Table<'t>,
    pub(super) slug: &'t [u8],
    exact: &'t [[u8; 6]],
    globs: &'t [[u8; 8]],
    fallback: [u8; 4],
}

impl<'t> List<'t> {
    /// The slugs of the lists to ask next.
    pub(super) fn fallback(&self) -> impl Iterator<Item = &'t [u8]> {
        let (table, lists) = (self.table, self.table.lists.as_chunks().0);
        let indexes = self.fallback.into_iter();
        indexes
            .filter(|index| *index != layout::NO_LIST)
            .filter_map(move |index| {
                let entry = lists.get(usize::from(index))?;
                Some(table.read(entry).slug)
            })
    }

    /// The names that stand for themselves alone.
    pub(super) fn names(&self) -> impl Iterator<Item = &'t [u8]> {
        let table = self.table;
        let names = self.exact.iter();
        names.map(move |[t0, t1, t2, t3, ..]| table.text([*t0, *t1, *t2, *t3]))
    }

    /// The name under which a model is listed, patterns aside.
    pub(super) fn named(&self, name: &Name) -> Option<&'t [u8]> {
        name.spellings().find_map(|spelling| {
            let place = self.place(spelling)?;
            let [t0, t1, t2, t3, ..] = *self.exact.get(place)?;
            Some(self.table.text([t0, t1, t2, t3]))
        })
    }

    /// The prices of a model.
    pub(super) fn find(&self, name: &Name) -> Option<Set<'t>> {
        name.spellings()
            .find_map(|spelling| self.exactly(spelling).or_else(|| self.by_glob(spelling)))
    }

    fn exactly(&self, name: &[u8]) -> Option<Set<'t>> {
        let [.., s0, s1] = *self.exact.get(self.place(name)?)?;
        self.table.set([s0, s1])
    }

    fn place(&self, name: &[u8]) -> Option<usize> {
        let text = |[t0, t1, t2, t3, ..]: &[u8; 6]| self.table.text([*t0, *t1, *t2, *t3]);
        let place = self.exact.binary_search_by(|entry| text(entry).cmp(name));
        place.ok()
    }

    /// The globs are in order of literal count, so the first that fits is the best.
    fn by_glob(&self, name: &[u8]) -> Option<Set<'t>> {
        self.globs
            .iter()
            .find_map(|[t0, t1, t2, t3, s0, s1, n0, n1]| {
                let fits = glob::matches(self.table.text([*t0, *t1, *t2, *t3]), name)
                    && !self.table.is_excluded([*n0, *n1], name);
                if fits {
                    self.table.set([*s0, *s1])
                } else {
                    None
                }
            })
    }
}

/// Prices, and the rules under which others hold.
#[derive(Clone, Copy)]
pub(super) struct Set<'t> {
    table: Table<'t>,
    prices: &'t [[u8; 5]],
    rules: &'t [[u8; 7]],
}

impl<'t> Set<'t> {
    /// Key byte and price in millionths of the key's unit.
    pub(super) fn prices(self) -> impl Iterator<Item = (u8, u32)> {
        self.prices
            .iter()
            .map(|[key, price @ ..]| (*key, u32::from_le_bytes(*price)))
    }

    /// The rules of one kind in table order.
    pub(super) fn rules(self, kind: u8) -> impl Iterator<Item = Rule<'t>> {
        self.rules
            .iter()
            .filter(move |[of, ..]| *of == kind)
            .filter_map(move |[_, a0, a1, a2, a3, s0, s1]| {
                Some(Rule {
                    argument: [*a0, *a1, *a2, *a3],
                    set: self.table.set([*s0, *s1])?,
                })
            })
    }
}

/// One condition and the prices that hold under it.
pub(super) struct Rule<'t> {
    argument: [u8; 4],
    pub(super) set: Set<'t>,
}

impl<'t> Rule<'t> {
    /// The argument of a tier (tokens) or of a later price (days since 1970-01-01).
    pub(super) fn number(&self) -> u64 {
        u32::from_le_bytes(self.argument).into()
    }

    /// The argument of an hours rule: first and end minute of the day.
    pub(super) fn minutes(&self) -> (u64, u64) {
        let [s0, s1, e0, e1] = self.argument;
        (
            u16::from_le_bytes([s0, s1]).into(),
            u16::from_le_bytes([e0, e1]).into(),
        )
    }

    /// The argument of a service tier, a speed or a place of inference.
    pub(super) fn text(&self) -> &'t [u8] {
        self.set.table.text(self.argument)
    }
}

fn run<const N: usize>(all: &[[u8; N]], start: [u8; 2], count: [u8; 2]) -> &[[u8; N]] {
    let [start, count] = [start, count].map(|bytes| usize::from(u16::from_le_bytes(bytes)));
    all.get(start..start.saturating_add(count))
        .unwrap_or_default()
}

/// The bytes of a table, section by section.
#[cfg(test)]
impl<'t> Table<'t> {
    pub(super) fn sections(self) -> [&'t [u8]; 6] {
        [
            self.lists, self.exact, self.globs, self.nots, self.sets, self.names,
        ]
    }
}
