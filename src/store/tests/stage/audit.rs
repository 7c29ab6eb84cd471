//! What must hold after every write.

use super::{STORED, Scene};

const FILLING: u8 = 1;

impl Scene {
    pub(super) fn audit(&mut self, key: &str, old: &[u8], new: &[u8]) {
        if key.starts_with("sluice/1/b/") {
            self.audit_bucket(key, old, new);
        } else if key.starts_with("sluice/1/s/") && !old.is_empty() {
            let (was, is) = (generation(old), generation(new));
            // One generation only goes on, from filling to stored or vacant, or from stored to vacant.
            let goes_on = matches!((old[0], new[0]), (FILLING, _) | (STORED, 0));
            if is < was || (is == was && !goes_on) {
                self.faults.push(format!(
                    "{key} moved from {}/{was} to {}/{is}",
                    old[0], new[0]
                ));
            }
        }
        if key == "sluice/1/ledger" {
            self.reserved = reserved(new);
            let kept = u64::from_le_bytes(*new.last_chunk().unwrap());
            if kept != self.reserved {
                self.faults
                    .push(format!("the ledger's sum is {}, not {kept}", self.reserved));
            }
        }
        let (stored, reserved) = (self.stored(), self.reserved);
        if stored > reserved || reserved > self.budget {
            self.faults.push(format!(
                "{key}: {stored} stored, {reserved} reserved, {} allowed",
                self.budget
            ));
        }
    }

    fn audit_bucket(&mut self, key: &str, old: &[u8], new: &[u8]) {
        let (old, new): (Vec<_>, Vec<_>) = (old.chunks(49).collect(), new.chunks(49).collect());
        for (was, is) in old.iter().zip(&new) {
            let field =
                |at: usize| u64::from(u32::from_le_bytes(was[at..at + 4].try_into().unwrap()));
            let live = field(9) * 1_000_000_000 + field(13) > self.clock;
            if was[0] == FILLING && live && generation(was) != generation(is) {
                self.faults
                    .push(format!("{key}: a live fill was taken over"));
            }
        }
        let mut keys: Vec<_> = new
            .iter()
            .filter(|line| line[0] != 0)
            .map(|line| &line[17..])
            .collect();
        let lines = keys.len();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < lines {
            self.faults.push(format!("{key}: one key has two lines"));
        }
    }
}

/// The sum of the ledger.
fn reserved(ledger: &[u8]) -> u64 {
    let bytes = |cell: &[u8]| u64::from(u32::from_le_bytes(cell[4..8].try_into().unwrap()));
    ledger.chunks_exact(16).map(bytes).sum()
}

/// The counting half.
fn generation(value: &[u8]) -> u32 {
    u32::from_le_bytes(value[1..5].try_into().unwrap())
}
