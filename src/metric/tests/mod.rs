//! Records in, metrics of a [`FakeHost`] out.

mod bound;
mod document;
mod value;

use super::*;
use crate::config;
use crate::host::fake::FakeHost;

const CONFIG: &str = r#"{"gateways": [{"id": "my-gateway"}, {"id": "team", "account_id": "42"}],
    "custom_providers": [{"slug": "own", "base_url": "https://llm.example.com/v1"}]}"#;

/// One virtual machine.
struct Vm {
    host: FakeHost,
    config: Config,
    meters: Meters,
}

impl Vm {
    fn new() -> Self {
        Self {
            host: FakeHost::new(&[]),
            config: config::parse(CONFIG.as_bytes(), &|_| None).unwrap(),
            meters: Meters::default(),
        }
    }

    fn measure(&self, record: &Record) {
        self.meters.measure(&self.host, &self.config, record);
    }

    /// What the metrics of that name have in their labels, and their sums, by labels.
    fn shown(&self, name: &str) -> Vec<(String, u64)> {
        let measured = self.host.measured.borrow();
        let named = measured.iter().filter_map(|(full, values)| {
            let labels = full.strip_prefix(name)?;
            let is_it = labels.is_empty() || labels.starts_with(';');
            is_it.then(|| (labels.to_owned(), values.iter().sum()))
        });
        named.collect()
    }

    /// Every value that the label has.
    fn values(&self, label: &str) -> BTreeSet<String> {
        let defined = self.host.defined.borrow();
        let parts = defined.iter().flat_map(|name| name.split(';'));
        let values = parts.filter_map(|part| part.split_once('='));
        let of_label = values.filter(|(name, _)| *name == label);
        of_label.map(|(_, value)| value.to_owned()).collect()
    }
}

/// A call of OpenAI's that was answered.
fn answered(model: &str) -> Record {
    let mut record = Record::default();
    record.account_id = Some("acc".to_owned());
    record.gateway_id = Some("my-gateway".to_owned());
    record.provider = Some("openai".to_owned());
    record.model_asked = Some(model.to_owned());
    record.model_type = Some("text");
    record.outcome = crate::record::Outcome::Answered;
    record.status_code = 200;
    (record.success, record.complete) = (true, true);
    record
}

/// One that its provider refused.
fn refused(model: &str) -> Record {
    let mut record = answered(model);
    (record.status_code, record.success) = (404, false);
    record
}
