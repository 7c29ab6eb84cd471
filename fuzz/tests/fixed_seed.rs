//! Every target on mutations of the golden answers, from a fixed seed: the part of fuzzing that every `make check` does.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot read its own repository should fail"
)]

use std::path::{Path, PathBuf};

use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use sluice_fuzz::TARGETS;

/// Inputs for each target.
const ROUNDS: usize = 20_000;
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

fn golden() -> Vec<Vec<u8>> {
    let files = |folder: &Path| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut found: Vec<_> = files(&root().join("src/llm/testdata"))
        .filter(|path| path.is_dir())
        .flat_map(|path| files(&path))
        .collect();
    found.sort();
    found
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// What the inputs of a target are mutations of.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match target {
        "config" => texts(&[
            r#"{"gateways":[{"id":"g","authentication":true,"credentials":[{"name":"a","sha256":"00"}],"cache_ttl":300}]}"#,
            r#"{"gateways":[{"id":"g"}],"custom_providers":[{"slug":"x","base_url":"https://h/v1"}],"prices":{"custom-x":[{"id":"m","input":1.5}]}}"#,
            "\n\x0d\n\x0bcluster_header\x12\x03\x1a\x01x",
        ]),
        "cost" => texts(&[
            r#"{"per_token_in":1.5e-7,"per_token_out":0.000002,"per_cache_read_token":0,"per_cache_write_token":1}"#,
            r#"{"total_cost":0.25}"#,
        ]),
        "encoding" => golden().iter().flat_map(|text| compressed(text)).collect(),
        "form" => texts(&[
            "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x\r\ncontent-disposition: \
                form-data; name=file; filename=\"a\"\r\n\r\n\r\n--y\r\n--x\r\nContent-Disposition: form-data; \
                name=\"stream\"\r\n\r\ntrue\r\n--x--\r\n",
        ]),
        "frames" => texts(&[
            "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\"}}\n{\"stopReason\":\"end_turn\"}\n\
                {\"usage\":{\"inputTokens\":5,\"outputTokens\":7,\"totalTokens\":12}}",
            "{\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIiwidXNhZ2UiOnsiaW5wdXRfdG9rZW5zIjozfX0=\",\"p\":\"ab\"}\n{\"error\":1}",
        ]),
        "metadata" => texts(&[r#"{"user":"u","plan":3,"trial":true,"cf.x":"y"}"#]),
        "price" => texts(&[
            "openai/gpt-4o-2024-08-06",
            "aws-bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "azure-openai/claude-haiku-4-5@20251001",
        ]),
        "request" => texts(&[
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":false},"service_tier":"flex","input":"x\u00e9"}"#,
        ]),
        "stream_usage" => texts(&[
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n: keep-alive\n\ndata: \
                {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n",
            "data: {\"usage\": null , \"choices\":[]}\r\n\r\nevent: x\r\ndata: {\"choices\":[],\r\ndata: \"usage\":{}}\r\n\r\n",
        ]),
        "url" => texts(&[
            "/v1/a/g/openai/chat/completions?x=1",
            "/v1/a/g/aws-bedrock/bedrock-runtime/us-east-1/model/m%3A0/invoke",
        ]),
        _ => golden(),
    }
}

/// As zlib and as gzip has it (RFC 1950, RFC 1952).
fn compressed(text: &[u8]) -> [Vec<u8>; 2] {
    let zlib = compress_to_vec_zlib(text, 6);
    let mut gzip = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(compress_to_vec(text, 6));
    [zlib, gzip]
}

/// A seed, changed in a few places, behind the bytes by which a target chooses. Some are repeated until they are long.
fn input(random: &mut Random, seeds: &[Vec<u8>], choices: usize) -> Vec<u8> {
    let mut body = seeds[random.below(seeds.len())].clone();
    body.truncate(LONGEST);
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
        body = body.repeat(200);
    }
    let mut bytes: Vec<u8> = (0..choices).map(|_| random.byte()).collect();
    bytes.extend(body);
    bytes
}

/// How many bytes at the beginning only choose.
fn choices(target: &str) -> usize {
    match target {
        "answer" => 3,
        "encoding" | "frames" => 2,
        "form" | "request" | "stream_usage" => 1,
        _ => 0,
    }
}

#[test]
fn no_reader_breaks_its_promise_on_mutated_texts() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        let mut random = Random(0x5EED_0001);
        let mut accepted = 0;
        for round in 0..ROUNDS {
            let bytes = input(&mut random, &seeds, choices(name));
            let kept = std::panic::catch_unwind(|| target(&bytes));
            let Ok(is_accepted) = kept else {
                panic!("{name} in round {round}: {bytes:02X?}");
            };
            accepted += usize::from(is_accepted);
        }
        assert!(
            accepted * 1000 >= ROUNDS * LEAST,
            "{name}: {accepted} of {ROUNDS}"
        );
    }
}
