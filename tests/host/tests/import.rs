//! Promise: the module asks its host for nothing that nobody has decided on.

use sluice_host::module::imports;

/// Each is a decision: other hosts may not have it. WASI: hosts implement eight calls at most.
const KNOWN: &str = include_str!("../imports.txt");

#[test]
fn the_module_asks_its_host_for_nothing_unexpected() {
    let known: Vec<_> = KNOWN.lines().collect();
    let found = imports();
    let new: Vec<_> = found
        .iter()
        .filter(|it| !known.contains(&it.as_str()))
        .collect();
    let gone: Vec<_> = known
        .iter()
        .filter(|it| !found.iter().any(|found| found == *it))
        .collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "the module's imports are not those of tests/host/imports.txt. New: {new:?}; gone: {gone:?}. If every host has the \
         new ones, write them there, sorted"
    );
}
