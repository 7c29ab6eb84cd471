//! The metrics at Envoy's Prometheus endpoint.

use std::collections::BTreeMap;

/// One scrape.
pub struct Metrics(Vec<Sample>);

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads the text format; panics where it is not well-formed.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(Sample::parse).collect())
    }

    /// The sum of what has that name and these labels; an empty value stands for no label.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let named = self.0.iter().filter(|sample| sample.name == name);
        let fits = |sample: &&Sample| {
            labels
                .iter()
                .all(|(label, value)| sample.label(label) == *value)
        };
        named.filter(fits).map(|sample| sample.value).sum()
    }

    /// Every value that the label has in metrics whose name begins like that.
    pub fn values(&self, prefix: &str, label: &str) -> Vec<&str> {
        let named = self
            .0
            .iter()
            .filter(|sample| sample.name.starts_with(prefix));
        let mut values: Vec<_> = named.map(|sample| sample.label(label)).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Every label of metrics whose name begins like that.
    pub fn labels(&self, prefix: &str) -> Vec<&str> {
        let named = self
            .0
            .iter()
            .filter(|sample| sample.name.starts_with(prefix));
        let labels = named.flat_map(|sample| sample.labels.keys());
        labels.map(String::as_str).collect()
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').expect("the end of the labels");
        let labels = labels.split("\",").filter(|label| !label.is_empty());
        let label = |text: &str| {
            let (label, value) = text.split_once("=\"").expect("a label");
            let value = value.strip_suffix('"').unwrap_or(value);
            (label.to_owned(), value.to_owned())
        };
        Self {
            name: name.to_owned(),
            labels: labels.map(label).collect(),
            value: value.parse().expect("a number"),
        }
    }

    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}
