//! What the module used: host calls in their order, and fuel by callback.

use std::collections::BTreeMap;

/// The account since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The host calls.
    pub calls: Vec<&'static str>,
    /// Fuel by callback. One unit is about one instruction of the module.
    pub fuel: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// All fuel.
    pub fn total(&self) -> u64 {
        self.fuel.values().sum()
    }

    /// How often each host call was made.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for name in &self.calls {
            *counts.entry(*name).or_default() += 1;
        }
        counts
    }
}
