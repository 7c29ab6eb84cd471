//! The shape of the code, held by machine: sizes and borders.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own repository should fail"
)]

use std::fs;
use std::path::{Path, PathBuf};

use sluice::llm::provider::{self, Site};

/// Product lines a source file may have; its tests do not count.
const MAX_LINES: usize = 300;

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
