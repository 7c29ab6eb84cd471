//! "Did you mean …?": the known name that is nearest to an unknown one.
//!
//! Invariant: the work is bounded, however long the unknown name is.

/// The longest name that is compared.
const MAX_LENGTH: usize = 64;

/// The known name that `wrong` was probably meant to be. Case, `_` and `-` make no difference.
pub(super) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if wrong.len() > MAX_LENGTH {
        return None;
    }
    let wrong = plain(wrong);
    let near = known.into_iter().filter_map(|name| {
        let plain = plain(name);
        let allowed = plain.len().div_euclid(3).clamp(1, 3);
        let distance = distance(&wrong, &plain);
        (distance <= allowed).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn plain(name: &str) -> Vec<u8> {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase())
        .collect()
}

/// Levenshtein's distance: how many bytes must be added, removed or replaced.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, byte) in one.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, wanted) in row.iter_mut().skip(1).zip(other) {
            let replaced = diagonal.saturating_add(usize::from(byte != wanted));
            let added = left.min(*cell).saturating_add(1);
            diagonal = *cell;
            left = replaced.min(added);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
