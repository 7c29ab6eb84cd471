//! The shape of the code, held by machine: sizes, borders, and what the module asks of its host.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot read its own repository should fail"
)]

use std::fs;
use std::path::{Path, PathBuf};

use sluice::llm::provider::{self, Site};

/// Product lines a source file may have; its tests do not count.
const MAX_LINES: usize = 300;

/// Everything the module may import besides the proxy-wasm host calls. A new name here is a decision: hosts implement
/// eight WASI calls at most.
const WASI: [&str; 6] = [
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn product_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&root().join("src"), &mut found);
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("tests.rs");
    found
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .filter(|(path, _)| !is_test(path))
        .collect()
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    for (path, text) in product_sources() {
        let product = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let lines = product.lines().count();
        assert!(lines <= MAX_LINES, "{path} has {lines} product lines");
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for (path, text) in product_sources() {
        assert!(
            text.starts_with("//!"),
            "{path} does not open with its purpose"
        );
    }
}

#[test]
fn only_the_adapter_names_the_sdk() {
    for (path, text) in product_sources() {
        let names_sdk = text
            .lines()
            .any(|line| !line.trim_start().starts_with("//") && line.contains("proxy_wasm::"));
        assert!(
            !names_sdk || path.starts_with("src/adapter/"),
            "{path} names proxy_wasm"
        );
    }
}

#[test]
fn the_core_does_not_know_who_calls_it() {
    // Arrows point one way: the lower rooms never name the upper ones.
    let above = [
        "crate::exchange",
        "crate::policy",
        "crate::record",
        "crate::adapter",
        "crate::console",
    ];
    for (path, text) in product_sources() {
        let lower = ["src/store/", "src/llm/", "src/logbook/"];
        let is_lower = lower.iter().any(|room| path.starts_with(room));
        let named = above.iter().find(|name| is_lower && text.contains(*name));
        assert!(named.is_none(), "{path} names {named:?}");
    }
}

#[test]
fn the_shipped_configuration_has_a_cluster_for_every_provider() {
    let yaml = fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
    for provider in provider::all() {
        let name = format!("name: {}", provider.slug);
        let cluster = |line: &&str| {
            let named = line.split_once(&name).map(|(_, rest)| rest);
            named.is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '}']))
        };
        assert!(
            yaml.lines().any(|line| cluster(&line)),
            "no cluster {}",
            provider.slug
        );
        if let Site::Fixed(host) = provider.site {
            assert!(
                yaml.contains(&format!("address: {host}, port_value: 443")),
                "no way to {host}"
            );
        }
    }
}

#[test]
fn the_module_asks_its_host_for_nothing_unexpected() {
    let Some(module) = module() else {
        println!("not run: no wasm module has been built yet (make build)");
        return;
    };
    for (from, name) in imports(&module) {
        let known = match from.as_str() {
            "env" => name.starts_with("proxy_"),
            "wasi_snapshot_preview1" => WASI.contains(&name.as_str()),
            _ => false,
        };
        assert!(known, "the module imports {from}.{name}");
    }
}

/// The module that make has built; without make, the one that an earlier make left, if it did.
fn module() -> Option<Vec<u8>> {
    match std::env::var("SLUICE_WASM") {
        Ok(path) => Some(fs::read(path).unwrap()),
        Err(_) => fs::read(root().join("target/sluice.wasm")).ok(),
    }
}

/// The (module, name) pairs of a WebAssembly binary's import section (core specification §5.5.5).
fn imports(module: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader(&module[8..]);
    while !reader.0.is_empty() {
        let (id, size) = (reader.byte(), reader.number());
        let section = reader.bytes(size);
        if id == 2 {
            let mut section = Reader(section);
            return (0..section.number()).map(|_| section.import()).collect();
        }
    }
    Vec::new()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> usize {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte();
            value |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    fn text(&mut self) -> String {
        let size = self.number();
        String::from_utf8(self.bytes(size).to_vec()).unwrap()
    }

    fn import(&mut self) -> (String, String) {
        let names = (self.text(), self.text());
        assert_eq!(self.byte(), 0, "only functions are imported");
        self.number();
        names
    }
}
