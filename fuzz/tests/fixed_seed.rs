//! Every target on mutations of its corpus, from a fixed seed: the part of fuzzing that every `make check` does.
//!
//! It is a number of inputs, not a time, so that each run does the same: about 15 seconds of one core for each target in
//! the profile `fuzz`. The targets are shared out to the cores.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot read its own repository should fail"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use sluice_fuzz::{TARGETS, Target};

/// What each target gets of one core, about.
const MICROSECONDS: usize = 15_000_000;
/// Longest part of a golden text, so that each input takes about the same time.
const LONGEST: usize = 2_048;
/// So many inputs of a thousand must get somewhere.
const LEAST: usize = 50;

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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What is in a folder that may not be there, in its order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn texts(folder: &Path) -> Vec<Vec<u8>> {
    let paths = files(folder);
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The golden answers of providers.
fn golden() -> Vec<Vec<u8>> {
    let folders = files(&root().join("src/llm/testdata"));
    let found = folders.iter().filter(|path| path.is_dir());
    found.flat_map(|path| texts(path)).collect()
}

/// What the inputs of a target are mutations of, each behind the bytes by which the target chooses.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let golden = || golden().into_iter();
    let chosen = |choices: usize| move |text: Vec<u8>| [vec![5; choices], text].concat();
    let committed = texts(&root().join("fuzz/corpus").join(target)).into_iter();
    let more: Vec<_> = match target {
        "answer" => golden().map(chosen(3)).collect(),
        "encoding" => golden()
            .flat_map(|text| compressed(&text))
            .map(chosen(2))
            .collect(),
        "events" | "json" => golden().map(chosen(1)).collect(),
        _ => Vec::new(),
    };
    committed.chain(more).collect()
}

/// As zlib and as gzip has it (RFC 1950, RFC 1952).
fn compressed(text: &[u8]) -> [Vec<u8>; 2] {
    let zlib = compress_to_vec_zlib(text, 6);
    let mut gzip = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(compress_to_vec(text, 6));
    [zlib, gzip]
}

/// A seed, changed in a few places, the bytes that choose most of all. Some are repeated until they are long.
fn input(random: &mut Random, seeds: &[Vec<u8>], choices: usize) -> Vec<u8> {
    let mut body = seeds[random.below(seeds.len())].clone();
    body.truncate(LONGEST);
    for at in 0..choices.min(body.len()) {
        body[at] = random.byte();
    }
    for _ in 0..random.below(4) {
        let at = random.below(body.len());
        match random.below(4) {
            0 if random.below(4) == 0 => body.truncate(at),
            1 => body.insert(at, random.byte()),
            2 if !body.is_empty() => body[at] = random.byte(),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = other[from..].iter().take(random.below(16));
                body.splice(at..at, piece.copied());
            }
        }
    }
    if random.below(2_000) == 0 {
        body = body.repeat(LONGEST * 64 / body.len().max(1));
    }
    body
}

/// How many bytes at the beginning only choose.
fn choices(target: &str) -> usize {
    match target {
        "answer" => 3,
        "encoding" | "frames" => 2,
        "events" | "form" | "json" | "request" | "stream_usage" => 1,
        _ => 0,
    }
}

/// Microseconds that one input takes about, so that all targets get the same time.
const fn cost(target: &str) -> usize {
    match target.as_bytes() {
        b"exchange" => 1_600,
        b"table" => 800,
        b"export" | b"logbook" => 330,
        b"console" => 170,
        b"config" => 65,
        b"encoding" => 45,
        b"event_stream" | b"frames" => 30,
        b"answer" => 20,
        b"json" | b"stream_usage" => 16,
        b"events" => 11,
        b"price" => 8,
        b"form" | b"request" | b"universal" => 6,
        b"messages" | b"options" => 4,
        _ => 2,
    }
}

fn run(name: &str, target: Target) {
    let (seeds, choices) = (seeds(name), choices(name));
    assert!(!seeds.is_empty(), "{name} has no corpus");
    let mut random = Random(0x5EED_0001);
    let (rounds, mut accepted) = (MICROSECONDS / cost(name), 0);
    for round in 0..rounds {
        let bytes = input(&mut random, &seeds, choices);
        let kept = std::panic::catch_unwind(|| target(&bytes));
        let Ok(is_accepted) = kept else {
            panic!("{name} in round {round}: {bytes:02X?}");
        };
        accepted += usize::from(is_accepted);
    }
    assert!(
        accepted * 1000 >= rounds * LEAST,
        "{name}: {accepted} of {rounds}"
    );
}

/// What once broke a promise is kept there.
#[test]
fn no_committed_input_breaks_a_promise_as_it_stands() {
    for (name, target) in TARGETS {
        let inputs = texts(&root().join("fuzz/corpus").join(name));
        assert!(!inputs.is_empty(), "{name}");
        for (number, bytes) in inputs.iter().enumerate() {
            let kept = std::panic::catch_unwind(|| target(bytes));
            assert!(kept.is_ok(), "{name}, input {number}: {bytes:02X?}");
        }
    }
}

#[test]
fn no_reader_breaks_its_promise_on_mutated_texts() {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((name, target)) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
            run(name, *target);
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (0..cores).for_each(|_| {
            scope.spawn(work);
        });
    });
}
