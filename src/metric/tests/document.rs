//! What is written about the metrics is true.

use super::*;

const README: &str = include_str!("../../../README.md");
const CONFIGURATIONS: [&str; 3] = [
    include_str!("../../../envoy/envoy.yaml"),
    include_str!("../../../envoy/direct.yaml"),
    include_str!("../../../tests/envoy/envoy.yaml"),
];

/// The first cells of the table under that heading which look like code, with the rest of their lines.
fn table() -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, section) = README.split_once("\n### Metrics\n").expect("a section");
    let section = section.split("\n## ").next().unwrap();
    let section = section.split("\n### ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.strip_suffix('`')?, cells.collect()))
    });
    rows.collect()
}

#[test]
fn the_readme_names_every_metric_its_kind_and_its_labels() {
    let expected: Vec<_> = CATALOG
        .iter()
        .map(|metric| {
            let kind = format!("{:?}", metric.kind).to_lowercase();
            let own = match metric.of {
                Of::Call => Some("*call*".to_owned()),
                Of::Sink => Some("`sink`".to_owned()),
                Of::Keeper => None,
            };
            let further = metric.labels.iter();
            let further = further.map(|label| format!("`{}`", label.replace('.', "_")));
            let labels: Vec<_> = own.into_iter().chain(further).collect();
            (metric.name, kind, labels.join(", "))
        })
        .collect();
    let written: Vec<_> = table()
        .into_iter()
        .map(|(name, cells)| (name, cells[0].to_owned(), cells[1].to_owned()))
        .collect();
    assert_eq!(written, expected);
}

#[test]
fn the_shipped_configurations_take_every_label_out_of_the_names() {
    for yaml in CONFIGURATIONS {
        let tags = yaml.matches("{tag_name: ").count();
        assert_eq!(tags, LABELS.len());
        for label in LABELS {
            let escaped = label.replace('.', "\\.");
            let tag = format!(
                r"  - {{tag_name: {label}, regex: '^wasmcustom\..*?(;{escaped}=([^;]*))'}}"
            );
            assert!(yaml.contains(&tag), "{tag}");
        }
    }
}

#[test]
fn every_label_is_in_the_list_and_every_histogram_has_buckets() {
    for metric in CATALOG {
        assert!(metric.labels.iter().all(|label| LABELS.contains(label)));
        if metric.kind == crate::host::MetricKind::Histogram {
            let stem = metric
                .name
                .rsplit_once("_milliseconds")
                .or(metric.name.rsplit_once("_microseconds"));
            let stem = stem.map_or(metric.name, |(stem, _)| stem);
            let line = format!("{{match: {{prefix: wasmcustom.{stem}}}, buckets: [");
            assert!(
                CONFIGURATIONS.iter().all(|yaml| yaml.contains(&line)),
                "{line}"
            );
        }
    }
}
