//! Every target on mutations of the golden answers, from a fixed seed: the part of fuzzing that every `make check` does.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot read its own repository should fail"
)]

use std::path::Path;

use sluice_fuzz::{TARGETS, Target};

/// Inputs for each target.
const ROUNDS: usize = 30_000;
/// Longest input, so that each takes about the same time.
const LONGEST: usize = 2_048;

/// xorshift64: the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap();
        usize::try_from(self.next() % limit).unwrap()
    }

    fn byte(&mut self) -> u8 {
        let interesting = b"\"\\{}[],:\r\n\0\xFFde-.0";
        match self.below(3) {
            0 => interesting[self.below(interesting.len())],
            _ => self.next().to_le_bytes()[0],
        }
    }
}

fn golden() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/llm/testdata");
    let files = |folder: &Path| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut found: Vec<_> = files(&root)
        .filter(|path| path.is_dir())
        .flat_map(|path| files(&path))
        .collect();
    found.sort();
    found
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// A golden text, changed in a few places, behind a few random bytes.
fn input(random: &mut Random, texts: &[Vec<u8>]) -> Vec<u8> {
    let mut body = texts[random.below(texts.len())].clone();
    body.truncate(LONGEST);
    for _ in 0..random.below(6) {
        let at = random.below(body.len());
        match random.below(4) {
            0 => body.truncate(at),
            1 => body.insert(at, random.byte()),
            2 if !body.is_empty() => body[at] = random.byte(),
            _ => {
                let other = &texts[random.below(texts.len())];
                let from = random.below(other.len());
                let piece = other[from..].iter().take(random.below(64));
                body.splice(at..at, piece.copied());
            }
        }
    }
    let mut bytes = vec![random.byte(), random.byte(), random.byte()];
    bytes.extend(body);
    bytes
}

#[test]
fn no_reader_breaks_its_promise_on_mutated_answers() {
    let texts = golden();
    assert!(texts.len() > 100, "{}", texts.len());
    for (name, target) in TARGETS {
        let mut random = Random(0x5EED_0001);
        for round in 0..ROUNDS {
            let bytes = input(&mut random, &texts);
            assert!(
                catch(*target, &bytes),
                "{name} in round {round}: {bytes:02X?}"
            );
        }
    }
}

/// Whether the target kept its promise.
fn catch(target: Target, bytes: &[u8]) -> bool {
    std::panic::catch_unwind(|| target(bytes)).is_ok()
}
