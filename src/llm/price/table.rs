//! The embedded price table: from a provider and a model name to a set of prices.
//!
//! Invariant: nothing is parsed ahead or allocated, and a byte that points nowhere reads as "not found". Layout and
//! writer: `layout.rs`, `build/encoder.rs`.

use super::{glob, layout, name::Name};

static LISTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.lists"));
static EXACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.exact"));
static GLOBS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.globs"));
static NOTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.nots"));
static SETS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.sets"));
static NAMES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.names"));

/// Looks a model up in the provider's own list, then in its fallback lists.
pub(super) fn find(provider: &str, model: &str) -> Option<Set> {
    let own = LISTS
        .as_chunks()
        .0
        .iter()
        .map(List::read)
        .find(|list| list.provider == provider.as_bytes())?;
    let name = Name::new(provider, model)?;
    let others = own
        .fallback
        .into_iter()
        .filter(|list| *list != layout::NO_LIST)
        .filter_map(List::at);
    [own]
        .into_iter()
        .chain(others)
        .find_map(|list| list.find(&name))
}

/// The models of one provider.
struct List {
    provider: &'static [u8],
    exact: &'static [[u8; 6]],
    globs: &'static [[u8; 7]],
    fallback: [u8; 4],
}

impl List {
    fn at(index: u8) -> Option<Self> {
        LISTS.as_chunks().0.get(usize::from(index)).map(Self::read)
    }

    fn read(entry: &[u8; 16]) -> Self {
        let [
            n0,
            n1,
            n2,
            n3,
            e0,
            e1,
            e2,
            e3,
            g0,
            g1,
            g2,
            g3,
            fallback @ ..,
        ] = *entry;
        Self {
            provider: text([n0, n1, n2, n3]),
            exact: run(EXACT.as_chunks().0, [e0, e1], [e2, e3]),
            globs: run(GLOBS.as_chunks().0, [g0, g1], [g2, g3]),
            fallback,
        }
    }

    fn find(&self, name: &Name) -> Option<Set> {
        name.spellings()
            .find_map(|spelling| self.exactly(spelling).or_else(|| self.by_glob(spelling)))
    }

    fn exactly(&self, name: &[u8]) -> Option<Set> {
        let place = self
            .exact
            .binary_search_by(|[t0, t1, t2, t3, ..]| text([*t0, *t1, *t2, *t3]).cmp(name))
            .ok()?;
        let [.., s0, s1] = *self.exact.get(place)?;
        Set::read([s0, s1])
    }

    /// The globs are in order of literal count, so the first that fits is the best.
    fn by_glob(&self, name: &[u8]) -> Option<Set> {
        self.globs
            .iter()
            .find_map(|[t0, t1, t2, t3, s0, s1, nots]| {
                let fits =
                    glob::matches(text([*t0, *t1, *t2, *t3]), name) && !is_excluded(*nots, name);
                if fits { Set::read([*s0, *s1]) } else { None }
            })
    }
}

/// Prices, and the rules under which others hold.
#[derive(Clone, Copy)]
pub(super) struct Set {
    prices: &'static [[u8; 5]],
    rules: &'static [[u8; 7]],
}

impl Set {
    fn read(offset: [u8; 2]) -> Option<Self> {
        let offset = usize::from(u16::from_le_bytes(offset));
        let (counts, rest) = SETS.get(offset..)?.split_first_chunk()?;
        let [prices, rules] = counts.map(usize::from);
        let (prices, rest) = rest.split_at_checked(prices.saturating_mul(5))?;
        let rules = rest.get(..rules.saturating_mul(7))?;
        Some(Self {
            prices: prices.as_chunks().0,
            rules: rules.as_chunks().0,
        })
    }

    /// Key byte and price in millionths of the key's unit.
    pub(super) fn prices(self) -> impl Iterator<Item = (u8, u32)> {
        self.prices
            .iter()
            .map(|[key, price @ ..]| (*key, u32::from_le_bytes(*price)))
    }

    /// The rules of one kind in table order.
    pub(super) fn rules(self, kind: u8) -> impl Iterator<Item = Rule> {
        self.rules
            .iter()
            .filter(move |[of, ..]| *of == kind)
            .filter_map(|[_, a0, a1, a2, a3, s0, s1]| {
                Some(Rule {
                    argument: [*a0, *a1, *a2, *a3],
                    set: Self::read([*s0, *s1])?,
                })
            })
    }
}

/// One condition and the prices that hold under it.
pub(super) struct Rule {
    argument: [u8; 4],
    pub(super) set: Set,
}

impl Rule {
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

    /// The argument of a service tier or a speed.
    pub(super) fn text(&self) -> &'static [u8] {
        text(self.argument)
    }
}

/// Whether the row of a glob says that it is not meant for this name.
fn is_excluded(offset: u8, name: &[u8]) -> bool {
    let Some((count, texts)) = NOTS
        .get(usize::from(offset)..)
        .and_then(<[u8]>::split_first)
    else {
        return false;
    };
    texts
        .as_chunks()
        .0
        .iter()
        .take(usize::from(*count))
        .any(|not| glob::matches(text(*not), name))
}

fn text([o0, o1, o2, length]: [u8; 4]) -> &'static [u8] {
    let start = usize::try_from(u32::from_le_bytes([o0, o1, o2, 0])).unwrap_or(usize::MAX);
    NAMES
        .get(start..start.saturating_add(length.into()))
        .unwrap_or_default()
}

fn run<const N: usize>(
    all: &'static [[u8; N]],
    start: [u8; 2],
    count: [u8; 2],
) -> &'static [[u8; N]] {
    let [start, count] = [start, count].map(|bytes| usize::from(u16::from_le_bytes(bytes)));
    all.get(start..start.saturating_add(count))
        .unwrap_or_default()
}

/// Bytes that the table adds to the module.
#[cfg(test)]
pub(super) fn sections() -> [&'static [u8]; 6] {
    [LISTS, EXACT, GLOBS, NOTS, SETS, NAMES]
}
