//! Whose a record is, as a number.

use sha2::{Digest, Sha256};

/// The account and the gateway that were asked for last: records in a row mostly have the same.
#[derive(Debug)]
pub(super) struct Owner {
    account: String,
    gateway: String,
    number: u64,
}

impl Owner {
    /// Stands for an account and a gateway: clients choose the first, so others must not be able to hit it.
    pub(super) fn number(&mut self, (account, gateway): (&str, &str)) -> u64 {
        if self.account != account || self.gateway != gateway {
            *self = Self {
                account: account.to_owned(),
                gateway: gateway.to_owned(),
                number: hash(account, gateway),
            };
        }
        self.number
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self {
            account: String::new(),
            gateway: String::new(),
            number: hash("", ""),
        }
    }
}

fn hash(account: &str, gateway: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(account);
    hash.update([0]);
    hash.update(gateway);
    let hash: [u8; 32] = hash.finalize().into();
    hash.first_chunk().map_or(0, |it| u64::from_le_bytes(*it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_names_whoever_was_asked_for_before() {
        let names = [
            ("", ""),
            ("a", "b"),
            ("ab", ""),
            ("", "ab"),
            ("a", "c"),
            ("b", "b"),
        ];
        let mut owner = Owner::default();
        for before in names {
            for (account, gateway) in names {
                owner.number(before);
                assert_eq!(owner.number((account, gateway)), hash(account, gateway));
            }
        }
        let numbers: std::collections::BTreeSet<_> = names.map(|(a, b)| hash(a, b)).into();
        assert_eq!(numbers.len(), names.len());
    }
}
